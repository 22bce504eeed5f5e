import tracemalloc

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.datasets.leakage import find_siblings, make_signature


def draw_scene(seed, size=(256, 256)):
    """Blurred blobs and a camera's noise, as (height, width) uint8."""
    random = np.random.default_rng(seed)
    blobs = ndimage.gaussian_filter((random.random(size) > 0.99).astype(float), 4)
    return np.clip(20 + 180 * blobs / blobs.max() + random.normal(0, 2, size), 0, 255).astype(np.uint8)


def cut_up(scene, rows=2, columns=2):
    return [tile for band in np.split(scene, rows) for tile in np.split(band, columns, axis=1)]


def groups_of(images):
    return find_siblings([make_signature(image) for image in images])


def test_tiles_of_a_picture_find_one_another_and_no_other():
    scenes = [cut_up(draw_scene(seed)) for seed in range(5)]
    alone = [draw_scene(100 + seed, (128, 128)) for seed in range(20)]
    groups = groups_of([*(tile for tiles in scenes for tile in tiles), *alone])
    for start in range(0, 20, 4):
        assert len(set(groups[start : start + 4])) == 1
    assert len(set(groups[:20])) == 5
    assert groups[20:] == [None] * 20


def test_the_order_and_the_colour_do_not_matter():
    tiles = cut_up(draw_scene(3))
    coloured = [np.repeat(tile[..., None], 3, axis=2) for tile in tiles]
    order = [2, 0, 3, 1]
    assert len(set(groups_of([coloured[index] for index in order]))) == 1


def test_dark_edges_match_nothing():
    images = []
    for seed in range(6):
        image = draw_scene(seed, (96, 96))
        image[:10], image[-10:], image[:, :10], image[:, -10:] = 0, 0, 0, 0
        images.append(image)
    assert groups_of([*images, np.zeros((96, 96), np.uint8), np.full((96, 96), 7, np.uint8)]) == [None] * 8


def test_a_brighter_copy_is_found():
    image = draw_scene(8, (128, 128))
    other = np.clip(image * 1.2 + 10, 0, 255).astype(np.uint8)
    groups = groups_of([image, draw_scene(9, (128, 128)), other])
    assert groups[0] == groups[2] is not None
    assert groups[1] is None


def test_deep_images_and_tiny_ones():
    tiles = [tile.astype(np.uint16) * 16 for tile in cut_up(draw_scene(4))]
    assert len(set(groups_of([*tiles, np.zeros((4, 4))])[:4])) == 1
    assert groups_of([np.full((40, 40), np.nan), np.zeros((4, 4))]) == [None, None]
    assert find_siblings([]) == []


@pytest.fixture
def mosaic(tmp_path):
    """Four tiles of one picture and three pictures of their own, with masks."""
    pictures = [*cut_up(draw_scene(1)), *(draw_scene(10 + seed, (128, 128)) for seed in range(3))]
    for part in ("images", "masks"):
        (tmp_path / "data" / part).mkdir(parents=True)
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / "data" / "images" / f"{index}.png")
        Image.fromarray((picture > 90).astype(np.uint8) * 255).save(tmp_path / "data" / "masks" / f"{index}.png")
    return tmp_path / "data"


def test_the_report_groups_them_and_says_so(mosaic, settings):
    report = inspect_dataset(add_folder(mosaic, settings), settings)
    groups = {sample.id: sample.group for sample in report.samples}
    assert len({groups[str(index)] for index in range(4)}) == 1
    assert [groups[str(index)] for index in range(4, 7)] == [None] * 3
    assert any("4 images seem to be parts or copies of 1 picture" in note for note in report.notes)


def test_a_table_of_groups_counts_more_but_is_questioned(mosaic, settings):
    lines = [f"{index},{'a' if index < 2 else 'b'}" for index in range(7)]
    (mosaic / "groups.csv").write_text("\n".join(["ImageId,group", *lines]))
    report = inspect_dataset(add_folder(mosaic, settings), settings)
    assert [sample.group for sample in report.samples] == ["a", "a", *["b"] * 5]
    assert any("keeps apart" in note for note in report.notes)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_signature_is_the_same_however_many_rows_are_taken_at_a_time(monkeypatch, dtype):
    image = (np.random.default_rng(0).random((301, 203, 3)) * 200).astype(dtype)
    whole = make_signature(image)
    monkeypatch.setattr("unet.memmap.BLOCK_PIXELS", 5000)
    parts = make_signature(image)
    np.testing.assert_allclose(parts.thumbnail, whole.thumbnail, rtol=1e-6)
    for side, edge in whole.edges.items():
        np.testing.assert_array_equal(parts.edges[side], edge)


def test_a_large_image_is_looked_at_in_little_memory(monkeypatch):
    monkeypatch.setattr("unet.memmap.BLOCK_PIXELS", 2**16)
    image = np.random.default_rng(0).integers(0, 60_000, (1500, 1500), np.uint16)
    tracemalloc.start()
    make_signature(image)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < image.size  # bytes: less than one for each pixel
