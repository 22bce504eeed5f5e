"""Text that others wrote, on its way into Markdown."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is: names of files and models may hold anything."""
    return re.sub(r"([\\`*_\[\]$<>~#|:!&])", r"\\\1", " ".join(text.split()))


def short(name: str, most: int = 24) -> str:
    """Return a name with its middle left out where it is long; the end of a file name tells its kind."""
    return name if len(name) <= most else f"{name[: most - 10]}…{name[-9:]}"
