"""A package of bioimage.io is run by ``bioimageio.core``, and gives the maps that are predicted here."""

from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest

from tests.factories import draw_discs
from unet.errors import ModelError
from unet.models.bioimageio import prepared
from unet.models.export import export_model
from unet.models.metadata import read_info
from unet.models.network import reach
from unet.models.registry import store_model_zip
from unet.models.runtime import Network
from unet.prediction.predictor import Predictor
from unet.preprocess.adjust import ImageAdjustments
from unet.settings import DEFAULT_MODEL, SHIPPED_MODELS


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The shipped model as a package; nothing that reads it may look for a network."""
    os.environ.setdefault("BIOIMAGEIO_PERFORM_IO_CHECKS", "true")
    target = tmp_path_factory.mktemp("zoo") / "nuclei.zip"
    export_model(DEFAULT_MODEL, "bioimageio", target)
    return target


def test_its_description_is_valid_and_its_test_passes(package):
    from bioimageio.core import load_description, test_description
    from bioimageio.spec import InvalidDescr

    described = load_description(package)
    assert not isinstance(described, InvalidDescr), described.validation_summary.display()
    summary = test_description(described, weight_format="onnx")
    assert summary.status in ("passed", "valid-format"), summary.display()
    assert summary.status == "passed", summary.display()
    assert {each.halo for each in described.outputs[0].axes[1:3]} == {reach(read_info(DEFAULT_MODEL).config)}
    with zipfile.ZipFile(package) as archive:
        assert {"rdf.yaml", "weights.onnx", "README.md", "cover.png", "model.json"} <= set(archive.namelist())


def test_its_maps_are_those_that_are_predicted_here(package):
    from bioimageio.core import load_model_description, predict

    halo = reach(read_info(DEFAULT_MODEL).config)
    side = 2 * halo + 160
    image, _ = draw_discs(12, (side, side), 2)
    found = predict(model=load_model_description(package), inputs={"image": image[None].astype(np.float32)})
    maps = np.asarray(next(iter(found.members.values())).data)
    floats = image[None].astype(np.float32)
    # At its edge an image is mirrored there, and nothing lies beyond it here: a halo further in, both are one.
    inside = slice(None), slice(halo, -halo), slice(halo, -halo)
    np.testing.assert_allclose(maps[inside], Network.open(DEFAULT_MODEL)(prepared(floats))[inside], atol=0.05)
    # The package's own steps are those of the app, but that pixels are rounded to whole levels there.
    ours = Predictor.open(DEFAULT_MODEL).predict(image, preparation=ImageAdjustments(fit=False))
    for channel, expected in enumerate((ours.probability, ours.border, ours.distance)):
        assert np.abs(maps[0, ..., channel] - expected).mean() < 0.002
    assert np.mean((maps[0, ..., 0] > 0.4) == (ours.probability > 0.4)) > 0.999


def test_a_model_that_resizes_all_images_is_refused(tmp_path):
    with pytest.raises(ModelError, match="resizes all images to one size"):
        export_model(SHIPPED_MODELS / "tutorial", "bioimageio", tmp_path / "a.zip")


def test_it_is_opened_here_again_and_others_are_refused_with_the_reason(package, settings, tmp_path):
    stored = store_model_zip(package, settings)
    image, _ = draw_discs(5, (96, 96), 4)
    expected = Predictor.open(DEFAULT_MODEL).predict(image)
    np.testing.assert_array_equal(Predictor.open(stored).predict(image).levels, expected.levels)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("rdf.yaml", "type: model")
        archive.writestr("weights.pt", b"")
    with pytest.raises(ModelError, match=r"other\.zip is refused: it is a package of bioimage\.io"):
        store_model_zip(tmp_path / "other.zip", settings)
