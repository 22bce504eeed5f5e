"""Values of a JSON file that a stranger may have written: taken when they are plain and bounded, else refused."""

from __future__ import annotations

import math
from typing import Any

MAX_NAME, MAX_TEXT, MAX_ENTRIES, MAX_DEPTH = 120, 4000, 200, 6


def printable_name(value: Any) -> str:
    """Return a value that is one printable line.

    Raises
    ------
    ValueError
        If it is not.
    """
    # isprintable refuses line breaks, control characters and lone surrogates, none of which can be shown or stored.
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME or not value.isprintable():
        raise ValueError(f"name must be one printable line of at most {MAX_NAME} characters")
    return value


def finite_number(value: Any, what: str, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a value that is a finite number within bounds; ``what`` is what the error calls it.

    Raises
    ------
    ValueError
        If it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{what} must be a number" + (f" from {low} to {high}" if high < math.inf else ""))
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{what} must be finite")
    return number


def named_numbers(value: Any) -> dict[str, float]:
    """Return a value that is a table of names and finite numbers.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(value, dict) or len(value) > MAX_ENTRIES:
        raise ValueError(f"scores must be a table of at most {MAX_ENTRIES} numbers")
    return {printable_name(name): finite_number(score, "each score") for name, score in value.items()}


def check_plain(value: Any, what: str, depth: int = 0) -> None:
    """Refuse what could not be shown or written again: endless tables, NaN, text that cannot be encoded.

    Raises
    ------
    ValueError
        If there is any of it; ``what`` is what the error calls the value.
    """
    if depth > MAX_DEPTH:
        raise ValueError(f"{what} is nested too deeply")
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"{what} holds a text of more than {MAX_TEXT} characters")
        value.encode("utf-8")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        finite_number(value, f"each number of {what}")
    elif isinstance(value, dict | list):
        if len(value) > MAX_ENTRIES:
            raise ValueError(f"{what} has more than {MAX_ENTRIES} entries")
        for part in [*value, *value.values()] if isinstance(value, dict) else value:
            check_plain(part, what, depth + 1)
