import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from unet.io.sparse_png import SIGNATURE, read_block

sizes = st.tuples(st.integers(1, 12), st.integers(1, 12))
values = st.sampled_from([0, 0, 0, 1, 127, 255])


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def encode(mask: np.ndarray, filters: list[int], parts: int = 1, extra: bytes = b"") -> bytes:
    """Write a grey PNG with the given filter on each row."""
    rows, above = [], np.zeros(mask.shape[1], int)
    for row, kind in zip(mask.astype(int), filters, strict=True):
        left, corner = np.append(0, row[:-1]), np.append(0, above[:-1])
        estimate = left + above - corner
        distances = [abs(estimate - other) for other in (left, above, corner)]
        nearest = np.choose(np.argmin(distances, axis=0), [left, above, corner])
        predicted = [np.zeros_like(row), left, above, (left + above) // 2, nearest][kind]
        rows.append(bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes())
        above = row
    packed = zlib.compress(b"".join(rows))
    step = -(-len(packed) // parts)
    data = b"".join(chunk(b"IDAT", packed[start : start + step]) for start in range(0, len(packed), step))
    header = struct.pack(">IIBBBBB", mask.shape[1], mask.shape[0], 8, 0, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + extra + data + chunk(b"IEND", b"")


def whole(found, shape) -> np.ndarray:
    """Return the mask of which ``read_block`` gave a part."""
    top, left, block = found
    mask = np.zeros(shape, np.uint8)
    mask[top : top + block.shape[0], left : left + block.shape[1]] = block
    return mask


@st.composite
def masks(draw):
    height, width = draw(sizes)
    content = draw(st.lists(values, min_size=height * width, max_size=height * width))
    mask = np.array(content, np.uint8).reshape(height, width)
    for row in draw(st.sets(st.integers(0, height - 1))):
        mask[row] = 0
    return mask


@given(masks(), st.data())
def test_every_filter_is_undone(mask, data):
    filters = data.draw(st.lists(st.sampled_from([0, 1, 2, 4]), min_size=len(mask), max_size=len(mask)))
    encoded = encode(mask, filters, parts=data.draw(st.integers(1, 3)))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encoded))), mask)  # the test's own encoder is right
    np.testing.assert_array_equal(whole(read_block(encoded, mask.shape), mask.shape), mask)


@given(masks())
def test_what_pillow_writes_is_read(mask):
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    found = read_block(buffer.getvalue(), mask.shape)
    if found is not None:  # Pillow may choose the one rare filter
        np.testing.assert_array_equal(whole(found, mask.shape), mask)


@given(masks(), st.data())
def test_damage_is_left_to_the_general_decoder(mask, data):
    encoded = bytearray(encode(mask, [0] * len(mask)))
    position = data.draw(st.integers(0, len(encoded) - 13))
    encoded[position] ^= data.draw(st.integers(1, 255))
    assert read_block(bytes(encoded), mask.shape) is None
    assert read_block(bytes(encoded[:position]), mask.shape) is None


def test_what_is_blank_is_not_returned():
    mask = np.zeros((50, 40), np.uint8)
    mask[10:13, 5:9] = 255
    top, left, block = read_block(encode(mask, [0] * 50), (50, 40))
    assert (top, left, block.shape) == (10, 5, (3, 4))
    assert read_block(encode(mask * 0, [0] * 50), (50, 40))[2].size == 0


def test_the_rare_filter_is_left_to_the_general_decoder():
    assert read_block(encode(np.full((3, 3), 255, np.uint8), [3, 3, 3]), (3, 3)) is None


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "I;16"])
def test_other_kinds_of_png_are_left_to_the_general_decoder(mode):
    buffer = io.BytesIO()
    Image.new(mode, (4, 4)).save(buffer, "PNG")
    assert read_block(buffer.getvalue(), (4, 4)) is None


def test_other_sizes_and_lies_about_them_are_left_to_the_general_decoder():
    mask = np.full((4, 4), 255, np.uint8)
    assert read_block(encode(mask, [0] * 4), (5, 4)) is None
    for rows in (3, 5):
        packed = chunk(b"IDAT", zlib.compress(bytes(rows * 5)))
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
        assert read_block(SIGNATURE + header + packed + chunk(b"IEND", b""), (4, 4)) is None


def test_text_beside_the_pixels_is_passed_over_and_transparency_is_not():
    mask = np.full((2, 2), 7, np.uint8)
    assert read_block(encode(mask, [0, 0], extra=chunk(b"tEXt", b"a\0b")), (2, 2)) is not None
    assert read_block(encode(mask, [0, 0], extra=chunk(b"tRNS", b"\0\7")), (2, 2)) is None
    assert read_block(SIGNATURE + encode(mask, [0, 0])[8:33] + chunk(b"IEND", b""), (2, 2)) is None
