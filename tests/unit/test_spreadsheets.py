"""CSV that a spreadsheet may open: nothing in it is run."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.settings import PROJECT
from unet.spreadsheets import csv_of_frame, csv_of_rows, safe_cell

WRITERS = re.compile(r"\.to_csv\(|csv\.(writer|DictWriter)\(")


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "-a"])
def test_a_formula_becomes_text(text):
    assert safe_cell(text) == "'" + re.sub(r"[\t\r]", " ", text)


@pytest.mark.parametrize(
    "value", ["a=b", "cells-1.png", "-5", "+1.5e-3", "-.5", "", "图", -5, -0.5, None, np.float64(-1)]
)
def test_names_and_numbers_stay(value):
    assert safe_cell(value) == value
    assert type(safe_cell(value)) is type(value)


@given(st.lists(st.tuples(st.text(max_size=8), st.floats(allow_nan=False), st.integers()), max_size=5))
def test_no_cell_begins_as_a_formula(rows):
    frame = pd.DataFrame(rows, columns=["=name", "value", "number"])
    for text in (csv_of_rows(["=name", "value", "number"], rows), csv_of_frame(frame)):
        found = list(csv.reader(io.StringIO(text, newline="")))
        assert found[0] == ["'=name", "value", "number"]
        assert len(found) == len(rows) + 1
        for cells, row in zip(found[1:], rows, strict=True):
            assert cells[0].removeprefix("'") == re.sub(r"[\t\r\n]", " ", row[0]).removeprefix("'")
            assert not re.match(r"\s*[=@]", cells[0])
            assert float(cells[1]) == row[1]
            assert int(cells[2]) == row[2]


def test_every_csv_of_the_program_is_made_here():
    sources = [path for part in ("unet", "studio", "pages") for path in (PROJECT / part).rglob("*.py")]
    found = {path.name for path in sources if WRITERS.search(path.read_text(encoding="utf-8"))}
    assert found == {"spreadsheets.py"}
