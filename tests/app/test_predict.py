"""The Predict page: choosing a model and images, and what the threshold moves."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio import outputs, predictions, uploads, viewer
from tests.factories import draw_discs
from unet.config import ModelConfig, Separation
from unet.data.images import read_image
from unet.model.folder import ModelInfo, save_model
from unet.prediction.objects import summarize
from unet.prediction.predictor import Prediction, Predictor
from unet.settings import SAMPLE_IMAGES, Settings

SAMPLES = sorted(path.name for path in SAMPLE_IMAGES.glob("*.png"))


def write_model(folder: Path, *, name: str = "small", threshold: float = 0.5, classes: int = 1, seed: int = 0) -> Path:
    """Save an untrained model: what it finds is nonsense, and the same each time."""
    import keras

    from unet.model.network import build_unet

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
    ask = Predictor.predict_batch

    def counting(self, images):
        calls.append(len(images))
        return ask(self, images)

    monkeypatch.setattr(Predictor, "predict_batch", counting)
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
    (element,) = app.get("bidi_component")
    return json.loads(element.proto.json)


# ---- choosing --------------------------------------------------------------------------------------------------


def test_the_page_begins_with_a_model_and_a_way_to_images(open_app, model):
    app = open_app("predict")
    assert not app.exception
    assert app.title[0].value == "Predict"
    assert app.selectbox(key="model_choice").value == model
    assert app.query_params["model"] == model
    assert app.button(key="use_samples")
    assert not app.slider


def test_without_any_model_there_is_a_way_to_one(open_app, monkeypatch, tmp_path):
    monkeypatch.setattr("unet.model.library.SHIPPED_MODELS", tmp_path / "none")
    app = open_app("predict", samples="1")
    assert not app.exception
    assert "no model yet" in app.info[0].value
    assert any(widget.label.startswith("A Model folder") for widget in app.file_uploader)
    assert not app.slider


def test_a_model_that_is_gone_is_replaced_and_said(open_app, model):
    app = open_app("predict", model="run:../../etc")
    assert not app.exception
    assert "not here any more" in app.warning[0].value
    assert app.query_params["model"] == model


def test_an_uploaded_model_is_chosen_at_once(open_app, model, tmp_path):
    other = write_model(tmp_path / "other", name="my [model](http://x)", threshold=0.6, seed=1)
    app = open_app("predict", model=model, samples="1")
    app.slider(key="threshold").set_value(0.3).run()
    upload_model(app, zip_model(other))
    assert not app.exception
    assert app.query_params["model"].startswith("uploaded:my-model-http-x-")
    assert app.slider(key="threshold").value == 0.6
    # Its name is shown as it is: no link is made of it.
    assert any(r"my \[model\](http\://x)" in each.value for each in app.markdown)


@pytest.mark.parametrize("content", [b"no zip at all", b"code"])
def test_a_model_that_is_refused(open_app, model, settings, content):
    content = zip_model(settings.models / "small", **{"run.py": b"print()"}) if content == b"code" else content
    app = upload_model(open_app("predict"), content)
    assert not app.exception
    assert "model.zip" in app.error[0].value
    assert app.query_params["model"] == model
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
    app = open_app("predict")
    app.button(key="use_samples").click().run()
    assert not app.exception
    assert app.query_params["samples"] == "1"
    assert app.selectbox(key="image").options == SAMPLES
    assert sum(asked) == len(SAMPLES)
    assert list(app.dataframe[0].value["Image"]) == SAMPLES


def test_uploads_are_kept_by_content_and_found_by_the_address(open_app, model, settings, asked):
    app = upload(open_app("predict"), ("a.png", png(1)), ("a.png", png(2)), ("same.png", png(1)))
    assert not app.exception
    assert app.selectbox(key="image").options == ["a.png", "a.png (2)", "same.png"]
    assert sum(asked) == 2  # equal content is predicted once
    key = app.query_params["images"]
    assert len(list(uploads.uploads_folder(settings).iterdir())) == 3  # two images and the list of the three
    again = open_app("predict", images=key, model=model, image="same.png")
    assert not again.exception
    assert again.selectbox(key="image").value == "same.png"


def test_broken_files_are_listed_and_the_others_go_on(open_app, model):
    files = [("good.png", png()), ("broken*.png", b"nonsense"), ("empty.png", b""), ("half.png", png()[:200])]
    app = upload(open_app("predict"), *files)
    assert not app.exception
    assert "3 files were left out" in app.warning[0].value
    assert r"broken\*.png" in app.warning[0].value
    assert metrics(app)["Nuclei found"]


def test_nothing_but_broken_files(open_app, model, asked):
    app = upload(open_app("predict"), ("broken.png", b"nonsense"))
    assert not app.exception
    assert "1 file was left out" in app.warning[0].value
    assert not app.slider
    assert sum(asked) == 0
    app.button(key="choose_others").click().run()
    assert "images" not in app.query_params
    assert app.button(key="use_samples")


def test_a_page_of_a_stack_is_chosen(open_app, model, asked):
    app = upload(open_app("predict"), ("stack.tif", tiff(3)), ("one.png", png()))
    assert not app.exception
    app.selectbox(key="image").set_value("stack.tif").run()
    page = next(widget for widget in app.number_input if "Page" in widget.label)
    assert (page.min, page.max, page.value) == (1, 3, 1)
    first = shown(app)["panels"][0]["layers"][0]
    page.set_value(3).run()
    assert not app.exception
    assert sum(asked) == 3
    assert shown(app)["panels"][0]["layers"][0] != first
    # The table speaks of the page that was chosen, also when another image is looked at.
    rows = app.dataframe[0].value
    app.selectbox(key="image").set_value("one.png").run()
    assert app.dataframe[0].value.equals(rows)


def test_a_link_to_images_that_are_gone(open_app, model, settings):
    app = open_app("predict", images="../../secrets")
    assert not app.exception
    assert "no longer kept" in app.warning[0].value
    app = upload(app, ("a.png", png(1)), ("b.png", png(2)))
    (settings.cache / "uploads" / uploads.find_uploads(app.query_params["images"], settings)[0][0].digest).unlink()
    app.run()
    assert not app.exception
    assert "a.png" in app.warning[0].value
    assert metrics(app)["Nuclei found"]


# ---- the threshold ---------------------------------------------------------------------------------------------


def test_the_threshold_redraws_without_the_model(open_app, model, settings, asked):
    app = open_app("predict", model=model, samples="1")
    assert app.slider(key="threshold").value == 0.47
    assert any("0.47 is the model's own" in caption.value for caption in app.caption)
    predictor = Predictor.open(settings.models / "small")
    probability = predictor.predict(read_image(SAMPLE_IMAGES / SAMPLES[0])).probability
    asked.clear()
    layers = []
    for threshold in (0.45, 0.5, 0.55):
        app.slider(key="threshold").set_value(threshold).run()
        assert not app.exception
        found = summarize(probability, threshold)
        assert metrics(app)["Nuclei found"] == f"{found.count:,}"
        assert metrics(app)["Area covered"] == f"{found.covered:.1%}"
        assert app.dataframe[0].value["Nuclei"][0] == found.count
        layers.append(shown(app)["panels"][0]["layers"])
    assert asked == []
    # The image stays, its mask changes.
    assert len({image for image, _ in layers}) == 1
    assert len({mask for _, mask in layers}) > 1


@pytest.mark.parametrize("view", viewer.VIEWS)
def test_every_view_has_words_for_its_colours(open_app, model, view):
    app = open_app("predict", model=model, samples="1", view=view)
    assert not app.exception
    assert app.segmented_control(key="view").value == view
    data = shown(app)
    assert len(data["panels"]) == (2 if view == "Side by side" else 1)
    assert all(panel["alt"].startswith(SAMPLES[0]) for panel in data["panels"])
    words = viewer.describe(view, 0.47)
    assert any(words in caption.value for caption in app.caption)
    assert bool(data["ramp"]) == (view == "Probability")
    assert any(slider.label == "Opacity" for slider in app.slider) == (view in viewer.WITH_OPACITY)


def test_the_address_is_obeyed(open_app, model):
    app = open_app("predict", model=model, samples="1", threshold="0.3", view="Mask", image=SAMPLES[2])
    assert not app.exception
    assert app.slider(key="threshold").value == 0.3
    assert app.segmented_control(key="view").value == "Mask"
    assert app.selectbox(key="image").value == SAMPLES[2]


@pytest.mark.parametrize("wrong", ["", "7", "-1", "nan", "inf", "abc", "0.5,0.6"])
def test_nonsense_in_the_address_breaks_nothing(open_app, model, wrong):
    app = open_app("predict", model=model, samples="1", threshold=wrong, view=wrong, opacity=wrong, image=wrong)
    assert not app.exception
    assert 0 <= app.slider(key="threshold").value <= 1
    assert any("Orange" in caption.value for caption in app.caption)  # the overlay
    assert app.selectbox(key="image").value == SAMPLES[0]


def test_another_model_begins_with_its_own_threshold(open_app, model, settings):
    write_model(settings.models / "other", name="other", threshold=0.6, seed=1)
    app = open_app("predict", model=model, samples="1", threshold="0.3")
    app.selectbox(key="model_choice").set_value("uploaded:other").run()
    assert not app.exception
    assert app.slider(key="threshold").value == 0.6
    assert app.query_params["model"] == "uploaded:other"
    app.slider(key="threshold").set_value(0.2).run()
    assert app.slider(key="threshold").value == 0.2


def test_previous_and_next(open_app, model):
    app = open_app("predict", model=model, samples="1")
    assert app.button(key="image_previous").disabled
    app.button(key="image_next").click().run()
    assert app.selectbox(key="image").value == SAMPLES[1]
    assert not app.button(key="image_previous").disabled


def test_several_classes_have_several_colours(open_app, settings):
    write_model(settings.models / "classes", classes=3)
    app = open_app("predict", model="uploaded:classes", samples="1", threshold="0.1")
    assert not app.exception
    assert any("class 1" in caption.value for caption in app.caption)


# ---- holding and taking along ----------------------------------------------------------------------------------


def test_maps_are_held_within_bounds():
    held = predictions.Held(max_bytes=3000)
    for number in range(4):
        held.put(("model", str(number), 0), predictions.Facts(), Prediction(np.zeros((16, 16), np.float32)))
    assert held.bytes <= 3000
    assert held.get(("model", "0", 0)) is None
    assert held.get(("model", "3", 0)) is not None
    assert len(held.facts) == 4
    held.put(("model", "large", 0), predictions.Facts(), Prediction(np.zeros((100, 100), np.float32)))
    assert held.get(("model", "large", 0)) is not None


def test_a_map_that_was_let_go_is_made_again(open_app, model, asked, monkeypatch):
    small = predictions.Held(max_bytes=1)
    monkeypatch.setattr(predictions, "held", lambda: small)
    app = open_app("predict", model=model, samples="1")
    assert not app.exception
    asked.clear()
    app.selectbox(key="image").set_value(SAMPLES[1]).run()
    assert not app.exception
    assert asked == [1]


def test_everything_in_a_zip(model, settings):
    from unet.model.folder import find_model

    job = predictions.Job.of(find_model(model, settings), settings)
    key = uploads.keep_uploads([("a.png", io.BytesIO(png(1))), ("stack.tif", io.BytesIO(tiff(2)))], settings)
    one, stack = uploads.find_uploads(key, settings)[0]
    content = predictions.zip_of_everything(
        job, [("a.png", one, 0), ("stack.tif", stack, 1)], predictions.Decision(0.4, Separation()), 0.5
    )()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {"a_mask.png", "stack_labels.tif", "summary.csv", "manifest.json"} <= set(archive.namelist())
        labels = tifffile.imread(io.BytesIO(archive.read("stack_labels.tif")))
    prediction = predictions.prediction_of(job, stack, 1)
    assert np.array_equal(labels > 0, prediction.probability > 0.4)
    assert not list(settings.cache.glob("results-*"))


def test_the_oldest_uploads_go(settings):
    kept = [uploads.keep_upload(io.BytesIO(bytes([number]) * 1000), f"{number}", settings) for number in range(3)]
    (uploads.uploads_folder(settings) / "of-somebody-else").write_bytes(b"x" * 5000)
    uploads.trim_uploads(settings, 2000)
    assert [upload.path.exists() for upload in kept] == [False, True, True]
    assert (uploads.uploads_folder(settings) / "of-somebody-else").exists()


def test_too_much_at_once_is_refused(settings, tmp_path):
    small = Settings(home=settings.home, max_upload_mb=1)
    files = [(f"{number}", io.BytesIO(bytes([number]) * 900_000)) for number in range(4)]
    with pytest.raises(uploads.UploadError, match="more than 2 MB in all"):
        uploads.keep_uploads(files, small)


@pytest.mark.parametrize("name", ["C:\\users\\me\\a.png", "../../a.png", "a.png", "/a.png"])
def test_names_are_without_their_folders(settings, name):
    assert uploads.keep_upload(io.BytesIO(b"x"), name, settings).name == "a.png"


def test_large_images_are_shown_smaller_and_rims_survive():
    picture = viewer.make_picture(np.full((3000, 1000), 7, np.uint16))
    assert picture.size == (2048, 683)
    assert picture.stretched
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    layer = viewer.mask_layer(mask, 0.4)
    image = np.asarray(Image.open(io.BytesIO(base64.b64decode(layer.partition(",")[2]))).convert("RGBA"))
    assert tuple(image[0, 0]) == (0, 0, 0, 0)
    assert image[10, 10, 3] == 102
    assert image[5, 5, 3] == 255
    assert tuple(image[5, 5, :3]) == (230, 159, 0)


def test_the_table_waits_where_it_would_take_long(open_app, model, monkeypatch):
    monkeypatch.setattr(outputs, "TABLE_AT_ONCE", 1)
    app = open_app("predict", model=model, samples="1")
    assert not app.exception
    assert not app.dataframe


def test_the_shipped_model_predicts_the_samples(open_app):
    app = open_app("predict", samples="1")
    assert not app.exception
    assert 10 < int(metrics(app)["Nuclei found"]) < 120
