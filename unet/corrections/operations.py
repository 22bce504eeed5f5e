"""What a correction does to a label map. Each is a pure function from the nuclei to the part that changes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed

from unet.corrections.operation import CorrectionError, Operation
from unet.corrections.raster import Box, box_of, largest_piece, polygon, stroke
from unet.corrections.shapes import pieces_beside, smoothed
from unet.prediction.maps import Prediction
from unet.prediction.objects import EIGHT_CONNECTED, fill_objects

# A line this wide leaves no two pixels on its sides that touch at a corner.
CUT = math.sqrt(0.5)
# What a click adds lies within so many pixels of it.
REACH = 256


@dataclass(frozen=True)
class Nuclei:
    """A label map in the making.

    Attributes
    ----------
    labels : (height, width) uint32
        0 is background. Numbers stay with their nucleus, so that some may be missing.
    next : int
        The number of the next new nucleus: above all that were ever in use.
    """

    labels: np.ndarray
    next: int

    @classmethod
    def of(cls, labels: np.ndarray) -> Nuclei:
        """Begin with a label map, which is copied."""
        return cls(labels.astype(np.uint32), int(labels.max(initial=0)) + 1)


@dataclass(frozen=True)
class Change:
    """What a correction changes: a box of the label map, its new numbers, and the next number after it."""

    box: Box
    values: np.ndarray
    next: int


def apply(nuclei: Nuclei, operation: Operation, prediction: Prediction | None = None) -> Nuclei:
    """Return the nuclei after a correction; what was given stays as it was.

    Parameters
    ----------
    nuclei : Nuclei
    operation : Operation
    prediction : Prediction, optional
        For what looks at a model's maps.

    Raises
    ------
    CorrectionError
        If it cannot be done or would change nothing.
    """
    return replay(nuclei, [operation], prediction)


def replay(nuclei: Nuclei, operations: Iterable[Operation], prediction: Prediction | None = None) -> Nuclei:
    """Return the nuclei after several corrections, one after the other; see ``apply``."""
    labels, next_ = nuclei.labels.copy(), nuclei.next
    for operation in operations:
        change = change_of(Nuclei(labels, next_), operation, prediction)
        labels[change.box], next_ = change.values, change.next
    return Nuclei(labels, next_)


def change_of(nuclei: Nuclei, operation: Operation, prediction: Prediction | None = None) -> Change:
    """Return what a correction changes; see ``apply``."""
    change = TOOLS[operation.kind](nuclei, operation, prediction)
    if np.array_equal(change.values, nuclei.labels[change.box]):
        raise CorrectionError("That changes nothing.")
    return change


# ---- each tool -------------------------------------------------------------------------------------------------


def _draw(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    box = box_of(operation.points, 0, nuclei.labels.shape)
    part = nuclei.labels[box]
    shape = polygon(operation.points, box)
    return _new(nuclei, box, largest_piece(shape if operation.take else shape & (part == 0)))


def _add(nuclei: Nuclei, operation: Operation, prediction: Prediction | None) -> Change:
    if prediction is None:
        raise CorrectionError("There is no probability map to add from; draw the outline.")
    (x, y), labels = operation.points[0], nuclei.labels
    row, column = math.floor(y), math.floor(x)
    if not (0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]):
        raise CorrectionError("The click lies beside the image.")
    box = _window(row, labels.shape[0]), _window(column, labels.shape[1])
    free = (prediction.levels[box] > operation.level) & (labels[box] == 0)
    pieces, _ = ndimage.label(free, structure=EIGHT_CONNECTED)
    here = pieces[row - box[0].start, column - box[1].start]
    return _new(nuclei, box, (pieces == here) & (here > 0))


def _window(at: int, side: int) -> slice:
    """Return the places within ``REACH`` of one, as far as there are any."""
    return slice(max(0, at - REACH), min(side, at + REACH + 1))


def _new(nuclei: Nuclei, box: Box, mask: np.ndarray) -> Change:
    if not mask.any():
        raise CorrectionError("There is no room for a nucleus: all of it belongs to others, or to nothing.")
    return Change(box, np.where(mask, nuclei.next, nuclei.labels[box]).astype(np.uint32), nuclei.next + 1)


def _delete(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    box = _around(nuclei, operation.numbers)
    part = nuclei.labels[box]
    return Change(box, np.where(np.isin(part, operation.numbers), 0, part).astype(np.uint32), nuclei.next)


def _brush(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    (number,) = operation.numbers
    _around(nuclei, (number,))
    box = box_of(operation.points, operation.radius, nuclei.labels.shape)
    part = nuclei.labels[box]
    covered = stroke(operation.points, operation.radius, box)
    return Change(
        box, np.where(covered if operation.take else covered & (part == 0), number, part).astype(np.uint32), nuclei.next
    )


def _erase(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    box = box_of(operation.points, operation.radius, nuclei.labels.shape)
    part = nuclei.labels[box]
    covered = stroke(operation.points, operation.radius, box)
    if operation.numbers:
        covered &= np.isin(part, operation.numbers)
    return Change(box, np.where(covered, 0, part).astype(np.uint32), nuclei.next)


def _split(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    near = box_of(operation.points, 1, nuclei.labels.shape)
    under = np.unique(nuclei.labels[near][stroke(operation.points, CUT, near)])
    box = _around(nuclei, tuple(int(number) for number in under if number) or (0,))
    line = stroke(operation.points, CUT, box)
    values, next_ = nuclei.labels[box].copy(), nuclei.next
    for number in under[under > 0]:
        next_ = _renumber(values, pieces_beside(nuclei.labels[box] == number, line), next_)
    return Change(box, values, next_)


def _split_at_seeds(nuclei: Nuclei, operation: Operation, prediction: Prediction | None) -> Change:
    (number,) = operation.numbers
    box = _around(nuclei, (number,))
    mask = nuclei.labels[box] == number
    markers = np.zeros(mask.shape, np.int32)
    for index, (x, y) in enumerate(operation.points, start=1):
        row, column = math.floor(y) - box[0].start, math.floor(x) - box[1].start
        if not (0 <= row < mask.shape[0] and 0 <= column < mask.shape[1] and mask[row, column]):
            raise CorrectionError("Both clicks must lie in the same nucleus.")
        markers[row, column] = index
    if len(np.unique(markers[markers > 0])) < 2:
        raise CorrectionError("The two clicks must lie on two different pixels.")
    # Without a model's distances each pixel goes to the click that is nearer inside the nucleus.
    distance = prediction.crop(*box).distance if prediction is not None else None
    if distance is None:
        distance = np.zeros(mask.shape)
    values = nuclei.labels[box].copy()
    parts = watershed(-distance, markers, mask=mask, connectivity=2)
    return Change(box, values, _renumber(values, parts, nuclei.next))


def _renumber(values: np.ndarray, parts: np.ndarray, next_: int) -> int:
    """Number the parts of a nucleus: the largest keeps its number, the others take new ones; return the next."""
    numbers, sizes = np.unique(parts[parts > 0], return_counts=True)
    for each in numbers[np.argsort(-sizes, kind="stable")][1:]:
        values[parts == each] = next_
        next_ += 1
    return next_


def _merge(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    box = _around(nuclei, operation.numbers)
    part = nuclei.labels[box]
    return Change(
        box, np.where(np.isin(part, operation.numbers), operation.numbers[0], part).astype(np.uint32), nuclei.next
    )


def _fill(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    (number,) = operation.numbers
    box = _around(nuclei, (number,))
    part = nuclei.labels[box]
    filled = fill_objects((part == number).astype(np.uint8)) > 0
    return Change(box, np.where(filled & (part == 0), number, part).astype(np.uint32), nuclei.next)


def _smooth(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    (number,) = operation.numbers
    box = _around(nuclei, (number,), margin=2)
    part = nuclei.labels[box]
    kept = smoothed(part == number, part == 0)
    if not kept.any():
        raise CorrectionError("This nucleus is too small to be smoothed.")
    rest = np.where(part == number, 0, part)
    return Change(box, np.where(kept, number, rest).astype(np.uint32), nuclei.next)


def _paste(nuclei: Nuclei, operation: Operation, _: Prediction | None) -> Change:
    """Put whole nuclei, given by their pixels, over what is there; of "replace", nothing of that stays."""
    shape = nuclei.labels.shape
    values, next_ = np.zeros(shape, np.uint32) if operation.kind == "replace" else nuclei.labels.copy(), nuclei.next
    flat = values.reshape(-1)
    for runs in (operation.cleared, *operation.pieces) if operation.kind == "carry" else ():
        places = _pixels(runs, flat.size)
        # A nucleus that is mostly covered by the new one is the same nucleus.
        numbers, here = np.unique(flat[places], return_counts=True)
        for number, count in zip(numbers, here, strict=True):
            if number and 2 * count > np.count_nonzero(flat == number):
                flat[flat == number] = 0
    for runs in operation.pieces:
        flat[_pixels(runs, flat.size)] = next_
        next_ += 1
    return Change((slice(0, shape[0]), slice(0, shape[1])), values, next_)


def _pixels(runs: tuple[int, ...], size: int) -> np.ndarray:
    if not runs:
        return np.zeros(0, np.int64)
    starts, lengths = np.array(runs[::2], np.int64), np.array(runs[1::2], np.int64)
    if (starts < 0).any() or (lengths < 1).any() or (starts + lengths > size).any() or int(lengths.sum()) > size:
        raise CorrectionError("These nuclei belong to an image of another size.")
    return np.repeat(starts - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths) + np.arange(lengths.sum())


def _around(nuclei: Nuclei, numbers: tuple[int, ...], margin: int = 0) -> Box:
    rows, columns = np.nonzero(np.isin(nuclei.labels, [number for number in numbers if number]))
    there = np.unique(nuclei.labels[rows, columns])
    if len(there) < len(set(numbers)):
        raise CorrectionError("There is no nucleus there (any more).")
    return box_of([(columns.min(), rows.min()), (columns.max(), rows.max())], margin, nuclei.labels.shape)


Tool = Callable[[Nuclei, Operation, Prediction | None], Change]
TOOLS: dict[str, Tool] = {
    "draw": _draw,
    "add": _add,
    "delete": _delete,
    "brush": _brush,
    "erase": _erase,
    "split": _split,
    "seeds": _split_at_seeds,
    "merge": _merge,
    "fill": _fill,
    "smooth": _smooth,
    "carry": _paste,
    "replace": _paste,
}
