"""The viewer: an image and what was found in it, with a threshold that is applied in the browser at every frame.

Two mounts of components of our own, whose files lie in ``assets/viewer``. The script, the pixels of the image and its
probability map travel once, with the one that shows nothing; the other, which is drawn anew whenever the objects
change, takes only them. Streamlit's own charts would be built anew with each change, and lose the zoom.
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from studio.common.cache_key import Key
from studio.common.javascript import join_modules, shortened
from unet import render
from unet.memmap import downscale_mean
from unet.prediction.maps import Prediction
from unet.prediction.objects import areas_of, narrow
from unet.preprocess.resize import Range, resize_labels
from unet.settings import ASSETS

FILES = ASSETS / "viewer"
# Pixels on the longer side of what is sent to the browser at once. Of larger images it asks for what it zooms into.
LONGEST = 2048
# Above this many bytes of pixels, an image is sent as JPEG: quickly, and alike to the eye. Its map never is.
LOSSLESS_BYTES = 4_500_000
KEPT_WIDTH = 1024
VIEWER = "viewer"


_pixels = st.components.v2.component("unet_pixels", js=join_modules(FILES / "pixels.js"))
_viewer = st.components.v2.component(
    "unet_viewer",
    html=shortened((FILES / "viewer.html").read_text(encoding="utf-8")),
    css=shortened((FILES / "viewer.css").read_text(encoding="utf-8")),
    js=join_modules(FILES / "mount.js"),
)


@dataclass(frozen=True)
class Scene:
    """An image and its maps, made ready for the browser.

    Attributes
    ----------
    key : str
        The same for the same image and maps, and for no others.
    size, shown : tuple of int
        Height and width of the image, and of what is sent of it.
    classes : int
        How many kinds of objects there are.
    range : Range
        The stored values that are shown as black and white.
    content : bytes
        What travels.
    """

    key: str
    size: tuple[int, int]
    shown: tuple[int, int]
    classes: int
    range: Range
    content: bytes


def make_scene(key: str, image: np.ndarray, prediction: Prediction, mount: str = "pixels") -> Scene:
    """Make an image, (height, width) or (height, width, channels) of any depth, and its maps ready for the browser.

    ``mount`` is the key that it will be sent under; the browser keeps some scenes of each.
    """
    small = prediction.shrink(LONGEST)
    classes = 1 if small.classes is None else int(small.classes.max(initial=1))
    seen = Range.to_look_at(image)
    content = pack({"key": key, "mount": mount}, picture_of(downscale_mean(image, LONGEST), seen), small)
    return Scene(key, prediction.shape, small.shape, classes, seen, content)


def picture_of(image: np.ndarray, shown: Range) -> np.ndarray:
    """Return an image or a part of it as 8-bit grey (height, width, 1) or colour (height, width, 3)."""
    picture = render.rgb(image, shown)
    return (
        np.ascontiguousarray(picture[..., :1]) if (picture == picture[..., :1]).all() else np.ascontiguousarray(picture)
    )


def pack(about: dict, picture: np.ndarray, prediction: Prediction, labels: np.ndarray | None = None) -> bytes:
    """Pack a picture, its maps and perhaps its labels: the length of a JSON header, the header, and the parts of it."""
    lossless = picture.nbytes <= LOSSLESS_BYTES
    parts = {"image" if lossless else "picture": zlib.compress(picture.data, 1) if lossless else _jpeg(picture)}
    parts["levels"] = zlib.compress(planes(prediction.levels), 1)
    if prediction.classes is not None:
        parts["classes"] = zlib.compress(np.ascontiguousarray(prediction.classes).data, 1)
    if labels is not None:
        parts["labels"] = zlib.compress(planes(labels.astype(np.uint32)), 1)
    header = {
        **about,
        "shown": prediction.shape,
        "channels": picture.shape[2],
        "parts": [{"name": name, "bytes": len(content)} for name, content in parts.items()],
    }
    words = json.dumps(header).encode()
    return b"".join([struct.pack("<I", len(words)), words, *parts.values()])


def planes(numbers: np.ndarray) -> bytes:
    """Return numbers of several bytes as planes, all lowest bytes first: so they compress better."""
    array = np.ascontiguousarray(numbers, numbers.dtype.newbyteorder("<"))
    return array.view(np.uint8).reshape(-1, array.itemsize).T.tobytes()


def _jpeg(picture: np.ndarray) -> bytes:
    return render.jpeg(picture[..., 0] if picture.shape[2] == 1 else picture, quality=92)


# ---- mounting --------------------------------------------------------------------------------------------------

# From a box (top, bottom, left, right) of the image to its part in full: picture, prediction, labels.
Region = Callable[[slice, slice], tuple[np.ndarray, Prediction, np.ndarray]]


@st.fragment
def send(scene: Scene, decision: str, region: Region, key: str = "pixels") -> None:
    """Send an image's pixels to the browser, once; and of a large image what is being looked at.

    Parameters
    ----------
    scene : Scene
    decision : str
        What the labels of a region belong to; the viewer is told the same.
    region : callable
        Gives a part of the image at full resolution.
    """
    state = st.session_state.get(key)
    here = (state or {}).get("have") or []
    asked = (state or {}).get("region") or {}
    data: bytes | dict = scene.content if scene.key not in here else {"key": scene.key}
    if asked.get("scene") == scene.key and scene.key in here:
        data = _pack_region(scene, decision, region, asked["box"])
    _pixels(key=key, data=data, height=1, on_have_change=_nothing, on_region_change=_nothing)


def _pack_region(scene: Scene, decision: str, region: Region, box: list[int]) -> bytes:
    left, top, width, height = (int(value) for value in box)
    rows = slice(max(0, top), min(scene.size[0], top + min(height, LONGEST)))
    columns = slice(max(0, left), min(scene.size[1], left + min(width, LONGEST)))
    picture, prediction, labels = region(rows, columns)
    down, across = scene.shown[0] / scene.size[0], scene.shown[1] / scene.size[1]
    place = [
        columns.start * across,
        rows.start * down,
        (columns.stop - columns.start) * across,
        (rows.stop - rows.start) * down,
    ]
    return pack({"part_of": scene.key, "place": place, "decision": decision}, picture, prediction, labels)


def _nothing() -> None:
    """A component takes its state only for names that have a callback."""


def show(
    scene: Scene,
    *,
    name: str,
    threshold: float,
    own: float,
    labels: np.ndarray,
    key: Key,
    selected: int | None = None,
    kept: Collection[int] | None = None,
    pixel_size: float | None = None,
    on_threshold: Callable[[float], None],
    on_selected: Callable[[int | None], None],
    more: Mapping[str, Any] | None = None,
    told: Mapping[str, Callable[[Any], None]] | None = None,
    taken: str = "22rem",
    mount: str = VIEWER,
) -> None:
    """Draw the viewer.

    Parameters
    ----------
    scene : Scene
        Which ``send`` has sent.
    name : str
        Of the image, for those who cannot see it.
    threshold, own : float
        0 to 1: where the slider stands, and the model's own, which is marked.
    labels : (height, width)
        The objects at this threshold, numbered from 1.
    key : Key
        What the labels follow from.
    selected : int, optional
        The object that is lit up.
    kept : collection of int, optional
        Objects that pass a filter; the others are drawn faintly.
    pixel_size : float, optional
        Micrometres a pixel, for the scale bar.
    taken : str
        A CSS length: how much of the window's height the picture has to leave to what stands around it.
    mount : str
        The key of the component: another one for a second viewer on the page.
    on_threshold, on_selected : callable
        Called before the page is run again: with a new threshold, with the number of the object clicked on or None.
    more : mapping, optional
        What only the first viewer of a page is given: how to correct the objects, regions, the level of positive ones.
    told : mapping, optional
        By what it may hand over besides, what is called with that.
    """
    content, count, highest = _packed_labels(key.but(shown=scene.shown), labels)
    data = {
        "scene": scene.key,
        "name": name,
        "size": scene.size,
        "shown": scene.shown,
        "classes": scene.classes,
        "stretched": scene.range != Range(),
        "threshold": threshold,
        "own": own,
        "count": count,
        "decision": key.token,
        "labels": content,
        "selected": selected,
        "center": _center(labels, selected),
        "kept": _flags(kept, highest),
        "kept_width": KEPT_WIDTH,
        "pixel_size": pixel_size,
        "taken": taken,
        "highest": highest,
        "heat": _text(render.HEAT),
        "colors": _text(np.array([*render.PALETTE, *render.LABEL_COLORS], np.uint8)),
        **(more or {}),
    }

    def threshold_moved() -> None:
        on_threshold(float(st.session_state[mount].threshold))

    def clicked() -> None:
        on_selected(int(st.session_state[mount].selected) or None)

    def handing_over(kind: str) -> Callable[[], None]:
        act = (told or {}).get(kind)
        return lambda: act(st.session_state[mount][kind]) if act else None

    _viewer(
        key=mount,
        data=data,
        on_threshold_change=threshold_moved,
        on_selected_change=clicked,
        on_correction_change=handing_over("correction"),
        on_region_change=handing_over("region"),
        on_level_change=handing_over("level"),
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _packed_labels(key: Key, _labels: np.ndarray) -> tuple[str, int, int]:
    """Return the labels as they travel, how many objects they are, and the highest number."""
    assert key.shown is not None  # whoever packs labels has decided how large they are shown
    small = narrow(_labels if _labels.shape == key.shown else resize_labels(_labels, key.shown))
    areas = areas_of(_labels, int(_labels.max(initial=0)))
    return base64.b64encode(zlib.compress(planes(small), 1)).decode(), int(np.count_nonzero(areas[1:])), len(areas) - 1


def _center(labels: np.ndarray, number: int | None) -> list[float] | None:
    """Return the middle of an object and its extent, as shares of the image."""
    if not number or labels.size > LONGEST**2:
        return None
    rows, columns = np.nonzero(labels == number)
    if not len(rows):
        return None
    height, width = labels.shape
    extent = max(np.ptp(columns) + 1, np.ptp(rows) + 1) / width
    return [(columns.mean() + 0.5) / width, (rows.mean() + 0.5) / height, float(extent)]


def _flags(kept: Collection[int] | None, highest: int) -> str | None:
    if kept is None:
        return None
    flags = np.zeros(-(-(highest + 1) // KEPT_WIDTH) * KEPT_WIDTH, np.uint8)
    flags[list(kept)] = 1
    return _text(flags)


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).data).decode()
