"""Pointing at the square: the whole image, small, with a frame that is dragged or moved by keys."""

from __future__ import annotations

import streamlit as st

from studio.common.cache_key import Key
from studio.common.javascript import join_modules, shortened
from studio.common.parameters import LEFT, TOP
from studio.inside.subject import read_whole
from studio.predict.uploads import Upload
from unet import render
from unet.memmap import downscale_mean
from unet.settings import ASSETS, Settings

FILES = ASSETS / "inside"
LONGEST = 320  # pixels of the picture
KEY = "inside_point"
_point = st.components.v2.component(
    "unet_inside_point",
    html=shortened((FILES / "point.html").read_text(encoding="utf-8")),
    css=shortened((FILES / "point.css").read_text(encoding="utf-8")),
    js=join_modules(FILES / "point.js"),
)


def point_at_square(upload: Upload, page: int, top: int, left: int, side: int, settings: Settings) -> None:
    """Draw the image with the square; where it is moved to stands in the address with the next run."""
    height, width = read_whole(upload, settings, page).shape[:2]
    place = {"top": top, "left": left, "side": side, "height": height, "width": width}
    picture = _overview(Key(upload.digest, page), upload, settings)
    _point(key=KEY, data={**place, "picture": picture}, on_moved_change=lambda: _moved(height, width))


@st.cache_data(max_entries=32, show_spinner=False)
def _overview(key: Key, _upload: Upload, _settings: Settings) -> str:
    return render.data_uri(render.rgb(downscale_mean(read_whole(_upload, _settings, key.page), LONGEST)), "jpeg")


def _moved(height: int, width: int) -> None:
    found = (st.session_state.get(KEY) or {}).get("moved")
    if not (isinstance(found, list) and len(found) == 2 and all(type(each) is int for each in found)):
        return  # a browser may send anything
    for name, value, size in zip((TOP, LEFT), found, (height, width), strict=True):
        st.session_state[name] = min(max(0, value), size)
        st.query_params[name] = str(st.session_state[name])
