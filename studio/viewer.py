"""Looking at an image and what was found in it, zoomed by wheel, drag, fingers and keys.

The zoom stays while the threshold moves. Streamlit's own charts cannot do that: they are built anew when their data
change. So the viewer is a small component of our own; its HTML, CSS and JavaScript lie in ``assets/viewer``.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
import streamlit as st
from PIL import Image

from unet.data.pixels import resize_image, resize_labels, resize_probability
from unet.prediction import render
from unet.prediction.predictor import Prediction
from unet.settings import ASSETS

OVERLAY, IMAGE, PROBABILITY, MASK, SIDE_BY_SIDE = VIEWS = ("Overlay", "Image", "Probability", "Mask", "Side by side")
WITH_OPACITY = (OVERLAY, SIDE_BY_SIDE)
# Pixels on the longer side of what is sent to the browser. Larger images are shown smaller; results never are.
LONGEST = 2048
# Above this many bytes of pixels, an image is shown as JPEG: sent quickly, and alike to the eye.
LOSSLESS_BYTES = 2_500_000
COLOR_NAMES = ("orange", "light blue", "green", "yellow", "blue", "vermilion", "pink")
WHITE = (255, 255, 255)

_viewer = st.components.v2.component(
    "unet_viewer",
    **{kind: (ASSETS / "viewer" / f"viewer.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")},
)


@dataclass(frozen=True)
class Picture:
    """An image made ready for the browser.

    Attributes
    ----------
    source : str
        A ``data:`` address.
    size : tuple of int
        Height and width at which it is shown.
    stretched : bool
        Whether its brightness is stretched, since a screen shows 8 bits.
    """

    source: str
    size: tuple[int, int]
    stretched: bool


def make_picture(image: np.ndarray) -> Picture:
    """Bring an image of any depth and size to what a browser shows well."""
    picture = render.rgb(image)
    size = shown_size(*image.shape[:2])
    if size != image.shape[:2]:
        picture = resize_image(picture, size)
    if (picture == picture[..., :1]).all():
        picture = picture[..., 0]
    kind = "jpeg" if picture.nbytes > LOSSLESS_BYTES else "png"
    return Picture(render.data_uri(picture, kind), size, image.dtype != np.uint8)


def shown_size(height: int, width: int) -> tuple[int, int]:
    """Return the height and width at which an image is shown."""
    scale = min(1.0, LONGEST / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def mask_layer(
    classes: np.ndarray,
    opacity: float,
    colors: tuple[render.Color, ...] = render.PALETTE,
    *,
    labels: np.ndarray | None = None,
    width: int = 1,
) -> str:
    """Return a mask as a transparent layer, filled as opaque as asked, with solid rims: a ``data:`` address.

    Parameters
    ----------
    classes : (height, width)
        0 background, 1 to n the classes. Each has its colour; after the last colour the first comes again.
    opacity : float
        0 to 1.
    colors : tuple of colours
    labels : (height, width), optional
        The objects whose rims are drawn; by default those are of the classes.
    width : int
        Of the rims, as in ``render.outline``.
    """
    count = len(colors)
    index = np.where(classes > 0, (classes.astype(np.uint8) - 1) % count + 1, 0).astype(np.uint8)
    rims = render.outline(classes if labels is None else labels, width) & (index > 0)
    index[rims] += count
    picture = Image.fromarray(index)
    picture.putpalette([0, 0, 0, *(value for color in colors * 2 for value in color)])
    alpha = bytes([0, *[round(opacity * 255)] * count, *[255] * count])
    stream = io.BytesIO()
    picture.save(stream, "PNG", compress_level=1, transparency=alpha)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"


def show(
    picture: Picture,
    prediction: Prediction,
    labels: np.ndarray,
    threshold: float,
    view: str,
    opacity: float,
    name: str,
    revision: str,
) -> None:
    """Draw the viewer and below it what the colours mean.

    Parameters
    ----------
    picture : Picture
    prediction : Prediction
        Of the same image.
    labels : (height, width)
        The objects that were found in it.
    threshold, opacity : float
        0 to 1.
    view : one of VIEWS
    name : str
        Of the image, for those who cannot see it.
    revision : str
        The zoom stays as long as this does.
    """
    height, width = picture.size
    panels = _panels(picture, prediction, labels, view, opacity)
    ramp = None
    if view == PROBABILITY:
        colors = [f"rgb({red} {green} {blue})" for red, green, blue in render.HEAT[::15]]
        ramp = {"colors": colors, "threshold": threshold}
    panels = [{"alt": f"{name}: {words}", "layers": layers} for words, layers in panels]
    _viewer(
        key="viewer",
        data={"revision": revision, "height": height, "width": width, "panels": panels, "ramp": ramp},
    )
    full = prediction.probability.shape
    notes = [describe(view, threshold, _classes_in(prediction))]
    if picture.stretched and view in (IMAGE, OVERLAY, SIDE_BY_SIDE):
        notes.append("Brightness is stretched to be seen.")
    if full != picture.size:
        notes.append(f"Shown at {width:,} × {height:,} pixels; results have all {full[1]:,} × {full[0]:,}.")
    st.caption(" ".join(notes))


def _panels(
    picture: Picture, prediction: Prediction, labels: np.ndarray, view: str, opacity: float
) -> list[tuple[str, list[str]]]:
    """Return words and layers of each panel."""
    image = ("the image", [picture.source])
    if view == IMAGE:
        return [image]
    if labels.shape != picture.size:
        labels = resize_labels(labels, picture.size)
    mask = (labels > 0).astype(np.uint8)
    if view == PROBABILITY:
        probability = prediction.probability
        if probability.shape != picture.size:
            probability = resize_probability(probability, picture.size)
        rim = mask_layer(mask, 0, (WHITE,), labels=labels)
        return [("its probability map", [render.data_uri(render.heatmap(probability)), rim])]
    if view == MASK:
        return [("its mask", [render.data_uri(render.mask_picture(mask))])]
    if prediction.classes is not None:
        mask = mask * resize_labels(prediction.classes, picture.size)
    layer = mask_layer(mask, opacity, labels=labels)
    overlay = ("the image with the mask over it", [picture.source, layer])
    return [image, overlay] if view == SIDE_BY_SIDE else [overlay]


def _classes_in(prediction: Prediction) -> int:
    return 1 if prediction.classes is None else int(prediction.classes.max(initial=1))


def describe(view: str, threshold: float, classes: int = 1) -> str:
    """Say what the colours of a view mean."""
    above = f"probability above {threshold:.2f}"
    if view == IMAGE:
        return "The image as it was given."
    if view == PROBABILITY:
        return f"Yellow: surely nucleus. Violet: surely background. White line: the threshold, {threshold:.2f}."
    if view == MASK:
        return f"White: {above}. Black: background."
    if classes > 1:
        names = [f"{COLOR_NAMES[(index - 1) % len(COLOR_NAMES)]}: class {index}" for index in range(1, classes + 1)]
        colors = f"Where the {above}: {', '.join(names)}."
    else:
        colors = f"Orange: {above}, with its outline."
    return f"The image, and the mask over it. {colors}" if view == SIDE_BY_SIDE else colors
