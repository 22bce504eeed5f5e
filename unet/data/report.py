"""What is in a dataset, sample by sample, and what is wrong with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from filelock import FileLock

from unet.data.dataset import Dataset
from unet.data.images import read_image
from unet.data.labels import label_sample, load_labels, save_labels
from unet.data.layouts import Sample
from unet.data.threads import map_files
from unet.errors import DatasetError, ImageError
from unet.files import atomic_folder, read_json, write_json
from unet.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

# Raised whenever the same files would give another report or other label maps.
VERSION = 1
TRAIN, PREDICT, LEFT_OUT = "train", "predict", "left out"


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
    problems : tuple of str
        One sentence each, naming the file.
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
    problems: tuple[str, ...] = ()
    use: str = TRAIN


@dataclass(frozen=True)
class DatasetReport:
    """All samples of a dataset, sorted by id, and what was noticed besides."""

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
        samples = tuple(SampleReport(**{**row, "problems": tuple(row["problems"])}) for row in data["samples"])
        return cls(data["dataset_id"], data["fingerprint"], samples, tuple(data["notes"]))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a sample; the problems are joined to one text."""
        import pandas as pd

        names = [item.name for item in dataclasses.fields(SampleReport)]
        rows = [dataclasses.asdict(sample) | {"problems": " ".join(sample.problems)} for sample in self.samples]
        return pd.DataFrame(rows, columns=names)


def inspect_dataset(
    dataset: Dataset, settings: Settings, progress: Callable[[int, int], None] | None = None
) -> DatasetReport:
    """Read every file of a dataset once and report on it; keep the report and the label maps for the next time.

    A bad sample never stops the others: one whose image or mask cannot be read, or whose sizes differ, is left out. An
    empty mask, overlapping masks and masks with more than two values are kept, and said.

    Parameters
    ----------
    dataset : Dataset
    settings : Settings
        Its limit on image size holds.
    progress : callable, optional
        Takes the number of samples done and their total.

    Raises
    ------
    DatasetError
        If the dataset's files are gone or have changed.
    """
    dataset.check()
    with FileLock(dataset.folder / ".lock"):
        key = _key(dataset, settings)
        known = _read_report(dataset, key)
        if known:
            return known
        samples = dataset.samples()
        with atomic_folder(dataset.folder / "labels") as labels:

            def inspect(sample: Sample) -> SampleReport:
                return _inspect_sample(sample, labels, settings.max_image_megapixels)

            rows = map_files(inspect, samples, progress)
        report = DatasetReport(dataset.id, dataset.fingerprint, tuple(rows), tuple(dataset.notes()))
        write_json(dataset.folder / "report.json", {"key": key, **report.to_dict()})
        return report


def read_labels(dataset: Dataset, sample_id: str) -> np.ndarray:
    """Return the label map of a sample that was inspected and not left out.

    Returns
    -------
    (height, width) uint16 or uint32
        0 is background. The nuclei of a binary mask are its connected parts; a mask with more values than one has them
        as they are stored, so class indices survive.

    Raises
    ------
    DatasetError
        If there is none.
    """
    return load_labels(dataset.folder / "labels", sample_id)


def require_usable(report: DatasetReport) -> None:
    """Refuse a dataset that cannot be trained on.

    Raises
    ------
    DatasetError
        If fewer than two samples are usable; the message gives the reasons.
    """
    found = len(report.usable)
    if found >= 2:
        return
    reasons = []
    if report.to_predict:
        reasons.append(f"{len(report.to_predict)} without a mask")
    if report.left_out:
        reasons.append(f"{len(report.left_out)} left out")
    told = [f"{sample.id}: {' '.join(sample.problems)}" for sample in report.left_out[:3]] + list(report.notes[:3])
    raise DatasetError(
        f"A training needs at least 2 images with masks; of {len(report.samples)} images here {found} can be used"
        f"{' (' + ', '.join(reasons) + ')' if reasons else ''}. {' '.join(told)}".rstrip()
    )


def _key(dataset: Dataset, settings: Settings) -> str:
    groups = blake2b(dataset.groups.read_bytes()).hexdigest()[:16] if dataset.groups else ""
    return f"{VERSION}/{dataset.fingerprint}/{groups}/{settings.max_image_megapixels}"


def _read_report(dataset: Dataset, key: str) -> DatasetReport | None:
    path: Path = dataset.folder / "report.json"
    if not path.exists() or not (dataset.folder / "labels").is_dir():
        return None
    try:
        data = read_json(path)
        return DatasetReport.from_dict(data) if data["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged, or of another version: it is made anew


def _inspect_sample(sample: Sample, labels: Path, max_megapixels: int) -> SampleReport:
    report = SampleReport(sample.id, group=sample.group, stain=sample.stain)
    try:
        image = read_image(sample.image, max_megapixels=max_megapixels)
    except ImageError as error:
        return dataclasses.replace(report, problems=(str(error),), use=LEFT_OUT)
    report = dataclasses.replace(
        report,
        height=image.shape[0],
        width=image.shape[1],
        dtype=str(image.dtype),
        channels=1 if image.ndim == 2 else image.shape[2],
    )
    if sample.layout == "image":
        return dataclasses.replace(report, use=PREDICT)
    found = label_sample(sample, image.shape[:2], max_megapixels)
    if found.labels is None:
        return dataclasses.replace(report, values=found.values, problems=found.problems, use=LEFT_OUT)
    save_labels(labels, sample.id, found.labels)
    return dataclasses.replace(
        report,
        nuclei=found.nuclei,
        foreground=np.count_nonzero(found.labels) / found.labels.size,
        values=found.values,
        problems=found.problems,
    )
