"""From corrected nuclei to an improved model, page by page."""

from __future__ import annotations

import time

import numpy as np

from studio.common.parameters import DATASET, MODEL
from tests.factories import draw_discs
from tests.unit.training.test_learn import HEADS, make_start
from unet.datasets.own import add_image, create_own, own_datasets
from unet.ownership import Visitor
from unet.runs.run import list_runs


def texts(app) -> str:
    return " ".join(str(each.value) for each in (*app.markdown, *app.success, *app.error, *app.caption))


def test_corrected_nuclei_are_saved_in_parts_into_a_dataset_that_grows(open_app, settings):
    make_start(settings, HEADS)
    app = open_app("predict", samples="1", model="uploaded:tiny", image="touching.png")
    app.text_input(key="training_name").set_value("Liver").run()
    app.button(key="training_save").click().run()
    assert not app.exception and "Saved" in texts(app)
    (dataset,) = own_datasets(settings)
    assert dataset.name == "Liver" and len(dataset.samples()) == 1 and not dataset.samples()[0].finished
    app.selectbox(key="training_dataset").set_value("").run()
    app.text_input(key="training_name").set_value("Parts").run()
    app.segmented_control(key="training_finished").set_value("A part of it").run()
    app.slider(key="training_across").set_value((10, 90)).run()
    app.button(key="training_save").click().run()
    app.slider(key="training_across").set_value((200, 300)).run()
    app.button(key="training_save").click().run()
    (sample,) = next(each for each in own_datasets(settings) if each.name == "Parts").samples()
    assert [(box[0], box[2]) for box in sample.finished] == [(10, 90), (200, 300)]


def grown(settings, count=3):
    dataset = create_own("mine", settings)
    for seed in range(count):
        image, labels = draw_discs(4, (48, 64), seed)
        dataset = add_image(dataset, settings, f"{seed}.png", f"{seed:08d}"[::-1], image, labels)
    return dataset


def test_images_are_listed_and_removed(open_app, settings):
    dataset = grown(settings)
    app = open_app("train", **{DATASET: dataset.id})
    assert not app.exception
    name = dataset.samples()[0].id
    app.button(key=f"remove-{name}").click().run()
    assert name not in [sample.id for sample in own_datasets(settings)[0].samples()]
    assert "2 corrected images" in [header.value for header in app.header]


def test_what_is_somebody_elses_is_not_removed(open_app, settings, monkeypatch):
    dataset = grown(settings)
    Visitor.of("somebody else").claim(dataset.folder)
    monkeypatch.setattr("studio.common.visitor.sits_here", lambda settings: False)
    app = open_app("train", **{DATASET: dataset.id})
    assert not [button for button in app.button if (button.key or "").startswith("remove-")]


def test_a_model_is_improved_to_its_end_and_can_be_used_or_left(open_app, settings):
    make_start(settings, HEADS)
    app = open_app("train", **{DATASET: grown(settings).id, MODEL: "uploaded:tiny"})
    assert app.selectbox(key="improve_model").value == "uploaded:tiny"
    assert "about" in texts(app)
    app.toggle(key="improve_rehearse").set_value(False).run()
    app.button(key="improve_start").click().run()
    (run,) = list_runs(settings)
    end = time.monotonic() + 240
    while run.state().active and time.monotonic() < end:
        time.sleep(0.5)
    assert run.state().status == "finished"
    app.run()
    assert not app.exception
    assert "Before and after" in texts(app) and "learned from" in texts(app)
    links = [each.proto.query_string for each in app.get("page_link")]
    assert any("run%3A" in each for each in links) and any("uploaded%3Atiny" in each for each in links)


def test_changed_nuclei_are_those_without_a_like_before():
    from studio.train.improvement import _changed

    before = np.zeros((20, 20), int)
    before[2:8, 2:8], before[12:18, 2:8] = 1, 2
    after = np.zeros((20, 20), int)
    after[2:8, 2:8], after[12:18, 2:5], after[5:9, 12:16] = 4, 5, 6
    assert _changed(before, after).tolist() == [5, 6]
