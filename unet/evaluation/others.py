"""The scores of another program: nuclei that it wrote, against the same masks as a model here."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from unet.config import Separation
from unet.corrections.by_name import read_nuclei_of
from unet.datasets.finished import only_finished
from unet.datasets.inspection import read_labels
from unet.datasets.samples import DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.errors import DatasetError, ImageError
from unet.evaluation.evaluate import EvaluatedImage, Evaluation
from unet.evaluation.scores import Counts, count


def evaluate_labels(
    place: Path,
    dataset: Dataset,
    report: DatasetReport,
    *,
    name: str = "",
    ids: Collection[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Evaluation, list[str]]:
    """Score the nuclei that another program found on the samples of a dataset.

    Parameters
    ----------
    place : Path
        A folder with one file per image, named like it, or one file of all images; see
        ``unet.corrections.by_name.nuclei_file``. A file without nuclei counts: nothing was found there.
    dataset : Dataset
    report : DatasetReport
        Of the dataset.
    name : str
        What the other program is called; by default the folder.
    ids : collection of str, optional
        Only these samples.
    progress : callable, optional
        Takes the number of images done and their total.

    Returns
    -------
    evaluation : Evaluation
        Of the images that could be compared. It has one threshold, 0.5, which means nothing: these are decisions.
    problems : list of str
        Why the others were left out, a sentence each.

    Raises
    ------
    DatasetError
        If no image is left.
    """
    files = {sample.id: sample.image for sample in dataset.samples()}
    samples = [sample for sample in report.usable if ids is None or sample.id in ids]
    scored: list[tuple[SampleReport, Counts]] = []
    problems = []
    for done, sample in enumerate(samples, start=1):
        truth = read_labels(dataset, sample.id)
        try:
            found = read_nuclei_of(files[sample.id].name, place, truth.shape, may_be_empty=True)
        except ImageError as error:
            problems.append(str(error))
        else:
            known = (only_finished(each, sample.finished) for each in (truth, found))
            scored.append((sample, count(*known)))
        if progress:
            progress(done, len(samples))
    if not scored:
        why = problems[0] if problems else f"{dataset.name} has no image with a mask to score on."
        raise DatasetError(f"No image can be compared. {why}")
    evaluation = Evaluation(
        model=name or place.name,
        dataset=dataset.name,
        threshold=0.5,
        separation=Separation(),
        thresholds=(0.5,),
        images=tuple(EvaluatedImage.of(sample) for sample, _ in scored),
        counts=(tuple(counts for _, counts in scored),),
    )
    return evaluation, problems
