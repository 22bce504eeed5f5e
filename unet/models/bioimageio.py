"""A model as bioimage.io keeps models: a package that ilastik, deepImageJ, QuPath and ``bioimageio.core`` run.

Format 0.5: https://github.com/bioimage-io/spec-bioimage-io. The description is YAML, of which JSON is a part.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unet import render
from unet.errors import ModelError
from unet.models.folder import load_model
from unet.models.graph import OPSET
from unet.models.metadata import INFO_FILE, ModelInfo, read_info
from unet.models.needs import TENSORFLOW, lacks
from unet.models.network import reach
from unet.models.runtime import Network
from unet.models.weights import WEIGHTS_FILE
from unet.preprocess.background import HIGH, LOW

FORMAT = "0.5.4"
DESCRIPTION = "rdf.yaml"
NETWORK, KERAS = "weights.onnx", "weights.keras"
# Height and width of the test image: small, but with more than a halo inside.
SMALLEST_CORE = 64
LICENSE = "MIT"
CITE = (
    ("U-Net: Ronneberger, Fischer and Brox, MICCAI 2015", "10.1007/978-3-319-24574-4_28"),
    ("2018 Data Science Bowl: Caicedo et al., Nature Methods 16, 2019", "10.1038/s41592-019-0612-7"),
)
EPS = 1e-6


def check_exportable(info: ModelInfo) -> None:
    """Refuse a model for whose preprocessing bioimage.io has no words.

    Raises
    ------
    ModelError
    """
    if not info.config.is_native or info.config.intensity != "percentiles":
        raise ModelError(
            f"“{info.name}” resizes all images to one size, or takes their values as they are stored; a package of "
            "bioimage.io cannot say that. Export it as ONNX, or train one with the preset nuclei."
        )


def write_package(folder: Path, model: Path, graph: bytes, keras: Path | None = None) -> None:
    """Write a package's files into a folder.

    Parameters
    ----------
    folder : Path
    model : Path
        The Model folder, which goes along: so the package can be opened here again.
    graph : bytes
        The network as ONNX.
    keras : Path, optional
        The same as a Keras file, which is moved into the folder.

    Raises
    ------
    ModelError
        If bioimage.io has no words for what is done to images before the network.
    """
    info = read_info(model)
    check_exportable(info)
    config = info.config
    step, halo = 2**config.depth, reach(config)
    side = -(-(2 * halo + SMALLEST_CORE) // step) * step
    image = _test_image(side, config.channels)
    maps = Network(graph)(prepared(image))
    (folder / NETWORK).write_bytes(graph)
    np.save(folder / "test_input.npy", image)
    np.save(folder / "test_output.npy", maps)
    for name in (INFO_FILE, WEIGHTS_FILE):
        shutil.copyfile(model / name, folder / name)
    (folder / "README.md").write_text(_documentation(info, halo), encoding="utf-8")
    Image.fromarray(_cover(image, maps, info.threshold)).save(folder / "cover.png")
    weights: dict[str, Any] = {"onnx": _file(folder, NETWORK) | {"opset_version": OPSET}}
    if keras:
        import keras as library
        import tensorflow

        keras.replace(folder / KERAS)
        weights["keras_v3"] = _file(folder, KERAS) | {
            "keras_version": library.__version__,
            "backend": ["tensorflow", tensorflow.__version__],
            "parent": "onnx",
        }
    about = _description(info, side, step, halo) | {"weights": weights}
    (folder / DESCRIPTION).write_text(json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8")


def package(folder: Path, graph: Path, scratch: Path) -> Path:
    """Write what bioimage.io wants around a graph; with Keras' own weights where Keras is installed."""
    check_exportable(read_info(folder))
    keras = None
    if not lacks(TENSORFLOW):
        keras = scratch / "model.keras"
        load_model(folder).save(keras)
    made = scratch / "package"
    made.mkdir()
    write_package(made, folder, graph.read_bytes(), keras)
    return made


def prepared(image: np.ndarray) -> np.ndarray:
    """Return what the package's own preprocessing makes of an image (1, height, width, channels), float32 0 to 255."""
    low, high = np.percentile(image, [LOW, HIGH])
    return (np.clip((image - low) / (high - low + EPS), 0, 1) * 255).astype(np.float32)


def _description(info: ModelInfo, side: int, step: int, halo: int) -> dict[str, Any]:
    names = ["mask", "border", "distance"] if info.config.has_heads else ["mask"]
    if info.config.classes > 1:
        names = [f"class{number}" for number in range(info.config.classes)]
    channels = ["red", "green", "blue"] if info.config.channels == 3 else ["grey"]
    size = {"min": side, "step": step}
    inside = {
        "id": "image",
        "description": "An image with bright nuclei on a dark background; grey is repeated in all channels.",
        "axes": [
            {"type": "batch"},
            *({"type": "space", "id": axis, "size": size} for axis in "yx"),
            {"type": "channel", "channel_names": channels},
        ],
        "data": {"type": "float32"},
        "preprocessing": [
            {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
            {
                "id": "scale_range",
                "kwargs": {
                    "axes": ["y", "x", "channel"], "min_percentile": LOW, "max_percentile": HIGH, "eps": EPS,
                },
            },
            {"id": "clip", "kwargs": {"min": 0.0, "max": 1.0}},
            {"id": "scale_linear", "kwargs": {"gain": 255.0, "offset": 0.0}},
        ],
        "test_tensor": {"source": "test_input.npy"},
    }  # fmt: skip
    outside = {
        "id": "maps",
        "description": "Probabilities, 0 to 1.",
        "axes": [
            {"type": "batch"},
            *(
                {"type": "space", "id": axis, "halo": halo, "size": {"tensor_id": "image", "axis_id": axis}}
                for axis in "yx"
            ),
            {"type": "channel", "channel_names": names},
        ],
        "data": {"type": "float32"},
        "test_tensor": {"source": "test_output.npy"},
    }
    return {
        "type": "model",
        "format_version": FORMAT,
        # Letters, digits and a few signs are all that a name may have.
        "name": re.sub(r"[^\w ()+-]", " ", info.name, flags=re.ASCII).strip()[:100] or "model",
        "description": "A U-Net that finds nuclei in microscopy images.",
        "timestamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "authors": [{"name": "U-Net Studio"}],
        "license": LICENSE,
        "cite": [{"text": text, "doi": doi} for text, doi in CITE],
        "documentation": {"source": "README.md"},
        "covers": ["cover.png"],
        "tags": ["nuclei", "instance-segmentation", "unet", "2d"],
        "attachments": [{"source": INFO_FILE}, {"source": WEIGHTS_FILE}],
        "inputs": [inside],
        "outputs": [outside],
    }


def _file(folder: Path, name: str) -> dict[str, str]:
    return {"source": name, "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest()}


def _test_image(side: int, channels: int) -> np.ndarray:
    """Return discs of many sizes, (1, side, side, channels) float32."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side]
    image = random.normal(12, 3, (side, side))
    for _ in range(side // 8):
        row, column, radius = random.uniform(0, side), random.uniform(0, side), random.uniform(5, 14)
        image[(rows - row) ** 2 + (columns - column) ** 2 < radius**2] += random.uniform(60, 120)
    return np.repeat(image.clip(0)[None, ..., None], channels, axis=3).astype(np.float32)


def _cover(image: np.ndarray, maps: np.ndarray, threshold: float) -> np.ndarray:
    """Return the test image beside what is found in it."""
    seen = prepared(image)[0].astype(np.uint8)
    seen = np.repeat(seen[..., :1], 3, axis=2)
    mask = maps[0, ..., 0] > threshold
    return np.concatenate([seen, render.overlay(seen, mask.astype(np.uint16), opacity=0.4)], axis=1)


def _documentation(info: ModelInfo, halo: int) -> str:
    separation = json.dumps(info.separation.to_dict())
    return f"""# {info.name}

A U-Net for nuclei, made by U-Net Studio. `{INFO_FILE}` tells all that is known of it.

## What it takes

Images with bright nuclei on a dark background, at a scale at which nuclei are as large as those it learned from
({info.provenance.get("object_diameters") or "not known"}, pixels). Two steps of U-Net Studio's the package cannot say:
images with a bright background are inverted first; and where nuclei are not small, the maps are the mean of these and
of those of the image at half its size. The rest is part of it: the {LOW}th to {HIGH}th percentile becomes 0 to 255.

## What it gives

Maps from 0 to 1: the mask, and of models with three heads also the border between touching nuclei and the distance
from a nucleus' edge, as a share of its greatest. {halo} pixels around a tile change its maps (the halo). Programs that
mirror images at their edges to have a halo there get slightly other maps along the edge than U-Net Studio, which does
not.

## After it

A pixel whose mask lies above {info.threshold:g} is foreground. Touching nuclei are separated by a watershed on
distance x (1 - border), whose settings are {separation}; `python -m unet predict` does it, or scikit-image's
`watershed`.

## How good it is

{json.dumps(info.scores)}

## Validation

The package's test image is made up, and its maps are those of this very network. On images of your own, look at the
masks first, and compare a few with what you would have drawn.
"""
