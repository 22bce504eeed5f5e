import io
import struct
import threading
import warnings
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unet import memmap
from unet.errors import ImageError
from unet.io import images
from unet.io.images import count_pages, image_size, map_image, read_image, read_mask

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


def png(size, depth, colour, pixels, interlaced=0, chunks=()):
    """A PNG from its rows as they are stored, filters included."""
    header = struct.pack(">IIBBBBB", *size[::-1], depth, colour, 0, 0, interlaced)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(pixels)), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


CHANNELS = {"photometric": "minisblack", "planarconfig": "contig"}
PALETTE = Image.fromarray(COLOUR).quantize(16)
INTERLACED = png((6, 8), 8, 0, bytes(200), interlaced=1)

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
    "16-bit RGB TIFF": (tiff(COLOUR.astype(np.uint16) * 257, photometric="rgb"), COLOUR.astype(np.uint16) * 257),
    "RGBA TIFF loses its alpha": (
        tiff(np.dstack([COLOUR, GREY]), photometric="rgb", extrasamples=["unassalpha"]),
        COLOUR,
    ),
    "two channels": (tiff(np.dstack([GREY, GREY]), **CHANNELS), np.dstack([GREY, GREY])),
    "four channels": (tiff(np.dstack([COLOUR, GREY]), **CHANNELS), np.dstack([COLOUR, GREY])),
    "five planes": (
        tiff(np.stack([DEEP] * 5), photometric="minisblack", planarconfig="separate"),
        np.dstack([DEEP] * 5),
    ),
    "CMYK TIFF": (pillow(COLOUR, "TIFF", mode="CMYK"), COLOUR),
    "palette TIFF": (pillow(PALETTE, "TIFF"), np.asarray(PALETTE.convert("RGB"))),
    "one bit TIFF": (pillow(Image.fromarray(GREY > 100), "TIFF"), np.where(GREY > 100, 255, 0).astype(np.uint8)),
    "fax TIFF": (
        pillow(Image.fromarray(GREY > 100), "TIFF", compression="group4"),
        np.where(GREY > 100, 255, 0).astype(np.uint8),
    ),
    "four bits TIFF": (tiff(GREY // 17, bitspersample=4), GREY // 17 * 17),
    "float64 TIFF": (tiff(GREY / 255), GREY.astype(np.float32) / np.float32(255)),
    "float16 TIFF": (tiff(GREY.astype(np.float16)), GREY.astype(np.float32)),
    "signed TIFF": (tiff(GREY.astype(np.int16) - 100), GREY.astype(np.float32) - 100),
    "big-endian TIFF": (tiff(DEEP, byteorder=">"), DEEP),
    "interlaced PNG": (INTERLACED, np.zeros((6, 8), np.uint8)),
    "animated PNG": (
        pillow(Image.fromarray(COLOUR), save_all=True, append_images=[Image.fromarray(255 - COLOUR)]),
        COLOUR,
    ),
    "JPEG in TIFF": (tiff(np.tile(COLOUR, (4, 4, 1))[:6, :8], photometric="rgb", compression="jpeg"), None),
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


BIG = np.tile(COLOUR, (6, 6, 1))
TRUNCATED = {
    "PNG": pillow(COLOUR),
    "grey PNG": pillow(GREY),
    "16-bit PNG": imagecodecs.png_encode(COLOUR.astype(np.uint16) * 257),
    "palette PNG": pillow(PALETTE),
    "JPEG": pillow(COLOUR, "JPEG"),
    "BMP": pillow(COLOUR, "BMP"),
    "TIFF": tiff(COLOUR, photometric="rgb"),
    "TIFF in strips": tiff(BIG, photometric="rgb", compression="zstd", rowsperstrip=8),
    "tiled TIFF": tiff(BIG[:20, :20], photometric="rgb", tile=(16, 16)),
}


PATTERN = np.random.default_rng(0).integers(0, 2**16, (70, 90), np.uint16)
STORED = {
    "one strip": {},
    "big-endian": {"byteorder": ">"},
    "strips": {"rowsperstrip": 16, "compression": "lzw", "predictor": True},
    "tiles": {"tile": (32, 16), "compression": "zlib"},
    "plain tiles": {"tile": (16, 32)},
    "white is zero": {"photometric": "miniswhite", "rowsperstrip": 7, "compression": "zstd"},
}


@pytest.fixture
def small_is_large(monkeypatch):
    """Images of more than 40 pixels count as large, and strips have few rows."""
    for module in (images, memmap):
        monkeypatch.setattr(module, "LARGE_PIXELS", 40)
    monkeypatch.setattr(memmap, "BLOCK_PIXELS", 1000)


@pytest.mark.parametrize("kind", READABLE)
def test_a_large_image_is_mapped_and_the_same(kind, tmp_path, small_is_large):
    data = READABLE[kind][0]
    image = map_image(data, tmp_path)
    expected = read_image(data)
    assert memmap.is_mapped(image)
    assert image.dtype == expected.dtype
    np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", STORED)
def test_strips_and_tiles_are_put_together(kind, channels, tmp_path, small_is_large):
    options = {"photometric": "minisblack", "planarconfig": "contig"} | STORED[kind]
    array = PATTERN if channels == 1 else np.dstack([np.roll(PATTERN, shift, 0) for shift in range(channels)])
    if channels > 1 and kind == "white is zero":
        options["photometric"] = "rgb"
    (tmp_path / "a.tif").write_bytes(tiff(array, **(options if channels > 1 else options | {"planarconfig": None})))
    image = map_image(tmp_path / "a.tif", tmp_path / "cache")
    assert memmap.is_mapped(image)
    np.testing.assert_array_equal(image, read_image(tmp_path / "a.tif"))
    assert not list((tmp_path / "cache").iterdir())  # its file has no name


def test_a_small_image_stays_in_memory(tmp_path):
    assert not memmap.is_mapped(map_image(tiff(PATTERN), tmp_path))


def test_a_cut_large_image_is_refused(tmp_path, small_is_large):
    data = tiff(PATTERN, rowsperstrip=16, compression="lzw")
    with pytest.raises(ImageError, match=r"a\.tif"):
        map_image(data[: len(data) // 2], tmp_path, name="a.tif")


def test_no_room_for_a_large_image_is_said(tmp_path, small_is_large, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(memmap.os, "posix_fallocate", full)
    with pytest.raises(ImageError, match="no room"):
        map_image(tiff(PATTERN), tmp_path)
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_tiff_and_deep_colour_are_turned_as_well(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    expected = read_image(pillow(COLOUR, exif=exif))
    for stored in (pillow(COLOUR, "TIFF", tiffinfo={0x0112: turn}), pillow(COLOUR, "TIFF", exif=exif)):
        np.testing.assert_array_equal(read_image(stored), expected)
        assert image_size(stored) == expected.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in COLOUR)
    deep = png((6, 8), 16, 2, rows, chunks=[(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))])
    np.testing.assert_array_equal(read_image(deep), expected)
    assert read_image(deep).dtype == np.uint16
    assert image_size(deep) == expected.shape[:2]


def test_a_damaged_note_does_not_cost_the_image():
    broken = png((1, 1), 8, 0, b"\0\7", chunks=[(b"eXIf", b"nonsense")])
    assert read_image(broken).tolist() == [[7]]


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
    holes = np.where(indices > 2, np.nan, indices.astype(np.float32))
    np.testing.assert_array_equal(read_mask(tiff(holes)), np.where(indices > 2, 0, indices))


@pytest.mark.parametrize(
    "data",
    [
        pillow(Image.fromarray(GREY > 100)),
        pillow(Image.fromarray(GREY > 100), "TIFF"),
        tiff(GREY > 100),  # marked as white-is-zero by tifffile: the values count, not how a viewer shows them
        tiff((GREY > 100).astype(np.uint8), photometric="miniswhite"),
    ],
    ids=["PNG", "TIFF", "tifffile's bool", "white is zero"],
)
def test_a_mask_of_one_bit_is_zero_and_one(data):
    mask = read_mask(data)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, GREY > 100)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pillow(COLOUR), "coloured"),
        (tiff(np.dstack([GREY, 255 - GREY]), **CHANNELS), "coloured"),
        (tiff(GREY / np.float32(255)), "fractions"),
        (tiff(np.where(GREY > 5, np.inf, 0)), "fractions"),
        (tiff(GREY * 1e30), "fractions"),
        (tiff(GREY.astype(np.complex64)), "complex64"),
    ],
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


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"none\.png does not exist"):
        read_image(tmp_path / "none.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ImageError, match=r"folder\.png cannot be read"):
        read_image(tmp_path / "folder.png")


@pytest.mark.parametrize("data", [TRUNCATED[kind] for kind in TRUNCATED], ids=[*TRUNCATED])
def test_no_cut_gives_half_an_image(data):
    """Wherever a file is cut, it is refused, or the whole image was there already."""
    whole = read_image(data)
    for length in range(len(data)):
        try:
            np.testing.assert_array_equal(read_image(data[:length]), whole)
        except ImageError:
            continue
        assert length > len(data) - 30


def test_a_stream_may_be_read_before():
    stream = io.BytesIO(pillow(GREY))
    assert count_pages(stream) == 1
    np.testing.assert_array_equal(read_image(stream), GREY)
    assert not stream.closed


def test_threads_read_at_once_and_nothing_stays_open(tmp_path):
    """pytest turns a file left open into an error."""
    for number, kind in enumerate(READABLE):
        (tmp_path / str(number)).write_bytes(READABLE[kind][0])
    failed = []

    def read_all():
        for path in tmp_path.iterdir():
            try:
                read_image(path)
            except ImageError as error:
                failed.append(error)

    threads = [threading.Thread(target=read_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def claiming(width, height):
    """A PNG of a few bytes whose header claims any size."""
    data = bytearray(pillow(GREY))
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def test_claimed_sizes_are_refused_before_they_cost_memory():
    with pytest.raises(ImageError, match=r"bomb\.png.*15,000 x 9,000"):
        read_image(claiming(15_000, 9_000), name="bomb.png")
    with pytest.raises(ImageError, match=r"bomb\.png has 1,073,741,824 x"):
        read_image(claiming(2**30, 2**30), name="bomb.png")
    with pytest.raises(ImageError, match="million"):
        read_image(pillow(np.zeros((1100, 1000), np.uint8)), max_megapixels=1)
    with pytest.raises(ImageError, match="million"):
        read_image(tiff(np.zeros((1100, 1000), np.uint8), compression="zlib"), max_megapixels=1)
    for size in (image_size, read_mask):
        with pytest.raises(ImageError, match="million"):
            size(claiming(15_000, 9_000))


def with_tags(data, **tags):
    """A TIFF whose first page claims something else."""
    changed = bytearray(data)
    with tifffile.TiffFile(io.BytesIO(data)) as opened:
        for name, value in tags.items():
            tag = opened.pages[0].tags[name]
            changed[tag.valueoffset : tag.valueoffset + 2] = value.to_bytes(2, "little")
    return bytes(changed)


def test_channels_and_tiles_that_need_too_much_memory_are_refused():
    square = np.zeros((64, 64), np.uint8)
    channels = tiff(np.zeros((64, 64, 60), np.uint16), compression="zlib", **CHANNELS)
    with pytest.raises(ImageError, match=r"cells\.tif takes 12\.3 GB"):
        read_image(with_tags(channels, ImageWidth=10_000, ImageLength=11_000, RowsPerStrip=11_000), name="cells.tif")
    tiles = tiff(square, compression="zlib", tile=(16, 16))
    with pytest.raises(ImageError, match="of memory"):
        read_image(with_tags(tiles, TileWidth=65520, TileLength=65520))
    with pytest.raises(ImageError, match="90 channels"):
        read_image(tiff(np.zeros((4, 4, 90), np.uint8), **CHANNELS))


def test_strips_that_are_missing_are_not_read_as_blank():
    one_bit = pillow(Image.fromarray(GREY > 100), "TIFF")
    with pytest.raises(ImageError, match="cut short"):
        read_image(with_tags(one_bit, ImageLength=60_000))
    with pytest.raises(ImageError, match="cut short"):
        read_image(with_tags(tiff(BIG, photometric="rgb", compression="zlib"), RowsPerStrip=8))


def test_an_installation_may_allow_more_than_pillow_does():
    many = np.zeros((60_000, 3_000), np.uint8)  # 180 million pixels
    data = imagecodecs.png_encode(many, level=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_image(data, max_megapixels=200).shape == many.shape
        assert image_size(data, max_megapixels=200) == many.shape


@settings(deadline=None)
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


# ---- channels in pages of their own ----------------------------------------------------------------------------


@pytest.mark.parametrize(("axes", "kind"), [("ZCYX", "imagej"), ("TZCYX", "imagej"), ("CZYX", "ome"), ("ZCYX", "ome")])
def test_channels_that_lie_in_pages_of_their_own_are_one_image(tmp_path, axes, kind):
    sizes = {"T": 2, "Z": 3, "C": 2, "Y": 5, "X": 6}
    shape = [sizes[axis] for axis in axes]
    stack = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    path = tmp_path / f"a.{kind}.tif"
    tifffile.imwrite(path, stack, photometric="minisblack", metadata={"axes": axes}, **{kind: True})
    images = np.moveaxis(stack, axes.index("C"), -1).reshape(-1, 5, 6, 2)
    assert count_pages(path) == len(images)
    for page, expected in enumerate(images):
        np.testing.assert_array_equal(read_image(path, page=page), expected)
        assert image_size(path, page=page) == (5, 6)
    with pytest.raises(ImageError, match="there is no page"):
        read_image(path, page=len(images))


def test_a_stack_without_channels_stays_a_stack(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((4, 5, 6), np.uint8), imagej=True, metadata={"axes": "ZYX"})
    assert count_pages(path) == 4
    assert read_image(path, page=3).shape == (5, 6)


def test_notes_that_lie_about_channels_change_nothing(tmp_path):
    path = tmp_path / "a.tif"
    description = "ImageJ=1.54f\nimages=4\nchannels=3\nhyperstack=true\n"
    with tifffile.TiffWriter(path) as writer:
        for _ in range(4):
            writer.write(np.zeros((5, 6), np.uint8), description=description, metadata=None, contiguous=False)
    assert count_pages(path) in (1, 4)
    assert read_image(path).shape[:2] == (5, 6)
