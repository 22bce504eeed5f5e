"""Beginning at the top when another view takes the page's place: by itself, the browser stays where it was."""

from __future__ import annotations

import streamlit as st

_FLAG = "begin_at_top"
_SCRIPT = """<script>document.querySelector('[data-testid="stMain"]')?.scrollTo(0, 0)</script>"""


def begin_at_top() -> None:
    """Let the next run of the page begin at its top."""
    st.session_state[_FLAG] = st.session_state.get("begun_at_top", 0) + 1


def scroll() -> None:
    """Scroll to the top if that was asked for; call it once, at the end of the page."""
    count = st.session_state.pop(_FLAG, None)
    if count:
        st.session_state["begun_at_top"] = count
        # The count makes each script a new one, which the browser runs once.
        st.html(f"<!-- {count} -->{_SCRIPT}", unsafe_allow_javascript=True)
