"""What is looked at: a square of an image on its way through a network, traced once for all visitors."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import streamlit as st

from studio.common.cache_key import Key
from studio.common.open_models import model_digest
from studio.predict.uploads import Upload
from unet.activations.trace import Trace, TracedNetwork, open_unfolded
from unet.config import ModelConfig
from unet.errors import ModelError
from unet.io.images import map_image
from unet.models.efficientnet import encoder_values
from unet.models.network import level_table
from unet.models.registry import ModelEntry
from unet.prediction.maps import Prediction
from unet.preprocess.channels import channels_seen
from unet.preprocess.normalize import make_normalizer
from unet.preprocess.resize import resize_image
from unet.settings import MB, Settings

SIDES = (64, 128, 256)
# Values of all layers of one pass; a wide network is shown a smaller part of the image.
TRACE_BYTES = 200 * MB
KEPT_PER_LEVEL = 9  # layers of a level whose values are kept, roughly


@dataclass(frozen=True)
class Subject:
    """A square of an image, and the model that it is given to."""

    entry: ModelEntry
    upload: Upload
    key: Key
    settings: Settings

    @classmethod
    def of(
        cls, entry: ModelEntry, upload: Upload, crop: tuple[int, int, int], settings: Settings, page: int = 0
    ) -> Subject:
        """Name what is looked at; ``crop`` is top, left and side in the image, ``page`` its page, from 0."""
        return cls(entry, upload, Key(upload.digest, page, model_digest(entry), crop=crop), settings)

    @property
    def config(self) -> ModelConfig:
        return self.entry.info.config


def read_whole(upload: Upload, settings: Settings, page: int = 0) -> np.ndarray:
    """Return a page of an image, not to be changed.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    return _whole(Key(upload.digest, page), settings.max_image_megapixels, upload, settings.cache / "maps")


@st.cache_resource(max_entries=3, show_spinner=False)
def _whole(key: Key, limit: int, _upload: Upload, _folder: Path) -> np.ndarray:
    image = map_image(_upload.path, folder=_folder, name="It", page=key.page, max_megapixels=limit)
    image.flags.writeable = False
    return image


def seen_side(config: ModelConfig, side: int) -> int:
    """Return how many pixels a side the network is given of a square: fewer, where its layers would fill the memory.

    Raises
    ------
    ModelError
        If even the smallest square would.
    """
    side = side if config.is_native else min(max(config.input_size), SIDES[-1])
    step = 2**config.depth
    while side >= step:
        rows = level_table(dataclasses.replace(config, input_size=(side, side)))
        values = KEPT_PER_LEVEL * max(row["height"] * row["width"] * row["filters"] for row in rows)
        values += encoder_values(side, side) if config.is_pretrained else 0
        if 4 * values <= TRACE_BYTES:
            return math.ceil(side / step) * step
        side //= 2
    raise ModelError("This network is too wide to keep the values of all of its layers; choose another model.")


@st.cache_data(max_entries=32, show_spinner=False)
def given_to_network(key: Key, _subject: Subject) -> np.ndarray:
    """Return what the network is given of the square, (side, side, channels) uint8."""
    image, config = read_whole(_subject.upload, _subject.settings, key.page), _subject.config
    top, left, side = key.crop or (0, 0, SIDES[0])
    part = image[top : top + side, left : left + side]
    choice = channels_seen(image, config)
    seen = make_normalizer(image, config, choice=choice)(part)
    beyond = [(0, side - length) for length in seen.shape[:2]]
    seen = np.pad(seen, [*beyond, (0, 0)], mode="symmetric")
    wanted = seen_side(config, side)
    return seen if wanted == side else resize_image(seen, (wanted, wanted))


# Some 8 MB each, shared by all visitors.
@st.cache_resource(max_entries=2, show_spinner=False)
def unfolded(key: Key, _subject: Subject) -> onnx.ModelProto:
    """Return the network's graph, layer by layer; ``key`` holds no more than the model."""
    config, model = open_unfolded(_subject.entry.folder)
    if model_digest(_subject.entry) != key.model:
        raise ModelError("The model was replaced by another one while it was in use; load the page again.")
    if not config.is_native:
        side = seen_side(config, SIDES[-1])
        for value in (*model.graph.input, *model.graph.output):
            for axis in (1, 2):
                value.type.tensor_type.shape.dim[axis].dim_value = side
    return model


@st.cache_resource(max_entries=2, show_spinner=False)
def _network(key: Key, _subject: Subject) -> TracedNetwork:
    return TracedNetwork(unfolded(key, _subject))


# Up to ``TRACE_BYTES`` each. A class looks at one sample; who looks at something else waits a fifth of a second.
@st.cache_resource(max_entries=3, show_spinner=False)
def trace(key: Key, _subject: Subject) -> Trace:
    """Return the values of all layers for the square."""
    return _network(Key("", model=key.model), _subject)(given_to_network(key, _subject))


def network_graph(subject: Subject) -> onnx.ModelProto:
    """Return the graph of the subject's network."""
    return unfolded(Key("", model=subject.key.model), subject)


def prediction_of_maps(maps: np.ndarray, config: ModelConfig) -> Prediction:
    """Return (maps, height, width) of a network as a prediction."""
    if config.classes > 1:
        return Prediction.of(1 - maps[0], maps[1:].argmax(axis=0).astype(np.uint8) + 1)
    return Prediction.of(*((maps[0], None, *maps[1:]) if config.has_heads else (maps[0],)))
