"""The Train page with a run open: live, ended, stopped, failed, died."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.common import charts
from studio.home.quickstart import quick_config
from tests.factories import write_tutorial
from unet.config import preset
from unet.datasets.add import add_folder, add_sample
from unet.datasets.inspection import inspect_dataset
from unet.runs.notes import LONGEST_NOTE, LONGEST_TITLE, Notes, read_notes, title_of, write_notes
from unet.runs.record import Recorder, write_state
from unet.runs.run import Run, list_runs
from unet.runs.state import Metrics, RunState
from unet.settings import SHIPPED_MODELS, Settings
from unet.training.create import create_run
from unet.training.launch import request_stop

BEST = {"val_loss": 0.2, "val_dice": 0.875, "val_iou": 0.75, "val_accuracy": 0.9}


def make_run(settings: Settings, folder: Path, name: str = "mine", **changes) -> Run:
    """Make a run of a small network that takes a few seconds to train."""
    dataset = add_folder(folder, settings)
    small = {"epochs": 2, "filters": (4, 8), "dropout": (0.0,), "input_size": (32, 32), "batch_size": 2}
    config = preset("tutorial").replace(**small | changes)
    return create_run(dataset, inspect_dataset(dataset, settings), config, settings, name)


def write_epochs(run: Run, count: int) -> None:
    """Write the metrics and previews that a trainer leaves after so many epochs."""
    rows = []
    for epoch in range(1, count + 1):
        values = {"loss": 1 / epoch, "accuracy": 0.9, "dice": 0.5, "iou": 0.4}
        rows.append({"epoch": epoch, "batch": 1, "batches": 2, **values})
        rows.append({"epoch": epoch, "seconds": 1.0, "best": True, **values, **BEST})
        folder = run.folder / "previews"
        folder.mkdir(exist_ok=True)
        for name in ("image", "truth", f"epoch-{epoch:04d}"):
            Image.fromarray(np.full((32, 32), 40 * epoch, np.uint8)).save(folder / f"0-{name}.png")
    with (run.folder / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def run(settings, tutorial_folder) -> Run:
    return make_run(settings, tutorial_folder)


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def words(app: AppTest) -> str:
    return " ".join(each.value for kind in (app.markdown, app.caption) for each in kind)


def test_a_training_from_its_start_to_predict(open_app, run, settings):
    app = open_app("train", run=run.name)
    assert not app.exception
    app.button(key="resume").click().run()
    assert run.state().active
    deadline = time.monotonic() + 180
    while run.state().active and time.monotonic() < deadline:
        assert not app.exception
        assert "Stop training" in labels(app)
        time.sleep(0.5)
        app.run()
    app.run()
    assert run.state().status == "finished", run.log_tail()
    assert "All 2 epochs are done. The model of epoch" in app.success[0].value
    assert {metric.label: metric.value for metric in app.metric}["Best epoch"].endswith("of 2")
    assert len(app.get("plotly_chart")) == 2
    assert app.select_slider[0].value == 2
    assert "Stop training" not in labels(app)
    links = {link.proto.page: link.proto.query_string for link in app.get("page_link")}
    assert links["predict"] == links["evaluate"] == f"model=run%3A{run.name}"


def test_progress_is_told_while_it_runs(open_app, run):
    with Recorder(run, epochs=2) as recorder:
        app = open_app("train", run=run.name)
        assert "Starting" in app.get("progress")[0].proto.text
        assert "then preparing the data, loading TensorFlow, training" in app.get("progress")[0].proto.text
        recorder.write(phase="preparing the data", batch=2, batches=6)
        assert "Preparing the data: 2 of 6 images" in app.run().get("progress")[0].proto.text
        write_epochs(run, 1)
        recorder.write(
            status="running", phase="training", epoch=2, batch=1, batches=2, images_per_second=12.3, seconds_left=75.0
        )
        text = app.run().get("progress")[0].proto.text
        assert text == "**Epoch 2 of 2** · batch 1 of 2 · 12 images/s · about 1 min 15 s left"
        assert app.get("progress")[0].proto.value == 75
        app.button(key="stop").click().run()
        assert not app.exception
        assert run.stop_request.exists()
        assert app.button(key="stop").disabled
        assert "Stopping" in app.get("progress")[0].proto.text


def test_a_died_run_is_shown_as_such(open_app, run):
    write_epochs(run, 1)
    write_state(run, RunState(status="running", epoch=1, epochs=2, pid=2**22 + 1, updated=1.0))
    app = open_app("train", run=run.name)
    assert not app.exception
    assert "The training process is gone" in app.error[0].value
    assert "Resume" in labels(app)
    assert len(app.get("plotly_chart")) == 2


def test_a_failed_run_says_why(open_app, run):
    write_state(run, RunState(status="failed", epochs=2, reason="The disk is full: free some space."))
    app = open_app("train", run=run.name)
    assert "The disk is full" in app.error[0].value
    assert "Resume" in labels(app)


def test_a_stopped_run_says_how_far_it_came(open_app, run):
    write_epochs(run, 1)
    write_state(run, RunState(status="stopped", epoch=2, epochs=2, reason="Stopped on request."))
    app = open_app("train", run=run.name)
    assert "1 of 2 epochs are done; Resume continues from there." in app.info[0].value


def test_resuming_beside_another_training_is_answered_politely(open_app, run, settings, tmp_path):
    other = make_run(settings, write_tutorial(tmp_path / "other", seed=5), "ahead")
    with Recorder(other, epochs=2):
        app = open_app("train", run=run.name)
        app.button(key="resume").click().run()
        assert not app.exception
        assert "“ahead” is training right now" in app.warning[0].value
        app.button(key=f"watch-{run.name}").click().run()
        assert app.query_params["run"] == "ahead"


def test_the_newest_preview_is_followed_until_one_is_chosen(open_app, run):
    with Recorder(run, epochs=9) as recorder:
        recorder.write(status="running", phase="training", epoch=2)
        write_epochs(run, 2)
        app = open_app("train", run=run.name)
        assert app.select_slider[0].value == 2
        write_epochs(run, 3)
        assert app.run().select_slider[0].value == 3
        app.select_slider[0].set_value(1).run()
        write_epochs(run, 4)
        assert app.run().select_slider[0].value == 1
        assert "orange" not in words(app)
        app.segmented_control(key="preview_view").set_value("Mask").run()
        assert "threshold 0.5, in orange" in words(app)


def test_a_run_that_is_left_and_opened_again(open_app, run):
    write_epochs(run, 3)
    write_state(run, RunState(status="finished", epoch=3, epochs=3, best_epoch=3, best=BEST))
    app = open_app("train", run=run.name)
    app.select_slider[0].set_value(1).run()
    app.button(key="back").click().run()
    app.button(key="open-mine").click().run()
    assert not app.exception
    assert app.select_slider[0].value == 3


def test_train_again_starts_from_the_runs_dataset_and_settings(open_app, settings, tutorial_folder):
    run = make_run(settings, tutorial_folder, epochs=7, loss="dice")
    app = open_app("train", run=run.name)
    app.button(key="again").click().run()
    assert not app.exception
    assert app.query_params["dataset"] == run.info().dataset["id"]
    assert app.number_input(key="setting-tutorial-epochs").value == 7
    assert app.selectbox(key="setting-tutorial-loss").value == "dice"
    assert app.text_input(key="setting-tutorial-filters").value == "4, 8"


def test_runs_are_listed_opened_and_deleted(open_app, run, settings):
    write_state(run, RunState(status="finished", epochs=2, best_epoch=2, best=BEST))
    app = open_app("train")
    assert "Dice 0.875" in words(app)
    app.button(key="open-mine").click().run()
    assert app.query_params["run"] == "mine"
    app.button(key="back").click().run()
    app.button(key="delete-mine").click().run()
    assert not app.exception
    assert list_runs(settings) == []


def test_runs_are_compared_side_by_side(open_app, settings, tutorial_folder, run):
    other = make_run(settings, tutorial_folder, "other", batch_size=4)
    for each in (run, other):
        write_epochs(each, 2)
    app = open_app("train")
    next(each for each in app.segmented_control if each.label == "How runs are shown").set_value("Table").run()
    next(each for each in app.multiselect if each.label == "Compare runs").set_value(["mine", "other"]).run()
    assert not app.exception
    settings_table = next(each.value for each in app.dataframe if "Setting" in each.value)
    assert settings_table.set_index("Setting").loc["batch size"].tolist() == ["2", "4"]
    assert any(f"--logdir_spec=mine:{run.tensorboard}" in each.value for each in app.code)


def test_a_sample_training_ends_beside_the_shipped_model(open_app, settings):
    dataset = add_sample(settings)
    run = create_run(dataset, inspect_dataset(dataset, settings), quick_config(), settings, "first")
    shutil.copytree(SHIPPED_MODELS / "tutorial", run.folder / "model")
    write_state(run, RunState(status="finished", epochs=12, best_epoch=12, best=BEST))
    app = open_app("train", run="first")
    assert not app.exception
    own, shipped = (next(each for each in app.metric if each.label == name) for name in ("first", "nuclei (shipped)"))
    assert own.value.partition(" of ")[2] == shipped.value.partition(" of ")[2]
    assert "missed" in own.delta
    assert "wrong" in own.delta
    link = next(link.proto for link in app.get("page_link") if "other" in link.proto.query_string)
    assert link.query_string == "model=run%3Afirst&other=nuclei&data=run%3Afirst"
    # The page that it leads to has nothing left to compute.
    app = open_app("evaluate", model="run:first", other="nuclei", data="run:first")
    assert not app.exception
    assert "evaluate" not in {button.key for button in app.button}
    assert app.dataframe


def test_a_run_is_named_and_noted(open_app, run, settings):
    app = open_app("train", run=run.name)
    app.text_input(key="title-mine").set_value(" Liver, *day 3* ")
    app.text_area(key="note-mine").set_value("Too few epochs.\nTry again.")
    next(button for button in app.button if button.label == "Keep them").click().run()
    assert not app.exception
    assert read_notes(run) == Notes("Liver, *day 3*", "Too few epochs.\nTry again.")
    assert app.title[0].value == r"Liver, \*day 3\*"
    assert "Too few epochs. Try again." in words(app)
    app.button(key="back").click().run()
    assert app.button(key="open-mine").label == r":blue[Liver, \*day 3\*]"
    assert "Too few epochs. Try again." in words(app)


def test_a_run_is_named_where_it_is_started(open_app, settings, tutorial_folder):
    app = open_app("train", dataset=add_folder(tutorial_folder, settings).id)
    app.number_input(key="setting-tutorial-epochs").set_value(1).run()
    app.text_input(key="run_title").set_value("Größe 3/4 …").run()
    app.button(key="start_training").click().run()
    assert not app.exception
    (run,) = list_runs(settings)
    request_stop(run)
    assert read_notes(run).title == "Größe 3/4 …"
    assert app.title[0].value == "Größe 3/4 …"


def test_runs_are_compared_in_a_table(open_app, run, settings, tutorial_folder):
    write_state(run, RunState(status="finished", epochs=2, best_epoch=2, best=BEST))
    make_run(settings, tutorial_folder, "other", epochs=7, filters=(4, 8, 16), learning_rate=0.01)
    (settings.runs / "broken").mkdir()
    (settings.runs / "broken" / "run.json").write_text("{}")
    app = open_app("train")
    app.segmented_control(key="runs_view").set_value("Table").run()
    assert not app.exception
    frame = app.dataframe[0].value.set_index("Run")
    assert frame.loc["mine", "Dice"] == 0.875
    assert list(frame.loc[["mine", "other"], "Epochs"]) == [2, 7]
    assert frame.loc["mine", "Parameters"] < frame.loc["other", "Parameters"]
    assert frame.loc["other", "Learning rate"] == 0.01
    assert set(frame.index) == {"mine", "other", "broken"}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"title": 1, "note": ""}', '{"title": "x"}', "[" * 100_000])
def test_damaged_notes_say_nothing(run, content):
    (run.folder / "notes.json").write_text(content)
    assert read_notes(run) == Notes()
    assert title_of(run) == "mine"


def test_notes_are_bounded_and_of_one_line(run):
    notes = write_notes(run, "a\x00b\u202e\n" + "c" * 300, "\ud800" + "d" * 9000)
    assert notes.title.startswith("a b c")
    assert len(notes.title) == LONGEST_TITLE
    assert len(notes.note) == LONGEST_NOTE
    assert read_notes(run) == notes


def test_a_run_that_is_not_there(open_app):
    app = open_app("train", run="../../etc")
    assert not app.exception
    assert "There is no run “../../etc”" in app.error[0].value
    assert app.button(key="back")


def test_without_training_runs_can_be_seen_but_not_resumed(open_app, run, monkeypatch):
    monkeypatch.setenv("UNET_TRAINING", "off")
    app = open_app("train", run=run.name)
    assert not app.exception
    assert not {"Start", "Resume", "Train again"} & set(labels(app))


def test_the_curves():
    steps = [{"epoch": e, "batch": b, "batches": 2, "loss": 1.0, "dice": 0.1} for e in (1, 2, 3) for b in (1, 2)]
    rows = [{"epoch": e, "loss": 0.5, "val_loss": 0.6 - e / 10, "dice": 0.1, "val_dice": 0.2} for e in (1, 2)]
    figure = charts.learning_curve(Metrics(rows, steps), "loss", 5, 2, "dark")
    within, training, validation, best = figure.data
    assert list(within.x) == [0.5, 1.0, None, 1.5, 2.0, None, 2.5, 3.0]
    assert list(training.y) == [0.5, 0.5]
    assert (best.x[0], best.y[0], best.name) == (2, validation.y[1], "best: epoch 2")
    assert training.line.color != validation.line.color
    assert "best epoch is 2" in charts.describe_curve(Metrics(rows, steps), "loss", 2)


def test_long_trainings_are_thinned():
    steps = [{"epoch": 1, "batch": b, "batches": 10_000, "loss": 1.0} for b in range(1, 10_001)]
    figure = charts.learning_curve(Metrics([], steps), "loss", 1, None, "light")
    assert len(figure.data[0].x) <= 2 * charts.MAX_POINTS
