"""An evaluation as text to print."""

from __future__ import annotations

from unet.evaluation.evaluate import Evaluation
from unet.evaluation.matching import IOU_THRESHOLDS
from unet.evaluation.scores import Scores

# What is printed of each set of images: title, how it is taken from the scores.
TABLE = {
    "score": lambda scores: scores.competition,
    "AP .5": lambda scores: scores.average_precision[0],
    "AP .75": lambda scores: scores.average_precision[5],
    "AP .5-.9": lambda scores: scores.ap_50_90,
    "PQ": lambda scores: scores.panoptic_quality,
    "F1": lambda scores: scores.f1,
    "Dice": lambda scores: scores.dice,
    "IoU": lambda scores: scores.iou,
    "count err": lambda scores: scores.count_error,
}


def to_text(evaluation: Evaluation, worst: int = 5) -> str:
    """Return the scores as tables to print: of all images, of each stain, and of the worst images."""
    separated = "touching nuclei separated" if evaluation.separation.separate else "connected areas"
    lines = [
        f"{evaluation.model} on {evaluation.dataset}: {len(evaluation.images)} images, "
        f"threshold {evaluation.threshold:g}, {separated}",
        f"{'':16} {'images':>6} {'nuclei':>7} {'found':>7} " + " ".join(f"{name:>8}" for name in TABLE),
        _line("all", evaluation.scores()),
        *(_line(stain, evaluation.scores(stain=stain)) for stain in evaluation.stains()),
        "AP at IoU  " + " ".join(f"{threshold:6.2f}" for threshold in IOU_THRESHOLDS),
        f"{'all':10} " + " ".join(f"{value:6.3f}" for value in evaluation.scores().average_precision),
        f"lowest scores{'':24} {'score':>7} {'Dice':>7} {'nuclei':>7} {'found':>7}",
    ]
    rows = evaluation.to_frame().head(worst).itertuples()
    lines += [f"{row.id[:36]:37} {row.competition:7.4f} {row.dice:7.4f} {row.nuclei:7d} {row.found:7d}" for row in rows]
    return "\n".join(lines)


def comparison_to_text(ours: Evaluation, theirs: Evaluation, most: int = 5) -> str:
    """Return the scores of two on the same images to print: a line each, and the images on which they differ most."""
    lines = [f"{'the same images':16} {'images':>6} {'nuclei':>7} {'found':>7} " + " ".join(f"{n:>8}" for n in TABLE)]
    lines += [_line(each.model, each.scores()) for each in (ours, theirs)]
    lines.append(f"{'images that differ most':37} {ours.model[:12]:>12} {theirs.model[:12]:>12}")
    others = {row["id"]: row["competition"] for row in theirs.rows()}
    pairs = [(row["id"], row["competition"], others[row["id"]]) for row in ours.rows()]
    pairs.sort(key=lambda pair: -abs(pair[1] - pair[2]))
    return "\n".join([*lines, *(f"{name[:36]:37} {one:12.4f} {other:12.4f}" for name, one, other in pairs[:most])])


def _line(name: str, scores: Scores) -> str:
    figures = " ".join(f"{value(scores):8.4f}" for value in TABLE.values())
    return f"{name[:16]:16} {scores.images:6d} {scores.nuclei:7,d} {scores.found:7,d} {figures}"
