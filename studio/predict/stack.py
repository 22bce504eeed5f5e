"""Which page of a file of several is looked at: sliders for time and depth, and a button that plays them."""

from __future__ import annotations

import time

import streamlit as st

from studio.predict.uploads import Upload
from unet.io.planes import stack_places

# The point in time and the depth of a page, from 0.
Place = tuple[int, int]
LABELS = ("Time point", "Plane")
SECONDS = 1.0  # that each plane is seen for while it plays
PLAYING, SHOWN_AT = "stack_playing", "stack_shown_at"


def page_key(upload: Upload) -> str:
    """Return the name of the parameter in the address that holds an image's page, from 1."""
    return f"page-{upload.digest[:8]}"


def page_now(upload: Upload, pages: int) -> int:
    """Return the page that the address names, from 0; nonsense there gives way to the first."""
    chosen = st.query_params.get(page_key(upload), "")[:9]
    return min(max(int(chosen) if chosen.isdecimal() else 1, 1), pages) - 1


def choose_plane(upload: Upload, pages: int) -> int:
    """Draw a slider for each of time and depth that there is, and the button that plays; return the page, from 0."""
    page, key = page_now(upload, pages), page_key(upload)
    places = _places(upload.digest, upload)
    if len(places) != pages:
        places = [(0, number) for number in range(pages)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width="content"):
        for axis, label in enumerate(LABELS):
            count = 1 + max(place[axis] for place in places)
            if count > 1:
                # Set here, since a link or the button may have changed it.
                st.session_state[f"{key}-{axis}"] = places[page][axis] + 1
                st.slider(
                    f"{label}, 1 to {count}", 1, count, key=f"{key}-{axis}", on_change=_moved, args=(key, places),
                    width=220, format=f"{label} %d of {count}", label_visibility="collapsed",
                )  # fmt: skip
        playing = st.session_state.get(PLAYING) == key
        st.button(
            "Pause" if playing else "Play",
            icon=f":material/{'pause' if playing else 'play_arrow'}:",
            key="stack_play",
            on_click=_toggle,
            args=(key, playing),
        )
    if playing:
        st.session_state[SHOWN_AT] = time.monotonic()
        _play(key, _after(places, page))
    return page


@st.cache_data(max_entries=256, show_spinner=False)
def _places(digest: str, _upload: Upload) -> list[Place]:
    return stack_places(str(_upload.path))


def _moved(key: str, places: list[Place]) -> None:
    at = tuple(st.session_state.get(f"{key}-{axis}", 1) - 1 for axis in range(len(LABELS)))
    go_to_page(key, places.index(at) if at in places else 0)


def go_to_page(key: str, page: int) -> None:
    """Choose a page, from 0; for callbacks."""
    st.query_params[key] = str(page + 1)


def _toggle(key: str, playing: bool) -> None:
    st.session_state[PLAYING] = None if playing else key


def _after(places: list[Place], page: int) -> int:
    """Return the page that comes next: of a time series the next point in time, else the next depth; then the first."""
    t, z = places[page]
    following = [(t + 1, z), (0, z)] if max(place[0] for place in places) else [(t, z + 1), (t, 0)]
    return next(places.index(place) for place in following if place in places)


@st.fragment(run_every=SECONDS)
def _play(key: str, following: int) -> None:
    # It runs with the page, too, which has just shown a plane.
    if time.monotonic() - st.session_state[SHOWN_AT] >= 0.8 * SECONDS:
        go_to_page(key, following)
        st.rerun()
