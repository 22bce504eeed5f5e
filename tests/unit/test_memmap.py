import gc
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet import memmap
from unet.config import ModelConfig
from unet.memmap import downscale_mean, folder_of, is_mapped, new_map, release_pages, row_blocks, subsample
from unet.preprocess.normalize import Normalizer, make_normalizer, normalize_percentiles

random = np.random.default_rng(0)


@pytest.fixture
def small_is_large(monkeypatch):
    monkeypatch.setattr(memmap, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(memmap, "BLOCK_PIXELS", 500)


def test_small_maps_are_in_memory_and_large_ones_in_a_file_without_a_name(tmp_path, small_is_large):
    small, large = (new_map((side, 50), np.uint16, tmp_path) for side in (20, 21))
    assert not is_mapped(small)
    assert is_mapped(large)
    assert is_mapped(large[3:, 2])
    assert folder_of(small) is None
    assert folder_of(large) == folder_of(large[3:]) == tmp_path
    assert not list(tmp_path.iterdir())
    assert not is_mapped(new_map((21, 50), np.uint8, None))


def test_what_was_let_go_is_still_there(tmp_path, small_is_large):
    large = new_map((100, 50), np.uint8, tmp_path)
    assert not large.any()
    large[7] = 3
    release_pages(large[5:, 1:])
    assert large[7, 49] == 3
    assert large.sum() == 150
    release_pages(np.zeros(3))


def test_what_is_in_no_file_is_not_let_go(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(5000))
    copied = np.load(tmp_path / "a.npy", mmap_mode="c")
    copied[:] = 7
    release_pages(copied)
    assert (copied == 7).all()
    assert is_mapped(np.asarray(np.load(tmp_path / "a.npy", mmap_mode="r"))[3:])


def test_the_memory_of_what_was_let_go_is_free(tmp_path):
    code = f"""
import numpy as np, pathlib
from unet.memmap import new_map, release_pages, row_blocks
resident = lambda: int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096
array, before, most = new_map((8000, 8000), np.uint8, pathlib.Path({str(tmp_path)!r})), resident(), 0
for rows in row_blocks(array.shape):
    array[rows] = 1
    most = max(most, resident())
    release_pages(array)
print(most - before)
"""
    if not sys.platform.startswith("linux"):
        pytest.skip("reads /proc")
    used = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
    assert used < 16e6  # of 64


def test_the_room_is_free_again(tmp_path, small_is_large, monkeypatch):
    names = []
    make = memmap.tempfile.mkstemp
    monkeypatch.setattr(memmap.tempfile, "mkstemp", lambda **how: names.append(make(**how)) or names[-1])
    large = new_map((100, 50), np.uint8, tmp_path)
    assert len(names) == 1
    del large
    gc.collect()
    assert not list(tmp_path.iterdir())


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 400))
def test_strips_are_all_rows_once(height, width, pixels):
    before, memmap.BLOCK_PIXELS = memmap.BLOCK_PIXELS, pixels
    try:
        found = list(row_blocks((height, width)))
    finally:
        memmap.BLOCK_PIXELS = before
    assert [row for rows in found for row in range(rows.start, rows.stop)] == list(range(height))
    assert all((rows.stop - rows.start) * width <= max(pixels, width) for rows in found)


def test_a_sample_is_regular_and_bounded():
    image = np.arange(35 * 50).reshape(35, 50)
    assert subsample(image, 35 * 50) is image
    np.testing.assert_array_equal(subsample(image, 500), image[::2, ::2])
    for most in (1, 10, 200, 1749):
        found = subsample(image, most)
        assert most / 4 <= found.shape[0] * found.shape[1] <= most


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_smaller_view_is_made_of_means(dtype, channels):
    image = random.integers(0, 200, (7, 10, *channels)).astype(dtype)
    small = downscale_mean(image, 4)
    assert small.shape == (3, 4, *channels)
    assert small.dtype == dtype
    for row, column in np.ndindex(3, 4):
        square = image[3 * row : 3 * row + 3, 3 * column : 3 * column + 3].astype(float)
        np.testing.assert_allclose(small[row, column], square.mean(axis=(0, 1)), atol=0.51)
    assert downscale_mean(image, 10) is image


def test_parts_of_a_large_image_are_brought_as_the_whole():
    image = random.gamma(2, 900, (90, 110)).astype(np.uint16)
    for config in (ModelConfig(intensity="percentiles"), ModelConfig(intensity="stored")):
        normalizer = make_normalizer(image, config)
        np.testing.assert_array_equal(normalizer(image)[20:30, 40:90], normalizer(image[20:30, 40:90]))


def test_percentiles_of_a_large_image_come_from_a_sample(monkeypatch):
    image = random.gamma(2, 900, (900, 1100)).astype(np.uint16)
    exact = Normalizer.of(image)
    monkeypatch.setattr(subsample, "__defaults__", (100_000,))
    sampled = Normalizer.of(image)
    assert sampled != exact
    below = [np.mean(image <= value) * 100 for value in (sampled.low, sampled.high)]
    np.testing.assert_allclose(below, [1, 99.8], atol=0.2)
    assert np.abs(normalize_percentiles(image).astype(int) - exact(image)).max() <= 8
