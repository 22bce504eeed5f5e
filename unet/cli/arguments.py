"""The command line's flags, made from the configuration's fields, and back."""

from __future__ import annotations

import argparse
import dataclasses

from unet.config import PRESETS, Config, ModelConfig, Separation, TrainingConfig, preset
from unet.options import Section
from unet.preprocess.adjust import Preparation

SECTIONS = {"training": TrainingConfig, "model": ModelConfig}


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--preset`` and a flag for every field of the configuration."""
    parser.add_argument("--preset", choices=list(PRESETS), default="tutorial", help="where to start from (%(default)s)")
    for title, section in SECTIONS.items():
        group = parser.add_argument_group(f"{title} (each default is the preset's; in brackets the tutorial's)")
        for item in dataclasses.fields(section):
            group.add_argument(_flag(item.name), **_argument(item))


def config_from_flags(arguments: argparse.Namespace) -> Config:
    """Return the preset with what the flags change.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names it.
    """
    changes = {
        item.name: getattr(arguments, item.name)
        for section in SECTIONS.values()
        for item in dataclasses.fields(section)
        if getattr(arguments, item.name) is not None
    }
    return preset(arguments.preset).replace(**changes)


def add_separation_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every field of the separation; the defaults are the model's own."""
    group = parser.add_argument_group("separation of touching nuclei (each default is the one stored with the model)")
    for item in dataclasses.fields(Separation):
        argument = _argument(item)
        argument["help"] = item.metadata["help"]
        group.add_argument(_flag(item.name), **argument)


def separation_from_flags(arguments: argparse.Namespace, own: Separation) -> Separation:
    """Return the model's own separation with what the flags change.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names it.
    """
    values = {item.name: getattr(arguments, item.name) for item in dataclasses.fields(Separation)}
    return dataclasses.replace(own, **{name: value for name, value in values.items() if value is not None})


def config_flags(config: Config) -> list[str]:
    """Return the flags that make this configuration: the preset, and what differs from it."""
    start = PRESETS.get(config.preset, Config())
    flags = ["--preset", config.preset] if config.preset in PRESETS else []
    for name in SECTIONS:
        flags += changed_flags(getattr(config, name), getattr(start, name))
    return flags


def add_preparation_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every field of the preparation."""
    group = parser.add_argument_group("preparation of the images (defaults in brackets)")
    for item in dataclasses.fields(Preparation):
        group.add_argument(_flag(item.name), **_argument(item))


def preparation_from_flags(arguments: argparse.Namespace) -> Preparation:
    """Return the preparation that the flags ask for.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names it.
    """
    values = {item.name: getattr(arguments, item.name) for item in dataclasses.fields(Preparation)}
    return Preparation(**{name: value for name, value in values.items() if value is not None})


def changed_flags(section: Section, before: Section) -> list[str]:
    """Return the flags that make a section out of another one of its kind."""
    flags = []
    for item in dataclasses.fields(section):
        value = getattr(section, item.name)
        if value != getattr(before, item.name):
            flags += _written(item.name, value)
    return flags


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _argument(item: dataclasses.Field) -> dict:
    default, many = item.default, isinstance(item.default, tuple)
    shown = " ".join(map(str, default)) if many else default
    help = f"{item.metadata['help']} [{shown}]".replace("%", "%%")
    if isinstance(default, bool):
        return {"action": argparse.BooleanOptionalAction, "default": None, "help": help}
    kind = type(default[0] if many else default)
    argument = {"type": kind, "help": help, "metavar": {int: "N", float: "X", str: "NAME"}[kind]}
    if item.metadata["choices"]:
        argument["choices"] = item.metadata["choices"]
        argument["metavar"] = "{" + ",".join(map(str, item.metadata["choices"])) + "}"
    return {**argument, "nargs": "+"} if many else argument


def _written(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [_flag(name) if value else _flag("no_" + name)]
    return [_flag(name), *map(str, value if isinstance(value, tuple) else (value,))]
