"""Draws the home page's pictures: ``python -m tools.illustrations [--model FOLDER] [--card]``.

The image is a synthetic one, the probability map is what the model really makes of it, and the diagram is drawn from
the tutorial's configuration.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from studio.evaluate.image_outcome import draw
from studio.home.quickstart import quick_config
from unet import render
from unet.config import ModelConfig
from unet.datasets.add import add_sample
from unet.datasets.inspection import inspect_dataset
from unet.evaluation.outcomes import show_outcome
from unet.io.images import read_image
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import ASSETS, DEFAULT_MODEL, PROJECT, SAMPLE_IMAGES, read_settings
from unet.training.create import create_run
from unet.training.process import train_run

FOLDER = ASSETS / "illustrations"
SAMPLE = SAMPLE_IMAGES / "crowded.png"
PANEL = 320  # pixels a side
EPOCHS = (1, 4, 12)  # of the sample training, that are drawn
THRESHOLDS = (0.55, 0.9, 0.1)  # the model's own, and two at which more is wrong
PARTS = (np.s_[-450:, :450], np.s_[-450:, -450:], np.s_[100:550, 150:600])  # where there is something to see
CONTRACTING, EXPANDING = "#3a8fc7", "#dc9215"
CARD_TILE = 256  # pixels a side, of each sample on the model card
INK = "#6f7c8a"  # reads on light and on dark; in the page, the theme's own takes its place


# ---- image, probability map, mask ------------------------------------------------------------------------------


def draw_strip(*pictures: np.ndarray) -> Image.Image:
    """Set pictures side by side, with rounded corners."""
    gap = PANEL // 20
    strip = Image.new("RGBA", (len(pictures) * (PANEL + gap) - gap, PANEL))
    for index, picture in enumerate(pictures):
        strip.paste(_panel(picture), (index * (PANEL + gap), 0), _corners())
    return strip


def _panel(picture: np.ndarray) -> Image.Image:
    side = min(picture.shape[:2])
    return Image.fromarray(picture[:side, :side]).resize((PANEL, PANEL), Image.Resampling.LANCZOS)


def _corners() -> Image.Image:
    mask = Image.new("L", (4 * PANEL, 4 * PANEL))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, 4 * PANEL - 1, 4 * PANEL - 1), 4 * 14, fill=255)
    return mask.resize((PANEL, PANEL), Image.Resampling.LANCZOS)


# ---- what Train and Evaluate show ----------------------------------------------------------------------------------


def draw_lessons(predictor: Predictor) -> None:
    """Train on the sample dataset, and draw what was learnt after a few epochs; score ``predictor`` on its images."""
    with tempfile.TemporaryDirectory() as folder:
        settings = dataclasses.replace(read_settings(), home=Path(folder))
        dataset = add_sample(settings)
        run = create_run(dataset, inspect_dataset(dataset, settings), quick_config(), settings, "lesson")
        train_run(run, settings)
        preview = run.previews()[0]
        truth = render.draw_outline(_open(preview.image), _open(preview.truth)[..., 0], render.TRUTH)
        learnt = [render.heatmap(_open(preview.epochs[epoch])[..., 0] / 255) for epoch in EPOCHS]
        _save(draw_strip(truth, *learnt), "training")
        outcomes = [
            draw(show_outcome(predictor, dataset, sample, settings, threshold, predictor.info.separation))[part]
            for sample, threshold, part in zip(run.info().validation_ids[:3], THRESHOLDS, PARTS, strict=True)
        ]
        _save(draw_strip(*outcomes), "evaluation")


def _open(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def _save(picture: Image.Image, name: str) -> None:
    picture.save(FOLDER / f"{name}.webp", quality=88, method=6)


# ---- the U ------------------------------------------------------------------------------------------------------

WIDTH, HEIGHT, CENTRE = 520, 372, 260
TOP, GAP, THUMB = 30, 25, 74


def draw_diagram(config: ModelConfig, image: np.ndarray, probability: np.ndarray) -> str:
    """Return the U-Net as SVG, its text in the one colour that the root element names."""
    depth = config.depth
    heights = np.geomspace(THUMB, 20, depth + 1)
    widths = np.geomspace(13, 42, depth + 1)
    lefts = np.linspace(105, CENTRE, depth + 1)
    tops = TOP + np.concatenate([[0], np.cumsum(heights + GAP)[:-1]])
    size = [f"{config.input_size[0] // 2**level}²" for level in range(depth + 1)]
    parts = []
    for level in range(depth):
        x, y, w, h = lefts[level], tops[level], widths[level], heights[level]
        parts += [
            _block(x, y, w, h, CONTRACTING),
            # What arrives over the skip connection is set beside what comes from below.
            _block(WIDTH - x - w / 2, y, w, h, CONTRACTING),
            _block(WIDTH - x + w / 2, y, w, h, EXPANDING),
            _skip(x + w / 2 + 5, WIDTH - x - w - 7, y + h / 2),
            _arrow(x + 4, y + h + 4, lefts[level + 1] - 4, tops[level + 1] - 5, CONTRACTING),
            _arrow(WIDTH - lefts[level + 1] + 4, tops[level + 1] - 4, WIDTH - x - 4, y + h + 5, EXPANDING),
        ]
        label = f"{size[level]} × {config.filters[level]}"
        parts.append(_text(x, TOP - 9, label) if level == 0 else _text(x - w / 2 - 9, y + h / 2 + 5, label, "end"))
    parts.append(_block(CENTRE, tops[-1], widths[-1], heights[-1], CONTRACTING))
    middle = TOP + THUMB / 2
    bottom = tops[-1] + heights[-1] / 2 + 5
    parts += [
        _text(CENTRE - widths[-1] / 2 - 9, bottom, f"{size[-1]} × {config.filters[-1]}", "end"),
        _text(CENTRE, tops[0] + heights[0] / 2 - 9, "skip connections"),
        _text(0, bottom, "contracting path", "start", CONTRACTING),
        _text(WIDTH, bottom, "expanding path", "end", EXPANDING),
        _thumb(0, render.rgb(image)),
        _thumb(WIDTH - THUMB, render.heatmap(probability)),
        # Anchored at the edges, so that no font is too wide for them.
        _text(0, TOP + THUMB + 18, "image", "start"),
        _text(WIDTH, TOP + THUMB + 18, "probability", "end"),
        _text(WIDTH, TOP + THUMB + 36, "map", "end"),
        _arrow(THUMB + 3, middle, lefts[0] - widths[0] / 2 - 3, middle, CONTRACTING),
        _arrow(WIDTH - lefts[0] + widths[0] + 1, middle, WIDTH - THUMB - 6, middle, EXPANDING),
        _text(WIDTH - THUMB - 14, TOP - 9, "1×1"),
    ]
    body = "\n".join(f"  {part}" for part in parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{ALT}" \
font-family="sans-serif" font-size="16" color="{INK}" fill="currentColor">
  <defs>{_head("head-down", CONTRACTING)}{_head("head-up", EXPANDING)}{_head("head-skip", "currentColor")}</defs>
{body}
</svg>
"""


ALT = (
    "Diagram of the U-Net. On the left the contracting path halves the image four times, from 128 by 128 pixels with "
    "16 features to 8 by 8 with 256. On the right the expanding path doubles it back to 128 by 128. At each level a "
    "skip connection copies the features from left to right. A one by one convolution makes the probability map."
)


def _block(x: float, y: float, width: float, height: float, color: str) -> str:
    return (
        f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2" fill="{color}"/>'
    )


def _arrow(x1: float, y1: float, x2: float, y2: float, color: str) -> str:
    head = "head-down" if color == CONTRACTING else "head-up"
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="2.5" '
        f'marker-end="url(#{head})"/>'
    )


def _skip(x1: float, x2: float, y: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y:.1f}" stroke="currentColor" stroke-width="1.6" '
        'stroke-dasharray="5 4" opacity="0.6" marker-end="url(#head-skip)"/>'
    )


def _head(name: str, color: str) -> str:
    return (
        f'<marker id="{name}" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 8 4 0 8z" fill="{color}"/></marker>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", color: str | None = None) -> str:
    look = f' fill="{color}" font-weight="700"' if color else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{look}>{text}</text>'


def _thumb(x: float, picture: np.ndarray) -> str:
    small = np.asarray(_panel(picture).resize((2 * THUMB, 2 * THUMB), Image.Resampling.LANCZOS))
    return f'<image x="{x}" y="{TOP}" width="{THUMB}" height="{THUMB}" href="{render.data_uri(small, "jpeg")}"/>'


def draw_samples(predictor: Predictor) -> Image.Image:
    """Draw the middle of each shipped sample with the nuclei found in it, three in a row."""
    tiles = []
    for path in sorted(SAMPLE_IMAGES.glob("*.png")):
        image = read_image(path)
        labels = find_objects(predictor.predict(image), predictor.info.threshold, predictor.info.separation)
        picture = render.overlay(image, labels, opacity=0.15)
        top, left = ((side - CARD_TILE) // 2 for side in image.shape[:2])
        tiles.append(picture[max(0, top) : max(0, top) + CARD_TILE, max(0, left) : max(0, left) + CARD_TILE])
    rows = [np.concatenate(tiles[start : start + 3], axis=1) for start in range(0, len(tiles), 3)]
    return Image.fromarray(np.concatenate(rows))


def main() -> None:
    """Draw the home page's pictures into ``assets/illustrations``, or the model card's into ``docs/images``."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--card", action="store_true", help="draw the model card's picture, and nothing else")
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="Model folder (default: the shipped one)")
    flags = parser.parse_args()
    predictor = Predictor.open(flags.model)
    if flags.card:
        picture = draw_samples(predictor)
        picture.quantize(256, dither=Image.Dither.NONE).save(PROJECT / "docs/images/nuclei-samples.png", optimize=True)
        return
    image = read_image(SAMPLE)
    prediction = predictor.predict(image)
    probability = prediction.probability
    labels = find_objects(prediction, predictor.info.threshold, predictor.info.separation)
    FOLDER.mkdir(parents=True, exist_ok=True)
    _save(draw_strip(image, render.heatmap(probability), render.label_overlay(image, labels)), "segmentation")
    draw_lessons(predictor)
    (FOLDER / "unet.svg").write_text(draw_diagram(ModelConfig(), image, probability), encoding="utf-8")


if __name__ == "__main__":
    main()
