"""The notebook runs, cell by cell, and its table is that of the images."""

from __future__ import annotations

import json

import pytest

from unet.settings import PROJECT, SAMPLE_IMAGES

NOTEBOOK = json.loads((PROJECT / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))


def test_every_cell_runs_and_the_table_has_a_row_per_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for cell in NOTEBOOK["cells"]:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert len(names["table"]) == len(list(SAMPLE_IMAGES.glob("*.png")))
    assert names["table"]["nuclei"].sum() == sum(row.count for row in names["rows"]) > 50


@pytest.mark.parametrize("cell", NOTEBOOK["cells"], ids=lambda cell: cell["id"])
def test_no_output_is_kept_in_it(cell):
    assert not cell.get("outputs") and cell.get("execution_count") is None


def test_it_has_ten_cells():
    assert len(NOTEBOOK["cells"]) == 10
