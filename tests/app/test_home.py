"""The home page: it says what the app is, and its two buttons begin at once."""

from __future__ import annotations

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from studio.common.empty import ILLUSTRATIONS
from studio.home.diagram import DIAGRAM
from studio.home.quickstart import quick_config, start_sample_training
from unet.config import ModelConfig
from unet.datasets.add import add_sample
from unet.datasets.inspection import inspect_dataset
from unet.runs.record import Recorder
from unet.runs.run import list_runs, open_run
from unet.settings import PROJECT
from unet.training.create import create_run
from unet.training.launch import request_stop


@pytest.fixture
def busy_run(settings):
    """A run whose trainer is alive: this very process, which beats and trains nothing."""
    dataset = add_sample(settings)
    run = create_run(dataset, inspect_dataset(dataset, settings), quick_config(), settings, name="ahead")
    with Recorder(run, epochs=12) as recorder:
        recorder.write(status="running", phase="training", epoch=3)
        yield run


def test_home_says_what_this_is(open_app):
    app = open_app()
    assert not app.exception
    assert app.title[0].value == "Find every nucleus in your images"
    words = " ".join(each.value for each in app.markdown)
    for term in ("Segmentation", "contracting path", "expanding path", "Skip connections"):
        assert term in words
    assert [button.label for button in app.button] == ["Train on a sample dataset", "Try a prediction"]
    assert not any(button.disabled for button in app.button)


def test_a_prediction_begins_with_the_samples(open_app):
    app = open_app()
    app.button(key="try_prediction").click().run()
    assert not app.exception
    assert app.query_params["samples"] == "1"


def test_a_training_begins_at_once(open_app, settings):
    app = open_app()
    app.button(key="train_sample").click().run()
    assert not app.exception
    (run,) = list_runs(settings)
    assert app.query_params["run"] == run.name
    assert run.state().active
    assert len(run.info().train_ids) + len(run.info().validation_ids) == 64
    request_stop(run)


def test_a_second_training_is_taken_to_the_first(open_app, settings, busy_run):
    app = open_app()
    assert app.button(key="train_sample").label == "See the running training"
    assert "“ahead” is training" in app.info[0].value
    app.button(key="train_sample").click().run()
    assert not app.exception
    assert app.query_params["run"] == "ahead"
    assert [run.name for run in list_runs(settings)] == ["ahead"]


def test_someone_else_was_quicker(settings, busy_run):
    assert start_sample_training(settings) == open_run("ahead", settings)
    assert len(list_runs(settings)) == 1


def test_training_switched_off(open_app, monkeypatch):
    monkeypatch.setenv("UNET_TRAINING", "off")
    app = open_app()
    assert app.button(key="train_sample").disabled
    assert not app.button(key="try_prediction").disabled
    assert any("switched off" in caption.value for caption in app.caption)


def test_a_failure_is_told_on_the_page(open_app, settings):
    settings.home.mkdir(parents=True)
    settings.datasets.mkdir()
    settings.runs.write_text("a file where a folder should be")
    app = open_app()
    app.button(key="train_sample").click().run()
    assert not app.exception
    assert "could not be started" in app.error[0].value


def test_a_wrong_setting_is_named(open_app, monkeypatch):
    monkeypatch.setenv("UNET_TRAINING", "perhaps")
    app = open_app()
    assert not app.exception
    assert "UNET_TRAINING is “perhaps”" in app.error[0].value


def test_the_quick_training_is_of_the_tutorials_network():
    assert quick_config().model == ModelConfig()


def test_the_diagram_is_of_the_tutorials_network():
    svg = ElementTree.parse(DIAGRAM).getroot()
    assert "skip connection" in svg.get("aria-label")
    words = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    network = ModelConfig()
    for level, filters in enumerate(network.filters):
        assert f"{network.input_size[0] // 2**level}² × {filters}" in words


def test_the_pictures_are_light():
    assert all(path.stat().st_size < 150_000 for path in ILLUSTRATIONS.iterdir())


def test_home_loads_only_what_it_needs():
    """The first page should be there at once; what is heavy waits until someone asks for it."""
    program = (
        "import sys, streamlit; before = set(sys.modules); import studio.home.quickstart, studio.home.diagram; "
        "heavy = {'tensorflow', 'keras', 'pandas', 'plotly', 'scipy', 'skimage', 'numpy'}; "
        "print(*sorted(heavy & set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
