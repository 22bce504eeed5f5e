"""Pictures of what was found, as uint8 RGB arrays: overlays, outlines, heat maps. All colours stand here, once.

They are of Okabe and Ito's palette ("Color Universal Design", 2008) and of viridis (Smith and van der Walt, 2015):
told apart with every kind of colour vision.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.segmentation import find_boundaries

from unet.preprocess.resize import Range, to_channels

Color = tuple[int, int, int]

ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = PALETTE = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)
# Of objects by their number. Neighbours have near ones: seven hues in three shades come round only after 21 objects.
LABEL_COLORS = np.concatenate([np.array(PALETTE) * shade for shade in (1, 0.75, 0.55)]).astype(np.uint8)
PREDICTED: Color = ORANGE
TRUTH: Color = SKY
POSITIVE_COLOR: Color = VERMILION
NEGATIVE_COLOR: Color = SKY
REGION_COLOR: Color = (255, 255, 255)

_VIRIDIS = "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725"


def _viridis() -> np.ndarray:
    anchors = np.array([list(bytes.fromhex(color)) for color in _VIRIDIS.split()], float)
    places, steps = np.linspace(0, 1, len(anchors)), np.linspace(0, 1, 256)
    return np.stack([np.interp(steps, places, anchors[:, c]) for c in range(3)], axis=1).round().astype(np.uint8)


HEAT = _viridis()


def rgb(image: np.ndarray, shown: Range | None = None) -> np.ndarray:
    """Return an image, or a part of one, of any depth and number of channels to look at.

    Parameters
    ----------
    image : (height, width) or (height, width, channels) array
    shown : Range, optional
        The stored values that become black and white; those of this image by default. A part needs its image's.

    Returns
    -------
    (height, width, 3) uint8
        Dim images are stretched.
    """
    return to_channels((shown or Range.to_look_at(image))(image), 3)


def outline(labels: np.ndarray, width: int = 1) -> np.ndarray:
    """Return the rim of each object.

    Parameters
    ----------
    labels : (height, width)
        A mask or a label map; in a label map, objects that touch are parted.
    width : int
        1: the object's own outermost pixels. 2 or more: also the background's next to them.

    Returns
    -------
    (height, width) bool
    """
    if width <= 1:
        return find_boundaries(labels, mode="inner")
    return find_boundaries(labels, mode="thick")


def overlay(
    image: np.ndarray,
    labels: np.ndarray,
    color: Color = PREDICTED,
    opacity: float = 0.4,
    *,
    rim: bool = True,
    width: int = 1,
) -> np.ndarray:
    """Lay a mask over an image: filled as opaque as asked, with a solid rim.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth.
    labels : (height, width)
        A mask or a label map of the same height and width.
    color : tuple of int
        Red, green and blue, 0 to 255.
    opacity : float
        0 (rims only) to 1 (nothing of the image seen below).
    rim : bool
        Whether the rim is drawn.
    width : int
        Of the rim, as in ``outline``.

    Returns
    -------
    (height, width, 3) uint8
    """
    picture = rgb(image)
    mask = labels > 0
    blended = Image.blend(Image.fromarray(picture), Image.new("RGB", picture.shape[1::-1], color), opacity)
    picture = np.array(Image.composite(blended, Image.fromarray(picture), Image.fromarray(mask)))
    return draw_outline(picture, labels, color, width=width) if rim else picture


def label_overlay(
    image: np.ndarray, labels: np.ndarray, opacity: float = 0.45, *, width: int = 1, colors: np.ndarray = LABEL_COLORS
) -> np.ndarray:
    """Lay a label map over an image, each object and its rim in a colour by its number.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth.
    labels : (height, width)
        0 is background.
    opacity : float
        Of the filling, 0 to 1.
    width : int
        Of the rim, as in ``outline``.
    colors : (n, 3) uint8
        Of the objects 1 to n; they begin again after the last.

    Returns
    -------
    (height, width, 3) uint8
    """
    painted = colors[(np.maximum(labels, 1) - 1) % len(colors)]
    share = np.where(outline(labels, width) & (labels > 0), 1.0, opacity * (labels > 0))[..., None]
    return (rgb(image) * (1 - share) + painted * share + 0.5).astype(np.uint8)


def draw_regions(
    picture: np.ndarray, lines: Sequence[tuple[str, Sequence[tuple[float, float]]]], scale: float = 1.0
) -> np.ndarray:
    """Return a picture (height, width, 3) uint8 with regions drawn into it, each a line with its name.

    Parameters
    ----------
    picture : (height, width, 3) uint8
    lines : sequence of (str, sequence of (x, y))
        Names and corners, in pixels of the image.
    scale : float
        From pixels of the image to those of the picture.
    """
    drawn = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawn)
    thick = max(1, max(picture.shape[:2]) // 500)
    for name, points in lines:
        corners = [(x * scale, y * scale) for x, y in points]
        ring = [*corners, corners[0]]
        # Black below white is seen on every ground.
        pen.line(ring, (0, 0, 0), thick + 2, joint="curve")
        pen.line(ring, REGION_COLOR, thick, joint="curve")
        left, top = min(x for x, _ in corners) + 3 + thick, min(y for _, y in corners) + 2 + thick
        font = ImageFont.load_default(max(10, 6 * thick + 6))
        pen.text((max(2, left), max(2, top)), name, REGION_COLOR, font, stroke_width=1, stroke_fill=(0, 0, 0))
    return np.array(drawn)


def draw_outline(picture: np.ndarray, labels: np.ndarray, color: Color = PREDICTED, *, width: int = 1) -> np.ndarray:
    """Return the picture (height, width, 3) uint8 with the rims of a mask or label map drawn into it."""
    solid = Image.new("RGB", picture.shape[1::-1], color)
    return np.array(Image.composite(solid, Image.fromarray(picture), Image.fromarray(outline(labels, width))))


def heatmap(probability: np.ndarray) -> np.ndarray:
    """Return a probability map (height, width), 0 to 1, in viridis: dark blue is 0, yellow is 1; (..., 3) uint8."""
    return HEAT.take((probability * 255 + 0.5).astype(np.uint8), axis=0)


def mask_picture(mask: np.ndarray) -> np.ndarray:
    """Return a mask (height, width) as (height, width) uint8: 0 and 255."""
    return np.where(mask, np.uint8(255), np.uint8(0))


def png(picture: np.ndarray, *, fast: bool = True) -> bytes:
    """Encode a picture, (height, width) or (height, width, 3) uint8, as PNG: fast to show, or small to keep."""
    return _encode(picture, "PNG", compress_level=1 if fast else 6)


def jpeg(picture: np.ndarray, *, quality: int = 88) -> bytes:
    """Encode a picture, (height, width) or (height, width, 3) uint8, as JPEG, for showing only."""
    return _encode(picture, "JPEG", quality=quality)


def data_uri(picture: np.ndarray, kind: str = "png") -> str:
    """Return a picture as a ``data:`` address for HTML; ``kind`` is ``png`` or ``jpeg``."""
    content = png(picture) if kind == "png" else jpeg(picture)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _encode(picture: np.ndarray, kind: str, **options: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, kind, **options)
    return stream.getvalue()
