"""A configuration written as the flags of the command line that make it."""

from __future__ import annotations

import dataclasses

from unet.config import PRESETS, Config, ModelConfig, TrainingConfig
from unet.options import Section

SECTIONS = {"training": TrainingConfig, "model": ModelConfig}


def config_flags(config: Config) -> list[str]:
    """Return the flags that make this configuration: the preset, and what differs from it."""
    start = PRESETS.get(config.preset, Config())
    flags = ["--preset", config.preset] if config.preset in PRESETS else []
    for name in SECTIONS:
        flags += changed_flags(getattr(config, name), getattr(start, name))
    return flags


def changed_flags(section: Section, before: Section) -> list[str]:
    """Return the flags that make a section out of another one of its kind."""
    flags = []
    for item in dataclasses.fields(section):
        value = getattr(section, item.name)
        if value != getattr(before, item.name):
            flags += _written(item.name, value)
    return flags


def flag(name: str) -> str:
    """Return the flag of a field: ``input_size`` is ``--input-size``."""
    return "--" + name.replace("_", "-")


def _written(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [flag(name) if value else flag("no_" + name)]
    return [flag(name), *map(str, value if isinstance(value, tuple) else (value,))]
