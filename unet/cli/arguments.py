"""The command line's flags, made from the configuration's fields, and what they say."""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from unet.config import PRESETS, Config, Separation, preset
from unet.flags import SECTIONS, flag
from unet.options import like_in
from unet.preprocess.adjust import ImageAdjustments


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--preset`` and a flag for every field of the configuration."""
    parser.add_argument("--preset", choices=list(PRESETS), default="tutorial", help="where to start from (%(default)s)")
    for title, section in SECTIONS.items():
        group = parser.add_argument_group(f"{title} (each default is the preset's; in brackets the tutorial's)")
        for item in dataclasses.fields(section):
            group.add_argument(flag(item.name), **_argument(item))


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
        former = [flag(item.metadata["formerly"])] if item.metadata["formerly"] else []
        group.add_argument(flag(item.name), *former, dest=item.name, **argument)


def separation_from_flags(arguments: argparse.Namespace, own: Separation) -> Separation:
    """Return the model's own separation with what the flags change.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names it.
    """
    values = {item.name: getattr(arguments, item.name) for item in dataclasses.fields(Separation)}
    return dataclasses.replace(own, **{name: value for name, value in values.items() if value is not None})


def add_preparation_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every field of the preparation."""
    group = parser.add_argument_group("preparation of the images (defaults in brackets)")
    for item in dataclasses.fields(ImageAdjustments):
        group.add_argument(flag(item.name), **_argument(item))


def preparation_from_flags(arguments: argparse.Namespace) -> ImageAdjustments:
    """Return the preparation that the flags ask for.

    Raises
    ------
    ConfigError
        If a value cannot work; the message names it.
    """
    values = {item.name: getattr(arguments, item.name) for item in dataclasses.fields(ImageAdjustments)}
    if values["scale"] == 1 and values["fit"] is None:
        values["fit"] = False  # who asks for 1 does not want another scale by the size of the nuclei
    return ImageAdjustments(**{name: value for name, value in values.items() if value is not None})


def _argument(item: dataclasses.Field) -> dict:
    default: Any = item.default
    many = isinstance(default, tuple)
    shown = " ".join(map(str, default)) or "none" if many else default
    help = f"{item.metadata['help']} [{shown}]".replace("%", "%%")
    if isinstance(default, bool):
        return {"action": argparse.BooleanOptionalAction, "default": None, "help": help}
    kind = type(like_in(item) if many else default)
    argument = {"type": kind, "help": help, "metavar": {int: "N", float: "X", str: "NAME"}[kind]}
    if item.metadata["choices"]:
        argument["choices"] = item.metadata["choices"]
        argument["metavar"] = "{" + ",".join(map(str, item.metadata["choices"])) + "}"
    return {**argument, "nargs": "+"} if many else argument
