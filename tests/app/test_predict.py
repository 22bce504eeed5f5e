"""The Predict page: choosing a model and images, and what the threshold moves."""

from __future__ import annotations

import base64
import io
import json
import re
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.predict import (
    all_images,
    export_menu,
    pipeline,
    predicting,
    prediction_cache,
    report,
    uploads,
    view,
    viewer,
)
from tests.factories import draw_discs
from unet import render
from unet.config import ModelConfig, Separation
from unet.io.images import read_image
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo
from unet.models.registry import list_models
from unet.prediction.maps import Prediction
from unet.prediction.marker import Marker
from unet.prediction.objects import label_objects
from unet.prediction.predictor import Predictor
from unet.prediction.regions import RegionFigures
from unet.prediction.result import Decisions
from unet.preprocess.adjust import ImageAdjustments
from unet.preprocess.resize import Range
from unet.settings import SAMPLE_IMAGES, Settings

SAMPLES = sorted(path.name for path in SAMPLE_IMAGES.glob("*.png"))


def write_model(folder: Path, *, name: str = "small", threshold: float = 0.5, classes: int = 1, seed: int = 0) -> Path:
    """Save an untrained model: what it finds is nonsense, and the same each time."""
    import keras

    from unet.models.network import build_unet

    keras.utils.set_random_seed(seed)
    config = ModelConfig(input_size=(32, 32), filters=(4, 8), dropout=(0.0,), classes=classes)
    save_model(folder, build_unet(config), ModelInfo(name, config, threshold, {"dice": 0.8}, {"seed": seed}))
    return folder


@pytest.fixture
def model(settings: Settings) -> str:
    """The key of a small model among the uploaded ones."""
    write_model(settings.models / "small", threshold=0.47)
    return "uploaded:small"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many images the model was asked for, call by call; it answers as ever."""
    calls = []
    ask = Predictor._run

    def counting(self, batch):
        calls.append(len(batch))
        return ask(self, batch)

    monkeypatch.setattr(Predictor, "_run", counting)
    return calls


def png(seed: int = 0, size: tuple[int, int] = (48, 64)) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(draw_discs(5, size, seed)[0]).save(stream, "PNG")
    return stream.getvalue()


def tiff(pages: int) -> bytes:
    stream = io.BytesIO()
    stack = np.stack([draw_discs(5, (40, 40), seed)[0][..., 0].astype(np.uint16) * 16 for seed in range(pages)])
    tifffile.imwrite(stream, stack, photometric="minisblack")
    return stream.getvalue()


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    images = next(widget for widget in app.file_uploader if widget.label.startswith("Images"))
    images.set_value([(name, content, "image/png") for name, content in files])
    return app.run()


def upload_model(app: AppTest, content: bytes, name: str = "model.zip") -> AppTest:
    models = next(widget for widget in app.file_uploader if widget.label.startswith("A Model folder"))
    return models.set_value((name, content, "application/zip")).run()


def zip_model(folder: Path, **others: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
        for name, content in others.items():
            archive.writestr(name, content)
    return stream.getvalue()


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def shown(app: AppTest) -> dict:
    """Return what the viewer was given."""
    return next(json.loads(each.proto.json) for each in app.get("bidi_component") if "threshold" in each.proto.json)


def sent(app: AppTest) -> dict:
    """Return the header of the pixels that were sent to the browser."""
    content = next(each.proto.bytes for each in app.get("bidi_component") if each.proto.bytes)
    return json.loads(content[4 : 4 + struct.unpack("<I", content[:4])[0]])


def labels_in(data: dict) -> np.ndarray:
    """Return the label map that the viewer was given, as the browser unpacks it."""
    height, width = data["shown"]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(data["labels"])), np.uint8).reshape(-1, height, width)
    return sum(plane.astype(np.uint32) << (8 * index) for index, plane in enumerate(planes))


def move(app: AppTest, threshold: float) -> AppTest:
    """Let go of the slider: the page hears of it, and puts it into the address."""
    app.query_params["threshold"] = f"{threshold:.2f}"
    return app.run()


def table_of_all(app: AppTest):
    """Open the table of all images, and return it."""
    app.session_state["below"] = next(each.label for each in app.tabs if each.label.startswith("All "))
    app.run()
    assert not app.exception
    return next(each for each in app.dataframe if "Image" in each.value)


def button(app: AppTest, key: str):
    return next(each for each in app.button if each.key == key)


# ---- choosing --------------------------------------------------------------------------------------------------


def test_the_page_begins_with_the_shipped_model_and_a_way_to_images(open_app, model, settings):
    app = open_app("predict")
    assert not app.exception
    assert app.title[0].value == "Predict"
    # What somebody has uploaded or trained is the default for nobody else.
    assert app.selectbox(key="model_choice").value == "nuclei"
    assert model in {entry.key for entry in list_models(settings)}
    # It stands in the address once it is chosen: otherwise Back would lead here twice.
    assert "model" not in app.query_params
    assert app.button(key="use_samples")
    assert not app.get("bidi_component")


def test_without_any_model_there_is_a_way_to_one(open_app, monkeypatch, tmp_path):
    monkeypatch.setattr("unet.models.registry.SHIPPED_MODELS", tmp_path / "none")
    app = open_app("predict", samples="1")
    assert not app.exception
    assert "no model yet" in app.info[0].value
    assert any(widget.label.startswith("A Model folder") for widget in app.file_uploader)
    assert not app.get("bidi_component")


def test_a_model_that_is_gone_is_replaced_and_said(open_app, model):
    app = open_app("predict", model="run:../../etc")
    assert not app.exception
    assert "is no longer here; nuclei (shipped) is used instead" in app.warning[0].value.replace("\\", "")
    assert app.selectbox(key="model_choice").value == "nuclei"


def test_an_uploaded_model_is_chosen_at_once(open_app, model, tmp_path):
    other = write_model(tmp_path / "other", name="my [model](http://x)", threshold=0.6, seed=1)
    app = open_app("predict", model=model, samples="1")
    move(app, 0.3)
    upload_model(app, zip_model(other))
    assert not app.exception
    assert app.query_params["model"].startswith("uploaded:my-model-http-x-")
    assert shown(app)["threshold"] == 0.6
    # Its name is shown as it is: no link is made of it.
    assert any(r"my \[model\](http\://x)" in each.value.replace("\u2060", "") for each in app.markdown)


@pytest.mark.parametrize("content", [b"no zip at all", b"code"])
def test_a_model_that_is_refused(open_app, model, settings, content):
    content = zip_model(settings.models / "small", **{"run.py": b"print()"}) if content == b"code" else content
    app = upload_model(open_app("predict", model=model), content)
    assert not app.exception
    assert "model.zip" in app.error[0].value
    assert app.selectbox(key="model_choice").value == model
    assert not list(settings.cache.glob("model-*"))


def test_a_damaged_model_is_told_and_another_can_be_chosen(open_app, settings):
    folder = write_model(settings.models / "damaged")
    (folder / "model.weights.h5").write_bytes(b"nothing")
    app = open_app("predict", model="uploaded:damaged", samples="1")
    assert not app.exception
    assert "Choose another model" in app.error[0].value
    assert app.selectbox(key="model_choice")


# ---- images ----------------------------------------------------------------------------------------------------


def test_the_samples(open_app, model, asked):
    app = open_app("predict", model=model)
    app.button(key="use_samples").click().run()
    assert not app.exception
    assert app.query_params["samples"] == "1"
    assert app.selectbox(key="image").options == SAMPLES
    assert sum(asked) == len(SAMPLES)
    assert list(table_of_all(app).value["Image"]) == SAMPLES


def test_uploads_are_kept_by_content_and_found_by_the_address(open_app, model, settings, asked):
    app = upload(open_app("predict", model=model), ("a.png", png(1)), ("a.png", png(2)), ("same.png", png(1)))
    assert not app.exception
    assert app.selectbox(key="image").options == ["a.png", "a.png (2)", "same.png"]
    assert sum(asked) == 2  # equal content is predicted once
    key = app.query_params["images"]
    assert len(list(settings.uploads.iterdir())) == 3  # two images and the list of the three
    again = open_app("predict", images=key, model=model, image="same.png")
    assert not again.exception
    assert again.selectbox(key="image").value == "same.png"


def test_broken_files_are_listed_and_the_others_go_on(open_app, model):
    files = [("good.png", png()), ("broken*.png", b"nonsense"), ("empty.png", b""), ("half.png", png()[:200])]
    app = upload(open_app("predict", model=model), *files)
    assert not app.exception
    assert "3 files were left out" in app.warning[0].value
    assert r"broken\*.png" in app.warning[0].value
    assert metrics(app)["Nuclei found"]


def test_nothing_but_broken_files(open_app, model, asked):
    app = upload(open_app("predict", model=model), ("broken.png", b"nonsense"))
    assert not app.exception
    assert "1 file was left out" in app.warning[0].value
    assert not app.get("bidi_component")
    assert sum(asked) == 0
    app.button(key="choose_others").click().run()
    assert "images" not in app.query_params
    assert app.button(key="use_samples")


def test_a_page_of_a_stack_is_chosen(open_app, model, asked):
    app = upload(open_app("predict", model=model), ("stack.tif", tiff(3)), ("one.png", png()))
    assert not app.exception
    app.selectbox(key="image").set_value("stack.tif").run()
    plane = next(widget for widget in app.slider if "Plane" in widget.label)
    assert (plane.min, plane.max, plane.value) == (1, 3, 1)
    first = shown(app)["scene"]
    plane.set_value(3).run()
    assert not app.exception
    assert sum(asked) == 3
    assert shown(app)["scene"] != first
    # The table speaks of the page that was chosen, also when another image is looked at.
    rows = table_of_all(app).value
    app.selectbox(key="image").set_value("one.png").run()
    assert table_of_all(app).value.equals(rows)


def test_time_and_depth_of_a_stack_are_chosen_and_stand_in_the_address(open_app, model):
    stack = np.stack([draw_discs(5, (40, 40), seed)[0][..., 0] for seed in range(6)]).reshape(2, 3, 40, 40)
    tifffile.imwrite(stream := io.BytesIO(), stack, ome=True, metadata={"axes": "TZYX"})
    app = upload(open_app("predict", model=model), ("film.ome.tif", stream.getvalue()))
    next(widget for widget in app.slider if "Time point" in widget.label).set_value(2).run()
    next(widget for widget in app.slider if "Plane" in widget.label).set_value(3).run()
    assert not app.exception
    key = next(name for name in app.query_params if name.startswith("page-"))
    assert app.query_params[key] == "6"
    last = shown(app)["scene"]
    del app.query_params[key]  # as Back does it
    app.run()
    assert [widget.value for widget in app.slider if "1 to" in widget.label] == [1, 1]
    assert shown(app)["scene"] != last


def test_a_link_to_images_that_are_gone(open_app, model, settings):
    app = open_app("predict", images="../../secrets")
    assert not app.exception
    assert "no longer kept" in app.warning[0].value
    app = upload(app, ("a.png", png(1)), ("b.png", png(2)))
    (settings.uploads / uploads.find_uploads(app.query_params["images"], settings)[0][0].digest).unlink()
    app.run()
    assert not app.exception
    assert "a.png" in app.warning[0].value
    assert metrics(app)["Nuclei found"]


# ---- the threshold ---------------------------------------------------------------------------------------------


def test_the_threshold_moves_objects_and_table_without_the_model(open_app, model, settings, asked):
    app = open_app("predict", model=model, samples="1")
    assert shown(app)["threshold"] == shown(app)["own"] == 0.47
    predictor = Predictor.open(settings.models / "small")
    prediction = predictor.predict(read_image(SAMPLE_IMAGES / SAMPLES[0]))
    asked.clear()
    for threshold in (0.45, 0.5, 0.55):
        move(app, threshold)
        assert not app.exception
        labels = label_objects(prediction.mask(threshold))
        assert shown(app)["threshold"] == threshold
        np.testing.assert_array_equal(labels_in(shown(app)), labels)
        assert metrics(app)["Nuclei found"] == f"{labels.max():,}"
        assert metrics(app)["Area covered"] == f"{(labels > 0).mean():.1%}"
        assert app.dataframe[0].value["area"].sum() == (labels > 0).sum()
    assert asked == []


def test_the_pixels_travel_apart_from_what_the_threshold_moves(open_app, model):
    app = open_app("predict", model=model, samples="1")
    header = sent(app)
    assert header["key"] == shown(app)["scene"]
    assert header["shown"] == shown(app)["shown"]
    assert {part["name"] for part in header["parts"]} == {"image", "levels"}
    move(app, 0.3)
    assert sent(app)["key"] == header["key"]
    assert len(json.dumps(shown(app))) < 100_000


def test_the_address_is_obeyed(open_app, model):
    app = open_app("predict", model=model, samples="1", threshold="0.3", image=SAMPLES[2], min_area="40", pixel="0.5")
    assert not app.exception
    assert shown(app)["threshold"] == 0.3
    assert shown(app)["pixel_size"] == 0.5
    assert app.selectbox(key="image").value == SAMPLES[2]
    frame = app.dataframe[0].value
    assert (frame["area"] >= 40).all()
    assert (frame["area_um2"] == frame["area"] / 4).all()


def test_a_link_of_an_earlier_version_still_says_how_nuclei_are_separated(open_app, model):
    app = open_app("predict", model=model, samples="1", separate="true", depth="0.42", heart="0.11")
    assert not app.exception
    assert app.slider(key="min_valley_depth").value == 0.42


def test_the_scale_is_found_or_set_by_hand_and_a_link_says_which(open_app):
    app = open_app("predict", model="nuclei", samples="1")
    fitted, scale = "choice_fit", "choice_scale"
    assert app.toggle(key=fitted).value and "scale" not in app.query_params
    app.number_input(key=scale).set_value(0.5).run()
    assert app.query_params["scale"] == "0.5" and not app.toggle(key=fitted).value
    assert any("Predicted at 0.5x" in each.value for each in app.caption)
    app.number_input(key=scale).set_value(1.0).run()
    assert app.query_params["scale"] == "1" and not app.toggle(key=fitted).value
    app.toggle(key=fitted).set_value(True).run()
    assert not app.exception
    assert "scale" not in app.query_params and app.toggle(key=fitted).value


@pytest.mark.parametrize("wrong", ["", "7", "-1", "nan", "inf", "abc", "0.5,0.6"])
def test_nonsense_in_the_address_breaks_nothing(open_app, model, wrong):
    names = (
        "threshold",
        "image",
        "depth",
        "min_valley_depth",
        "min_area",
        "channels",
        "invert",
        "scale",
        "keep",
        "pixel",
        "look",
        "separate",
    )
    app = open_app("predict", model=model, samples="1", **dict.fromkeys(names, wrong))
    assert not app.exception
    assert 0 <= shown(app)["threshold"] <= 1
    assert app.selectbox(key="image").value == SAMPLES[0]


def test_another_model_begins_with_its_own_threshold(open_app, model, settings):
    write_model(settings.models / "other", name="other", threshold=0.6, seed=1)
    app = open_app("predict", model=model, samples="1", threshold="0.3")
    app.selectbox(key="model_choice").set_value("uploaded:other").run()
    assert not app.exception
    assert shown(app)["threshold"] == 0.6
    assert app.query_params["model"] == "uploaded:other"
    move(app, 0.2)
    assert shown(app)["threshold"] == 0.2


# ---- nuclei ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["separate", "fill_holes", "clear_edge"])
def test_what_counts_as_a_nucleus_is_seen_at_once(open_app, name):
    app = open_app("predict", samples="1", threshold="0.5")
    toggle = app.toggle(key=name)
    before = labels_in(shown(app))
    toggle.set_value(not toggle.value).run()
    assert not app.exception
    after = labels_in(shown(app))
    if name == "fill_holes":  # where there are any
        assert (after > 0).sum() >= (before > 0).sum()
    else:
        assert (after != before).any()
    assert app.dataframe[0].value["label"].max() == after.max()


def test_a_range_keeps_some_of_the_nuclei(open_app):
    app = open_app("predict", samples="1", keep="area:150:300")
    assert not app.exception
    frame = app.dataframe[0].value
    assert frame["area"].between(150, 300).all()
    assert metrics(app)["Kept"] == str(len(frame))
    assert int(metrics(app)["Nuclei found"]) > len(frame)
    flags = np.frombuffer(base64.b64decode(shown(app)["kept"]), np.uint8)
    assert np.flatnonzero(flags).tolist() == frame["label"].tolist()
    button(app, "keep_all").click().run()
    assert not app.exception
    assert "keep" not in app.query_params
    assert shown(app)["kept"] is None


def test_a_nucleus_that_is_chosen_lights_up_and_its_row_is_chosen(open_app):
    app = open_app("predict", samples="1")
    data = shown(app)
    app.session_state["nucleus"] = (data["decision"], 7)
    app.run()
    assert not app.exception
    assert shown(app)["selected"] == 7
    x, y, _ = shown(app)["center"]
    labels = labels_in(shown(app))
    assert labels[int(y * labels.shape[0]), int(x * labels.shape[1])] == 7
    # Of another threshold it would be another nucleus.
    assert shown(move(app, 0.31))["selected"] is None


def test_advice_for_an_image_in_which_nothing_is_found(open_app, model):
    app = open_app("predict", model=model, samples="1", threshold="0.99")
    assert any("Almost nothing" in each.value for each in app.markdown)
    button(app, "remedy").click().run()
    assert not app.exception
    assert float(app.query_params["threshold"]) < 0.99
    assert int(metrics(app)["Nuclei found"].replace(",", "")) > 0


def test_a_preparation_predicts_anew(open_app, model, asked):
    app = open_app("predict", model=model, samples="1")
    scene = shown(app)["scene"]
    asked.clear()
    app.toggle(key="choice_invert").set_value(True).run()
    assert not app.exception
    assert app.query_params["invert"] == "1"
    assert sum(asked) == len(SAMPLES)
    assert shown(app)["scene"] != scene
    app.toggle(key="choice_invert").set_value(False).run()
    assert "invert" not in app.query_params
    assert shown(app)["scene"] == scene


def test_channels_are_chosen(open_app, model):
    stream = io.BytesIO()
    image = np.stack([draw_discs(5, (40, 40), seed)[0][..., 0] for seed in range(4)], axis=2)
    tifffile.imwrite(stream, image, photometric="minisblack", planarconfig="contig")
    app = upload(open_app("predict", model=model), ("channels.tif", stream.getvalue()))
    assert not app.exception
    assert sent(app)["channels"] == 3
    app.pills(key="choice_channels").set_value([3]).run()
    assert not app.exception
    assert app.query_params["channels"] == "4"
    assert sent(app)["channels"] == 1
    assert "intensity_mean" in app.dataframe[0].value


# ---- several images --------------------------------------------------------------------------------------------


def test_previous_and_next(open_app, model):
    app = open_app("predict", model=model, samples="1")
    assert app.button(key="image_previous").disabled
    app.button(key="image_next").click().run()
    assert app.selectbox(key="image").value == SAMPLES[1]
    assert not app.button(key="image_previous").disabled


def test_previous_and_next_lead_on_from_the_image_in_the_address(open_app, model):
    app = open_app("predict", model=model, samples="1", image=SAMPLES[-1])
    assert app.selectbox(key="image").value == SAMPLES[-1]
    assert app.button(key="image_next").disabled
    app.button(key="image_previous").click().run()
    assert app.selectbox(key="image").value == SAMPLES[-2]


def test_several_classes_have_several_colours(open_app, settings):
    write_model(settings.models / "classes", classes=3)
    app = open_app("predict", model="uploaded:classes", samples="1", threshold="0.1")
    assert not app.exception
    assert shown(app)["classes"] == 2
    assert {part["name"] for part in sent(app)["parts"]} == {"image", "levels", "classes"}


def test_all_nuclei_of_all_images_in_one_table_by_group(open_app, model):
    app = upload(
        open_app("predict", model=model, groups="{group}_*"), *((f"{g}_{n}.png", png(n)) for g in "ab" for n in (1, 2))
    )
    counts = dict(zip(*(table_of_all(app).value[name] for name in ("Image", "Nuclei")), strict=True))
    app.session_state["below"] = "Groups of images"
    app.run()
    assert not app.exception
    groups, nuclei = (frame.value for frame in app.dataframe)
    assert nuclei["Image"].value_counts().to_dict() == {name: count for name, count in counts.items() if count}
    assert groups["Group"].tolist() == ["a", "b"]
    assert groups["Nuclei"].sum() == len(nuclei)
    assert set(nuclei["Group"] + nuclei["Image"].str[1:]) == set(nuclei["Image"])
    app.selectbox(key="group_way").set_value("folder").run()
    assert not app.exception
    assert app.query_params["groups"] == "folder"
    assert app.dataframe[0].value["Group"].tolist() == [""]


def test_a_pattern_of_groups_that_is_none_is_said_to_be(open_app, model):
    app = open_app("predict", model=model, samples="1", groups="nothing")
    app.session_state["below"] = "Groups of images"
    app.run()
    assert not app.exception
    assert any("is not a pattern of groups" in each.value for each in app.warning)


def test_a_report_of_a_batch_needs_nothing_else_and_trusts_no_name():
    nuclei = pd.DataFrame({"image": ["a"] * 3 + ["b"], "group": ["<b>x</b>"] * 3 + ["y"], "label": 1, "area": range(4)})
    rows = [
        report.ReportRow("<script>alert(1)</script>", "data:,", 3, 0.25),
        report.ReportRow("b", "", remark="<i>no</i>"),
    ]
    page = report.as_html(Decisions(ModelInfo("<u>", ModelConfig()), 0.5, Separation()), nuclei, "area", rows)
    for text in ("<script>alert", "<b>x", "<i>no", "<u>"):
        assert text not in page
    assert "4 nuclei in 2 images" in page
    assert page.count("plotly-graph-div") >= 1


def test_a_report_shows_classes_regions_and_what_was_corrected():
    nuclei = pd.DataFrame(
        {"image": "a", "group": "", "label": range(1, 5), "area": 40, "positive": [True] + [False] * 3}
    )
    figures = RegionFigures("<u>tumour</u>", 1000.0, 2, 0.08, 40.0, 0.5)
    rows = [
        report.ReportRow(
            "a", "data:,", 4, 0.25, positive=0.25, corrected="1 correction: 1 <added>", regions=(figures,)
        ),
        report.ReportRow("b", "", remark="cannot be read"),
    ]
    decisions = Decisions(ModelInfo("m", ModelConfig()), 0.5, Separation(), marker=Marker(1, 850.0))
    page = report.as_html(decisions, nuclei, "area", rows)
    assert "25.0% of the nuclei are positive: their mean of channel 2 lies above 850." in page
    for color in (render.POSITIVE_COLOR, render.NEGATIVE_COLOR):
        assert f"rgb{tuple(int(value) for value in color)}" in page
    assert "<td>4</td><td>25.0%</td><td>25.0%</td><td>1 correction: 1 &lt;added&gt;</td>" in page
    assert "<td>a</td><td>&lt;u&gt;tumour&lt;/u&gt;</td><td>2</td><td>8.0%</td><td>40</td><td>50.0%</td>" in page
    assert "Nuclei per image" in page and "per_image" not in page


def test_a_damaged_list_of_corrections_is_told_and_the_nuclei_are_shown(open_app, settings):
    app = open_app("predict", model="nuclei", samples="1")
    found = metrics(app)["Nuclei found"]
    app.button(key="start_empty").click().run()
    assert metrics(app)["Nuclei found"] == "0"
    (path,) = (settings.home / "corrections").rglob("*.jsonl")
    with path.open("ab") as file:
        file.write(b"nonsense\n")
    app.run()
    assert not app.exception
    assert metrics(app)["Nuclei found"] == found
    assert any("Line 3 of" in each.value and "as the model found them" in each.value for each in app.warning)
    assert shown(app)["edit"] is None and "damaged" in shown(app)["no_edit"]
    move(app, 0.6)  # where a list of another threshold is damaged
    assert not app.exception and not app.warning


def test_two_models_are_seen_side_by_side_on_one_image(open_app, settings, model):
    write_model(settings.models / "second", name="second", seed=5, threshold=0.6)
    app = open_app("predict", model=model, other="uploaded:second", samples="1")
    assert not app.exception
    views = [json.loads(each.proto.json) for each in app.get("bidi_component") if "threshold" in each.proto.json]
    assert [view["threshold"] for view in views] == [0.47, 0.6]
    assert views[0]["scene"] != views[1]["scene"]
    titles = [each.value for each in app.markdown if re.fullmatch(r"\*\*.+\*\* · [\d,]+ nuclei", each.value)]
    counts = [int(title.split()[-2].replace(",", "")) for title in titles]
    assert counts == [view["count"] for view in views]
    words = next(each.value for each in app.caption if "found by both" in each.value)
    both, *only = (int(number) for number in re.findall(r"(\d+) (?:nuclei|only)", words))
    assert [both + each for each in only] == counts


# ---- holding and taking along ----------------------------------------------------------------------------------


def test_maps_are_held_within_bounds():
    bounded = prediction_cache.PredictionCache(max_bytes=1500)

    def key(name: str) -> prediction_cache.Key:
        return ("model", ImageAdjustments(), name, 0)

    for number in range(4):
        bounded.put(key(str(number)), prediction_cache.Facts(), Prediction.of(np.zeros((16, 16), np.float32)))
    assert bounded.bytes <= 1500
    assert bounded.get(key("0")) is None
    assert bounded.get(key("3")) is not None
    assert len(bounded.facts) == 4
    bounded.put(key("large"), prediction_cache.Facts(), Prediction.of(np.zeros((100, 100), np.float32)))
    assert bounded.get(key("large")) is not None


def test_a_map_that_was_let_go_is_made_again(open_app, model, monkeypatch):
    small = prediction_cache.PredictionCache(max_bytes=1)
    for module in (pipeline, predicting, view):
        monkeypatch.setattr(module, "predictions", lambda: small)
    app = open_app("predict", model=model, samples="1")
    assert not app.exception
    app.selectbox(key="image").set_value(SAMPLES[1]).run()
    assert not app.exception
    assert sent(app)["shown"] == list(read_image(SAMPLE_IMAGES / SAMPLES[1]).shape[:2])


def test_everything_in_a_zip(model, settings):
    from unet.models.registry import find_model

    job = pipeline.Job.of(find_model(model, settings), settings, ImageAdjustments())
    key = uploads.keep_uploads([("a.png", io.BytesIO(png(1))), ("stack.tif", io.BytesIO(tiff(2)))], settings)
    one, stack = uploads.find_uploads(key, settings)[0]
    decision = pipeline.Decision(0.4, Separation())
    pages = [("a.png", one, 0), ("stack.tif", stack, 1)]
    content = export_menu.zip_of_everything(job, pages, export_menu.decisions_of(job, decision, {}), decision)()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {"a_mask.png", "stack_labels.tif", "coco.json", "manifest.json"} <= set(archive.namelist())
        labels = tifffile.imread(io.BytesIO(archive.read("stack_labels.tif")))
        command = json.loads(archive.read("manifest.json"))["command"]
    assert np.array_equal(labels > 0, pipeline.prediction_of(job, stack, 1).mask(0.4))
    assert "--model uploaded:small" in command
    assert not list(settings.cache.glob("results-*"))


def test_the_oldest_uploads_go(settings):
    kept = [uploads.keep_upload(io.BytesIO(bytes([number]) * 1000), f"{number}", settings) for number in range(3)]
    (settings.uploads / "of-somebody-else").write_bytes(b"x" * 5000)
    uploads.trim_uploads(settings, 2000)
    assert [upload.path.exists() for upload in kept] == [False, True, True]
    assert (settings.uploads / "of-somebody-else").exists()


def test_too_much_at_once_is_refused(settings, tmp_path):
    small = Settings(home=settings.home, max_upload_mb=1)
    files = [(f"{number}", io.BytesIO(bytes([number]) * 900_000)) for number in range(4)]
    with pytest.raises(uploads.UploadError, match="more than 2 MB in all"):
        uploads.keep_uploads(files, small)


@pytest.mark.parametrize("name", ["C:\\users\\me\\a.png", "../../a.png", "a.png", "/a.png"])
def test_names_are_without_their_folders(settings, name):
    assert uploads.keep_upload(io.BytesIO(b"x"), name, settings).name == "a.png"


def test_large_images_are_sent_smaller():
    scene = viewer.make_scene(
        "key", np.full((3000, 1000), 7, np.uint16), Prediction.of(np.zeros((3000, 1000), np.float32))
    )
    assert scene.size == (3000, 1000)
    assert scene.shown == (1500, 500)
    assert scene.range != Range()


def test_the_table_of_all_waits_where_it_would_take_long(open_app, model, monkeypatch):
    monkeypatch.setattr(all_images, "AT_ONCE", 1)
    app = open_app("predict", model=model, samples="1")
    app.session_state["below"] = f"All {len(SAMPLES)} images"
    app.run()
    assert not app.exception
    assert not app.dataframe
    button(app, "count_all").click().run()
    assert not app.exception
    assert list(app.dataframe[0].value["Image"]) == SAMPLES


def test_the_shipped_model_predicts_the_samples(open_app):
    app = open_app("predict", samples="1")
    assert not app.exception
    assert 10 < int(metrics(app)["Nuclei found"]) < 120


# ---- channels --------------------------------------------------------------------------------------------------


def stained(nuclei: int, seed: int = 3) -> bytes:
    """An RGB picture with nuclei in one channel, and stripes, as of fibres, in another."""
    image = np.full((120, 160, 3), 8, np.uint8)
    image[..., nuclei] = draw_discs(9, (120, 160), seed)[0][..., 0]
    rows = np.mgrid[:120, :160][0] + np.mgrid[:120, :160][1]
    image[..., (nuclei + 1) % 3] = np.where(rows % 16 < 5, 140, 10)
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def test_the_channel_of_the_nuclei_is_said_and_chosen_by_one_click_for_all_images(open_app, asked):
    app = upload(open_app("predict", model="nuclei"), ("one.png", stained(2)), ("two.png", stained(2, seed=4)))
    assert not app.exception
    said = next(each.value for each in app.caption if "Looking for nuclei" in each.value)
    assert ":blue[●] blue" in said
    pills = app.pills(key="nuclei_channel")
    assert pills.options == ["Automatic", ":red[●] red", ":green[●] green", ":blue[●] blue"]
    before = shown(app)["scene"]
    asked.clear()
    pills.set_value(0).run()
    assert not app.exception
    assert app.query_params["channels"] == "1"
    assert shown(app)["scene"] != before
    assert asked
    assert any("**:red[●] red**, as you chose" in each.value for each in app.caption)
    asked.clear()
    app.button(key="image_next").click().run()
    assert any("**:red[●] red**, as you chose" in each.value for each in app.caption)
    assert asked == []  # all images were predicted so at once
    app.pills(key="nuclei_channel").set_value(-1).run()
    assert "channels" not in app.query_params
    assert any(":blue[●] blue" in each.value for each in app.caption)


def test_a_picture_of_one_hue_says_that_it_is_seen_as_grey(open_app):
    grey = draw_discs(9, (120, 160), 3)[0]
    stream = io.BytesIO()
    Image.fromarray(grey * np.array([0, 0, 1], np.uint8)).save(stream, "PNG")
    app = upload(open_app("predict", model="nuclei"), ("blue.png", stream.getvalue()))
    assert any("single hue" in each.value for each in app.caption)
    assert "nuclei_channel" not in {each.key for each in app.pills}


def test_the_area_covered_is_that_of_the_nuclei_that_are_kept(open_app):
    app = open_app("predict", samples="1", model="nuclei", keep="area:150:300")
    frame, pixels = app.dataframe[0].value, np.prod(shown(app)["size"])
    assert metrics(app)["Area covered"] == f"{frame['area'].sum() / pixels:.1%}"


def test_a_file_that_is_no_image_is_not_counted_as_one(open_app, model):
    app = upload(open_app("predict", model=model), ("a.png", png(1)), ("b.png", png(2)), ("c.png", b"nonsense"))
    assert [tab.label for tab in app.tabs][1] == "All 2 images"
    popovers = [each.proto.popover.label for each in app.get("popover")]
    assert "3 files" in popovers
    assert not any("3 images" in label for label in popovers)
