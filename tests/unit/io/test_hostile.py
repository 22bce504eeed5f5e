"""Files that claim more than they are: refused before they cost anything, or decoded under limits."""

import io
import os
import struct
import subprocess
import sys
import threading
import time

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from unet.errors import ImageError
from unet.io.budget import Budget
from unet.io.embedded import MAX_SCANS, check_fits, jpeg_frames
from unet.io.images import count_pages, image_size, read_image, read_mask
from unet.io.pixel_size import read_pixel_size

GREY = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
COLOUR = np.stack([GREY, GREY.T, GREY[::-1]], axis=-1)


def jpeg(array=GREY, **options):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "JPEG", **options)
    return stream.getvalue()


def claiming(data, height, width):
    """The same JPEG, its frame said to be of another size."""
    place = next(i for i in range(len(data)) if data[i] == 0xFF and data[i + 1] in (0xC0, 0xC2))
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


def tiled(stream, compression, tile=(16, 16), samples=1):
    """A TIFF of one tile that is whatever stream of bytes."""
    file = io.BytesIO()
    shape = tile if samples == 1 else (*tile, samples)
    with tifffile.TiffWriter(file) as writer:
        writer.write(
            iter([stream]),
            shape=shape,
            dtype=np.uint8,
            tile=tile,
            compression=compression,
            photometric="minisblack" if samples == 1 else "rgb",
            metadata=None,
        )
    return file.getvalue()


# ---- pictures inside of a TIFF ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 64), (65500, 65500), (8, 4000), (0, 16)])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_tile_is_no_larger_than_its_tile(size, samples):
    bomb = tiled(claiming(jpeg(GREY if samples == 1 else COLOUR), *size), "jpeg", samples=samples)
    with pytest.raises(ImageError, match=r"cells\.tif has a part of 16 x 16 pixels in which a picture of"):
        read_image(bomb, name="cells.tif")
    with pytest.raises(ImageError, match="a part of 16 x 16"):
        read_mask(bomb)


def test_a_png_tile_as_well():
    with pytest.raises(ImageError, match="16 x 16 pixels in which a picture of 9,000 x 9,000"):
        read_image(tiled(imagecodecs.png_encode(np.zeros((9000, 9000), np.uint8)), "png"))


def test_a_picture_among_the_tables_is_refused():
    with tifffile.TiffWriter(file := io.BytesIO()) as writer:
        tables = claiming(jpeg(GREY[:16, :16]), 65500, 65500)
        writer.write(
            iter([jpeg(GREY[:16, :16])]), shape=(16, 16), dtype=np.uint8, tile=(16, 16), compression="jpeg",
            photometric="minisblack", metadata=None, extratags=[(347, 7, len(tables), tables, True)],
        )  # fmt: skip
    with pytest.raises(ImageError, match="where tables belong"):
        read_image(file.getvalue())


def test_honest_tiles_and_strips_are_read():
    for options in ({"tile": (16, 16)}, {"rowsperstrip": 24}, {}):
        stream = io.BytesIO()
        tifffile.imwrite(stream, COLOUR, photometric="rgb", compression="jpeg", **options)
        found = read_image(stream.getvalue())
        assert found.shape == COLOUR.shape
        np.testing.assert_array_equal(found, tifffile.imread(io.BytesIO(stream.getvalue())))
    stream = io.BytesIO()
    tifffile.imwrite(stream, GREY, compression="png", tile=(16, 16))
    np.testing.assert_array_equal(read_image(stream.getvalue()), GREY)


# ---- rare packings, in a process of their own ------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["jpeg2000", "webp", "lzma"])
def test_rare_packings_are_read_under_limits(compression, tmp_path):
    options = {"compressionargs": {"lossless": True}} if compression == "webp" else {}
    tifffile.imwrite(tmp_path / "a.tif", COLOUR, photometric="rgb", compression=compression, **options)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), COLOUR)
    np.testing.assert_array_equal(read_image((tmp_path / "a.tif").read_bytes()), COLOUR)


def test_colours_of_printers_are_read_under_limits():
    stream = io.BytesIO()
    Image.fromarray(COLOUR).convert("CMYK").save(stream, "TIFF")
    np.testing.assert_array_equal(read_image(stream.getvalue()), COLOUR)


def test_a_rare_packing_that_claims_gigabytes_is_refused():
    bomb = imagecodecs.jpeg2k_encode(np.zeros((20_000, 20_000), np.uint8), level=0)  # 400 MB, 3 GB while decoding
    assert len(bomb) < 200_000
    with pytest.raises(ImageError, match=r"cells\.tif (needs far more memory|is damaged)"):
        read_image(tiled(bomb, "jpeg2000"), name="cells.tif")


def test_a_process_keeps_to_its_limit_where_the_system_sets_none():
    # More than its share, in pieces, as where the system knows no limit on memory: it watches itself.
    code = (
        "from unet.io.guarded_process import limit_memory; import numpy, sys, time; sys.modules['resource'] = None\n"
        "limit_memory(50_000_000); kept = []\n"
        "for _ in range(100): kept.append(numpy.ones(2_000_000)); time.sleep(0.02)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 97


# ---- JPEG ------------------------------------------------------------------------------------------------------


def with_scans(data, count):
    """The same JPEG, its last scan repeated."""
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    return data[:start] + data[start:end] * count + data[end:]


def test_thousands_of_scans_are_refused():
    many = with_scans(jpeg(progressive=True), 2 * MAX_SCANS)
    with pytest.raises(ImageError, match=r"a\.jpg is a JPEG of more than 100 scans"):
        read_image(many, name="a.jpg")
    with pytest.raises(ImageError, match="scans"):
        image_size(many)
    with pytest.raises(ImageError, match="scans"):
        read_image(tiled(many, "jpeg", tile=(64, 64)))


def test_ordinary_jpegs_are_read():
    for options in ({}, {"progressive": True}, {"progressive": True, "quality": 100, "exif": b"Exif\0\0" + jpeg()}):
        assert read_image(jpeg(COLOUR, **options)).shape == COLOUR.shape
    # What phones append, with anything in it.
    assert read_image(jpeg(COLOUR) + b"\xff\xda\0\2" * 500).shape == COLOUR.shape
    assert jpeg_frames(jpeg(COLOUR, progressive=True)) == [(64, 64)]
    check_fits([(64, 64)], (64, 64))


# ---- OME-XML ---------------------------------------------------------------------------------------------------

OME = (
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
    '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="6" SizeY="5" SizeC="2" SizeZ="1" SizeT="1" '
    'PhysicalSizeX="0.5" PhysicalSizeY="0.5">{data}</Pixels></Image></OME>'
)


def ome(path, data):
    with tifffile.TiffWriter(path) as writer:
        for index in range(2):
            writer.write(
                np.full((5, 6), index, np.uint8), description=OME.format(data=data), metadata=None, contiguous=False
            )
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_notes_that_name_another_file_open_none(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    named = f'<TiffData IFD="0"><UUID FileName="{tmp_path}/pipe">urn:uuid:1</UUID></TiffData>'
    path = ome(tmp_path / "a.ome.tif", named)
    found = []
    reader = threading.Thread(
        target=lambda: found.extend([count_pages(path), read_image(path), read_pixel_size(path)]), daemon=True
    )
    reader.start()
    reader.join(20)
    assert not reader.is_alive()
    assert found[0] == 2
    assert found[2].x == 0.5


@pytest.mark.parametrize("data", ['<TiffData PlaneCount="99999999999"/>', '<TiffData IFD="-9"/>', "<TiffData/>" * 9000])
def test_notes_that_count_too_far_cost_nothing(tmp_path, data):
    path = ome(tmp_path / "a.ome.tif", data)
    assert count_pages(path) in (1, 2)
    assert read_image(path).shape[:2] == (5, 6)


def test_pages_in_another_order_are_put_in_order(tmp_path):
    path = ome(tmp_path / "a.ome.tif", '<TiffData FirstC="0" IFD="1"/><TiffData FirstC="1" IFD="0"/>')
    np.testing.assert_array_equal(read_image(path)[0, 0], [1, 0])


# ---- one budget ------------------------------------------------------------------------------------------------


def test_large_claims_wait_for_each_other_and_small_ones_do_not():
    budget, together, most = Budget(100), [], []
    lock = threading.Lock()

    def work(size):
        with budget.claim(size), budget.claim(1000):  # what is inside belongs to the outer claim
            with lock:
                together.append(size)
                most.append(sum(together))
            time.sleep(0.01)
            with lock:
                together.remove(size)

    threads = [threading.Thread(target=work, args=(size,)) for size in (60, 60, 30, 30, 10, 70) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(most) == 18
    assert max(most) <= 100
    with budget.claim(10**12):  # more than there is: alone
        pass


def test_a_palette_gives_the_colours_that_pillow_gives():
    for name, options in (("PNG", {}), ("BMP", {})):
        stream = io.BytesIO()
        picture = Image.fromarray(COLOUR).quantize(37)
        picture.save(stream, name, **options)
        expected = np.asarray(Image.open(io.BytesIO(stream.getvalue())).convert("RGB"))
        np.testing.assert_array_equal(read_image(stream.getvalue()), expected)
