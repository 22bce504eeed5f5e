import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.config import ModelConfig, TrainingConfig, preset
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.errors import DatasetError
from unet.io.images import read_image
from unet.training.inputs.crops import cut, draw_crops, fixed_crops
from unet.training.inputs.full_size import NativeSamples, prepare_native
from unet.training.inputs.targets import make_targets

HEADS = preset("nuclei").model


@pytest.fixture
def dataset(paired_folder, settings):
    return add_folder(paired_folder, settings)


def test_images_and_targets_are_those_of_the_files(dataset, settings):
    samples = prepare_native(dataset, inspect_dataset(dataset, settings), HEADS, settings)
    assert samples.sizes == [(48, 64)] * 6
    for index, sample in enumerate(dataset.samples()):
        assert samples.ids[index] == sample.id
        np.testing.assert_array_equal(samples.target(index), make_targets(read_labels(dataset, sample.id)))
        correlation = np.corrcoef(samples.image(index).ravel(), read_image(sample.image).ravel())
        assert correlation[0, 1] > 0.99


def test_what_was_prepared_is_taken_again(dataset, settings):
    report = inspect_dataset(dataset, settings)
    calls = []
    for _ in range(2):
        prepare_native(dataset, report, HEADS, settings, progress=lambda done, total: calls.append(done))
    assert calls == [1, 2, 3, 4, 5, 6]
    mask_only = prepare_native(dataset, report, dataclasses.replace(HEADS, outputs="mask"), settings)
    assert mask_only.targets.shape[1] == 1


def test_classes_are_refused(dataset, settings):
    config = ModelConfig(classes=3, resolution="native")
    with pytest.raises(DatasetError, match="classes to 1"):
        prepare_native(dataset, inspect_dataset(dataset, settings), config, settings)


def make_samples(sizes, kinds=None):
    """Samples whose pixels tell row, column and sample."""
    pixels = []
    for index, (height, width) in enumerate(sizes):
        rows, columns = np.mgrid[:height, :width]
        pixels.append(np.stack([rows, columns, np.full_like(rows, index)], axis=-1).reshape(-1, 3))
    pixels = np.concatenate(pixels).astype(np.uint8)
    return NativeSamples([str(i) for i in range(len(sizes))], sizes, kinds or ["dark"] * len(sizes), pixels, pixels)


def test_a_crop_is_the_piece_that_its_box_says():
    samples = make_samples([(40, 50), (30, 60)])
    image, targets = cut(samples, 1, (10.0, 5.0, 26.0, 21.0), (16, 16))
    np.testing.assert_array_equal(image, samples.image(1)[5:21, 10:26])
    np.testing.assert_array_equal(targets[..., 2], 1)
    assert set(np.unique(targets[..., :2])) <= {0, 255}


@given(
    st.lists(st.tuples(st.integers(5, 90), st.integers(5, 90)), min_size=1, max_size=5),
    st.floats(1, 3),
    st.integers(0, 2**31),
)
def test_every_box_lies_in_its_image_and_keeps_proportions(sizes, scale, seed):
    samples = make_samples(sizes)
    config = TrainingConfig(scale=scale)
    crops = draw_crops(samples, np.arange(len(sizes)), 9, (32, 16), config, np.random.default_rng(seed))
    assert len(crops) == 9
    for index, (left, top, right, bottom) in [*crops, *fixed_crops(samples, np.arange(len(sizes)), (32, 16))]:
        height, width = sizes[index]
        assert -1e-6 <= left < right <= width + 1e-6
        assert -1e-6 <= top < bottom <= height + 1e-6
        assert (bottom - top) / (right - left) == pytest.approx(2)
        assert cut(samples, index, (left, top, right, bottom), (32, 16))[0].shape == (32, 16, 3)


def test_rare_kinds_are_drawn_as_often_as_asked():
    samples = make_samples([(40, 40)] * 20, ["dark"] * 18 + ["bright"] * 2)
    shares = {}
    for balance in (0.0, 1.0):
        random = np.random.default_rng(0)
        config = TrainingConfig(balance=balance)
        crops = draw_crops(samples, np.arange(20), 10, (16, 16), config, random)
        crops += [crop for _ in range(300) for crop in draw_crops(samples, np.arange(20), 1, (16, 16), config, random)]
        shares[balance] = np.mean([index >= 18 for index, _ in crops])
    assert shares[0.0] == pytest.approx(0.1, abs=0.06)
    assert shares[1.0] == pytest.approx(0.5, abs=0.08)
