"""Regions from GeoJSON as QuPath and this package write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.corrections.region_files import read_region_file, regions_by_stem
from unet.errors import ImageError

SQUARE = [[0, 0], [20, 0], [20, 10], [0, 10], [0, 0]]


def feature(kind="annotation", coordinates=(SQUARE,), geometry="Polygon", **properties):
    return {
        "type": "Feature",
        "geometry": {"type": geometry, "coordinates": list(coordinates)},
        "properties": {"objectType": kind, **properties},
    }


def written(path, *features):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_annotations_are_regions_and_detections_are_not(tmp_path):
    file = written(
        tmp_path / "a.geojson",
        feature(name="Tumour"),
        feature("detection"),
        feature(classification={"name": "Stroma"}),
        feature(coordinates=([SQUARE], [SQUARE]), geometry="MultiPolygon"),
        feature(coordinates=(3, 4), geometry="Point"),
    )
    regions = read_region_file(file)
    assert [region.name for region in regions] == ["Tumour", "Stroma", "Region 3", "Region 3"]
    assert {region.area for region in regions} == {200}
    assert len({region.id for region in regions}) == 4
    assert regions[0].points == ((0, 0), (20, 0), (20, 10), (0, 10))


def test_one_file_is_for_all_images_and_a_folder_for_each_its_own(tmp_path):
    file = written(tmp_path / "cells_regions.geojson", feature(name="A"))
    assert regions_by_stem(file, ["x/cells.png", "other.tif"]).keys() == {"cells", "other"}
    assert regions_by_stem(tmp_path, ["x/cells.png", "other.tif"]).keys() == {"cells"}
    with pytest.raises(ImageError, match="folder with one named like an image"):
        regions_by_stem(tmp_path, ["other.tif"])


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ([feature(coordinates=(SQUARE, SQUARE), name="Ring")], "“Ring” has a hole"),
        ([feature(coordinates=([[0, 0], [1, 1], [2, 2]],))], "not in one line"),
        ([feature(coordinates=([[0, 0], [float("nan"), 1], [2, 0]],))], "no points"),
        ([feature("detection")], "holds 0 regions"),
        ([feature() for _ in range(201)], "holds 201 regions"),
        ([{"type": "Feature", "geometry": None}], "cannot be read"),
    ],
)
def test_what_is_no_region_is_refused_by_name(tmp_path, features, words):
    with pytest.raises(ImageError, match=words) as caught:
        read_region_file(written(tmp_path / "mine.geojson", *features))
    assert "mine.geojson" in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from(["Polygon", "annotation"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["features", "geometry", "type", "coordinates", "properties", "name", "classification"]),
            inner,
        )
    ),
    max_leaves=25,
)


@given(JSON)
def test_nothing_in_a_file_breaks_the_reading(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("regions") / "a.geojson"
    file.write_text(json.dumps(data))
    try:
        assert read_region_file(file)
    except ImageError as error:
        assert "a.geojson" in str(error)
