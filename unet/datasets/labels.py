"""From the mask files of a sample to one label map, with words for what is wrong with them."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np

from unet.datasets.samples import Sample, name_some
from unet.digest import digest_of
from unet.errors import DatasetError, ImageError
from unet.io.decode import Source
from unet.io.images import image_size, read_mask
from unet.io.sparse_png import read_block


@dataclass(frozen=True)
class Labels:
    """The masks of a sample.

    Attributes
    ----------
    labels : (height, width) uint16 or uint32, optional
        0 is background. None if the masks cannot be used.
    nuclei : int
    values : str
        What the files held: ``nuclei`` (one a file), ``binary``, or ``labels`` (more values than one, kept as stored:
        nuclei or classes).
    problems : tuple of str
    """

    labels: np.ndarray | None
    nuclei: int
    values: str
    problems: tuple[str, ...] = ()


def label_sample(sample: Sample, size: tuple[int, int], max_megapixels: int) -> Labels:
    """Read the masks of a sample whose image has the given height and width, each file once."""
    read = _merge_nuclei if sample.layout == "nuclei" else _read_pair
    return read(sample, size, max_megapixels)


def _merge_nuclei(sample: Sample, size: tuple[int, int], max_megapixels: int) -> Labels:
    """Number the nuclei 1 to n in the order of their files. Where two overlap, the pixel stays with the first."""
    labels = np.zeros(size, np.uint16 if len(sample.masks) < 2**16 else np.uint32)
    count, overlapping, wrong, found = 0, 0, [], defaultdict(list)
    for path in sample.masks:
        try:
            top, left, block = _filled_block(path, size, max_megapixels)
        except ImageError as error:
            wrong.append(str(error))
            continue
        peak = int(block.max(initial=0))
        if peak <= 0:
            found["empty"].append(path)
            continue
        # Of a mask with more values than two, only what exceeds half its maximum is nucleus.
        inside = block > peak // 2
        if np.count_nonzero(block) != np.count_nonzero(block == peak):
            found["grey"].append(path)
        target = labels[top : top + block.shape[0], left : left + block.shape[1]]
        free = inside & (target == 0)
        area, remaining = int(np.count_nonzero(inside)), int(np.count_nonzero(free))
        if remaining < area:
            found["overlapping"].append(path)
            overlapping += area - remaining
        if remaining:
            count += 1
            np.copyto(target, count, where=free)
        else:
            found["hidden"].append(path)
    if wrong:
        return Labels(None, 0, "nuclei", tuple(wrong))
    return Labels(labels, count, "nuclei", tuple(_nuclei_problems(found, overlapping, count)))


def _filled_block(path: Path, size: tuple[int, int], max_megapixels: int) -> tuple[int, int, np.ndarray]:
    """Return a part of a mask outside of which it is empty, and its top and left."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name} cannot be read: {error.strerror}.") from error
    block = read_block(data, size)
    if block is not None:
        return block
    return 0, 0, _read_fitting(path, data, size, max_megapixels)


def _read_fitting(path: Path, source: Source, size: tuple[int, int], max_megapixels: int) -> np.ndarray:
    """Read a mask that is as large as its image; of another one no pixel is decoded."""
    found = image_size(source, name=path.name, max_megapixels=max_megapixels)
    if found != size:
        raise ImageError(f"{path.name} is {_shown(found)} pixels, but its image is {_shown(size)}.")
    return read_mask(source, name=path.name, max_megapixels=max_megapixels)


def _nuclei_problems(found: dict[str, list[Path]], overlapping: int, count: int) -> Iterator[str]:
    if found["empty"] and count == 0:
        yield f"No nucleus: all masks are empty ({name_some(found['empty'])})."
    elif found["empty"]:
        yield f"{_masks(found['empty'], 'is', 'are')} empty: {name_some(found['empty'])}."
    if found["grey"]:
        yield (
            f"{_masks(found['grey'], 'has', 'have')} more than two values, "
            f"taken as nucleus above half the maximum: {name_some(found['grey'])}."
        )
    if found["overlapping"]:
        yield (
            f"{_masks(found['overlapping'], 'overlaps', 'overlap')} an earlier one, "
            f"{overlapping} pixels in all: {name_some(found['overlapping'])}."
        )
    if found["hidden"]:
        yield f"{_masks(found['hidden'], 'lies', 'lie')} wholly under others: {name_some(found['hidden'])}."


def _masks(paths: list[Path], one: str, many: str) -> str:
    return f"1 mask {one}" if len(paths) == 1 else f"{len(paths)} masks {many}"


def _read_pair(sample: Sample, size: tuple[int, int], max_megapixels: int) -> Labels:
    """Read a mask that is binary (its nuclei are its connected parts) or holds a value for each nucleus or class."""
    path = sample.masks[0]
    try:
        mask = _read_fitting(path, path, size, max_megapixels)
    except ImageError as error:
        return Labels(None, 0, "binary", (str(error),))
    if not np.can_cast(mask.dtype, np.uint32) and (mask.min() < 0 or mask.max() >= 2**32):
        return Labels(None, 0, "labels", (f"{path.name} holds values below 0 or beyond 32 bits.",))
    present = np.unique(mask[mask > 0])
    if len(present) == 0:
        return Labels(np.zeros(size, np.uint16), 0, "binary", (f"No nucleus: {path.name} is empty.",))
    if len(present) > 1:
        return Labels(_narrow(mask, int(present[-1])), len(present), "labels")
    from scipy import ndimage  # takes longer to import than all else here, and the tutorial's layout needs none of it

    # In 16 bits wherever these do, and so a third of the memory.
    parts = np.empty(size, np.uint16)
    try:
        count = ndimage.label(mask, structure=np.ones((3, 3)), output=parts)
    except RuntimeError:
        parts, count = ndimage.label(mask, structure=np.ones((3, 3)))
    # One value that is neither 1 nor white is a class, or the number of a nucleus, and is kept.
    if present[0] not in (1, 255, 65535):
        return Labels(_narrow(mask, int(present[0])), count, "labels")
    return Labels(_narrow(parts, count), count, "binary")


def _narrow(labels: np.ndarray, highest: int) -> np.ndarray:
    return labels.astype(np.uint16 if highest < 2**16 else np.uint32, copy=False)


def _shown(size: tuple[int, ...]) -> str:
    return f"{size[1]}x{size[0]}"


# ---- on disk: one compressed file a sample ------------------------------------------------------------------------


def label_file(folder: Path, sample_id: str) -> Path:
    """Return where a sample's label map is kept; ids that differ only in what file names cannot hold stay apart."""
    name = re.sub(r"[^\w-]+", "_", sample_id, flags=re.ASCII)[:80]
    return folder / f"{name}-{digest_of(sample_id.encode(), 4)}.npy.zst"


def save_labels(folder: Path, sample_id: str, labels: np.ndarray) -> None:
    """Write a label map."""
    buffer = io.BytesIO()
    np.save(buffer, labels, allow_pickle=False)
    label_file(folder, sample_id).write_bytes(imagecodecs.zstd_encode(buffer.getvalue(), level=1))


def load_labels(folder: Path, sample_id: str) -> np.ndarray:
    """Read a label map.

    Raises
    ------
    DatasetError
        If there is none, or it is damaged.
    """
    try:
        data = imagecodecs.zstd_decode(label_file(folder, sample_id).read_bytes())
        return np.load(io.BytesIO(data), allow_pickle=False)
    except (OSError, ValueError, imagecodecs.ZstdError) as error:
        raise DatasetError(f"There is no label map of {sample_id}; inspect the dataset again.") from error
