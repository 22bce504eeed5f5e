from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.errors import ConfigError
from unet.prediction.marker import (
    Marker,
    level_between,
    parse_marker,
    positive_share,
    stain_means,
    stain_of,
    with_class,
    write_marker,
)


@given(st.integers(0, 99), st.floats(-1e6, 1e6).map(lambda level: float(f"{level:.6g}")))
def test_a_marker_is_read_as_it_was_written(channel, level):
    assert parse_marker(write_marker(Marker(channel, level))) == Marker(channel, level)


@pytest.mark.parametrize("text", ["", "2", "0:5", "-1:5", "2:", ":5", "2:nan", "2:inf", "a:b", "2:5:7", "1e9:5"])
def test_what_is_no_marker_is_refused_with_an_example(text):
    with pytest.raises(ConfigError, match="2:850"):
        parse_marker(text)


def test_means_are_those_of_each_object_whatever_the_depth():
    random = np.random.default_rng(0)
    labels = random.integers(0, 6, (30, 40)).astype(np.uint16)
    labels[labels == 3] = 0  # numbers may be missing
    image = random.integers(0, 60_000, (30, 40, 2)).astype(np.uint16)
    numbers = np.array([1, 2, 4, 5])
    stain = stain_of(image, 1)
    means = stain_means(labels, stain, numbers)
    np.testing.assert_allclose(means, [image[..., 1][labels == number].mean() for number in numbers])
    assert stain_of(image, 2) is None
    assert stain_of(image[..., 0], 0) is not None
    assert stain_of(image[..., 0], 1) is None


def test_an_object_is_positive_above_the_level_and_not_at_it():
    frame = pd.DataFrame({"label": [1, 2, 3], "marker_mean": [10.0, 20.0, np.nan]})
    assert with_class(frame, Marker(0, 10.0))["positive"].tolist() == [0, 1, 0]
    assert positive_share(with_class(frame, Marker(0, 5.0))) == pytest.approx(2 / 3)
    assert with_class(frame, None) is frame
    assert "positive" not in with_class(frame[["label"]], Marker(0, 1.0))
    assert positive_share(frame) is None


def test_the_level_to_begin_with_lies_between_two_kinds():
    means = np.array([100.0, 110, 120, 900, 950, np.nan])
    assert 120 <= level_between(means) < 900
    assert level_between(np.array([7.0, 7.0])) == 7
    assert level_between(np.array([])) == 0
