"""Which objects are kept, by the ranges of their measurements."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from unet.errors import ConfigError
from unet.prediction.filters import kept_objects, kept_rows, parse_range, write_range


def test_a_range_is_read_as_it_is_written():
    assert parse_range(write_range("area", 30, 120.5)) == ("area", (30, 120.5))


@pytest.mark.parametrize(
    ("text", "words"),
    [("area", "not a range"), ("area:1", "not a range"), ("area:a:b", "not a range"),
     ("colour:1:2", "not a measurement"),
     ("area:2:1", "keeps nothing"), ("area:nan:1", "keeps nothing"), ("", "not a range")],
)  # fmt: skip
def test_what_is_no_range_is_refused(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_range(text)


def test_all_ranges_must_hold():
    frame = pd.DataFrame({"label": [1, 2, 3], "area": [10, 20, 30], "solidity": [1.0, 0.5, 1.0]})
    assert kept_rows(frame, {}).tolist() == [True, True, True]
    assert kept_rows(frame, {"area": (15, 30), "solidity": (0.9, 1)}).tolist() == [False, False, True]
    assert kept_rows(frame, {"area_um2": (0, 1)}).all()  # not measured here


def test_the_numbers_of_those_kept_stay():
    labels = np.array([[1, 1, 0], [2, 3, 3]], np.uint16)
    np.testing.assert_array_equal(kept_objects(labels, np.array([1, 3])), [[1, 1, 0], [0, 3, 3]])
    assert not kept_objects(labels, np.array([], int)).any()
