"""Regions and positive nuclei in every file that speaks of nuclei."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import zipfile

import imagecodecs
import numpy as np
import pytest
import roifile

from unet import render
from unet.corrections.load import read_nuclei
from unet.exports.bundle import everything_zip
from unet.exports.command import command_of
from unet.exports.formats import FORMATS
from unet.prediction.marker import Marker
from unet.prediction.regions import Region
from unet.prediction.result import Decisions, Result


@pytest.fixture
def result(make_result) -> Result:
    """Two nuclei, the first with a strong stain; a region around it, and one around both that begins like a formula."""
    labels = np.zeros((24, 40), np.uint16)
    labels[4:10, 4:10], labels[4:10, 24:34] = 1, 2
    stain = np.where(labels == 1, 900, 100).astype(np.uint16)
    regions = tuple(
        Region(name, name, ((left, 0.0), (right, 0.0), (right, 24.0), (left, 24.0)))
        for name, left, right in (("tumour", 0.0, 20.0), ("=stroma", 0.0, 40.0))
    )
    found = make_result(labels)
    decisions = dataclasses.replace(found.decisions, marker=Marker(1, 500.0))
    return dataclasses.replace(found, decisions=decisions, found=labels, stain=stain, regions=regions)


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_tables_say_region_and_class(result):
    first, second = rows(FORMATS["measurements"].of(result))
    assert (first["positive"], first["region"], first["regions"]) == ("1", "tumour; =stroma", "2")
    assert (second["positive"], second["region"], second["marker_mean"]) == ("0", "'=stroma", "100.0")
    tumour, stroma = rows(FORMATS["regions"].of(result))
    assert (tumour["region"], tumour["nuclei"], tumour["area"], tumour["positive"]) == ("tumour", "1", "480.0", "1.0")
    assert (stroma["region"], stroma["nuclei"], stroma["positive"]) == ("'=stroma", "2", "0.5")
    assert float(stroma["covered"]) == pytest.approx(96 / 960)
    (summary,) = rows(FORMATS["summary"].of(result))
    assert (summary["positive"], summary["regions"], summary["in_regions"]) == ("0.5", "2", "2")


def test_outside_of_regions_can_be_ignored(result):
    only = dataclasses.replace(result.decisions, ranges={"regions": (2.0, 9.0)})
    kept = dataclasses.replace(result, decisions=only)
    assert kept.measurements["label"].tolist() == [1]
    assert np.unique(kept.labels).tolist() == [0, 1]


def test_other_programs_get_regions_and_classes_and_give_the_nuclei_back(result):
    features = json.loads(FORMATS["geojson"].of(result))["features"]
    kinds = [(each["properties"]["objectType"], each["properties"]["classification"]["name"]) for each in features]
    assert kinds[:2] == [("detection", "Nucleus: Positive"), ("detection", "Nucleus: Negative")]
    assert kinds[2:] == [("annotation", "Region*")] * 2
    with zipfile.ZipFile(io.BytesIO(FORMATS["rois"].of(result))) as archive:
        rois = [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]
    assert [(roi.name, roi.group) for roi in rois] == [
        ("0001", 1), ("0002", 2), ("Region: tumour", 0), ("Region: =stroma", 0)
    ]  # fmt: skip
    assert rois[2].coordinates().max(axis=0).tolist() == [20, 24]
    for name, file in (("geojson", "a.geojson"), ("rois", "a.zip"), ("coco", "a.json")):
        back = read_nuclei(FORMATS[name].of(result), file, (24, 40), result.file)
        np.testing.assert_array_equal(back > 0, result.labels > 0)
    annotations = json.loads(FORMATS["coco"].of(result))["annotations"]
    assert [each["attributes"]["positive"] for each in annotations] == [True, False]


def test_the_manifest_says_regions_and_marker(result, tmp_path):
    with zipfile.ZipFile(everything_zip(tmp_path / "all.zip", [result], result.decisions)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["positive"] == {"channel": 2, "above": 500.0}
    assert manifest["images"][0]["positive"] == 0.5
    assert [each["name"] for each in manifest["images"][0]["regions"]] == ["tumour", "=stroma"]
    assert "--positive 2:500" in manifest["command"]
    assert "--positive" not in command_of(
        Decisions(result.decisions.info, 0.5, result.decisions.separation), ["labels"]
    )


def test_the_overlay_shows_both_classes_and_the_regions(result):
    picture = imagecodecs.png_decode(FORMATS["overlay"].of(result))
    assert picture[4, 6].tolist() == [*render.POSITIVE_COLOR]
    assert picture[4, 28].tolist() == [*render.NEGATIVE_COLOR]
    assert (picture[17:22, 20] == 255).all(), "the first region's right edge, below the names"
    without = dataclasses.replace(result, regions=(), stain=None)
    assert imagecodecs.png_decode(FORMATS["overlay"].of(without))[4, 6].tolist() == [*render.PREDICTED]
