"""Images as OME-Zarr keeps them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.zarrs import describe, write_plate, write_zarr
from unet.errors import ImageError
from unet.io.ome_zarr import ZarrImage, is_zarr, open_fields
from unet.io.pixel_size import PixelSize
from unet.io.planes import find_planes
from unet.memmap import is_mapped

IMAGE = np.random.default_rng(0).integers(0, 60_000, (2, 3, 4, 90, 130)).astype(np.uint16)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_planes_channels_and_levels_are_what_was_written(tmp_path, version):
    folder = write_zarr(tmp_path / "a.zarr", IMAGE, version=version, channels=("DAPI", "GFP", "Cy5"))
    image = ZarrImage(str(folder), t=1, z=(2,))
    assert (image.count("t"), image.count("c"), image.count("z")) == (2, 3, 4)
    np.testing.assert_array_equal(image.read(0, tmp_path), np.moveaxis(IMAGE[1, :, 2], 0, -1))
    np.testing.assert_array_equal(image.read(1, tmp_path), np.moveaxis(IMAGE[1, :, 2, ::2, ::2], 0, -1))
    assert [(level.height, level.width) for level in image.levels] == [(90, 130), (45, 65), (23, 33)]
    assert image.levels[1].pixel_size == PixelSize(1.0, 1.0)
    assert image.levels[1].factor == pytest.approx(2)
    one = ZarrImage(str(folder), channels=["gfp"])
    np.testing.assert_array_equal(one.read(0, tmp_path), IMAGE[0, 1, 0])
    two = ZarrImage(str(folder), channels=["Cy5", "DAPI"])
    np.testing.assert_array_equal(two.read(0, tmp_path), np.stack([IMAGE[0, 2, 0], IMAGE[0, 0, 0]], -1))
    greatest = ZarrImage(str(folder), z=range(4), channels=["DAPI"])
    np.testing.assert_array_equal(greatest.read(0, tmp_path), IMAGE[0, 0].max(axis=0))


@pytest.mark.parametrize("axes", ["yx", "cyx", "zyx", "tyx", "czyx"])
def test_axes_may_be_missing(tmp_path, axes):
    image = IMAGE[tuple(slice(None) if axis in axes else 0 for axis in "tczyx")]
    folder = write_zarr(tmp_path / "a.zarr", image, axes)
    found = ZarrImage(str(folder)).read(0, tmp_path)
    np.testing.assert_array_equal(found, np.moveaxis(IMAGE[0, :, 0], 0, -1) if "c" in axes else IMAGE[0, 0, 0])


def test_of_a_large_image_nothing_whole_is_in_memory(tmp_path):
    folder = write_zarr(tmp_path / "a.zarr", np.zeros((4200, 4000), np.uint8), "yx", levels=1, chunk=1024)
    image = ZarrImage(str(folder)).read(0, tmp_path / "cache")
    assert is_mapped(image)
    assert image.shape == (4200, 4000)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_plate_is_its_wells_and_fields(tmp_path, version):
    field = np.arange(64, dtype=np.uint8).reshape(8, 8)
    folder = write_plate(tmp_path / "p.zarr", {"A/1": [field, field + 1], "B/12": [field]}, version=version)
    fields = open_fields(str(folder))
    assert [(each.well, each.field) for each in fields] == [("A1", "0"), ("A1", "1"), ("B12", "0")]
    np.testing.assert_array_equal(ZarrImage(fields[1].address).read(0, tmp_path), field + 1)
    assert [(each.well, each.field) for each in open_fields(str(folder / "A" / "1"))] == [("A1", "0"), ("A1", "1")]
    assert [plane.title for plane in find_planes([str(folder)])] == ["p_A1_0", "p_A1_1", "p_B12_0"]


def test_what_is_wrong_is_said(tmp_path):
    folder = write_zarr(tmp_path / "a.zarr", IMAGE, channels=("DAPI", "GFP", "Cy5"))
    with pytest.raises(ImageError, match="no channel “Hoechst”; its channels: DAPI, GFP, Cy5"):
        ZarrImage(str(folder), channels=["Hoechst"])
    with pytest.raises(ImageError, match="2 points in time and 4 planes"):
        ZarrImage(str(folder), t=2)
    for chunk in (path for path in (folder / "0").rglob("*") if path.is_file() and not path.name.startswith(".")):
        chunk.write_bytes(b"broken")
    with pytest.raises(ImageError, match="damaged or missing"):
        ZarrImage(str(folder)).read(0, tmp_path)
    other = write_zarr(tmp_path / "b.zarr", IMAGE[0, 0, 0].T, "xy")
    with pytest.raises(ImageError, match="axes xy"):
        ZarrImage(str(other))
    (tmp_path / "c.zarr").mkdir()
    assert not is_zarr(str(tmp_path / "c.zarr"))
    (tmp_path / "c.zarr" / ".zattrs").write_text("{")
    with pytest.raises(ImageError, match="cannot be opened"):
        open_fields(str(tmp_path / "c.zarr"))


def test_a_chunk_that_claims_too_much_is_refused(tmp_path):
    folder = write_zarr(tmp_path / "a.zarr", np.zeros((8, 8), np.uint8), "yx", levels=1)
    about = json.loads((folder / "0" / ".zarray").read_text())
    (folder / "0" / ".zarray").write_text(json.dumps(about | {"shape": [2**20, 2**20], "chunks": [2**20, 2**20]}))
    with pytest.raises(ImageError, match="no image here"):
        ZarrImage(str(folder))


LEAVES = st.none() | st.integers(-3, 3) | st.floats() | st.text(max_size=3) | st.just("yx") | st.just("0")
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["axes", "name", "datasets", "path", "type", "scale", "wells", "images"]), inner
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["multiscales", "plate", "well", "omero"]), VALUES)
def test_descriptions_of_any_kind_are_read_or_refused(tmp_path, name, value):
    import zarr

    folder = write_zarr(tmp_path / "a.zarr", np.zeros((8, 8), np.uint8), "yx", levels=1, version="0.5")
    group = zarr.open_group(folder, mode="a")
    about = dict(group.attrs["ome"])
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return
    describe(group, about | {name: value}, "0.5")
    for read in (lambda: open_fields(str(folder)), lambda: ZarrImage(str(folder)).read(0, tmp_path)):
        try:
            read()
        except ImageError as error:
            assert "a.zarr" in str(error)
