"""Widgets made from the configuration's fields: their help, bounds and choices stand in ``unet.config``, once."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable
from typing import Any

import streamlit as st

from studio.common.text import plain, told
from studio.common.visitor import visitor
from unet.config import ONLY_CROPS, PRESETS, Config, ModelConfig, TrainingConfig, preset
from unet.errors import ConfigError, UnetError
from unet.models.limits import check_config
from unet.models.network import different_weights
from unet.models.registry import list_models
from unet.settings import read_settings

BASIC = ("epochs", "batch_size", "learning_rate", "loss")
AUGMENTATION = ("flips", "quarter_turns", "brightness", "scale", "photometric", "balance")
# What the fields are called on the page, where their name alone would not do.
LABELS = {
    "classes": "Classes",
    "input_size": "Input size (width × height)",
    "patience": "Patience (epochs)",
    "validation_fraction": "Validation share",
    "quarter_turns": "Quarter turns",
    "scale": "Scale, up to a factor",
    "photometric": "Contrast, stain, noise",
    "balance": "Rare kinds more often",
    "crops": "Crops per epoch",
    "film": "Film of the layers",
    "held_out": "Kinds held out",
    "start_from": "Start from",
    "decoder_convolutions": "Convolutions on the way up",
}
PRESET_LABELS = {"tutorial": "Tutorial", "nuclei": "Best", "finetune": "Fine-tune"}
CHOICE_LABELS = {
    "crossentropy": "Binary cross-entropy",
    "dice": "Dice",
    "crossentropy+dice": "Cross-entropy + Dice",
    "none": "None",
    "batch": "Batch",
    "group": "Group",
    "resized": "Resized to input size",
    "native": "Own size, in crops",
    "stored": "As stored",
    "percentiles": "Stretched by percentiles",
    "mask": "Mask",
    "mask+border+distance": "Mask, border, distance",
    "constant": "Constant",
    "cosine": "Warm-up and cosine",
    "auto": "Automatic",
    "unet": "U-Net's own",
    "efficientnet-lite0": "EfficientNet-Lite0 (ImageNet)",
}


def _choose_preset() -> str:
    return st.selectbox(
        "Preset",
        list(PRESETS),
        key="preset",
        format_func=lambda name: PRESET_LABELS.get(name, name.capitalize()),
        help="A named set of settings. “Tutorial” is the original U-Net walkthrough's, to the letter, and quick. "
        "“Best” is the best recipe known here: it separates touching nuclei, and takes about an hour on two cores.",
        persist_state="session",
    )


def config_form() -> Config | None:
    """Draw the preset and its settings; return the configuration, or None after saying which value cannot work."""
    values: dict[str, Any] = {}
    problem = st.container()
    try:
        with st.grid(5, min_column_width=150):
            start = preset(_choose_preset())
            values |= _widgets(start, BASIC)
        only = "" if _resolution(start) == "native" else f" Greyed-out settings need {CHOICE_LABELS['native'].lower()}."
        st.caption(f"**Augmentation**: altered copies of the images, drawn afresh in each epoch.{only}")
        with st.grid(3, min_column_width=150, vertical_alignment="center"):
            values |= _widgets(start, AUGMENTATION)
        with st.expander("Advanced: architecture, split, early stopping", icon=":material/tune:", key="advanced"):
            values |= _advanced(start)
        config = start.replace(**values)
        check_config(config.model)
        return config
    except ConfigError as error:
        problem.error(worded(error), icon=":material/error:")
        return None


def worded(error: UnetError | OSError) -> str:
    """Return a message as Markdown, with the page's labels in the place of the names of settings and choices."""
    # Escaped by then, as all of it is.
    named = re.compile(r"\\`(.+?)\\`")
    words = named.sub(lambda found: f"**{plain(_word(found[1].replace(chr(92), '')))}**", told(error))
    return words[:1].upper() + words[1:]


def _word(name: str) -> str:
    if name in {item.name for item in _fields()}:
        return label_of(name).partition(" (")[0]
    return CHOICE_LABELS.get(name, name)


def remember(config: Config) -> None:
    """Put a configuration's values into the widgets, for the next time that they are drawn."""
    name = config.preset if config.preset in PRESETS else next(iter(PRESETS))
    st.session_state["preset"] = name
    for item in _fields():
        value = getattr(getattr(config, _section(item.name)), item.name)
        st.session_state[_key(name, item.name)] = _shown(item, value)


def _advanced(start: Config) -> dict[str, Any]:
    shown = {*BASIC, *AUGMENTATION}
    values: dict[str, Any] = {}
    for title, section in (("Training", TrainingConfig), ("Model", ModelConfig)):
        st.caption(f"**{title}**")
        with st.grid(3, min_column_width=220):
            values |= _widgets(start, (item.name for item in dataclasses.fields(section) if item.name not in shown))
    return values


def _widgets(start: Config, names: Iterable[str]) -> dict[str, Any]:
    fields = {item.name: item for item in _fields()}
    return {name: field_widget(fields[name], start) for name in names}


def field_widget(item: dataclasses.Field, start: Config) -> Any:
    """Draw the widget that fits a field's type, bounds and choices, and return its value.

    Raises
    ------
    ConfigError
        If what was typed is not a number; the message names the field.
    """
    default = getattr(getattr(start, _section(item.name)), item.name)
    key = _key(start.preset, item.name)
    # Set here rather than by ``value``, so that ``remember`` can set it too.
    if key not in st.session_state:
        st.session_state[key] = _shown(item, default)
    common = {
        "label": item.metadata.get("label") or label_of(item.name),
        "key": key,
        "help": item.metadata["help"],
        "persist_state": "session",
    }
    if item.name in ONLY_CROPS and _resolution(start) != "native":
        here, needed = CHOICE_LABELS[_resolution(start)], CHOICE_LABELS["native"]
        common |= {
            "disabled": True,
            "help": f"{common['help']} **No effect here**: Resolution is “{here}”; only “{needed}” draws crops.",
        }
    low, high, choices = (item.metadata[name] for name in ("low", "high", "choices"))
    if item.name == "start_from":
        # One that was remembered may be gone; starting then says so.
        options = dict.fromkeys([*_starts(start), st.session_state[key]])
        return st.selectbox(options=list(options), format_func=lambda key: key or "None", **common)
    if isinstance(default, bool):
        return st.toggle(**common)
    if choices:
        return st.selectbox(
            options=choices, format_func=lambda choice: CHOICE_LABELS.get(choice, str(choice)), **common
        )
    if isinstance(default, tuple):
        return parse_numbers(item, st.text_input(**common))
    # Bounds are not the widget's: the browser would keep back what lies outside them and train with the number before.
    if isinstance(default, int):
        return st.number_input(step=1, **common)
    if isinstance(default, float) and low is not None and _is_share(low, high):
        return st.slider(min_value=low, max_value=high, step=0.01, **common)
    if isinstance(default, float):
        step = 10.0 ** (math.floor(math.log10(default)) - 1) if default else None
        return st.number_input(step=step, format="%g", **common)
    return st.text_input(**common)


def _resolution(start: Config) -> str:
    """Return the resolution as it is chosen, further down on the page."""
    return st.session_state.get(_key(start.preset, "resolution"), start.model.resolution)


def _starts(start: Config) -> list[str]:
    """Return the models that a training may start from, and before them none."""
    settings = read_settings()
    models = visitor(settings).listed(list_models(settings))
    return ["", *(model.key for model in models if not different_weights(model.info.config, start.model))]


def parse_numbers(item: dataclasses.Field, text: str) -> tuple:
    """Read the numbers that were typed for a field of several, such as ``16, 32, 64`` or ``128 x 128``.

    Raises
    ------
    ConfigError
        If a part is not a number; the message names the field.
    """
    first = item.default[0] if isinstance(item.default, tuple) else 0
    kind = type(first)
    try:
        values = tuple(kind(part) for part in re.split(r"[\s,;x×]+", text.strip()) if part)
    except ValueError:
        values = ()
    if not values:
        what = "whole numbers" if kind is int else "numbers"
        raise ConfigError(f"`{item.name}` is “{text}”; write {what}, such as {_shown(item, item.default)}.")
    if item.name == "input_size":  # width first on the page, as ImageJ has it; rows first within
        return values * 2 if len(values) == 1 else values[::-1]
    return values


def label_of(name: str) -> str:
    """Return what a field is called on the page."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def _fields() -> list[dataclasses.Field]:
    return [*dataclasses.fields(TrainingConfig), *dataclasses.fields(ModelConfig)]


def _section(name: str) -> str:
    return "model" if name in {item.name for item in dataclasses.fields(ModelConfig)} else "training"


def _key(preset_name: str, field_name: str) -> str:
    """Each preset has widgets of its own, so that choosing one shows its values."""
    return f"setting-{preset_name}-{field_name}"


def _shown(item: dataclasses.Field, value: Any) -> Any:
    if item.name == "input_size":
        return " x ".join(map(str, value[::-1]))
    return ", ".join(f"{part:g}" for part in value) if isinstance(value, tuple) else value


def _is_share(low: float, high: float) -> bool:
    return low >= 0 and high <= 1 and (low == 0 or high / low < 1000)
