"""Results to take along: files of one image, a zip of all, and the table."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from studio.controls import page_of
from studio.predictions import Decision, Job, facts_of, summary_of, zip_of_everything
from studio.uploads import Upload
from unet.errors import UnetError
from unet.prediction.export import labels_tiff, mask_png

# Pixels of all images together up to which the table follows the threshold without being asked.
TABLE_AT_ONCE = 8_000_000


def show_downloads(
    job: Job, images: dict[str, Upload], name: str, labels: np.ndarray, decision: Decision, opacity: float
) -> None:
    """Draw the buttons; each file is made when its button is pressed."""
    stem = Path(name).stem
    pages = [(each, upload, page_of(job, upload)) for each, upload in images.items()]
    files = (
        ("Mask", "PNG, 0 and 255", f"{stem}_mask.png", "image/png", lambda: mask_png(labels > 0)),
        (
            "Labels",
            "TIFF: 0 background, 1, 2, 3 … the nuclei",
            f"{stem}_labels.tif",
            "image/tiff",
            partial(labels_tiff, labels),
        ),
        (
            "Everything",
            "A zip: of each image its probability map, mask, label map and overlay; and a table",
            "segmentation.zip",
            "application/zip",
            zip_of_everything(job, pages, decision, opacity),
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for label, words, file_name, mime, make in files:
            st.download_button(
                label,
                make,
                file_name,
                mime,
                key=f"download_{label.lower()}",
                help=words,
                icon=":material/download:",
                on_click="ignore",
            )


def show_table(job: Job, images: dict[str, Upload], decision: Decision) -> None:
    """Draw what is found in each image: at once, or if that takes long, when it is opened."""
    pixels = sum(facts_of(job, upload).height * facts_of(job, upload).width for upload in images.values())
    with st.expander(
        f"All {len(images)} images", expanded=pixels <= TABLE_AT_ONCE, key="all_images", on_change="rerun"
    ) as expander:
        if not expander.open:
            return
        rows = []
        for name, upload in images.items():
            try:
                found = summary_of(job, upload, page_of(job, upload), decision)
            except UnetError as error:
                rows.append({"Image": name, "Remark": str(error)})
                continue
            facts = facts_of(job, upload)
            rows.append(
                {
                    "Image": name,
                    "Nuclei": found.count,
                    "Covered": found.covered,
                    "Mean area": found.mean_area,
                    "Size": f"{facts.width:,} × {facts.height:,}",
                }
            )
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={
                "Covered": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
                "Mean area": st.column_config.NumberColumn(format="%.0f px"),
            },
            alt=f"Nuclei, covered area and size of each of {len(images)} images at threshold {decision.threshold:.2f}",
        )
        total = sum(row.get("Nuclei", 0) for row in rows)
        st.caption(f"{total:,} nuclei in all at threshold {decision.threshold:.2f}.")
