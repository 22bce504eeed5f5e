"""An evaluation to take along: as JSON, or as one HTML file that needs nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence

from studio.common.html_report import html_page
from studio.evaluate import charts as score_charts
from studio.evaluate.score_table import score_table
from unet.evaluation.evaluate import Evaluation


def as_json(evaluations: Sequence[Evaluation]) -> str:
    """Return all scores, counts and thresholds of one model, or of several."""
    return json.dumps([evaluation.to_dict() for evaluation in evaluations], indent=1, allow_nan=False)


def as_html(
    title: str, evaluations: Sequence[Evaluation], names: Sequence[str], threshold: float, fingerprint: str = ""
) -> str:
    """Return one self-contained page: scores, both charts, and a row an image."""
    charts = (
        score_charts.threshold_curve(evaluations, names, threshold, "light", "competition"),
        score_charts.overlap_curve(evaluations, names, threshold, "light", fingerprint),
    )
    drawn = [
        chart.to_html(full_html=False, include_plotlyjs=place == 0, config=score_charts.CONFIG)
        for place, chart in enumerate(charts)
    ]
    words = score_charts.REFERENCE_WORDS if fingerprint == score_charts.STAGE1 else ""
    over = "Over the probability threshold" if len(names) == 1 else "Competition score over the probability threshold"
    images = evaluations[0].to_frame(threshold).round(4).to_html(index=False, border=0)
    scores = score_table(evaluations, names, threshold).to_html(index=False, border=0)
    return html_page(
        title,
        f"<p>Probability threshold {threshold:.2f}. {evaluations[0].scores().images:,} images.</p>"
        f"<h2>Scores</h2>{scores}<h2>{over}</h2>{drawn[0]}"
        f"<h2>Average precision over the IoU required for a match</h2>{drawn[1]}<p>{words}</p>"
        f"<h2>Images, the worst first</h2>{images}",
    )
