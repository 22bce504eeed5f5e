"""Words for the page: text that others wrote, on its way into Markdown, and durations."""

from __future__ import annotations

import re
from collections.abc import Iterable

# What the browser makes a link, an icon or an emoji of after Markdown has been read, backslashes or not, and what
# begins a list: kept apart by a character without width, U+2060, at which no line breaks.
MADE_LATER = re.compile(r"(?<=:)(?=[\w/+-])|(?<=www)(?=\.)|(?<=@)(?=[\w-])|^(?=[-+]|\d+[.)])", re.IGNORECASE)
LONGEST_ERROR = 400
# A path of the server: at least two folders deep, since “and/or” is none.
SERVER_PATH = re.compile(r"(?<![\w/.])/(?:[^\s/:“”'\"]+/)+")


def plain(text: str) -> str:
    """Return a text that Markdown shows as it is: names of files and models may hold anything, links included."""
    apart = MADE_LATER.sub("\u2060", " ".join(str(text).split()))
    return re.sub(r"([\\`*_\[\]$<>~#|:!&])", r"\\\1", apart)


def told(error: object, most: int = LONGEST_ERROR) -> str:
    """Return what an error says, for the page: no longer than can be read, and without the server's folders."""
    words = SERVER_PATH.sub("", " ".join(str(error).split()))
    return plain(words if len(words) <= most else f"{words[: most - 1]}…")


def own_file_name(name: str, default: str) -> str:
    """Return what a file was called where it came from, as a name that it may have here too: messages then say it."""
    last = "".join(letter for letter in re.split(r"[/\\]", name)[-1] if letter.isprintable())
    return last.lstrip(".")[-60:] or default  # characters of up to four bytes, of which a name may have 255


def unique_names(names: Iterable[str]) -> list[str]:
    """Return the names with a number behind those that came before, so that each can be chosen."""
    taken: set[str] = set()
    unique = []
    for name in names:
        own, number = name, 1
        while own in taken:
            number += 1
            own = f"{name} ({number})"
        taken.add(own)
        unique.append(own)
    return unique


def size_of(width: int, height: int) -> str:
    """Return a size in pixels as all of the app writes it: width first, as in ImageJ."""
    return f"{width:,} × {height:,}"


def short(name: str, most: int = 24) -> str:
    """Return a name with its middle left out where it is long; the end of a file name tells its kind."""
    return name if len(name) <= most else f"{name[: most - 10]}…{name[-9:]}"


def duration(seconds: float, parts: int = 2) -> str:
    """Return a duration in words, such as ``2 min 5 s``, of so many parts at most."""
    left = round(seconds)
    words: list[str] = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (name == "s" and not words):
            words.append(f"{count} {name}")
        elif words:
            break  # “1 h 5 s” would look like a slip
    return " ".join(words[:parts])
