"""Making runs: each has a folder of its own, and a refused one leaves none."""

import threading

import pytest
from filelock import FileLock

from unet.datasets.inspection import inspect_dataset
from unet.errors import ModelError, RunError, TrainingBusy
from unet.models.registry import find_model
from unet.runs.run import list_runs, open_run
from unet.training.create import create_and_train, create_run


def test_runs_of_one_name_created_at_once_have_folders_of_their_own(make_run, dataset, settings):
    config, report = make_run("first").info().config, inspect_dataset(dataset, settings)
    barrier, made, lock = threading.Barrier(8), [], threading.Lock()

    def make():
        for _ in range(5):
            barrier.wait()
            run = create_run(dataset, report, config, settings, "same")
            with lock:
                made.append(run.folder)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(made)) == len(made) == 40
    assert {run.name for run in list_runs(settings)} == {"first", *(folder.name for folder in made)}
    assert all(open_run(folder.name, settings).info().name == folder.name for folder in made)


@pytest.mark.parametrize("name", ["x" * 300, "图" * 300, "a/../../b", "..", "\udc80", " "])
def test_any_text_gives_a_name(make_run, settings, name):
    run = make_run(name)
    assert run.folder.parent == settings.runs
    assert open_run(run.name, settings).state().resumable


def test_a_refused_training_leaves_no_run(settings, dataset):
    settings.runs.mkdir(parents=True, exist_ok=True)
    with FileLock(settings.runs / ".training.lock"), pytest.raises(TrainingBusy):
        create_and_train(dataset.root, settings=settings, epochs=1, input_size=(32, 32), filters=(4, 8), dropout=0.1)
    assert list_runs(settings) == []
    assert [path for path in settings.runs.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("name", ["x" * 300, "图" * 119, "\udc80" * 5, "a\0b"])
def test_a_name_that_no_folder_has_is_said_to_be_missing(settings, name):
    with pytest.raises(RunError, match="There is no run") as told:
        open_run(name, settings)
    assert len(str(told.value)) < 300
    for key in (f"run:{name}", f"uploaded:{name}", name):
        with pytest.raises(ModelError, match="There is no model") as told:
            find_model(key, settings)
        assert len(str(told.value)) < 1000
