"""How large a pixel is, as files of several programs say it."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from PIL import Image

from unet.io.pixel_size import PixelSize, read_pixel_size

PIXELS = np.zeros((8, 9), np.uint8)


def sizes(path):
    found = read_pixel_size(path)
    return found and pytest.approx((found.x, found.y))


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_imagej(tmp_path, unit):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, imagej=True, resolution=(1 / 0.65, 1 / 0.325), metadata={"unit": unit})
    assert sizes(path) == (0.65, 0.325)


def test_imagej_without_a_unit_means_pixels(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, imagej=True, resolution=(1, 1))
    assert read_pixel_size(tmp_path / "a.tif") is None


@pytest.mark.parametrize(("unit", "expected"), [("µm", 0.25), ("nm", 0.00025), ("mm", 250.0)])
def test_ome(tmp_path, unit, expected):
    metadata = {"axes": "YX"}
    for axis in "XY":
        metadata |= {f"PhysicalSize{axis}": 0.25, f"PhysicalSize{axis}Unit": unit}
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, ome=True, metadata=metadata)
    assert (expected, expected) == sizes(tmp_path / "a.ome.tif")


def test_resolution_tags(tmp_path):
    tifffile.imwrite(
        tmp_path / "cm.tif", PIXELS, resolution=(20_000, 20_000), resolutionunit="CENTIMETER", metadata=None
    )
    assert sizes(tmp_path / "cm.tif") == (0.5, 0.5)
    tifffile.imwrite(tmp_path / "inch.tif", PIXELS, resolution=(50_800, 25_400), resolutionunit="INCH", metadata=None)
    assert sizes(tmp_path / "inch.tif") == (0.5, 1.0)


@pytest.mark.parametrize("dots", [72, 96, 150, 300, 600, 1200])
def test_resolutions_of_screens_and_printers_say_nothing(tmp_path, dots):
    tifffile.imwrite(tmp_path / "a.tif", PIXELS, resolution=(dots, dots), resolutionunit="INCH", metadata=None)
    assert read_pixel_size(tmp_path / "a.tif") is None


def test_files_that_say_nothing(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png", dpi=(25_400, 25_400))
    tifffile.imwrite(tmp_path / "plain.tif", PIXELS, metadata=None)
    for path in (tmp_path / "a.png", tmp_path / "plain.tif", tmp_path / "none.tif"):
        assert read_pixel_size(path) is None


PIXELS_OF_ONE = "<OME><Pixels PhysicalSizeX='1' PhysicalSizeY='1'/></OME>"
STRANGE = (
    "<OME",
    "<OME><Pixels PhysicalSizeX='x'/></OME>",
    "<OME><Pixels PhysicalSizeX='-1' PhysicalSizeY='nan'/></OME>",
    f"<!DOCTYPE a [<!ENTITY b 'c'>]>{PIXELS_OF_ONE}",
)


@pytest.mark.parametrize("text", STRANGE)
def test_ome_of_a_stranger(tmp_path, text):
    tifffile.imwrite(tmp_path / "a.ome.tif", PIXELS, description=text, metadata=None)
    assert read_pixel_size(tmp_path / "a.ome.tif") is None


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.binary(max_size=200), some.integers(0, 400))
def test_damaged_files_never_raise(tmp_path, noise, place):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PIXELS, imagej=True, resolution=(2, 2), metadata={"unit": "um"})
    content = bytearray(path.read_bytes())
    content[place : place + len(noise)] = noise
    path.write_bytes(content)
    found = read_pixel_size(path)
    assert found is None or isinstance(found, PixelSize)
