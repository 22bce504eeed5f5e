"""Stacks, time series and images that are kept at several sizes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tifffile

from unet.errors import ImageError
from unet.io.images import level_sizes, map_image, read_window
from unet.io.planes import Plane, find_planes, stack_places
from unet.io.pyramid import Level, level_for

STACK = np.random.default_rng(0).integers(0, 255, (2, 3, 40, 56)).astype(np.uint8)  # t, z, y, x


def written(path, kind):
    if kind == "imagej":
        tifffile.imwrite(path, STACK, imagej=True, metadata={"axes": "TZYX"})
    elif kind == "ome":
        tifffile.imwrite(path, STACK, ome=True, metadata={"axes": "TZYX"}, photometric="minisblack")
    else:  # with channels, which are one image
        several = np.stack([STACK, STACK + 1], axis=2)
        tifffile.imwrite(path, several, imagej=True, metadata={"axes": "TZCYX"})
    return path


@pytest.mark.parametrize("kind", ["imagej", "ome", "channels"])
def test_each_plane_is_found_where_the_file_says(tmp_path, settings, kind):
    path = written(tmp_path / "a.tif", kind)
    planes = find_planes([str(path)], "all")
    assert [(plane.t, plane.z) for plane in planes] == [(t, z) for t in range(2) for z in range(3)]
    assert planes[4].title == "a_t001_z001"
    for plane in planes:
        image = plane.open(settings).read(0, tmp_path)
        np.testing.assert_array_equal(image[..., 0] if kind == "channels" else image, STACK[plane.t, plane.z])
    greatest = find_planes([str(path)], "max")
    assert [(plane.title, plane.t, plane.z) for plane in greatest] == [("a_t000", 0, None), ("a_t001", 1, None)]
    image = greatest[1].open(settings).read(0, tmp_path)
    np.testing.assert_array_equal(image[..., 0] if kind == "channels" else image, STACK[1].max(axis=0))


def test_pages_of_which_nothing_is_said_are_depths(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], photometric="minisblack", metadata=None)
    assert stack_places(str(tmp_path / "a.tif")) == [(0, 0), (0, 1), (0, 2)]
    assert [plane.title for plane in find_planes([str(tmp_path / "a.tif")])] == ["a"]


def write_pyramid(path, image, kind):
    """As OME-TIFF keeps smaller copies, in sub-images, or as slide scanners do, in pages."""
    options = {"tile": (64, 64), "photometric": "rgb", "compression": "zlib"}
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(image, subifds=2 if kind == "ome" else None, metadata=None, **options)
        for level in (1, 2):
            tiff.write(image[:: 2**level, :: 2**level], subfiletype=1, metadata=None, **options)
        if kind == "scanner":
            tiff.write(image[:30, :90], photometric="rgb", subfiletype=1, metadata=None)  # the glass' label


@pytest.mark.parametrize("kind", ["ome", "scanner"])
def test_levels_of_a_pyramid(tmp_path, settings, kind):
    image = np.random.default_rng(1).integers(0, 255, (300, 420, 3)).astype(np.uint8)
    path = tmp_path / "slide.tif"
    write_pyramid(path, image, kind)
    assert level_sizes(path) == [(300, 420), (150, 210), (75, 105)]
    np.testing.assert_array_equal(map_image(path, tmp_path, level=1), image[::2, ::2])
    window = slice(65, 131), slice(3, 200)
    for level in (0, 2):
        expected = image[:: 2**level, :: 2**level][window]
        np.testing.assert_array_equal(read_window(path, window, level=level, max_megapixels=1), expected)
    pyramid = Plane(str(path), "slide").open(settings)
    assert [round(level.factor, 2) for level in pyramid.levels] == [1, 2, 4]
    np.testing.assert_array_equal(pyramid.read(2, tmp_path), image[::4, ::4])


def test_a_large_file_in_parts_is_read_beyond_the_bound_and_another_is_not(tmp_path, settings):
    image = np.zeros((1200, 1000), np.uint8)
    image[5] = 7
    strict = dataclasses.replace(settings, max_image_megapixels=1)
    tifffile.imwrite(tmp_path / "tiles.tif", image, tile=(256, 256), compression="zlib")
    np.testing.assert_array_equal(Plane(str(tmp_path / "tiles.tif"), "a").open(strict).read(0, tmp_path), image)
    turned = [(274, "H", 1, 6, True)]
    tifffile.imwrite(tmp_path / "turned.tif", image, extratags=turned)
    with pytest.raises(ImageError, match="more than 1 million are not accepted"):
        Plane(str(tmp_path / "turned.tif"), "b").open(strict).read(0, tmp_path)


def test_the_smallest_level_that_is_large_enough():
    levels = tuple(Level(str(number), 1, 1, factor) for number, factor in enumerate((1.0, 2.0, 4.0)))
    assert [level_for(scale, levels) for scale in (1, 0.9, 0.57, 0.5, 0.3, 0.25, 0.1)] == [0, 0, 1, 1, 1, 2, 2]
