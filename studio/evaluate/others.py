"""Another program's nuclei on the same images: uploaded, scored, and set beside the model's."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from studio.common.progress import progress_bar
from studio.common.text import own_file_name, plain, told
from studio.evaluate.image_picker import Labelled
from studio.evaluate.score_table import score_table
from unet.corrections.load import SUFFIXES
from unet.errors import UnetError
from unet.evaluation.evaluate import Evaluation
from unet.evaluation.others import evaluate_labels
from unet.files import own_prefix, sweep
from unet.settings import Settings

THEIRS = "Other program"
# Reasons for images that are left out, as many as are read.
MOST_REASONS = 5


def compare_with_others(evaluation: Evaluation, name: str, labelled: Labelled, settings: Settings) -> None:
    """Draw where another program's nuclei are handed over, and its scores beside the model's at its own threshold."""
    with st.expander("Compare with another program", icon=":material/compare:"):
        files = st.file_uploader(
            "What another program found in these images",
            type=[suffix[1:] for suffix in SUFFIXES],
            accept_multiple_files=True,
            max_upload_size=settings.max_upload_mb,
            key="labels_of_others",
            help="Label maps (TIFF, PNG), ImageJ ROIs or GeoJSON, one file per image and named like it; or one COCO "
            "file of all images. Endings such as _labels or _cp_masks may stand behind the name.",
        )
        if not files:
            return
        try:
            theirs, problems = _scored(files, labelled, settings)
        except UnetError as error:
            st.error(told(error), icon=":material/error:")
            return
        if problems:
            more = f" And {len(problems) - MOST_REASONS} more." if len(problems) > MOST_REASONS else ""
            reasons = " ".join(plain(problem) for problem in problems[:MOST_REASONS])
            st.warning(f"{len(problems)} images are left out. {reasons}{more}", icon=":material/warning:")
        ours = evaluation.only({image.id for image in theirs.images})
        st.markdown(f"**Scores on the {len(theirs.images):,} images that both have**")
        st.dataframe(
            score_table([ours, theirs], [name, THEIRS], ours.threshold), hide_index=True, key="scores_of_others"
        )
        st.markdown("**Images, the ones that differ most first**")
        st.dataframe(
            _differences(ours, theirs, name),
            hide_index=True,
            column_config=dict.fromkeys((name, THEIRS), st.column_config.NumberColumn(format="%.3f"))
            | {"Difference": st.column_config.NumberColumn(format="%+.3f")},
            key="images_of_others",
        )


def _scored(files: Sequence, labelled: Labelled, settings: Settings) -> tuple[Evaluation, list[str]]:
    """Return the scores of what was uploaded; they are computed once for the same files and images."""
    token = (*(file.file_id for file in files), labelled.dataset.id, labelled.ids)
    held = st.session_state.get("scores_of_labels")
    if held and held[0] == token:
        return held[1]
    uploads = settings.uploads
    uploads.mkdir(parents=True, exist_ok=True)
    sweep(uploads)  # of a server that was killed
    with tempfile.TemporaryDirectory(prefix=own_prefix(), dir=uploads) as folder:
        paths = []
        for file in files:
            paths.append(Path(folder) / own_file_name(file.name, "labels.tif"))
            paths[-1].write_bytes(file.getvalue())
        place = paths[0] if len(paths) == 1 and paths[0].suffix.lower() == ".json" else Path(folder)
        with progress_bar("Scoring", "images") as progress:
            found = evaluate_labels(
                place, labelled.dataset, labelled.report, name=THEIRS, ids=labelled.ids, progress=progress
            )
    # The folder's name says nothing to anybody.
    evaluation, problems = found
    problems = [problem.replace(f" in {place}", " among the uploads") for problem in problems]
    st.session_state["scores_of_labels"] = (token, (evaluation, problems))
    return evaluation, problems


def _differences(ours: Evaluation, theirs: Evaluation, name: str) -> pd.DataFrame:
    other = {row["id"]: row for row in theirs.rows()}
    rows = [
        {
            "Image": row["id"],
            "Nuclei": row["nuclei"],
            f"Found by {name}": row["found"],
            f"Found by {THEIRS.lower()}": other[row["id"]]["found"],
            name: row["competition"],
            THEIRS: other[row["id"]]["competition"],
            "Difference": row["competition"] - other[row["id"]]["competition"],
        }
        for row in ours.rows()
    ]
    return pd.DataFrame(sorted(rows, key=lambda row: -abs(row["Difference"])))
