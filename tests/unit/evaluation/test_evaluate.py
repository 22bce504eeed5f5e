import dataclasses
import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from tests.factories import write_pairs
from unet.config import ModelConfig, Separation
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.errors import DatasetError
from unet.evaluation.cache import evaluation_key, keep_evaluation, stored_evaluation
from unet.evaluation.evaluate import THRESHOLDS, Evaluation, count_pixels, evaluate
from unet.evaluation.outcomes import show_outcome
from unet.evaluation.report import to_text
from unet.evaluation.scores import dice, iou
from unet.models.folder import update_info
from unet.models.metadata import ModelInfo, read_info
from unet.prediction.predictor import Predictor
from unet.settings import SHIPPED_MODELS

CONFIG = ModelConfig(input_size=(32, 32), channels=1, filters=(4, 8), dropout=(0.1,))


@pytest.fixture(scope="module")
def predictor():
    """A network that passes brightness on: its probability is above 0.5 where the image is brighter than 100."""
    return Predictor(brightness_network(1), ModelInfo("brightness", CONFIG))


def brightness_network(classes):
    """With several classes: the last one where it is bright, never another."""

    def network(images):
        bright = 1 / (1 + np.exp((100 - images.astype(np.float32)) / 5))
        if classes == 1:
            return bright
        none = np.zeros_like(bright)
        return np.concatenate([1 - bright, *[none] * (classes - 2), bright], axis=-1)

    return network


@pytest.fixture
def make_dataset(tmp_path, settings):
    def make(folder):
        dataset = add_folder(folder, settings)
        return dataset, inspect_dataset(dataset, settings)

    return make


def write_sample(folder, name, image, mask):
    for part, array in (("images", image), ("masks", mask)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(folder / part / f"{name}.png")


masks = arrays.arrays(bool, (5, 6))


@given(masks, masks)
def test_dice_and_iou_are_what_their_definitions_say(truth, found):
    (shared, total) = count_pixels(truth.astype(np.uint8), found.astype(np.uint8), 2)[0].tolist()
    both, either = (truth & found).sum(), (truth | found).sum()
    assert (shared, total) == (both, truth.sum() + found.sum())
    if either:
        assert dice(shared, total) == pytest.approx(2 * both / (truth.sum() + found.sum()))
        assert iou(shared, total) == pytest.approx(both / either)
        assert dice(shared, total) == pytest.approx(2 * iou(shared, total) / (1 + iou(shared, total)))
    else:
        assert dice(shared, total) == iou(shared, total) == 1


@given(*[arrays.arrays(np.uint8, (4, 5), elements=st.integers(0, 3)) for _ in range(2)])
def test_each_class_is_counted_by_itself(truth, found):
    counts = count_pixels(truth, found, 4)
    for index in (1, 2, 3):
        shared = ((truth == index) & (found == index)).sum()
        assert counts[index - 1].tolist() == [shared, (truth == index).sum() + (found == index).sum()]


def test_scores_at_the_images_own_size(tmp_path, predictor, make_dataset, settings):
    dataset, report = make_dataset(write_pairs(tmp_path / "data", count=10, size=(48, 64)))
    done = []
    found = evaluate(predictor, dataset, report, settings, progress=lambda *step: done.append(step))
    assert done == [(number, 10) for number in range(1, 11)]
    assert [(image.id, image.height, image.width) for image in found.images] == [
        (sample.id, 48, 64) for sample in report.usable
    ]
    scores, table = found.scores(), found.to_frame()
    assert 0.8 < scores.dice < 1
    assert scores.iou < scores.dice
    assert scores.dice == pytest.approx(table["dice"].mean())
    assert scores.competition == pytest.approx(table["competition"].mean())
    assert table["competition"].is_monotonic_increasing
    assert found.threshold == 0.5
    assert scores.nuclei == report.nuclei == table["nuclei"].sum()
    assert 0 < scores.found <= scores.nuclei
    assert Evaluation.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert f"{scores.dice:.4f}" in to_text(found)


def test_every_threshold_is_scored_from_one_prediction(tmp_path, predictor, make_dataset, settings):
    dataset, report = make_dataset(write_pairs(tmp_path / "data", count=4, size=(48, 64)))
    found = evaluate(predictor, dataset, report, settings, threshold=0.33, thresholds=THRESHOLDS)
    assert found.thresholds == tuple(sorted({0.33, *THRESHOLDS}))
    curve = found.curve()
    for threshold in (0.05, 0.33, 0.95):
        alone = evaluate(predictor, dataset, report, settings, threshold=threshold).scores()
        assert found.scores(threshold) == alone
        row = curve[curve["threshold"] == threshold].iloc[0]
        assert (row["dice"], row["average_precision"]) == (alone.dice, alone.average_precision[0])
    assert found.scores(found.best_threshold()).competition == curve["competition"].max()
    assert found.scores() == found.scores(0.33)


def test_stains_are_scored_by_themselves(tmp_path, predictor, make_dataset, settings):
    folder = write_pairs(tmp_path / "data", count=4)
    lines = [f"sample{index:02d},g{index},{'red' if index else 'blue'}" for index in range(4)]
    (folder / "groups.csv").write_text("\n".join(["ImageId,group,stain", *lines]))
    found = evaluate(predictor, *make_dataset(folder), settings)
    assert found.stains() == ["blue", "red"]
    assert [found.scores(stain=stain).images for stain in (None, "blue", "red")] == [4, 1, 3]
    assert "blue" in to_text(found)


@pytest.mark.parametrize("missing", ["all", "some"])
def test_missing_groups_and_stains_stay_missing(tmp_path, predictor, make_dataset, settings, missing):
    folder = write_pairs(tmp_path / "data", count=3)
    if missing == "some":  # pandas then makes NaN of the others, which is not JSON
        (folder / "groups.csv").write_text("ImageId,group,stain\nsample00,g1,\nsample02,,red")
    found = evaluate(predictor, *make_dataset(folder), settings)
    keep_evaluation("key", found, settings)
    assert stored_evaluation("key", settings) == found
    table = json.loads(json.dumps(found.to_dict(), allow_nan=False))["table"]
    seen = {row["id"]: (row["group"], row["stain"]) for row in table}
    given = {"sample00": ("g1", None), "sample01": (None, None), "sample02": (None, "red")}
    assert seen == (given if missing == "some" else dict.fromkeys(given, (None, None)))
    assert [row["competition"] for row in table] == found.to_frame()["competition"].tolist()


def _stained(report):
    samples = tuple(dataclasses.replace(sample, stain="red") for sample in report.samples)
    return dataclasses.replace(report, samples=samples)


def _seeing_otherwise(model, tmp_path):
    """The same weights, in a Model folder that stretches images by percentiles."""
    folder = shutil.copytree(model, tmp_path / "otherwise")
    update_info(folder, config=dataclasses.replace(read_info(folder).config, intensity="percentiles"))
    return folder


def test_an_evaluation_is_kept_by_all_that_it_depends_on(tmp_path, make_dataset, settings):
    model = SHIPPED_MODELS / "tutorial"
    dataset, report = make_dataset(write_pairs(tmp_path / "data", count=2))
    predictor = Predictor.open(model)
    key = evaluation_key(model, report, None, Separation())
    assert stored_evaluation(key, settings) is None
    found = evaluate(predictor, dataset, report, settings)
    keep_evaluation(key, found, settings)
    assert stored_evaluation(key, settings) == found
    others = [
        evaluation_key(model, report, ["sample00"], Separation()),
        evaluation_key(model, report, None, Separation(separate=True)),
        evaluation_key(model, make_dataset(write_pairs(tmp_path / "other", seed=7))[1], None, Separation()),
        evaluation_key(model, _stained(report), None, Separation()),
        evaluation_key(_seeing_otherwise(model, tmp_path), report, None, Separation()),
    ]
    assert len({key, *others}) == 6
    (settings.cache / "evaluations" / f"{key}.json").write_text("{")
    assert stored_evaluation(key, settings) is None


def test_an_images_outcome_names_every_nucleus(tmp_path, predictor, make_dataset, settings):
    dataset, _ = make_dataset(write_pairs(tmp_path / "data", count=1, size=(32, 32)))
    sample = dataset.samples()[0].id
    shown = show_outcome(predictor, dataset, sample, settings, 0.5, Separation())
    sides = shown.outcomes
    truth = [*sides.matched_truth, *sides.split, *sides.missed]
    found = [*sides.matched_found, *sides.merged, *sides.fragments, *sides.false]
    assert sorted(truth) == np.unique(shown.truth[shown.truth > 0]).tolist()
    assert sorted(found) == np.unique(shown.found[shown.found > 0]).tolist()


def test_means_and_pooled_scores_differ_as_defined(tmp_path, predictor, make_dataset, settings):
    bright, dark = np.full((32, 32), 200, np.uint8), np.zeros((32, 32), np.uint8)
    half = dark.copy()
    half[:16] = 200
    for name, image, mask in (("a", bright, bright), ("b", bright, half), ("c", half, half)):
        write_sample(tmp_path / "data", name, image, mask)
    dataset, report = make_dataset(tmp_path / "data")
    found = evaluate(predictor, dataset, report, settings)
    scores = found.scores()
    assert sorted(found.to_frame()["dice"]) == pytest.approx([2 / 3, 1, 1])
    assert sorted(found.to_frame()["iou"]) == pytest.approx([1 / 2, 1, 1])
    assert scores.pooled_dice == pytest.approx(2 * (1024 + 512 + 512) / (2048 + 1536 + 1024))
    assert scores.pooled_iou == pytest.approx((1024 + 512 + 512) / (1024 + 1024 + 512))


def test_nothing_there_and_nothing_found_is_a_perfect_score(tmp_path, predictor, make_dataset, settings):
    dark = np.zeros((32, 32), np.uint8)
    mask = dark.copy()
    mask[:4, :4] = 255
    write_sample(tmp_path / "data", "empty", dark, dark)
    write_sample(tmp_path / "data", "missed", dark, mask)
    dataset, report = make_dataset(tmp_path / "data")
    table = evaluate(predictor, dataset, report, settings).to_frame().set_index("id")
    for name in ("dice", "iou", "competition", "f1", "panoptic_quality", "average_precision"):
        assert table[name].to_dict() == {"empty": 1, "missed": 0}


def test_only_the_named_samples_count(tmp_path, predictor, make_dataset, settings):
    dataset, report = make_dataset(write_pairs(tmp_path / "data", count=4))
    ids = [sample.id for sample in report.usable][1:3]
    assert [image.id for image in evaluate(predictor, dataset, report, settings, ids=ids).images] == ids
    with pytest.raises(DatasetError, match="no image with a mask"):
        evaluate(predictor, dataset, report, settings, ids=[])


def test_several_classes_are_scored_one_by_one(tmp_path, make_dataset, settings):
    config = ModelConfig((32, 32), 1, 3, (4, 8), (0.1,))
    predictor = Predictor(brightness_network(3), ModelInfo("brightness", config))
    image, mask = np.zeros((32, 32), np.uint8), np.zeros((32, 32), np.uint8)
    image[:8] = 200  # The network finds class 2 here.
    mask[:8], mask[16:24] = 2, 1
    write_sample(tmp_path / "data", "a", image, mask)
    write_sample(tmp_path / "data", "b", image, (mask == 2) * np.uint8(2))
    dataset, report = make_dataset(tmp_path / "data")
    found = evaluate(predictor, dataset, report, settings)
    table = found.to_frame().sort_values("id")
    assert table["dice"].tolist() == [0.5, 1]
    assert table[["nuclei", "found"]].to_numpy().tolist() == [[2, 1], [1, 1]]
    assert found.scores().pooled_dice == pytest.approx(2 * 512 / (768 + 512))


def test_a_class_that_the_model_does_not_have_is_refused(tmp_path, make_dataset, settings):
    config = ModelConfig((32, 32), 1, 2, (4, 8), (0.1,))
    predictor = Predictor(brightness_network(2), ModelInfo("brightness", config))
    write_sample(
        tmp_path / "data", "a", np.zeros((32, 32), np.uint8), np.arange(1024, dtype=np.uint8).reshape(32, 32) % 5
    )
    dataset, report = make_dataset(tmp_path / "data")
    with pytest.raises(DatasetError, match="holds class 4"):
        evaluate(predictor, dataset, report, settings)
