"""``model.weights.h5``, checked before anything loads it: HDF5 can point elsewhere, and claim more than it holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unet.config import ModelConfig
from unet.errors import ModelError
from unet.models.network import count_parameters

if TYPE_CHECKING:
    import h5py
    import keras

WEIGHTS_FILE = "model.weights.h5"
DTYPE = np.dtype(np.float32)
# What HDF5 adds to the values: some 150 kB for the tutorial's network.
OVERHEAD_BYTES = 4 * 1024 * 1024
MAX_MEMBERS, MAX_DEPTH = 20_000, 10

Layout = dict[str, tuple[int, ...]]


class _Refused(Exception):
    """Why a weights file is refused, as the rest of a sentence."""


def max_weights_bytes(config: ModelConfig) -> int:
    """Return the largest size that the weights file of this architecture can honestly have."""
    return DTYPE.itemsize * count_parameters(config) + OVERHEAD_BYTES


def check_weights(path: Path, config: ModelConfig, layout: Layout | None = None) -> None:
    """Make sure that a weights file holds this architecture's finite float32 values and nothing else.

    Works without TensorFlow. Each value must lie in the file itself, uncompressed, so that reading the file never
    takes more memory than the file takes space.

    Parameters
    ----------
    path : Path
    config : ModelConfig
    layout : dict, optional
        Path and shape of each dataset, from ``saved_layout``. Without it only the number of values is compared.

    Raises
    ------
    ModelError
        If the file is refused; the message names it and says why.
    """
    import h5py

    path = Path(path)
    try:
        if path.stat().st_size > max_weights_bytes(config):
            raise _Refused("is much larger than the weights of its architecture")
        with h5py.File(path, "r") as file:
            found = _check_members(file, layout)
        if sum(found.values()) != count_parameters(config):
            raise _Refused(f"holds {sum(found.values()):,} values; its architecture has {count_parameters(config):,}")
        if layout is not None and (missing := sorted(set(layout) - set(found))):
            raise _Refused(f"lacks “{missing[0]}”")
    except _Refused as reason:
        raise ModelError(f"{path} {reason}; take the Model folder as it was saved.") from None
    except FileNotFoundError:
        raise ModelError(f"{path.parent} has no {path.name}; take the Model folder as it was saved.") from None
    except Exception as error:  # A damaged HDF5 file makes h5py raise nearly anything.
        raise ModelError(f"{path} is damaged or no HDF5 file; take the Model folder as it was saved.") from error


def _check_members(file: h5py.File, layout: Layout | None) -> dict[str, int]:
    """Return the number of values of each dataset, all of them found good."""
    found: dict[str, int] = {}
    for name, dataset in _datasets(file):
        shown = name if name.isprintable() and len(name) < 200 else ascii(name[:200])
        if layout is not None and name not in layout:
            raise _Refused(f"holds “{shown}”, which its architecture does not have")
        if layout is not None and dataset.shape != layout[name]:
            raise _Refused(f"holds “{shown}” in the shape {dataset.shape}; its architecture needs {layout[name]}")
        _check_storage(dataset, shown)
        if not np.isfinite(dataset[()]).all():
            raise _Refused(f"holds values in “{shown}” that are no numbers")
        found[name] = dataset.size
    return found


def _check_storage(dataset: h5py.Dataset, name: str) -> None:
    """Make sure that all values stand in this file as plain float32: none external, virtual, packed or imagined."""
    import h5py

    creation = dataset.id.get_create_plist()
    if dataset.shape is None or dataset.dtype != DTYPE:
        raise _Refused(f"holds “{name}” as {dataset.dtype}; {DTYPE} is needed")
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
                raise _Refused(f"has a link, {name!r}, where values belong")
            member = group[key]
            if isinstance(member, h5py.Group):
                waiting.append((f"{name}/", member))
            elif isinstance(member, h5py.Dataset):
                yield name, member
            else:
                raise _Refused(f"has a member, {name!r}, that is neither a group nor values")


def saved_layout(model: keras.Model) -> Layout:
    """Return path and shape of each dataset in the weights file that ``model.save_weights`` writes.

    Keras names a layer's values after its class in snake case, numbered in the order of the layers, and by their
    place in the layer. Worked out here rather than read from a saved file, so that loading writes nothing to disk.
    """
    layout: Layout = {}
    counts: Counter[str] = Counter()
    for layer in model.layers:
        kind = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(layer).__name__)
        kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", kind).lower()
        name = f"{kind}_{counts[kind]}" if counts[kind] else kind
        counts[kind] += 1
        for index, value in enumerate(layer.weights):
            layout[f"layers/{name}/vars/{index}"] = tuple(value.shape)
    return layout
