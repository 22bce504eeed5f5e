"""What the browser asks for, answered out of the real network: only what is looked at travels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from studio.common.cache_key import Key
from studio.inside.steps import shown, step_of
from studio.inside.subject import Subject, given_to_network, network_graph, prediction_of_maps, trace
from studio.inside.wire import pack
from studio.inside.words import SIDES, about_layer, about_stack
from unet.activations.drawing import stacks_of
from unet.activations.film import eighths, epochs_of, filmed_image, frame_of
from unet.activations.influence import energy_of, influence_of
from unet.activations.layers import output_layer
from unet.activations.reach import Gradient, field_of
from unet.activations.switches import Switches, switched
from unet.activations.trace import with_outputs
from unet.activations.window import window_of
from unet.errors import UnetError
from unet.memmap import downscale_mean
from unet.models.runtime import Network
from unet.prediction.separation import find_objects, separation_stages
from unet.runs.run import open_run

# Longer side of the maps in the drawing, and how many maps of a layer travel at once.
FRONT, MAPS = 64, 64
FRAMES = 32  # of a film, that travel at once
ABLATED = 64  # channels whose influence is found at a time


class AskError(UnetError):
    """What was asked for is not there."""


def answer(subject: Subject, asked: Any) -> bytes:
    """Answer what a browser asks; what it asks may be anything.

    Parameters
    ----------
    subject : Subject
    asked : dict
        ``id``, which the answer bears too, ``kind`` and what that kind needs.

    Returns
    -------
    bytes
        Packed; where nothing can be answered, with a sentence under ``error``.
    """
    if not isinstance(asked, dict) or not isinstance(asked.get("kind"), str):
        return pack({"error": "Nothing was asked for."}, {})
    about = {"id": str(asked.get("id", ""))[:200], "subject": subject.key.token}
    try:
        made, arrays = ANSWERS[asked["kind"]](subject, asked)
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, NotImplementedError, AskError, OSError):
        return pack({**about, "error": "There is no such layer or place in this network."}, {})
    except UnetError as error:
        return pack({**about, "error": str(error)}, {})
    return pack({**about, **made}, arrays)


Made = tuple[dict[str, Any], dict[str, np.ndarray]]


def whole_of(subject: Subject, _asked: dict) -> Made:
    """The drawing: its stacks with the strongest map of each, the image, and what is found in it."""
    return _drawing(subject.key, subject)


# Some 0.4 MB each; a class opens one.
@st.cache_resource(max_entries=16, show_spinner=False)
def _drawing(key: Key, _subject: Subject) -> Made:
    subject = _subject
    found, seen = trace(key, subject), given_to_network(key, subject)
    stacks, arrays = (
        [],
        {"image": np.ascontiguousarray(np.repeat(seen, 3, axis=2)[..., :3] if seen.shape[2] == 1 else seen)},
    )
    for number, stack in enumerate(stacks_of(found)):
        values = found[stack.layer]
        energy = energy_of(values)
        strongest = int(energy.argmax()) if stack.layer != output_layer(found.layers) else 0
        front = downscale_mean(values[strongest], FRONT)
        levels, _ = eighths(front[None])
        arrays[f"front{number}"] = levels[0]
        channels, height, width = values.shape
        stacks.append(
            {
                "layer": stack.layer,
                "level": stack.level,
                "side": stack.side,
                "steps": stack.steps,
                "inputs": stack.inputs,
                "size": [channels, height, width],
                "parameters": sum(found.layers[step].parameters for step in stack.steps),
                "front": strongest,
                "words": about_stack(found, stack),
                "kind": found.layers[stack.layer].kind,
            }
        )
    layers = {
        name: {
            "kind": layer.kind,
            "inputs": layer.inputs,
            "words": about_layer(found, layer),
            "size": found.shape(name),
        }
        for name, layer in found.layers.items()
    }
    about = {"stacks": stacks, "layers": layers, "sides": SIDES, "output": output_layer(found.layers)}
    made, more = _found_in(subject, found.maps)
    return {**about, **made}, {**arrays, **more}


def layer_of(subject: Subject, asked: dict) -> Made:
    """Maps of a layer as tiles of 8 bits with their ranges, the strongest first, from ``first`` on."""
    values = trace(subject.key, subject)[_name(asked, "layer")]
    energy = energy_of(values)
    order = np.argsort(-energy, kind="stable")
    first = int(asked.get("first", 0))
    part = order[max(0, first) : max(0, first) + MAPS]
    wanted = asked.get("channels")
    if isinstance(wanted, list):
        part = np.array(wanted[:MAPS], int)
    tiles, ranges = eighths(values[part])
    about = {"count": len(values), "channels": part.tolist(), "energy": np.round(energy[part], 6).tolist()}
    return about, {"tiles": tiles, "ranges": ranges}


def influence(subject: Subject, asked: dict) -> Made:
    """By how much the map changes without each of the strongest channels of a layer."""
    found = _influence(subject.key, _name(asked, "layer"), subject)
    return {"channels": [each for each, _ in found], "influence": [value for _, value in found]}, {}


@st.cache_data(max_entries=64, show_spinner=False)
def _influence(key: Key, layer: str, _subject: Subject) -> list[tuple[int, float]]:
    found = trace(key, _subject)
    strongest = np.argsort(-energy_of(found[layer]), kind="stable")[:ABLATED].tolist()
    changes = influence_of(network_graph(_subject), found, layer, strongest)
    return sorted(zip(strongest, changes.tolist(), strict=True), key=lambda each: -each[1])


def number_of(subject: Subject, asked: dict) -> Made:
    """What a value was made of, with exact values."""
    window = window_of(trace(subject.key, subject), _name(asked, "layer"), *_place(asked))
    return window.about, window.arrays


def field(subject: Subject, asked: dict) -> Made:
    """The receptive field of a value, and how it changes with each pixel of the image."""
    channel, row, column = _place(asked)
    box, heat, largest = _field(subject.key, _name(asked, "layer"), channel, row, column, subject)
    return {"box": box, "largest": largest}, {"heat": heat}


@st.cache_data(max_entries=128, show_spinner=False)
def _field(
    key: Key, layer: str, channel: int, row: int, column: int, _subject: Subject
) -> tuple[list[int], np.ndarray, float]:
    found = trace(key, _subject)
    seed = np.zeros(found.shape(layer), np.float32)
    seed[channel, row, column] = 1
    change = np.abs(_gradient(Key("", model=key.model), layer, _subject)(given_to_network(key, _subject), seed)).sum(0)
    largest = float(change.max())
    # The root, so that what counts little can be seen as well.
    heat = np.rint(np.sqrt(change / largest if largest else change) * 255).astype(np.uint8)
    return list(field_of(found, layer, row, column)), heat, largest


@st.cache_resource(max_entries=8, show_spinner=False)
def _gradient(key: Key, layer: str, _subject: Subject) -> Gradient:
    return Gradient(network_graph(_subject), layer)


def switch(subject: Subject, asked: dict) -> Made:
    """What the network says once something in it is switched off."""
    maps = _switched(subject.key, Switches.from_dict(asked.get("switches")), subject)
    made, arrays = _found_in(subject, maps)
    before = prediction_of_maps(trace(subject.key, subject).maps, subject.config)
    threshold = subject.entry.info.threshold
    one, other = before.mask(threshold), prediction_of_maps(maps, subject.config).mask(threshold)
    total = int(one.sum() + other.sum())
    return {**made, "dice": 2 * int((one & other).sum()) / total if total else 1.0}, arrays


@st.cache_data(max_entries=64, show_spinner=False)
def _switched(key: Key, switches: Switches, _subject: Subject) -> np.ndarray:
    output = output_layer(trace(key, _subject).layers)
    model = with_outputs(switched(network_graph(_subject), switches), [output])
    return Network(model.SerializeToString(), [output]).all(given_to_network(key, _subject)[None])[0][0]


def flood(subject: Subject, _asked: dict) -> Made:
    """The steps from the maps to the nuclei."""
    info, maps = subject.entry.info, trace(subject.key, subject).maps
    prediction = prediction_of_maps(maps, subject.config)
    stages = separation_stages(prediction, info.threshold, info.separation)
    separation = {**info.separation.to_dict(), "has_heads": subject.config.has_heads}
    made, arrays = _found_in(subject, maps)
    return {**made, "separation": separation, "tops": int(stages.basins.max(initial=0))}, {
        **arrays,
        "mask": stages.mask.astype(np.uint8),
        "distance": stages.distance.astype(np.float32),
        "peaks": stages.tops.astype(np.uint8),
        "basins": stages.basins.astype(np.uint16),
        "merged": stages.objects.astype(np.uint16),
    }


def film(subject: Subject, asked: dict) -> Made:
    """The first maps of a layer after each epoch of the training that made the model."""
    folder = film_folder(subject)
    epochs = epochs_of(folder) if folder else []
    if not folder or not epochs:
        return {"epochs": []}, {}
    if len(epochs) > FRAMES:
        epochs = sorted({epochs[round(at * (len(epochs) - 1) / (FRAMES - 1))] for at in range(FRAMES)})
    frames = [frame_of(folder, epoch, _name(asked, "layer")) for epoch in epochs]
    arrays = {"tiles": np.stack([tiles for tiles, _ in frames]), "ranges": np.stack([ranges for _, ranges in frames])}
    best = subject.entry.info.provenance.get("best_epoch")
    return {"epochs": epochs, "best": best}, {**arrays, "image": filmed_image(folder)}


def step(subject: Subject, asked: dict) -> Made:
    """One step of the training, on four images; ``pending`` while it is being made."""
    found = step_of(subject, int(asked["number"]))
    return shown(found) if found else ({"pending": True}, {})


def film_folder(subject: Subject) -> Path | None:
    """Return where the film of a model's training lies, if it is the model of a run."""
    kind, _, name = subject.entry.key.rpartition(":")
    return open_run(name, subject.settings).film if kind == "run" else None


def _found_in(subject: Subject, maps: np.ndarray) -> Made:
    """What the maps say at the model's own threshold."""
    info = subject.entry.info
    prediction = prediction_of_maps(maps, subject.config)
    labels = find_objects(prediction, info.threshold, info.separation)
    count = int(labels.max(initial=0))
    probability = (prediction.levels >> 8).astype(np.uint8)
    about = {"count": count, "threshold": info.threshold}
    return about, {"probability": probability, "labels": labels.astype(np.uint16)}


def _name(asked: dict, key: str) -> str:
    if not isinstance(asked[key], str):
        raise TypeError(key)
    return asked[key]


def _place(asked: dict) -> tuple[int, int, int]:
    channel, row, column = (int(asked[name]) for name in ("channel", "row", "column"))
    if min(channel, row, column) < 0:
        raise IndexError("a place is counted from 0")
    return channel, row, column


ANSWERS: dict[str, Callable[[Subject, dict], Made]] = {
    "whole": whole_of,
    "layer": layer_of,
    "influence": influence,
    "number": number_of,
    "field": field,
    "switch": switch,
    "flood": flood,
    "film": film,
    "step": step,
}
