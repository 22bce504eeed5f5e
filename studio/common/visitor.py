"""Who is visiting: a browser is known by a random token in a cookie, and by nothing else that it says of itself."""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Collection, Mapping
from functools import cache
from urllib.parse import urlsplit

import psutil
import streamlit as st

from unet.ownership import Visitor
from unet.settings import Settings

COOKIE = "unet_browser"
TOKEN = re.compile(r"[\w-]{43}")  # what secrets.token_urlsafe() gives
# What a proxy says. None of them proves that there is none.
FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
ADMINISTRATOR = "is_administrator"
SOMEBODY_ELSES = "Somebody else's training is under way, and only one can run at a time. Try again when it has ended."


def visitor(settings: Settings) -> Visitor:
    """Return who is before the browser of this run of the page."""
    token = st.context.cookies.to_dict().get(COOKIE, "")
    if not TOKEN.fullmatch(token):  # cookies are switched off: what is made belongs to this visit
        token = st.session_state.setdefault(COOKIE, secrets.token_urlsafe())
    return Visitor.of(token, rules=sits_here(settings) or st.session_state.get(ADMINISTRATOR, False))


def sits_here(settings: Settings) -> bool:
    """Tell whether the visitor may be taken for the person who started the server on this machine.

    A proxy on the same machine looks to the server as a browser there does. So whoever starts the server has to say
    that there is none (``UNET_LOCAL_FOLDERS``), and what can be seen must not speak against it.
    """
    headers = st.context.headers.to_dict()
    if not headers:  # no browser has sent none: a program on this machine runs the page, a test perhaps
        return True
    return settings.local_folders and came_directly(headers, listening_addresses())


def came_directly(headers: Mapping[str, str], listening: Collection[str]) -> bool:
    """Tell whether nothing speaks against a browser on the same machine, without a proxy in between.

    Parameters
    ----------
    headers : mapping
        Of the request. A name that somebody else's name server has turned to this machine stands in ``Host``.
    listening : collection of str
        The addresses at which this process listens.
    """
    said = {name.lower(): value for name, value in headers.items()}
    names = [said.get("host", ""), *(urlsplit(said[name]).netloc for name in ("origin",) if name in said)]
    return (
        bool(listening)
        and all(map(_is_loopback, listening))
        and all(_is_loopback(_host(name)) for name in names)
        and not any(name in said for name in FORWARDED)
    )


@cache
def listening_addresses() -> frozenset[str]:
    """Return the addresses at which this process waits for connections, whatever the settings say about them."""
    try:
        found = psutil.Process().net_connections("inet")
    except psutil.Error:
        return frozenset()
    return frozenset(each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN)


def _host(name: str) -> str:
    try:
        return urlsplit(f"//{name}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def administrator_door(settings: Settings) -> None:
    """Draw the way in for the administrator, where the deployment has a key for one."""
    if not settings.admin_key or sits_here(settings):
        return
    if st.session_state.get(ADMINISTRATOR):
        st.caption(
            ":material/shield_person: You are the administrator in this tab: everything here is yours to change."
        )
        return
    with st.popover("Administrator", icon=":material/shield_person:", type="tertiary"):
        st.text_input("Key", type="password", key="admin_key", on_change=_try_key, args=(settings,))
        if st.session_state.get("admin_key_refused"):
            st.error("That is not the key.", icon=":material/error:")


def _try_key(settings: Settings) -> None:
    given = st.session_state.pop("admin_key", "").encode()
    st.session_state[ADMINISTRATOR] = hmac.compare_digest(given, settings.admin_key.encode())
    st.session_state["admin_key_refused"] = not st.session_state[ADMINISTRATOR]
