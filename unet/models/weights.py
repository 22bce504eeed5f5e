"""``model.weights.h5``, checked before anything loads it: HDF5 can point elsewhere, and claim more than it holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from unet.config import ModelConfig
from unet.errors import ModelError, shortened
from unet.models.metadata import title_of
from unet.models.network import count_parameters, weight_shapes

if TYPE_CHECKING:
    import h5py

WEIGHTS_FILE = "model.weights.h5"
# As it is saved, and as it may be stored to take half the room; either is float32 in memory.
DTYPE, HALF = np.dtype(np.float32), np.dtype(np.float16)
# What HDF5 adds to the values: some 150 kB for the tutorial's network.
OVERHEAD_BYTES = 4 * 1024 * 1024
MAX_MEMBERS, MAX_DEPTH = 20_000, 10


class Place(NamedTuple):
    """A dataset of the weights file."""

    name: str
    shape: tuple[int, ...]


# From each layer's name to what it has.
Layout = dict[str, list[Place]]
Weights = dict[str, list[np.ndarray]]


class _Refused(Exception):
    """Why a weights file is refused, as the rest of a sentence."""


def max_weights_bytes(config: ModelConfig) -> int:
    """Return the largest size that the weights file of this architecture can honestly have."""
    return DTYPE.itemsize * count_parameters(config) + OVERHEAD_BYTES


def check_weights(path: Path, config: ModelConfig) -> None:
    """Make sure that a weights file holds this architecture's finite values, float32 or float16, and nothing else.

    Works without TensorFlow. Each value must lie in the file itself, uncompressed: reading the file never takes more
    memory than twice the file's size.

    Raises
    ------
    ModelError
        If the file is refused; the message names it and says why.
    """
    read_weights(path, config)


def read_weights(path: Path, config: ModelConfig) -> Weights:
    """Read what ``check_weights`` finds to be good.

    Returns
    -------
    dict
        From each layer's name to its values, float32, in Keras' order and shapes; see
        ``unet.models.network.weight_shapes``.

    Raises
    ------
    ModelError
        If the file is refused; the message names it and says why.
    """
    import h5py

    path, layout = Path(path), saved_layout(config)
    shown = f"{path.name} of the model “{title_of(path.parent)}”"
    try:
        if path.stat().st_size > max_weights_bytes(config):
            raise _Refused("is much larger than the weights of its architecture")
        with h5py.File(path, "r") as file:
            found = _read_members(file, layout)
        return {layer: [found[place.name] for place in places] for layer, places in layout.items()}
    except _Refused as reason:
        raise ModelError(f"{shown} {reason}; take the Model folder as it was saved.") from None
    except FileNotFoundError:
        raise ModelError(
            f"The model “{title_of(path.parent)}” has no {path.name}; take the Model folder as it was saved."
        ) from None
    except Exception as error:  # A damaged HDF5 file makes h5py raise nearly anything.
        raise ModelError(f"{shown} is damaged or not an HDF5 file; take the Model folder as it was saved.") from error


def _read_members(file: h5py.File, layout: Layout) -> dict[str, np.ndarray]:
    """Return the values of each dataset, all of them found good."""
    shapes = {place.name: place.shape for places in layout.values() for place in places}
    found: dict[str, np.ndarray] = {}
    for name, dataset in _datasets(file):
        shown = name if name.isprintable() and len(name) < 200 else ascii(name[:200])
        if name not in shapes:
            raise _Refused(f"holds “{shown}”, which its architecture does not have")
        if dataset.shape != shapes[name]:
            raise _Refused(
                f"holds “{shown}” in the shape {shortened(dataset.shape)}; its architecture needs {shapes[name]}"
            )
        _check_storage(dataset, shown)
        found[name] = dataset[()].astype(DTYPE, copy=False)
        if not np.isfinite(found[name]).all():
            raise _Refused(f"holds values in “{shown}” that are not finite numbers")
    if missing := sorted(set(shapes) - set(found)):
        raise _Refused(f"lacks “{missing[0]}”")
    return found


def _check_storage(dataset: h5py.Dataset, name: str) -> None:
    """Make sure that all values stand in this file as plain numbers: none external, virtual, packed or imagined."""
    import h5py

    creation = dataset.id.get_create_plist()
    if dataset.shape is None or dataset.dtype not in (DTYPE, HALF):
        raise _Refused(f"holds “{name}” as {shortened(str(dataset.dtype))}; {DTYPE} or {HALF} is needed")
    plain = creation.get_layout() == h5py.h5d.CONTIGUOUS and not creation.get_external_count()
    if not plain or creation.get_nfilters() or dataset.id.get_storage_size() != dataset.nbytes:
        raise _Refused(f"does not hold the values of “{name}” plainly in itself")


def _datasets(file: h5py.File) -> Iterator[tuple[str, h5py.Dataset]]:
    """Walk all members without following a link; groups without datasets count for nothing."""
    import h5py

    waiting, seen = [("", file)], 0
    while waiting:
        prefix, group = waiting.pop()
        for key in group:
            seen += 1
            name = f"{prefix}{key}"
            if seen > MAX_MEMBERS or name.count("/") > MAX_DEPTH:
                raise _Refused("has more members than any model")
            if not isinstance(group.get(key, getlink=True), h5py.HardLink):
                raise _Refused(f"has a link, {shortened(name)!r}, where values belong")
            member = group[key]
            if isinstance(member, h5py.Group):
                waiting.append((f"{name}/", member))
            elif isinstance(member, h5py.Dataset):
                yield name, member
            else:
                raise _Refused(f"has a member, {shortened(name)!r}, that is neither a group nor values")


def saved_layout(config: ModelConfig) -> Layout:
    """Return where each layer's values stand in the weights file that Keras' ``save_weights`` writes.

    Keras names a layer's values after its class in snake case, numbered in the order of the layers, and by their
    place in the layer.
    """
    layout: Layout = {}
    counts: Counter[str] = Counter()
    for layer, kind, shapes in weight_shapes(config):
        snake = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", kind)
        snake = re.sub(r"([a-z])([A-Z])", r"\1_\2", snake).lower()
        name = f"{snake}_{counts[snake]}" if counts[snake] else snake
        counts[snake] += 1
        layout[layer] = [Place(f"layers/{name}/vars/{index}", shape) for index, shape in enumerate(shapes)]
    return layout
