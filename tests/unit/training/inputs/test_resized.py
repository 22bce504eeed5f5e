from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest

from tests.factories import draw_discs
from unet.config import ModelConfig
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.errors import DatasetError
from unet.training.inputs import cache
from unet.training.inputs.resized import prepare

SMALL = ModelConfig(input_size=(32, 48), filters=(4, 8), dropout=0.0)


@pytest.fixture
def opened(settings):
    """Return what ``prepare`` gives for a folder, and its dataset and report."""

    def open_folder(folder, model=SMALL, progress=None):
        dataset = add_folder(folder, settings)
        report = inspect_dataset(dataset, settings)
        return prepare(dataset, report, model, settings, progress), dataset, report

    return open_folder


def test_arrays_are_in_the_report_s_order(tutorial_folder, opened):
    prepared, dataset, report = opened(tutorial_folder)
    assert prepared.ids == [sample.id for sample in report.usable] == sorted(prepared.ids)
    assert (prepared.images.shape, prepared.images.dtype) == ((6, 32, 48, 3), np.uint8)
    assert (prepared.masks.shape, prepared.masks.dtype) == ((6, 32, 48), np.uint8)
    for index, name in enumerate(prepared.ids):
        nuclei = prepared.masks[index] == 1
        assert set(np.unique(prepared.masks[index])) == {0, 1}
        # The discs are bright on dark ground: rows of images and masks belong together.
        assert prepared.images[index][nuclei].mean() > 3 * prepared.images[index][~nuclei].mean()
        assert nuclei.mean() == pytest.approx((read_labels(dataset, name) > 0).mean(), abs=0.02)


def test_nuclei_are_not_fattened(tmp_path, save, opened):
    """The tutorial's own loader blurs each mask and keeps what is above 0, which adds a rim to every nucleus."""
    shares = []
    for seed, name in enumerate("ab"):
        image, labels = draw_discs(12, (600, 700), seed)
        save(tmp_path / f"set/images/{name}.png", image)
        save(tmp_path / f"set/masks/{name}.png", labels)
        shares.append((labels > 0).mean())
    prepared, _, _ = opened(tmp_path / "set", replace(SMALL, input_size=(128, 128)))
    for mask, share in zip(prepared.masks, shares, strict=True):
        assert mask.mean() == pytest.approx(share, rel=0.03)


def test_grey_images_and_16_bits(tmp_path, save, opened):
    for name in "ab":
        ramp = np.tile(np.linspace(0, 4095, 96), (64, 1)).astype(np.uint16)
        save(tmp_path / f"set/images/{name}.png", ramp)
        save(tmp_path / f"set/masks/{name}.png", (ramp > 2000).astype(np.uint8))
    prepared, _, _ = opened(tmp_path / "set", replace(SMALL, channels=1))
    assert prepared.images.shape == (2, 32, 48, 1)
    assert prepared.images[0, 0, 0] < 10 and prepared.images[0, 0, -1] > 245


def test_content_and_configuration_decide_what_is_made_anew(tutorial_folder, opened, save):
    calls = []
    _, dataset, _ = opened(tutorial_folder, progress=lambda *counts: calls.append(counts))
    assert calls == [(number, 6) for number in range(1, 7)]
    opened(tutorial_folder, progress=lambda *counts: calls.append(counts))
    opened(tutorial_folder, replace(SMALL, filters=(8, 16), activation="relu"), lambda *counts: calls.append(counts))
    assert len(calls) == 6
    for model in (replace(SMALL, input_size=(32, 32)), replace(SMALL, channels=1), replace(SMALL, classes=2)):
        opened(tutorial_folder, model)
    assert len(list((dataset.folder / "prepared").iterdir())) == 4
    save(tutorial_folder / "sample00/images/sample00.png", np.zeros((48, 64), np.uint8))
    assert opened(tutorial_folder)[0].images[0].max() == 0


def test_samples_that_are_left_out_have_no_row(tutorial_folder, opened):
    (tutorial_folder / "sample02/images/sample02.png").write_bytes(b"no image")
    prepared, _, _ = opened(tutorial_folder)
    assert len(prepared.images) == len(prepared.masks) == 5
    assert "sample02" not in prepared.ids


def test_giving_up_leaves_nothing_half_done(tutorial_folder, opened):
    def give_up(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened(tutorial_folder, progress=give_up)
    assert len(opened(tutorial_folder)[0].ids) == 6


def test_a_full_disk_is_said_before_anything_is_written(tutorial_folder, opened, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: usage(1000, 1000, 0))
    with pytest.raises(DatasetError, match="no room"):
        opened(tutorial_folder)
    monkeypatch.undo()
    assert len(opened(tutorial_folder)[0].ids) == 6


def test_a_folder_that_changes_in_between_is_said(tutorial_folder, settings, save):
    dataset = add_folder(tutorial_folder, settings)
    report = inspect_dataset(dataset, settings)
    save(tutorial_folder / "sample00/images/sample00.png", np.zeros((48, 64), np.uint8))
    with pytest.raises(DatasetError, match="have changed"):
        prepare(dataset, report, SMALL, settings)


def test_no_sample_is_too_few(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    report = inspect_dataset(dataset, settings)
    with pytest.raises(DatasetError, match="at least 1 image"):
        prepare(dataset, replace(report, samples=()), SMALL, settings)


# ---- several classes -------------------------------------------------------------------------------------------


def write_classes(folder, save, values):
    for name, value in zip("ab", values, strict=True):
        mask = np.zeros((64, 96), np.uint8)
        mask[:32], mask[32:, :48] = value, value
        mask[40:, 60:] = 1
        save(folder / f"images/{name}.png", mask)
        save(folder / f"masks/{name}.png", mask)
    return folder


def test_class_indices_survive(tmp_path, save, opened):
    prepared, _, _ = opened(write_classes(tmp_path / "set", save, (2, 3)), replace(SMALL, classes=4))
    assert [set(np.unique(mask)) for mask in prepared.masks] == [{0, 1, 2}, {0, 1, 3}]


def test_label_maps_are_one_class_for_a_model_of_one(tmp_path, save, opened):
    prepared, _, _ = opened(write_classes(tmp_path / "set", save, (2, 3)))
    assert set(np.unique(prepared.masks)) == {0, 1}


def test_a_class_that_the_model_lacks_is_refused_by_name(tmp_path, save, opened):
    with pytest.raises(DatasetError, match=r"mask of b holds the value 9.*classes to 10"):
        opened(write_classes(tmp_path / "set", save, (2, 9)), replace(SMALL, classes=3))


def test_binary_masks_and_nuclei_are_class_1(tutorial_folder, opened):
    prepared, _, _ = opened(tutorial_folder, replace(SMALL, classes=3))
    assert set(np.unique(prepared.masks)) == {0, 1}
