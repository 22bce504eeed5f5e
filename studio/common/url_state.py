"""A choice that stands in the address under its key, whatever the options are called on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from studio.common.text import plain, unique_names


def choose_in_address(label: str, options: Mapping[str, str], name: str, **look: Any) -> str:
    """Draw a select box and return the chosen key; one in the address that is not an option gives way to the first.

    ``gone_from_address`` says so.

    Parameters
    ----------
    label : str
    options : mapping
        From keys, which go into the address, to what people read.
    name : str
        Of the parameter in the address.
    **look
        More of what a select box takes.
    """
    wanted = st.query_params.get(name)
    choice = f"choice_of_{name}"
    st.session_state[choice] = wanted if wanted in options else next(iter(options))
    # Streamlit goes by what people read: of two options that read alike, only one could be chosen.
    words = dict(zip(options, unique_names(options.values()), strict=True))
    return st.selectbox(
        label, list(words), format_func=words.__getitem__, key=choice, on_change=_put, args=(name, choice), **look
    )


def gone_from_address(options: Mapping[str, str], name: str, what: str) -> str | None:
    """Return what is to be said where the address asks for something that is not there, and what is used instead.

    Parameters
    ----------
    options, name
        As for ``choose_in_address``.
    what : str
        The kind of thing that is chosen.
    """
    wanted = st.query_params.get(name)
    if wanted and wanted not in options:
        used = plain(next(iter(options.values())))
        return f"There is no {what} “{plain(wanted[:100])}” here; “{used}” is used instead."
    return None


def _put(name: str, choice: str) -> None:
    st.query_params[name] = st.session_state[choice]


def whole_number_in_address(label: str, name: str, low: int, high: int, default: int, **options: Any) -> int:
    """Draw an input of a whole number and return it; nonsense in the address gives way to the default.

    Streamlit's own binding to the address stumbles over “inf” where a whole number is wanted.
    """
    if name not in st.session_state:
        text = st.query_params.get(name, "")[:12]
        st.session_state[name] = int(text) if text.isdecimal() else default
    # What was chosen for another, larger thing may be too much for this one.
    st.session_state[name] = min(max(st.session_state[name], low), high)
    return st.number_input(label, low, high, key=name, on_change=_put_number, args=(name,), **options)


def _put_number(name: str) -> None:
    st.query_params[name] = str(st.session_state[name])
