"""Settings as frozen dataclasses whose fields carry their help, bounds and choices.

In messages, the names of fields and choices stand in backticks, so that a page can put its own words in their place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from unet.errors import ConfigError, shortened


def option(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple = (),
    formerly: str = "",
) -> Any:
    """Declare a configuration field.

    Parameters
    ----------
    default
        Its default; the type of every value.
    help : str
        What it means, for the command line and the page.
    low, high : float, optional
        The bounds, both included; for a tuple they hold for each value, and of an empty one the lower says the
        type.
    choices : tuple
        The values allowed, if only those are.
    formerly : str
        The name that the field had in files, flags and addresses of earlier versions, which are still read.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "formerly": formerly}
    return field(default=default, metadata=metadata)


def _checked(item: dataclasses.Field, value: Any) -> Any:
    """Return the field's value in its own type, or raise a ConfigError that names it."""
    default = item.default
    if isinstance(default, tuple):
        values = value if isinstance(value, (tuple, list)) else (value,)
        return tuple(_checked_value(item, like_in(item), part) for part in values)
    return _checked_value(item, default, value)


def like_in(item: dataclasses.Field) -> Any:
    """Return a value of the type that a tuple's values have."""
    default: Any = item.default
    return default[0] if default else item.metadata["low"]


def _checked_value(item: dataclasses.Field, like: Any, value: Any) -> Any:
    if isinstance(like, float) and isinstance(value, int) and not isinstance(value, bool):
        with suppress(OverflowError):  # then it is of the wrong type, and said to be
            value = float(value)
    if type(value) is not type(like):
        raise ConfigError(f"`{item.name}` is {shortened(value)}; it must be of type {type(like).__name__}.")
    low, high, choices = (item.metadata[key] for key in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ConfigError(f"`{item.name}` is {shortened(value)}; choose from {', '.join(map(str, choices))}.")
    if low is not None and not low <= value <= high:
        raise ConfigError(f"`{item.name}` is {shortened(value)}; it must lie between {low:,} and {high:,}.")
    return value


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Section:
    """A frozen dataclass of options: it checks its values where it is made, becomes JSON and comes back."""

    def __post_init__(self):
        for item in dataclasses.fields(self):
            object.__setattr__(self, item.name, _checked(item, getattr(self, item.name)))

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON types."""
        return dataclasses.asdict(self, dict_factory=lambda pairs: {k: _plain(v) for k, v in pairs})

    @classmethod
    def with_today_s_names(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the same values under the names that the fields have now."""
        names = {item.metadata["formerly"]: item.name for item in dataclasses.fields(cls) if item.metadata["formerly"]}
        return {names.get(name, name): value for name, value in data.items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Make the section from JSON types; a name that is not known is refused."""
        if not isinstance(data, dict):
            raise ConfigError(f"The configuration must be a table of names and values, not {type(data).__name__}.")
        data = cls.with_today_s_names(data)
        known = {item.name for item in dataclasses.fields(cls)}
        for name in data:
            if name not in known:
                raise ConfigError(f"“{shortened(name)}” is not a setting; the settings are {', '.join(sorted(known))}.")
        return cls(**data)


def size_text(size: tuple[int, int]) -> str:
    """Return a size (height, width) as people read it, width first."""
    return f"{size[1]} x {size[0]}"
