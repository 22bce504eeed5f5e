"""What is known of a dataset's samples: where their files lie, and what was found in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Left, top, right and bottom in pixels; the last two are excluded.
Box = tuple[int, int, int, int]
# What a sample is used for.
TRAIN, PREDICT, LEFT_OUT = "train", "predict", "left out"


@dataclass(frozen=True)
class Sample:
    """One image and the files of its mask.

    Attributes
    ----------
    id : str
        Unique in the dataset: the image's name without suffix, with its folders before it where names repeat.
    image : Path
    masks : tuple of Path
        ``nuclei``: one file a nucleus, sorted by name; ``paired``: one file; ``image``: none.
    layout : str
        ``nuclei``, ``paired`` or ``image``.
    group, stain, kind : str, optional
        From a CSV of groups. Samples of one group belong on the same side of a split.
    finished : tuple of Box
        The parts that are labelled in full; none: all of it is.
    """

    id: str
    image: Path
    masks: tuple[Path, ...]
    layout: str
    group: str | None = None
    stain: str | None = None
    kind: str | None = None
    finished: tuple[Box, ...] = ()


@dataclass(frozen=True)
class SampleReport:
    """One sample.

    Attributes
    ----------
    id : str
    height, width : int
        0 if the image cannot be read.
    dtype : str
        Of the image's pixels.
    channels : int
        Without alpha.
    nuclei : int
    foreground : float
        Share of the pixels that belong to a nucleus, 0 to 1.
    values : str
        What its masks hold: ``nuclei`` (one a file), ``binary`` or ``labels`` (nuclei or classes); empty without masks.
    group, stain : str, optional
        Samples of one group belong on the same side of a split: from a CSV of groups, else the sibling's.
    kind : str, optional
        Which images come from one experiment: from a CSV of groups, else as ``unet.datasets.kinds`` finds it.
    sibling : str, optional
        Which other images this one seems to belong to; see ``unet.datasets.leakage``.
    look : tuple of float
        What it looks like, as ``unet.datasets.kinds`` measures it; empty without nuclei.
    digest : str
        What its pixels are known by; see ``unet.datasets.fingerprint.image_digest``.
    problems : tuple of str
        One sentence each, naming the file.
    finished : tuple of Box
        The parts that are labelled in full; none: all of it is.
    use : str
        ``train``, ``predict`` (there is no mask) or ``left out``.
    """

    id: str
    height: int = 0
    width: int = 0
    dtype: str = ""
    channels: int = 0
    nuclei: int = 0
    foreground: float = 0.0
    values: str = ""
    group: str | None = None
    stain: str | None = None
    kind: str | None = None
    sibling: str | None = None
    look: tuple[float, ...] = ()
    digest: str = ""
    problems: tuple[str, ...] = ()
    finished: tuple[Box, ...] = ()
    use: str = TRAIN


@dataclass(frozen=True)
class DatasetReport:
    """All samples of a dataset, sorted by id, and what else was noticed."""

    dataset_id: str
    fingerprint: str
    samples: tuple[SampleReport, ...]
    notes: tuple[str, ...] = ()

    @property
    def usable(self) -> list[SampleReport]:
        """The samples to train on."""
        return [sample for sample in self.samples if sample.use == TRAIN]

    @property
    def to_predict(self) -> list[SampleReport]:
        """The samples without a mask."""
        return [sample for sample in self.samples if sample.use == PREDICT]

    @property
    def left_out(self) -> list[SampleReport]:
        """The samples that cannot be used."""
        return [sample for sample in self.samples if sample.use == LEFT_OUT]

    @property
    def with_problems(self) -> list[SampleReport]:
        """The samples about which there is something to say, left out or not."""
        return [sample for sample in self.samples if sample.problems]

    @property
    def nuclei(self) -> int:
        """How many nuclei there are to train on."""
        return sum(sample.nuclei for sample in self.usable)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> DatasetReport:
        """Make a report from what ``to_dict`` returned."""
        rows = [row | {name: tuple(row[name]) for name in ("look", "problems")} for row in data["samples"]]
        rows = [row | {"finished": tuple(map(tuple, row.get("finished", ())))} for row in rows]
        samples = tuple(SampleReport(**row) for row in rows)
        return cls(data["dataset_id"], data["fingerprint"], samples, tuple(data["notes"]))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per sample; the problems are joined to one text."""
        import pandas as pd

        hidden = ("look", "digest", "finished")
        names = [item.name for item in dataclasses.fields(SampleReport) if item.name not in hidden]
        rows = [dataclasses.asdict(sample) | {"problems": " ".join(sample.problems)} for sample in self.samples]
        return pd.DataFrame(rows, columns=names)


def name_some(paths: Iterable[Path], most: int = 3) -> str:
    """Return the names of the first few files, and how many more there are."""
    names = [path.name for path in paths]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
