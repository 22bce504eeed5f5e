"""Images that belong together though nothing says so: tiles that adjoin in a larger picture, and near-copies.

Where one image of a pair is learned from and the other validated on, the scores flatter. Two tiles adjoin where one's
last column goes on in the other's first as smoothly as columns do inside an image (or a row, from top to bottom).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from unet.memmap import row_blocks

# More images are not compared: each is compared with every other one.
MAX_IMAGES = 5000
# Edges match where their profiles, freed of slow shading, correlate by this much; where their difference is no larger
# than this many times that of neighbouring columns inside the images; and no larger than this share of what is to be
# seen in them, so that dark edges match nothing. Chosen on the 2018 Data Science Bowl, where no mirrored edge matches.
CORRELATION, STEP, CONTRAST = 0.95, 1.05, 0.3
# Grey levels, of 256: what cameras round away.
ROUNDING = 0.3
THUMBNAIL = 32
COPY_CORRELATION = 0.99


@dataclass(frozen=True)
class Signature:
    """What is kept of an image to compare it with others: some kilobytes.

    Attributes
    ----------
    size : (height, width)
    edges : dict
        For each side its outermost line of pixels and the one next to it, (2, length) float32.
    thumbnail : (32, 32) float32
    """

    size: tuple[int, int]
    edges: dict[str, np.ndarray]
    thumbnail: np.ndarray


def make_signature(image: np.ndarray) -> Signature | None:
    """Return an image's signature, or None if it is too small to tell anything.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth.
    """
    height, width = image.shape[:2]
    if min(height, width) < THUMBNAIL:
        return None
    # Some rows at a time: images may be large. First across and then down is what Pillow itself does.
    across, highest = [], 0.0
    for rows in row_blocks((height, width)):
        grey = _grey(image[rows])
        highest = max(highest, float(grey.max()))
        across.append(np.asarray(Image.fromarray(grey).resize((THUMBNAIL, len(grey)), Image.Resampling.BOX)))
    thumbnail = Image.fromarray(np.concatenate(across)).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    edges = {"left": image[:, :2], "right": image[:, :-3:-1], "top": image[:2], "bottom": image[:-3:-1]}
    scale = np.float32(1 if image.dtype == np.uint8 else 255 / max(highest, 1e-12))
    found = {side: scale * _grey(edge) for side, edge in edges.items()}
    found |= {side: np.ascontiguousarray(found[side].T) for side in ("left", "right")}
    return Signature((height, width), found, scale * np.asarray(thumbnail))


def _grey(image: np.ndarray) -> np.ndarray:
    grey = image.astype(np.float32) if image.ndim == 2 else image[..., :3].mean(axis=2, dtype=np.float32)
    return np.nan_to_num(grey, copy=False)


def find_siblings(signatures: Sequence[Signature | None]) -> list[int | None]:
    """Find which images belong together.

    Returns
    -------
    list of int or None
        For each image the number of its group, or None if it is alone.
    """
    count = len(signatures)
    if count > MAX_IMAGES or count == 0:
        return [None] * count
    links = [*_adjoining(signatures, "right", "left"), *_adjoining(signatures, "bottom", "top"), *_copies(signatures)]
    rows, columns = zip(*links, strict=True) if links else ((), ())
    graph = coo_array((np.ones(len(links)), (rows, columns)), shape=(count, count))
    groups = connected_components(graph, directed=False)[1]
    sizes = np.bincount(groups)
    return [int(group) if sizes[group] > 1 else None for group in groups]


def _adjoining(signatures: Sequence[Signature | None], one: str, other: str) -> Iterator[tuple[int, int]]:
    """Yield pairs in which one image's side continues in the other's opposite side."""
    for members, alike in _by(signatures, lambda signature: signature.edges[one].shape[1]):
        ends = np.stack([each.edges[one] for each in alike])
        begins = np.stack([each.edges[other] for each in alike])
        ends_profile, ends_contrast = _profile(ends[:, 0])
        begins_profile, begins_contrast = _profile(begins[:, 0])
        inside = [np.abs(np.diff(lines, axis=1)).mean(axis=(1, 2)) + ROUNDING for lines in (ends, begins)]
        for first, second in np.argwhere(ends_profile @ begins_profile.T > CORRELATION):
            step = np.abs(ends[first, 0] - begins[second, 0]).mean()
            smooth = step <= STEP * max(inside[0][first], inside[1][second])
            seen = step <= CONTRAST * min(ends_contrast[first], begins_contrast[second])
            if first != second and smooth and seen:
                yield members[first], members[second]


def _copies(signatures: Sequence[Signature | None]) -> Iterator[tuple[int, int]]:
    for members, alike in _by(signatures, lambda signature: signature.size):
        thumbnails, contrast = _normalised(np.stack([each.thumbnail.ravel() for each in alike]))
        for first, second in np.argwhere(thumbnails @ thumbnails.T > COPY_CORRELATION):
            if first < second and min(contrast[first], contrast[second]) > 1:
                yield members[first], members[second]


def _by(
    signatures: Sequence[Signature | None], key: Callable[[Signature], Any]
) -> list[tuple[list[int], list[Signature]]]:
    """Return indices and signatures of those with equal keys, where there are several."""
    found: defaultdict[Any, list[tuple[int, Signature]]] = defaultdict(list)
    for index, signature in enumerate(signatures):
        if signature is not None:
            found[key(signature)].append((index, signature))
    alike = [pairs for pairs in found.values() if len(pairs) > 1]
    return [([index for index, _ in pairs], [signature for _, signature in pairs]) for pairs in alike]


def _profile(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lines (n, length) without their slow shading, a parabola, normalised; and their contrast."""
    place = np.linspace(-1, 1, lines.shape[1], dtype=np.float32)
    shading = np.linalg.qr(np.stack([np.ones_like(place), place, place**2], axis=1))[0]
    return _normalised(lines - (lines @ shading) @ shading.T)


def _normalised(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lines = lines - lines.mean(axis=1, keepdims=True)
    contrast = lines.std(axis=1)
    return lines / np.maximum(np.linalg.norm(lines, axis=1, keepdims=True), 1e-6), contrast
