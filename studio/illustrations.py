"""The pictures of the home page."""

from __future__ import annotations

import re

from unet.settings import ASSETS

ILLUSTRATIONS = ASSETS / "illustrations"

# The theme's text colours in .streamlit/config.toml; a picture does not inherit them from the page.
INK = {"light": "#16212E", "dark": "#E8EEF4"}


def unet_diagram(theme: str | None) -> tuple[str, str]:
    """Return the diagram of the U-Net and what it shows in words.

    Parameters
    ----------
    theme : {"light", "dark"} or None
        The theme that the page is drawn in. Where it is not known yet, the drawing keeps a grey that reads on both.

    Returns
    -------
    svg, description : str
    """
    svg = (ILLUSTRATIONS / "unet.svg").read_text(encoding="utf-8")
    description = re.search(r'aria-label="([^"]*)"', svg).group(1)
    ink = INK.get(theme or "")
    return (re.sub(r' color="[^"]*"', f' color="{ink}"', svg, count=1) if ink else svg), description
