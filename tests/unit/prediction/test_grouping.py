"""Groups of images by their names, whatever those are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.errors import ConfigError
from unet.prediction.grouping import FOLDER, MOST_STARS, check_pattern, group_of


@pytest.mark.parametrize(
    ("name", "pattern", "group"),
    [
        ("control_01.png", "{group}_*", "control"),
        ("control_a_01.png", "{group}_*", "control"),
        ("plate1_control_01.tif", "*_{group}_*", "control"),
        ("control.png", "{group}_*", ""),
        ("day 3/control_01.png", FOLDER, "day 3"),
        ("day 3\\control_01.png", FOLDER, "day 3"),
        ("control_01.png", FOLDER, ""),
        ("a(b)_1.png", "a({group})_*", "b"),
        ("control-1.png", "{group}-1", "control"),
        ("control_01.png", "", ""),
    ],
)
def test_the_group_is_the_marked_part_of_the_name(name, pattern, group):
    assert group_of(name, pattern) == group


@pytest.mark.parametrize("pattern", ["control", "{group}{group}", "*" * (MOST_STARS + 1) + "{group}", "{group}" * 100])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(ConfigError, match="at most"):
        check_pattern(pattern)


@given(st.text(max_size=255), st.text(max_size=40))
def test_any_name_and_any_pattern_give_a_part_of_the_name_or_a_declared_error(name, pattern):
    for each in (pattern, f"*{pattern}{{group}}*"):
        try:
            group = group_of(name, each)
        except ConfigError:
            continue
        assert group in name
