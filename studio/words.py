"""Text that others wrote, on its way into Markdown."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is: names of files and models may hold anything."""
    return re.sub(r"([\\`*_\[\]$<>~#|:!&])", r"\\\1", " ".join(text.split()))
