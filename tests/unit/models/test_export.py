"""Models for other programs: the exported files are opened with those programs, not with our own code."""

import json
import sys
import zipfile

import numpy as np
import pytest

from unet.cli.main import main
from unet.config import ModelConfig
from unet.errors import ConfigError, ModelError
from unet.models import export
from unet.models.export import FORMATS, export_model, greatest_difference
from unet.models.folder import load_model, save_model
from unet.models.metadata import ModelInfo, read_info
from unet.models.network import build_unet

RESIZED = {"input_size": (16, 32), "channels": 3, "filters": (4, 8), "dropout": (0.1,) * 3}
NATIVE = {**RESIZED, "normalization": "batch", "outputs": "mask+border+distance", "resolution": "native"}


@pytest.fixture(params=[RESIZED, NATIVE], ids=["resized", "native"])
def folder(request, tmp_path):
    config = ModelConfig(**request.param)
    save_model(tmp_path / "model", build_unet(config), ModelInfo("tiny", config, threshold=0.4))
    return tmp_path / "model"


@pytest.mark.parametrize("format", FORMATS)
def test_an_exported_model_equals_the_app_and_is_described(folder, format, tmp_path):
    if format == "bioimageio" and read_info(folder).config.intensity != "percentiles":
        pytest.skip("such models cannot be said there; test_bioimageio.py")
    target = tmp_path / f"made{FORMATS[format].suffix}"
    made = export_model(folder, format, target)
    assert made.greatest_difference <= 1e-4
    assert made.bytes == target.stat().st_size
    if format == "onnx":
        import onnx

        described = {entry.key: entry.value for entry in onnx.load(target).metadata_props}
        text, readme = described["model.json"], described["README"]
    else:
        with zipfile.ZipFile(target) as archive:
            assert archive.testzip() is None
            text, readme = archive.read("model.json").decode(), archive.read("README.md").decode()
    assert json.loads(text)["threshold"] == 0.4
    assert "0.4" in readme


def test_a_native_model_in_onnx_takes_any_size_and_batch(tmp_path):
    import onnxruntime

    config = ModelConfig(**NATIVE)
    save_model(tmp_path / "model", build_unet(config), ModelInfo("tiny", config))
    export_model(tmp_path / "model", "onnx", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    for shape in [(1, 8, 14, 3), (3, 40, 22, 3)]:
        images = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
        found = session.run(None, {session.get_inputs()[0].name: images})[0]
        np.testing.assert_allclose(found, load_model(tmp_path / "model")(images), atol=1e-4)


def test_a_difference_beyond_the_tolerance_is_refused_and_nothing_is_written(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="differ from the app's"):
        export_model(folder, "savedmodel", tmp_path / "made.zip")
    assert not list(tmp_path.glob("*made*"))


def test_the_greatest_difference_is_found_and_nan_is_infinite():
    images = [np.zeros((1, 2, 2, 1), np.float32)]

    def model(image):
        return image

    assert greatest_difference(model, lambda image: image + np.float32(0.25), images) == 0.25
    assert greatest_difference(model, lambda image: image * np.nan, images) == np.inf
    with pytest.raises(ValueError, match="shape"):
        greatest_difference(model, lambda image: image[0], images)


def test_unknown_formats_and_wrong_suffixes_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="onnx"):
        export_model(tmp_path, "pickle", tmp_path / "made.zip")
    with pytest.raises(ConfigError, match=r"\.onnx"):
        export_model(tmp_path, "onnx", tmp_path / "made.zip")


def test_a_missing_package_is_named_with_its_remedy(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ModelError, match="pip install tensorflow"):
        export_model(tmp_path, "litert", tmp_path / "made.zip")


def test_the_command_exports_and_says_how_well(folder, tmp_path, capsys):
    arguments = ["export", "--model", str(folder), "--format", "savedmodel", "--output", str(tmp_path / "m.zip")]
    assert main([*arguments, "--json", str(tmp_path / "m.json")]) == 0
    assert "greatest difference from the app's maps" in capsys.readouterr().out
    assert json.loads((tmp_path / "m.json").read_text())["format"] == "savedmodel"
    assert main(["export", "--model", str(tmp_path), "--format", "litert", "--output", str(tmp_path / "m.zip")]) == 1
