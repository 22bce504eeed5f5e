"""The Evaluate page in Streamlit's own test harness, on a small dataset and an untrained model."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from studio.evaluate import charts, image_outcome, runner
from studio.evaluate.report import as_html, as_json
from studio.evaluate.score_table import score_table
from tests.factories import draw_discs, write_pairs
from unet.config import ModelConfig
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.evaluation.evaluate import THRESHOLDS, Evaluation, evaluate
from unet.evaluation.matching import measure_overlaps
from unet.evaluation.matching import outcomes as outcomes_of
from unet.evaluation.outcomes import ImageOutcome
from unet.models.folder import save_model, update_info
from unet.models.learned import ENTRY, packed
from unet.models.metadata import ModelInfo, read_info
from unet.prediction.objects import label_objects
from unet.prediction.predictor import Predictor
from unet.settings import DEFAULT_MODEL, SHIPPED_MODELS


@pytest.fixture
def write_model(settings):
    def write(name="small", seed=0):
        import keras

        from unet.models.network import build_unet

        keras.utils.set_random_seed(seed)
        config = ModelConfig(input_size=(32, 32), filters=(4, 8), dropout=(0.0,))
        save_model(settings.models / name, build_unet(config), ModelInfo(name, config, 0.47))
        return f"uploaded:{name}"

    return write


@pytest.fixture
def model(write_model):
    return write_model()


@pytest.fixture
def dataset(tmp_path, settings):
    folder = write_pairs(tmp_path / "labelled", count=4)
    lines = [f"sample{index:02d},g{index},{'red' if index else 'blue'}" for index in range(4)]
    (folder / "groups.csv").write_text("\n".join(["ImageId,group,stain", *lines]))
    return add_folder(folder, settings)


def open_lab(open_app, **query):
    app = open_app("evaluate", **query)
    app.button(key="evaluate").click().run()
    assert not app.exception
    return app


def labelled(app, label):
    return next(button for button in app.button if button.label == label)


def captions(app):
    return " ".join(caption.value for caption in app.caption)


def metrics(app):
    return {metric.label: metric.value for metric in app.metric}


def test_without_a_dataset_there_is_a_way_to_one(open_app, model):
    app = open_app("evaluate", model=model)
    assert not app.exception
    assert app.title[0].value == "Evaluate"
    assert any("zip" in widget.label for widget in app.file_uploader)


def test_scores_are_those_of_the_package(open_app, model, dataset, settings):
    app = open_lab(open_app, model=model)
    predictor = Predictor.open(settings.models / "small")
    expected = evaluate(predictor, dataset, inspect_dataset(dataset, settings), settings).scores()
    assert metrics(app)["Competition score"] == f"{expected.competition:.3f}"
    assert metrics(app)["Dice"] == f"{expected.dice:.3f}"
    scores, images = (frame.value for frame in app.dataframe)
    assert {"All images", "blue (1)", "red (3)", "What it means"} <= set(scores.columns)
    assert len(images) == 4
    assert images["competition"].is_monotonic_increasing


def test_a_second_visit_computes_nothing(open_app, model, dataset, monkeypatch):
    first = metrics(open_lab(open_app, model=model))
    monkeypatch.setattr(runner, "evaluate", None)
    again = open_app("evaluate", model=model)
    assert not again.exception
    assert metrics(again) == first


def test_what_was_computed_is_kept_where_it_cannot_be_written(open_app, model, dataset, settings, monkeypatch):
    settings.cache.mkdir(parents=True, exist_ok=True)
    (settings.cache / "evaluations").write_text("in the way of the folder")
    app = open_lab(open_app, model=model)
    assert any("could not be written" in toast.value for toast in app.toast)
    first = metrics(app)
    monkeypatch.setattr(runner, "evaluate", None)
    again = open_app("evaluate", model=model)
    assert not again.exception
    assert metrics(again) == first


def test_moving_the_threshold_moves_the_scores_and_can_be_kept(open_app, model, dataset, settings):
    app = open_lab(open_app, model=model)
    folder = settings.models / "small"
    before = metrics(app)
    slider = app.select_slider[0]
    assert slider.value == 0.47
    slider.set_value(0.95).run()
    assert metrics(app) != before
    labelled(app, "Use 0.95").click().run()
    assert not app.exception
    assert read_info(folder).threshold == 0.95
    # All that shows the old value has changed with it.
    assert "The model's own is 0.95" in captions(app)
    assert app.select_slider[0].value == 0.95
    assert "Use 0.95" not in {button.label for button in app.button}
    labelled(app, "Back to 0.47").click().run()
    assert not app.exception
    assert read_info(folder).threshold == 0.47
    assert "The model's own is 0.47" in captions(app)
    assert app.select_slider[0].value == 0.47
    assert "Back to 0.47" not in {button.label for button in app.button}


def test_the_best_threshold_is_one_click_away(open_app, model, dataset, settings):
    app = open_lab(open_app, model=model)
    button = next(button for button in app.button if button.label.endswith(", the best"))
    button.click().run()
    assert not app.exception
    best = read_info(settings.models / "small").threshold
    assert f"The model's own is {best:.2f}; the best here is {best:.2f}." in captions(app)
    assert app.select_slider[0].value == best


def test_of_a_shipped_model_a_copy_is_changed(open_app, dataset, settings):
    before = read_info(SHIPPED_MODELS / "tutorial")
    app = open_lab(open_app, model="tutorial")
    app.select_slider[0].set_value(0.65).run()
    labelled(app, "Use 0.65 in a copy").click().run()
    assert not app.exception
    assert app.query_params["model"] == "uploaded:tutorial-at-0-65"
    copy = read_info(settings.models / "tutorial-at-0-65")
    assert (copy.name, copy.threshold, copy.scores) == ("tutorial at 0.65", 0.65, before.scores)
    assert read_info(SHIPPED_MODELS / "tutorial") == before
    assert "The model's own is 0.65" in captions(app)
    assert metrics(app)  # nothing is computed anew: the network is the same
    labelled(app, "Back to 0.50").click().run()
    assert app.query_params["model"] == "tutorial"
    assert "The model's own is 0.50" in captions(app)


def test_two_models_side_by_side(open_app, model, write_model, dataset):
    app = open_lab(open_app, model=model, other=write_model("second", seed=5))
    scores, images = (frame.value for frame in app.dataframe)
    assert {"small", "second"} <= set(scores.columns)
    assert "difference" in images
    curve, overlap = (json.loads(each.proto.spec)["data"] for each in app.get("plotly_chart"))
    assert [line["name"] for line in curve if line["mode"] == "lines"] == ["small", "second"]
    assert [line["name"] for line in overlap if "lines" in line["mode"]] == ["small", "second"]
    pictures = [each.value for each in app.caption if "matched at IoU" in each.value]
    assert [words.split("**")[1] for words in pictures] == ["small", "second"]
    app.selectbox(key="drawn_score").set_value("dice").run()
    assert not app.exception
    assert app.selectbox(key="drawn_score").value == "dice"


def test_another_program_s_nuclei_are_scored_on_the_same_images(open_app, model, dataset):
    app = open_lab(open_app, model=model)
    sample, other = dataset.samples()[:2]
    uploads = [
        (f"{sample.id}_cp_masks.png", sample.masks[0].read_bytes(), "image/png"),
        (f"{other.id}.png", b"no image", "image/png"),
    ]
    next(each for each in app.file_uploader if "another program" in each.label).set_value(uploads).run()
    assert not app.exception
    words = " ".join(each.value for each in (*app.warning, *app.markdown))
    assert "sample01.png is not a PNG" in words
    assert "Scores on the 1 images that both have" in words
    scores = next(each.value for each in app.dataframe if "Other program" in each.value and "Score" in each.value)
    assert scores.set_index("Score").loc["Competition score", "Other program"] == "1.000"
    images = next(each.value for each in app.dataframe if "Difference" in each.value)
    assert images["Image"].tolist() == [sample.id]


def test_a_stain_is_looked_at_alone(open_app, model, dataset):
    app = open_lab(open_app, model=model)
    app.session_state["stain"] = "red"
    app.run()
    assert not app.exception
    assert set(app.dataframe[1].value["stain"]) == {"red"}


def test_what_the_model_has_learned_from_is_said(open_app, dataset, settings):
    from unet.config import preset
    from unet.training.create import create_run
    from unet.training.process import train_run

    config = preset("tutorial").replace(
        input_size=(32, 32), filters=(4, 8), dropout=0.0, epochs=1, validation_fraction=0.5, patience=0
    )
    run = create_run(dataset, inspect_dataset(dataset, settings), config, settings, "mine")
    train_run(run, settings)
    app = open_app("evaluate", model="run:mine")
    data = app.selectbox(key="choice_of_data")
    assert data.value == "run:mine"
    assert not any("has learned from" in each.value for each in app.warning)
    data.set_value(dataset.id).run()
    assert any("has learned from 2 images" in each.value for each in app.warning)


def test_each_model_that_has_learned_from_the_images_is_named(open_app, write_model, dataset, settings):
    for name, samples in (("first", 3), ("second", 4)):
        write_model(name)
        update_info(settings.models / name, provenance={"fingerprint": dataset.fingerprint, "samples": samples})
    app = open_app("evaluate", model="uploaded:first", other="uploaded:second", data=dataset.id)
    said = [warning.value for warning in app.warning if "has learned from" in warning.value]
    assert [words.partition(" images")[0].split()[-1] for words in said] == ["3", "4"]
    assert ["first" in words for words in said] == [True, False]


def test_a_part_of_what_a_model_has_learned_from_is_recognised(open_app, model, dataset, settings, tmp_path):
    report = inspect_dataset(dataset, settings)
    folder = settings.models / model.partition(":")[2]
    update_info(folder, provenance={ENTRY: packed(sample.digest for sample in report.usable)})
    part = tmp_path / "part"
    for source in dataset.root.rglob("*"):
        if source.is_file() and "sample03" not in source.name and source.suffix != ".csv":
            target = part / source.relative_to(dataset.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    app = open_app("evaluate", model=model, data=add_folder(part, settings).id)
    assert any("has learned from 3 images" in each.value for each in app.warning)


@pytest.mark.parametrize(("learned", "words"), [("red", "on unseen kinds"), ("all", "of kinds that the model has")])
def test_the_score_on_unseen_kinds_stands_by_itself(open_app, model, dataset, settings, learned, words):
    kinds = [f"sample{index:02d},g{index},{'red' if index else 'blue'}" for index in range(4)]
    (dataset.root / "groups.csv").write_text("\n".join(["ImageId,group,kind", *kinds]))
    known = add_folder(dataset.root, settings)
    usable = inspect_dataset(known, settings).usable
    digests = [sample.digest for sample in usable if learned == "all" or sample.kind == learned]
    update_info(settings.models / model.partition(":")[2], provenance={ENTRY: packed(digests)})
    app = open_lab(open_app, model=model, data=known.id)
    said = [each.value for each in app.caption if words in each.value]
    assert said and (learned == "all" or "1 of these images" in said[0])


def test_published_results_stand_beside_no_other_images(model, dataset, settings):
    found = make_evaluation(model, dataset, settings)
    drawn = [
        [trace.name for trace in charts.overlap_curve([found], ["small"], 0.5, "light", fingerprint).data]
        for fingerprint in (dataset.fingerprint, charts.STAGE1)
    ]
    assert "StarDist" not in drawn[0] and "StarDist" in drawn[1]
    assert "StarDist" not in as_html("mine", [found], ["small"], 0.5, dataset.fingerprint)
    # The shipped models have learned from those very images.
    assert read_info(DEFAULT_MODEL).provenance["fingerprint"] == charts.STAGE1


def test_a_dataset_that_is_gone_and_a_stranger_in_the_address(open_app, model, dataset):
    app = open_app("evaluate", model=model, data="run:../../etc", other="uploaded:gone")
    assert not app.exception
    assert app.selectbox(key="choice_of_data").value == dataset.id
    assert app.selectbox(key="choice_of_other").value == "none"
    words = [warning.value.replace("\\", "").replace("\u2060", "") for warning in app.warning]
    assert any("“run:../../etc” here; “labelled · all images” is used instead" in each for each in words)
    assert any("“uploaded:gone” here; “No second model” is used instead" in each for each in words)


def make_evaluation(model, dataset, settings):
    predictor = Predictor.open(settings.models / model.partition(":")[2])
    return evaluate(predictor, dataset, inspect_dataset(dataset, settings), settings, thresholds=THRESHOLDS)


def test_reports_hold_everything(model, dataset, settings):
    found = make_evaluation(model, dataset, settings)
    assert Evaluation.from_dict(json.loads(as_json([found]))[0]) == found
    page = as_html("<script>alert(1)</script>", [found], ["small"], 0.5)
    assert "<script>alert(1)" not in page
    assert page.count("plotly-graph-div") >= 2
    for image in found.images:
        assert image.id in page
    assert len(score_table([found, found], ["one", "other"], 0.5).columns) == 6


def test_each_outcome_has_its_colour(tmp_path):
    image, truth = draw_discs(4, (64, 64), seed=3)
    truth = label_objects(truth > 0)
    found = truth.copy()
    found[found == 1] = 0  # missed
    found[:6, :6] = found.max() + 1  # false
    shown = ImageOutcome(image, truth, found, outcomes_of(measure_overlaps(truth, found)))
    picture = image_outcome.draw(shown)
    assert max(picture.shape[:2]) == image_outcome.LONGEST
    colors = {tuple(color) for color in np.unique(picture.reshape(-1, 3), axis=0).tolist()}
    wanted = {title: color for _, title, color in (*image_outcome.FOUND, *image_outcome.TRUTH)}
    assert {wanted["matched"], wanted["false"], wanted["missed"]} <= colors
    assert wanted["merged"] not in colors
    Image.fromarray(picture)
