"""Scores in words: what each is called and means, how it is written, and the table of all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from unet.evaluation.evaluate import Evaluation
from unet.evaluation.scores import Scores

# Of each score: what it is called, and what it means in one line.
MEANING = {
    "competition": ("Competition score", "AP at IoU .50, .55 … .95 of each image, the mean (2018 DSB)"),
    "ap_50": ("AP at IoU .5", "Matched / (matched + missed + false), of all images together"),
    "ap_50_90": ("AP at IoU .5 to .9", "The same, mean over nine thresholds: shapes must fit"),
    "precision": ("Precision", "Share of the objects found that are nuclei, at IoU .5"),
    "recall": ("Recall", "Share of the nuclei that are found, at IoU .5"),
    "f1": ("F1", "Between precision and recall"),
    "panoptic_quality": ("Panoptic quality", "F1, times how well the matched shapes fit"),
    "dice": ("Dice", "Overlap of the masks' pixels, touching nuclei or not"),
    "iou": ("IoU", "The same, intersection over union"),
    "count_error": ("Count error", "By how much an image's count is wrong; lower is better"),
}


def value_of(scores: Scores, name: str) -> float:
    """Return a score by its name here."""
    return scores.average_precision[0] if name == "ap_50" else getattr(scores, name)


def shown(name: str, value: float) -> str:
    """Return a score as it is written: errors as a share, the rest with three decimals."""
    return f"{value:.1%}" if name == "count_error" else f"{value:.3f}"


def score_table(evaluations: Sequence[Evaluation], names: Sequence[str], threshold: float) -> pd.DataFrame:
    """Return a row a score: of each model all images, and of the first one each stain."""
    columns = {names[0] if len(names) > 1 else "All images": evaluations[0].scores(threshold)}
    for name, evaluation in zip(names[1:], evaluations[1:], strict=True):
        columns[name] = evaluation.scores(evaluation.threshold)
    for stain in evaluations[0].stains():
        scores = evaluations[0].scores(threshold, stain)
        columns[f"{stain} ({scores.images})"] = scores
    rows = []
    for key, (title, meaning) in MEANING.items():
        row = {"Score": title}
        row |= {name: shown(key, value_of(scores, key)) for name, scores in columns.items()}
        rows.append(row | {"What it means": meaning})
    return pd.DataFrame(rows)
