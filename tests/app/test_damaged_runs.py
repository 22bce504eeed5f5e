"""A damaged or deleted Run folder, and addresses that name none: no page breaks on them, for nobody."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.app.test_run_view import labels, make_run, words, write_epochs
from unet.runs.record import write_state
from unet.runs.state import RunState

DAMAGES = {
    "run.json": b'{"name": 5, "config": {"model": 3}, "dataset": []}',
    "state.json": b'{"status": ["running"], "epoch": "one"}',
    "metrics.jsonl": b'5\n{"epoch": "x"}\n{"batch": 1}\n\xff\n{"epoch": 1, "loss": 0.5}\n',
    "previews/0-image.png": b"\x89PNG\r\n\x1a\nnothing",
    "log.txt": b"\xff\xfe\x00",
    "model/model.json": b"[1",
}


@pytest.fixture
def damaged(settings, tutorial_folder):
    """A run a damage, and one with all of them."""
    for index, name in enumerate([*DAMAGES, None]):
        run = make_run(settings, tutorial_folder, f"bad{index}")
        write_epochs(run, 1)
        write_state(run, RunState(status="finished", epoch=1, epochs=1, best_epoch=1, best={"val_loss": 1.0}))
        for each in DAMAGES if name is None else [name]:
            path = run.folder / each
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(DAMAGES[each])
    return settings


@pytest.mark.parametrize("page", ["home", "train", "predict", "evaluate"])
def test_damaged_runs_break_no_page(open_app, damaged, page):
    app = open_app(page)
    assert not app.exception
    assert page != "train" or ":blue[bad6]" in labels(app)


@pytest.mark.parametrize("index", range(len(DAMAGES) + 1))
def test_a_damaged_run_can_be_opened_or_is_said_to_be_damaged(open_app, damaged, index):
    app = open_app("train", run=f"bad{index}")
    assert not app.exception
    assert index in (0, len(DAMAGES)) or f"bad{index}" in " ".join(each.value for each in [*app.header, *app.title])


def test_a_run_that_is_deleted_while_it_is_watched_is_said_to_be_deleted(open_app, settings, tutorial_folder):
    run = make_run(settings, tutorial_folder)
    write_epochs(run, 1)
    write_state(run, RunState(status="stopped", epoch=1, epochs=2, reason="Stopped on request."))
    assert run.state().resumable
    shutil.rmtree(run.folder)
    assert run.state().status == "deleted"
    assert not run.state().resumable
    app = open_app("train", run=run.name)
    assert not app.exception
    assert "Resume" not in labels(app)
    assert "deleted" in app.error[0].value


@pytest.mark.parametrize("name", ["x" * 300, "ä" * 300, "../" * 100, "a\x00b"])
def test_an_address_that_names_nothing_is_a_sentence(open_app, settings, name):
    for page, query in (("train", {"run": name}), ("predict", {"model": f"run:{name}"}), ("predict", {"model": name})):
        app = open_app(page, **query)
        assert not app.exception
        said = " ".join(each.value for each in [*app.error, *app.warning])
        assert said
        assert len(said) < 300
        assert str(settings.home) not in said + words(app)


def test_the_watched_view_itself_says_that_its_run_is_gone(settings, tutorial_folder):
    """The part of the page that is drawn each second, and at each click in it, meets the deletion first."""
    from streamlit.testing.v1 import AppTest

    run = make_run(settings, tutorial_folder)
    info = json.loads((run.folder / "run.json").read_text())
    shutil.rmtree(run.folder)

    def watch(folder: str, info: dict) -> None:
        from pathlib import Path

        from studio.train.run_view import _live
        from unet.runs.run import Run
        from unet.runs.state import RunInfo
        from unet.settings import read_settings

        _live(Run(Path(folder)), RunInfo.from_dict(info), read_settings(), True)

    app = AppTest.from_function(watch, args=(str(run.folder), info)).run()
    assert not app.exception
    assert "deleted" in app.info[0].value
    assert not app.button
