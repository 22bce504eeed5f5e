"""The Train page up to the start: choosing a dataset, seeing it, setting it up."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.common.config_form import parse_numbers
from studio.common.text import duration, own_file_name
from tests.factories import write_pairs, write_tutorial, zip_folder
from unet.config import ModelConfig, preset
from unet.datasets.add import add_folder, add_zip
from unet.datasets.inspection import inspect_dataset
from unet.datasets.store import list_datasets
from unet.errors import ConfigError
from unet.runs.record import Recorder
from unet.runs.run import list_runs
from unet.training.create import create_run
from unet.training.launch import request_stop

QUICK = {"epochs": 1, "filters": "4, 8", "dropout": "0.1", "input_size": "32"}


def upload_zip(app: AppTest, archive: Path | bytes, name: str = "cells.zip") -> AppTest:
    content = archive if isinstance(archive, bytes) else archive.read_bytes()
    return app.file_uploader[0].set_value((name, content, "application/zip")).run()


def setting(app: AppTest, name: str):
    return next(
        widget
        for kind in (app.number_input, app.text_input, app.selectbox, app.toggle, app.slider)
        for widget in kind
        if widget.key == f"setting-tutorial-{name}"
    )


def choose_source(app: AppTest, source: str) -> AppTest:
    return app.segmented_control(key="dataset_source").set_value(source).run()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


@pytest.fixture
def ready(open_app, tutorial_zip, settings):
    """The page with a dataset chosen."""
    return open_app("train", dataset=add_zip(tutorial_zip, settings).id)


@pytest.fixture
def busy_run(settings, tmp_path):
    """A run whose trainer is alive: this very process, which beats and trains nothing."""
    dataset = add_folder(write_tutorial(tmp_path / "others", seed=9), settings)
    run = create_run(dataset, inspect_dataset(dataset, settings), preset("tutorial"), settings, name="ahead")
    with Recorder(run, epochs=20) as recorder:
        recorder.write(status="running", phase="training", epoch=3, batch=1, batches=4)
        yield run


def test_the_page_begins_with_a_dataset_and_nothing_else(open_app):
    app = open_app("train")
    assert not app.exception
    assert app.title[0].value == "Train"
    assert app.file_uploader[0].label.startswith("A zip of images and masks")
    assert [heading.value for heading in app.header] == ["1 · Dataset"]
    assert not any(button.key == "start_training" for button in app.button)


def test_an_uploaded_zip_becomes_a_dataset_at_once(open_app, tutorial_zip, settings):
    app = upload_zip(open_app("train"), tutorial_zip)
    assert not app.exception
    (dataset,) = list_datasets(settings)
    assert dataset.name == "cells"
    assert app.query_params["dataset"] == dataset.id
    assert metrics(app) == {"Images to train on": "6", "Nuclei in them": "30", "Left out": "0", "To predict": "0"}
    assert [heading.value for heading in app.header] == ["1 · Dataset", "2 · See it", "3 · Settings", "4 · Start"]
    assert len(app.image) == 6
    # The copy of the archive is not kept beside its content.
    assert not list((settings.uploads).iterdir())


def test_a_directory_upload(open_app, tmp_path, settings):
    folder = write_pairs(tmp_path / "pairs", count=3)
    app = choose_source(open_app("train"), "folder")
    files = [
        (path.relative_to(tmp_path).as_posix(), path.read_bytes(), "image/png")
        for path in sorted(folder.rglob("*.png"))
    ]
    app.file_uploader[0].set_value(files).run()
    assert not app.exception
    assert list_datasets(settings)[0].name == "pairs"
    assert metrics(app)["Images to train on"] == "3"


def test_the_sample_dataset(open_app, settings):
    app = choose_source(open_app("train"), "sample")
    app.button(key="use_sample").click().run(timeout=120)
    assert not app.exception
    assert list_datasets(settings)[0].source == "sample"
    assert metrics(app)["Images to train on"] == "64"


def test_an_earlier_dataset_is_used_or_deleted(open_app, tutorial_zip, settings):
    dataset = add_zip(tutorial_zip, settings)
    app = choose_source(open_app("train"), "earlier")
    app.button(key="use_earlier").click().run()
    assert app.query_params["dataset"] == dataset.id
    app.button(key="choose_another").click().run()
    assert "dataset" not in app.query_params
    app = choose_source(app, "earlier")
    app.button(key="delete_earlier").click().run()
    assert not app.exception
    assert list_datasets(settings) == []


def test_a_folder_is_offered_only_where_the_server_was_started_so(open_app, monkeypatch, tutorial_folder):
    assert "Path" not in " ".join(open_app("train").segmented_control(key="dataset_source").options)
    monkeypatch.setenv("UNET_LOCAL_FOLDERS", "on")
    app = choose_source(open_app("train"), "path")
    app.text_input[0].set_value(str(tutorial_folder))
    next(button for button in app.button if button.label == "Use this folder").click().run()
    assert not app.exception
    assert metrics(app)["Images to train on"] == "6"


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"../outside.png": b"x"}, "outside.png"),
        ({"a/images/a.png": b"x", "more.zip": b"PK"}, "more.zip"),
        ({"readme.txt": b"nothing here"}, "cells"),
    ],
)
def test_a_bad_archive_is_refused_in_words(open_app, settings, members, named):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    app = upload_zip(open_app("train"), content.getvalue())
    assert not app.exception
    assert named in app.error[0].value
    assert "dataset" not in app.query_params
    assert list_datasets(settings) == []


def test_what_is_no_zip_is_refused(open_app):
    app = upload_zip(open_app("train"), b"this is text", name="../Zellen (März).zip")
    assert not app.exception
    assert "Zellen (März).zip" in app.error[0].value.replace("\\", "")


def test_bad_samples_are_told_and_left_out(open_app, tutorial_folder, tmp_path):
    (tutorial_folder / "sample00/images/sample00.png").write_bytes(b"no image")
    Image.new("L", (5, 5), 255).save(tutorial_folder / "sample01/masks/sample01_001.png")
    app = upload_zip(open_app("train"), zip_folder(tutorial_folder, tmp_path / "cells.zip"))
    assert not app.exception
    assert metrics(app)["Images to train on"] == "4"
    assert metrics(app)["Left out"] == "2"
    assert "2 images left out" in app.warning[0].value
    assert "sample00.png" in app.warning[0].value
    table = next(frame.value for frame in app.dataframe if "problems" in frame.value)
    assert list(table["use"][:3]) == ["left out", "left out", "to train on"]


def test_images_without_masks_can_be_predicted_at_once(open_app, tmp_path, settings):
    folder = write_pairs(tmp_path / "pairs")
    for mask in (folder / "masks").iterdir():
        mask.unlink()
    app = upload_zip(open_app("train"), zip_folder(folder, tmp_path / "cells.zip"))
    assert not app.exception
    assert not app.error
    assert "6 images here without masks" in app.info[0].value
    assert not any(button.key == "start_training" for button in app.button)
    (dataset,) = list_datasets(settings)
    link = next(link.proto for link in app.get("page_link") if "Predict these 6 images" in link.proto.label)
    assert (link.page, link.query_string) == ("predict", f"dataset={dataset.id}")
    app = open_app("predict", model="nuclei", dataset=dataset.id)
    assert not app.exception
    assert app.selectbox(key="image").options == [f"sample{index:02d}.png" for index in range(6)]
    assert len(app.get("bidi_component")) > 0


def test_damaged_masks_are_refused_with_the_reasons(open_app, tmp_path):
    folder = write_pairs(tmp_path / "pairs")
    for mask in (folder / "masks").iterdir():
        mask.write_bytes(b"no image")
    app = upload_zip(open_app("train"), zip_folder(folder, tmp_path / "cells.zip"))
    assert not app.exception
    assert "at least 2 images with masks" in app.error[0].value
    assert not any(button.key == "start_training" for button in app.button)


def test_a_dataset_that_is_gone_is_named_where_it_was_to_be_predicted(open_app):
    app = open_app("predict", dataset="../../etc")
    assert not app.exception
    assert "the dataset “../../etc”" in " ".join(each.value for each in app.warning).replace("\\", "")


def test_a_dataset_that_is_gone(open_app):
    app = open_app("train", dataset="../../etc")
    assert not app.exception
    assert "dataset “../../etc” is no longer here" in app.warning[0].value
    assert app.file_uploader


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("filters", "4, eight", "**Filters** is “4, eight”"),
        ("filters", "16, 32", "**Dropout** has 9 values"),
        ("filters", "1024, 1024, 1024, 1024, 1024", "make **Filters** smaller"),
        ("epochs", 0, "**Epochs** is 0; it must lie between 1 and 10,000"),
        ("batch_size", 300, "**Batch size** is 300; it must lie"),
        (
            "outputs",
            "mask+border+distance",
            "**Outputs** is **Mask, border, distance**, which needs **Resolution** **Own",
        ),
        ("quarter_turns", True, "**Quarter turns** needs a square **Input size**"),
        ("input_size", "100 x 128", "such as 112 x 128"),
        ("dropout", "2", "must lie between"),
        ("filters", "", "**Filters** is “”"),
    ],
)
def test_a_value_that_cannot_work_is_named(ready, name, value, said):
    if name == "quarter_turns":
        setting(ready, "input_size").set_value("64 x 128").run()
    setting(ready, name).set_value(value).run()
    assert not ready.exception
    assert said in ready.error[0].value
    assert ready.button(key="start_training").disabled


def test_a_setting_without_effect_cannot_be_changed_and_says_why(ready):
    for name in ("scale", "balance", "crops"):
        assert setting(ready, name).disabled
        assert "Resolution is “Resized to input size”" in setting(ready, name).help
    assert not setting(ready, "flips").disabled
    setting(ready, "resolution").set_value("native").run()
    assert not any(setting(ready, name).disabled for name in ("scale", "balance", "crops"))


def test_the_settings_reach_the_run(ready, settings):
    for name, value in {**QUICK, "batch_size": 2, "loss": "dice", "flips": True, "seed": 7}.items():
        setting(ready, name).set_value(value).run()
    assert "1 epoch" in " ".join(each.value for each in ready.markdown)
    ready.button(key="start_training").click().run()
    assert not ready.exception
    (run,) = list_runs(settings)
    request_stop(run)
    training = run.info().config.training
    assert (training.batch_size, training.loss, training.flips, training.seed) == (2, "dice", True, 7)
    assert run.info().config.model == ModelConfig(filters=(4, 8), dropout=(0.1,), input_size=(32, 32))
    assert ready.query_params["run"] == run.name
    assert "dataset" not in ready.query_params


def test_the_network_is_described(ready):
    assert any("1,941,105 parameters, 5 levels" in expander.label for expander in ready.expander)


def test_a_second_start_is_answered_politely(ready, busy_run, settings):
    ready.button(key="start_training").click().run()
    assert not ready.exception
    assert "“ahead” is training right now" in ready.warning[0].value
    assert [run.name for run in list_runs(settings)] == ["ahead"]
    ready.button(key="watch-start").click().run()
    assert not ready.exception
    assert ready.query_params["run"] == "ahead"


def test_training_switched_off(open_app, monkeypatch, busy_run):
    monkeypatch.setenv("UNET_TRAINING", "off")
    app = open_app("train")
    assert not app.exception
    assert "switched off" in app.info[0].value
    assert not app.file_uploader
    assert app.button(key="open-ahead")


def test_numbers_are_read_as_they_are_typed():
    fields = {item.name: item for item in ModelConfig.__dataclass_fields__.values()}
    assert parse_numbers(fields["input_size"], "256 x 128") == (128, 256)  # width first on the page
    assert parse_numbers(fields["input_size"], "256") == (256, 256)
    assert parse_numbers(fields["filters"], "[8, 16;32]".strip("[]")) == (8, 16, 32)
    with pytest.raises(ConfigError, match="`dropout` is “nothing”"):
        parse_numbers(fields["dropout"], "nothing")


@pytest.mark.parametrize(
    "name", ["", "..", "a/../..", "\0", "C:\\cells\\.zip", "ä" * 300 + ".zip", "\ud800.zip", "🔬" * 90]
)
def test_the_name_of_a_strangers_file_can_be_had_here(tmp_path, name):
    path = tmp_path / own_file_name(name, "upload.zip")
    path.write_bytes(b"")
    assert path.parent.resolve() == tmp_path.resolve()
    assert path.is_file()


def test_durations_in_words():
    assert [duration(seconds) for seconds in (0, 59.6, 125, 3605, 90_000)] == [
        "0 s",
        "1 min",
        "2 min 5 s",
        "1 h",
        "1 d 1 h",
    ]
