"""Model folders of strangers: one check for upload and loading, errors that stay short and tell no paths."""

import json
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unet.config import ModelConfig
from unet.errors import ModelError, UnetError
from unet.models.folder import load_model
from unet.models.metadata import INFO_FILE, ModelInfo, read_info, title_of
from unet.models.registry import store_model_zip
from unet.models.weights import WEIGHTS_FILE, check_weights, saved_layout

CONFIG = ModelConfig(input_size=(16, 16), channels=1, filters=(2, 4), dropout=(0.1,))
INFO = ModelInfo("tiny", CONFIG)


def write_model(folder, extra=(), **changes):
    """Write a Model folder without TensorFlow; ``extra`` are datasets that do not belong to it."""
    folder.mkdir(parents=True)
    (folder / INFO_FILE).write_text(json.dumps(INFO.to_dict() | changes))
    with h5py.File(folder / WEIGHTS_FILE, "w") as file:
        for places in saved_layout(CONFIG).values():
            for place in places:
                file.create_dataset(place.name, data=np.zeros(place.shape, np.float32))
        for name in extra:
            file.create_dataset(name, data=np.zeros((0,), np.float32))
    return folder


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for name in (INFO_FILE, WEIGHTS_FILE):
            archive.write(folder / name, name)
    return path


@pytest.mark.parametrize("extra", ["layers/evil/vars/0", "empty", "x" * 5000])
def test_what_loading_refuses_the_upload_refuses(tmp_path, settings, extra):
    folder = write_model(tmp_path / "model", [extra])
    for read in (
        lambda: load_model(folder),
        lambda: check_weights(folder / WEIGHTS_FILE, CONFIG),
        lambda: store_model_zip(zipped(folder, tmp_path / "mine.zip"), settings),
    ):
        with pytest.raises(ModelError, match="which its architecture does not have") as told:
            read()
        assert len(str(told.value)) < 500
        assert str(tmp_path) not in str(told.value)
    assert "mine" in str(told.value)
    assert not list(settings.models.iterdir())


LONG = "x" * 100_000
ENDLESS = json.loads("1" * 4000)


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": {"filters": LONG}},
        {"architecture": {LONG: 1}},
        {"architecture": {"outputs": LONG}},
        {"architecture": {"dropout": [ENDLESS]}},
        {"architecture": {"filters": [ENDLESS, 2]}},
        {"threshold": ENDLESS},
        {"scores": {"dice": ENDLESS}},
        {"separation": {"minimum_area": ENDLESS}},
        {"provenance": {"epochs": ENDLESS}},
        {"provenance": {LONG: 1}},
        {"format": ENDLESS},
        {"preprocessing": {"kind": LONG}},
        {"name": LONG},
    ],
)
def test_errors_stay_short_and_tell_no_path(tmp_path, changes):
    folder = write_model(tmp_path / "runs/mine/model", **changes)
    with pytest.raises(ModelError, match=rf"{INFO_FILE} of the model “mine”") as told:
        read_info(folder)
    assert len(str(told.value)) < 500
    assert str(tmp_path) not in str(told.value)


def test_a_zip_s_own_words_stay_short(tmp_path, settings):
    path = zipped(write_model(tmp_path / "model"), tmp_path / "mine.zip")
    name = INFO_FILE.encode()
    long = b"y" * 60_000
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(long.decode(), b"x")
    path.write_bytes(path.read_bytes().replace(long, name + long[len(name) :], 1))
    with pytest.raises(ModelError) as told:
        store_model_zip(path, settings)
    assert len(str(told.value)) < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(entry=st.sampled_from(sorted(INFO.to_dict())), inner=st.none() | st.integers(0, 20), value=JSON)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_in_it_is_a_model_or_a_model_error(tmp_path, entry, inner, value):
    data = INFO.to_dict()
    if inner is not None and isinstance(data[entry], dict) and data[entry]:
        data[entry] = {**data[entry], sorted(data[entry])[inner % len(data[entry])]: value}
    else:
        data[entry] = value
    (tmp_path / INFO_FILE).write_text(json.dumps(data))
    try:
        assert read_info(tmp_path).config
    except UnetError as error:
        assert type(error) is ModelError
        assert len(str(error)) < 1000


def test_a_model_is_called_after_its_folder_or_its_run(tmp_path):
    assert title_of(tmp_path / "runs/first/model") == "first"
    assert title_of(tmp_path / "models/nuclei-abc") == "nuclei-abc"
