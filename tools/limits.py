"""Draws what the shipped model is bad at, for its card, on synthetic images: ``python -m tools.limits``."""

from __future__ import annotations

from functools import partial

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from studio.evaluate.image_outcome import draw
from unet.datasets.synthetic.nuclei import generate_nuclei
from unet.evaluation.matching import measure_overlaps, outcomes
from unet.evaluation.outcomes import ImageOutcome
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import DEFAULT_MODEL, PROJECT

TILE, GAP = 300, 10
SIZE = (192, 192)


def crowd() -> tuple[np.ndarray, np.ndarray]:
    """Nuclei that touch on all sides."""
    return generate_nuclei(3, SIZE, nuclei=160)


def dim_beside_bright() -> tuple[np.ndarray, np.ndarray]:
    """Some nuclei eight times as bright as the others."""
    image, labels = generate_nuclei(11, SIZE, nuclei=30)
    bright = (labels % 6 == 1) & (labels > 0)
    values = image.astype(np.float32) * np.where(gaussian_filter(bright.astype(np.float32), 1) > 0.3, 1.0, 0.12)
    return np.clip(values, 0, 255).astype(np.uint8), labels


def out_of_focus() -> tuple[np.ndarray, np.ndarray]:
    """The whole image blurred, with fresh noise."""
    image, labels = generate_nuclei(5, SIZE, nuclei=45)
    noise = np.random.default_rng(0).normal(0, 3, SIZE)
    return np.clip(gaussian_filter(image.astype(np.float32), 5) + noise, 0, 255).astype(np.uint8), labels


def no_nuclei() -> tuple[np.ndarray, np.ndarray]:
    """A picture of something else: soft bright squares."""
    rows, columns = np.indices(SIZE) // 24
    squares = gaussian_filter(((rows + columns) % 2).astype(np.float32), 2)
    return (20 + 200 * squares).astype(np.uint8), np.zeros(SIZE, np.uint16)


def main() -> None:
    predictor = Predictor.open(DEFAULT_MODEL)
    find = partial(find_objects, threshold=predictor.info.threshold, separation=predictor.info.separation)
    tiles = []
    for make in (crowd, dim_beside_bright, out_of_focus, no_nuclei):
        image, truth = make()
        found = find(predictor.predict(image))
        shown = ImageOutcome(image, truth, found, outcomes(measure_overlaps(truth, found)))
        print(f"{make.__name__}: {len(shown.outcomes.matched_truth)} of {int(truth.max())} found")
        tiles.append(Image.fromarray(draw(shown)).resize((TILE, TILE), Image.Resampling.LANCZOS))
    picture = Image.new("RGB", (len(tiles) * (TILE + GAP) - GAP, TILE), "white")
    for place, tile in enumerate(tiles):
        picture.paste(tile, (place * (TILE + GAP), 0))
    palette = picture.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette.save(PROJECT / "docs/images/nuclei-limits.png", optimize=True)


if __name__ == "__main__":
    main()
