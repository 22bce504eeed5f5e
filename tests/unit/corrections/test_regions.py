from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.draw import polygon2mask

from unet.corrections.operation import CorrectionError
from unet.corrections.regions import add_region, read_regions, remove_region, rename_region
from unet.prediction.regions import Region, inside, region_figures, with_regions

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10]]


def names(regions) -> list[str]:
    return [region.name for region in regions]


def test_regions_are_kept_renamed_and_removed_page_by_page(tmp_path):
    first = add_region("a", 0, tmp_path, SQUARE)[0]
    assert (first.name, first.area) == ("Region 1", 100)
    add_region("a", 0, tmp_path, SQUARE)
    assert names(rename_region("a", 0, tmp_path, first.id, "  tumour \n core ")) == ["tumour core", "Region 2"]
    assert names(rename_region("a", 0, tmp_path, first.id, "  ")) == ["tumour core", "Region 2"]
    assert names(add_region("a", 0, tmp_path, SQUARE)) == ["tumour core", "Region 2", "Region 1"]
    assert names(remove_region("a", 0, tmp_path, first.id)) == ["Region 2", "Region 1"]
    assert read_regions("a", 1, tmp_path) == read_regions("b", 0, tmp_path) == ()
    with pytest.raises(CorrectionError, match="another tab"):
        rename_region("a", 0, tmp_path, first.id, "late")


def test_two_tabs_lose_none_of_each_others_regions(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: add_region("a", 0, tmp_path, SQUARE), range(12)))
    found = read_regions("a", 0, tmp_path)
    assert len({region.id for region in found}) == 12


def test_what_a_crash_leaves_of_a_line_is_no_region(tmp_path):
    add_region("a", 0, tmp_path, SQUARE)
    (path,) = (tmp_path / "corrections" / "regions").glob("*.jsonl")
    with path.open("ab") as file:
        file.write(b'{"do":"remo')
    assert len(read_regions("a", 0, tmp_path)) == 1
    assert len(add_region("a", 0, tmp_path, SQUARE)) == 2
    path.write_bytes(path.read_bytes() + b'{"do":"eat"}\n')
    with pytest.raises(CorrectionError, match="Line 4 of"):
        read_regions("a", 0, tmp_path)


@pytest.mark.parametrize(
    "points", [None, [], [[0, 0], [5, 5]], [[0, 0], [5, 5], [9, 9]], [[0, 0], [1, "x"], [2, 2]], [[0, 0]] * 9000]
)
def test_what_is_no_region_is_refused(points, tmp_path):
    with pytest.raises(CorrectionError):
        add_region("a", 0, tmp_path, points)
    assert read_regions("a", 0, tmp_path) == ()


corner = st.tuples(st.integers(0, 160), st.integers(0, 160)).map(lambda point: (point[0] / 8, point[1] / 8))


@given(st.lists(corner, min_size=3, max_size=8))
def test_a_nucleus_lies_in_a_region_if_its_centroid_does(points):
    """Every pixel of a small image as a nucleus of one pixel, against another library's drawing of the same line."""
    region = Region("a", "a", tuple(points))
    rows, columns = np.mgrid[:20, :20]
    frame = pd.DataFrame({"centroid_x": columns.ravel(), "centroid_y": rows.ravel()})
    # Moved by a little that is no eighth, so that no centroid lies on the line, where both may say what they like.
    moved = np.array([(y - 0.5 + 0.0301, x - 0.5 + 0.0413) for x, y in points])
    there = inside(
        frame.assign(centroid_x=frame["centroid_x"] - 0.0413, centroid_y=frame["centroid_y"] - 0.0301), region
    )
    np.testing.assert_array_equal(there.reshape(20, 20), polygon2mask((20, 20), moved))


def test_figures_of_regions_and_no_column_without_any():
    frame = pd.DataFrame(
        {"label": [1, 2], "area": [10, 20], "centroid_x": [2.0, 30.0], "centroid_y": [2.0, 2.0], "positive": [1, 0]}
    )
    assert with_regions(frame, ()) is frame
    here, there = (
        Region(name, name, ((x, 0.0), (x + 10, 0.0), (x + 10, 10.0), (x, 10.0)))
        for name, x in (("a", 0.0), ("b", 60.0))
    )
    one, none = region_figures(frame, (here, there))
    assert (one.nuclei, one.area, one.covered, one.mean_area, one.positive) == (1, 100, 0.1, 10, 1.0)
    assert (none.nuclei, none.covered, none.mean_area, none.positive) == (0, 0, 0, None)
    assert with_regions(frame, (here, there))["regions"].tolist() == [1, 0]
