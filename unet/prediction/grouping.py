"""Which group an image belongs to, by its name: its folder, or a part of the name that a pattern marks."""

from __future__ import annotations

import re

from unet.errors import ConfigError

FOLDER = "folder"
GROUP = "{group}"
# Each ``*`` lets the time that matching takes grow by the length of the name.
MOST_STARS = 2
MOST_CHARACTERS = 200
HELP = (
    "“folder” for the folder an image lies in, or a pattern of the file names in which {group} stands for the group "
    "and * for anything, such as {group}_*."
)


def check_pattern(pattern: str) -> str:
    """Return a pattern as it was given, if images can be grouped by it.

    Parameters
    ----------
    pattern : str
        Empty for no groups, ``folder``, or a file name in which ``{group}`` stands for the group and ``*`` for
        anything.

    Raises
    ------
    ConfigError
        If it has no ``{group}``, or more of it or of ``*`` than can be told from one another.
    """
    if pattern in ("", FOLDER):
        return pattern
    if pattern.count(GROUP) != 1 or len(pattern) > MOST_CHARACTERS or pattern.count("*") > MOST_STARS:
        raise ConfigError(
            f"The pattern of groups “{pattern[:MOST_CHARACTERS]}” needs {{group}} once and at most {MOST_STARS} *; "
            "write, for example, {group}_*."
        )
    return pattern


def group_of(name: str, pattern: str) -> str:
    """Return the group of an image.

    Parameters
    ----------
    name : str
        A file name, perhaps with folders before it.
    pattern : str
        As ``check_pattern`` takes it.

    Returns
    -------
    str
        Empty where there is none: without a pattern, for an image in no folder, for a name that the pattern does not
        fit.

    Raises
    ------
    ConfigError
        If there can be no such pattern.
    """
    if not check_pattern(pattern):
        return ""
    *folders, file = name.replace("\\", "/").split("/")
    if pattern == FOLDER:
        return folders[-1] if folders else ""
    words = re.escape(pattern).replace(re.escape(GROUP), "(.+?)").replace(re.escape("*"), ".*?")
    stem = file.rpartition(".")[0] or file
    found = next(filter(None, (re.fullmatch(words, each, re.DOTALL) for each in (file, stem))), None)
    return found[1] if found else ""
