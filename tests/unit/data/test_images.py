import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unet.data.images import count_pages, image_size, read_image, read_mask
from unet.errors import ImageError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8) * 5
COLOUR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)
DEEP = GREY.astype(np.uint16) * 257


def pillow(array, format="PNG", mode=None, **options):
    stream = io.BytesIO()
    picture = array if isinstance(array, Image.Image) else Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(stream, format=format, **options)
    return stream.getvalue()


def tiff(array, **options):
    stream = io.BytesIO()
    tifffile.imwrite(stream, array, **options)
    return stream.getvalue()


READABLE = {
    "8-bit grey PNG": (pillow(GREY), GREY),
    "16-bit grey PNG": (pillow(DEEP), DEEP),
    "RGB PNG": (pillow(COLOUR), COLOUR),
    "RGBA PNG loses its alpha": (pillow(np.dstack([COLOUR, GREY])), COLOUR),
    "grey with alpha": (pillow(np.dstack([GREY, 255 - GREY])), GREY),
    "16-bit RGB PNG": (imagecodecs.png_encode(COLOUR.astype(np.uint16) * 257), COLOUR.astype(np.uint16) * 257),
    "palette PNG": (pillow(Image.fromarray(COLOUR).quantize(64)), None),
    "one bit": (pillow(Image.fromarray(GREY > 100)), np.where(GREY > 100, 255, 0).astype(np.uint8)),
    "BMP": (pillow(COLOUR, "BMP"), COLOUR),
    "JPEG": (pillow(COLOUR, "JPEG"), None),
    "CMYK JPEG": (pillow(COLOUR, "JPEG", mode="CMYK"), None),
    "8-bit TIFF": (tiff(GREY), GREY),
    "16-bit TIFF": (tiff(DEEP), DEEP),
    "LZW TIFF": (tiff(DEEP, compression="lzw", predictor=True), DEEP),
    "ZSTD TIFF": (tiff(GREY, compression="zstd"), GREY),
    "tiled TIFF": (tiff(GREY, tile=(16, 16)), GREY),
    "float TIFF": (tiff(GREY / np.float32(255)), GREY / np.float32(255)),
    "RGB TIFF": (tiff(COLOUR, photometric="rgb"), COLOUR),
    "planar RGB TIFF": (tiff(np.moveaxis(COLOUR, -1, 0), photometric="rgb", planarconfig="separate"), COLOUR),
    "white-is-zero TIFF": (tiff(GREY, photometric="miniswhite"), 255 - GREY),
    "BigTIFF": (tiff(GREY, bigtiff=True), GREY),
    "32-bit integers": (tiff(GREY.astype(np.int32) * 1000), GREY.astype(np.float32) * 1000),
}


@pytest.mark.parametrize("kind", READABLE)
def test_every_kind_is_read(kind, tmp_path):
    data, expected = READABLE[kind]
    path = tmp_path / "image.xyz"  # what the name says does not count
    path.write_bytes(data)
    for source in (path, data, io.BytesIO(data)):
        image = read_image(source)
        assert image.shape[:2] == image_size(data) == (6, 8)
        assert image.dtype in (np.uint8, np.uint16, np.float32)
        if expected is not None:
            np.testing.assert_array_equal(image, expected)
            assert image.dtype == expected.dtype


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_turns_are_undone(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    upright = np.zeros((16, 24), np.uint8)
    upright[:4, :4] = 255  # bright in the upper left corner
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[turn]
    image = read_image(pillow(np.ascontiguousarray(stored), exif=exif))
    np.testing.assert_array_equal(image, upright)


def test_pages_of_a_tiff():
    pages = tiff(np.stack([GREY, 255 - GREY, GREY // 2]), photometric="minisblack")
    assert count_pages(pages) == 3
    assert count_pages(pillow(GREY)) == 1
    np.testing.assert_array_equal(read_image(pages, page=2), GREY // 2)
    with pytest.raises(ImageError, match="3 pages"):
        read_image(pages, page=3)


def test_masks_keep_their_values():
    indices = (GREY // 60).astype(np.uint8)
    palette = Image.fromarray(indices, mode="P")
    palette.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 200, 7, 7, 7])
    for data in (
        pillow(palette),
        pillow(indices),
        tiff(indices),
        tiff(indices.astype(np.float32)),
        tiff(indices.astype(np.uint32)),
        pillow(np.dstack([indices] * 3)),
        pillow(np.dstack([indices] * 3 + [np.full_like(indices, 255)])),
    ):
        mask = read_mask(data)
        assert mask.dtype.kind in "iu"
        np.testing.assert_array_equal(mask, indices)
    assert read_mask(pillow(Image.fromarray(GREY > 100))).max() == 1


@pytest.mark.parametrize(
    ("data", "words"),
    [(pillow(COLOUR), "coloured"), (tiff(GREY / np.float32(255)), "fractions")],
)
def test_what_is_no_mask_is_refused(data, words):
    with pytest.raises(ImageError, match=words):
        read_mask(data, name="m.png")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n",
        pillow(GREY)[:-30],
        tiff(GREY)[:50],
        pillow(GREY, "GIF"),
        b"II*\0" + b"\xff" * 40,
    ],
    ids=["empty", "text", "signature", "cut PNG", "cut TIFF", "GIF", "TIFF garbage"],
)
def test_broken_files_are_named(data, tmp_path):
    path = tmp_path / "cells.png"
    path.write_bytes(data)
    for read in (read_image, read_mask):
        with pytest.raises(ImageError, match=r"cells\.png"):
            read(path)
    with pytest.raises(ImageError, match=r"none\.png does not exist"):
        read_image(tmp_path / "none.png")


def claiming(width, height):
    """A PNG of a few bytes whose header claims any size."""
    data = bytearray(pillow(GREY))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    import zlib

    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_claimed_sizes_are_refused_before_they_cost_memory():
    with pytest.raises(ImageError, match=r"bomb\.png.*15,000 x 9,000"):
        read_image(claiming(15_000, 9_000), name="bomb.png")
    with pytest.raises(ImageError, match=r"bomb\.png claims more pixels"):
        read_image(claiming(2**30, 2**30), name="bomb.png")
    with pytest.raises(ImageError, match="million"):
        read_image(pillow(np.zeros((1100, 1000), np.uint8)), max_megapixels=1)
    with pytest.raises(ImageError, match="million"):
        read_image(tiff(np.zeros((1100, 1000), np.uint8), compression="zlib"), max_megapixels=1)


@given(st.sampled_from([READABLE[kind][0] for kind in READABLE]), st.data())
def test_damaged_bytes_give_an_image_or_an_image_error(data, draw):
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 6))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    damaged = bytes(damaged[: draw.draw(st.integers(1, len(data)))])
    for read in (read_image, read_mask):
        try:
            assert read(damaged, max_megapixels=1).size <= 64_000_000
        except ImageError as error:
            assert str(error)
