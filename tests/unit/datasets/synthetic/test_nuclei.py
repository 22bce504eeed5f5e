"""The synthetic nuclei: exact labels, the same bytes for the same seed, the tutorial's layout."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from unet.datasets.synthetic.nuclei import SHIPPED, generate_nuclei, write_dataset, write_samples
from unet.settings import SAMPLE_IMAGES


@pytest.mark.parametrize("seed", range(8))
def test_an_image_and_its_labels(seed):
    image, labels = generate_nuclei(seed)
    assert image.shape == labels.shape == (256, 256)
    assert (image.dtype, labels.dtype) == (np.uint8, np.uint16)
    areas = np.bincount(labels.ravel())
    assert len(areas) > 3 and areas.min() > 0  # labels are 1 to N, without gaps
    assert 0.03 < (labels > 0).mean() < 0.35
    assert image[labels > 0].mean() > 1.5 * image[labels == 0].mean()
    assert (image == 255).mean() < 0.02  # a few nuclei may saturate, the image must not


def test_a_nucleus_is_one_piece():
    _, labels = generate_nuclei(5)
    for number in range(1, labels.max() + 1):
        pieces = label(labels == number, structure=np.ones((3, 3)))[0]
        assert np.sort(np.bincount(pieces.ravel())[1:])[:-1].sum() <= 0.2 * (labels == number).sum()


def test_some_nuclei_touch():
    touching = 0
    for seed in range(4):
        _, labels = generate_nuclei(seed)
        left, right = labels[:, :-1], labels[:, 1:]
        touching += len(set(left[(left > 0) & (right > 0) & (left != right)].tolist()))
    assert touching > 4


def test_same_seed_same_pixels():
    first, again, other = generate_nuclei(3), generate_nuclei(3), generate_nuclei(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_size_and_number_can_be_chosen():
    image, labels = generate_nuclei(1, (64, 96), nuclei=5)
    assert image.shape == (64, 96)
    assert labels.max() == 5
    empty, none = generate_nuclei(1, nuclei=0)
    assert none.max() == 0
    assert empty.std() > 0  # a camera sees noise in the dark too


def test_as_many_as_fit():
    _, labels = generate_nuclei(1, (32, 32), nuclei=500)
    assert 0 < labels.max() < 500


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="at least 32"):
        generate_nuclei(1, (16, 64))
    with pytest.raises(ValueError, match="0 or more"):
        generate_nuclei(1, nuclei=-1)


def test_a_dataset_in_the_tutorials_layout(tmp_path):
    seen = []
    write_dataset(tmp_path, count=3, size=(64, 64), seed=9, progress=lambda done, total: seen.append((done, total)))
    folders = sorted(tmp_path.iterdir())
    assert len(folders) == 3
    assert seen == [(1, 3), (2, 3), (3, 3)]
    for folder in folders:
        with Image.open(folder / "images" / f"{folder.name}.png") as image:
            assert (image.size, image.mode) == ((64, 64), "L")
        masks = [np.asarray(Image.open(path)) for path in sorted((folder / "masks").glob("*.png"))]
        assert all(set(np.unique(mask)) == {0, 255} for mask in masks)
        assert (np.sum(masks, axis=0, dtype=int) <= 255).all()  # no pixel belongs to two nuclei


def test_same_seed_same_bytes(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_dataset(tmp_path / name, count=2, size=(64, 64), seed=seed)
    contents = [
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.png")}
        for name in "abc"
    ]
    assert contents[0] == contents[1]
    assert not set(contents[0].values()) & {data for path, data in contents[2].items() if "images" in path}


def test_the_shipped_samples_are_the_generators(tmp_path):
    write_samples(tmp_path)
    assert {path.stem for path in SAMPLE_IMAGES.glob("*.png")} == set(SHIPPED)
    for path in SAMPLE_IMAGES.glob("*.png"):
        shipped, drawn = (np.asarray(Image.open(each)).astype(int) for each in (path, tmp_path / path.name))
        # Other processors round the last bit of a float differently, which may move a grey level here and there.
        assert (shipped != drawn).mean() < 0.01
        assert path.stat().st_size < 150_000
