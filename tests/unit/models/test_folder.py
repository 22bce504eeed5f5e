"""Model folders are written whole, found again, and never trusted."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from unet.config import ModelConfig
from unet.errors import ModelError
from unet.files import write_json
from unet.models.folder import load_model, model_stamp, save_model
from unet.models.limits import MAX_PARAMETERS
from unet.models.metadata import INFO_FILE, MAX_INFO_BYTES, ModelInfo, read_info
from unet.models.network import build_unet, count_parameters
from unet.models.registry import find_model, list_models, store_model_zip
from unet.models.weights import WEIGHTS_FILE, check_weights, read_weights, saved_layout
from unet.runs.state import RunState
from unet.settings import SHIPPED_MODELS

CONFIG = ModelConfig(input_size=(16, 16), channels=1, filters=(2, 4), dropout=(0.1,))
INFO = ModelInfo("tiny", CONFIG, 0.4, {"dice": 0.5, "loss": 1}, {"created": "today", "versions": {"keras": "3"}})
KERNEL = "layers/conv2d/vars/0"


@pytest.fixture(scope="module")
def model():
    return build_unet(CONFIG)


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    """A good Model folder, to be copied before anything is done to it."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_model(folder, model, INFO)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


def edit_info(folder, **changes):
    path = folder / INFO_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def zip_model(folder, path, inside="", **extra):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (INFO_FILE, WEIGHTS_FILE):
            archive.write(folder / name, inside + name)
        for name, content in extra.items():
            archive.writestr(name, content)
    return path


class TestSaved:
    def test_loads_the_same_model(self, model, folder):
        assert read_info(folder) == INFO
        image = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 1), np.uint8)
        np.testing.assert_array_equal(load_model(folder).predict_on_batch(image), model.predict_on_batch(image))

    @pytest.mark.parametrize("normalization", ["none", "batch", "group"])
    @pytest.mark.parametrize("classes", [1, 3])
    def test_every_kind_of_network_passes_its_own_check(self, tmp_path, normalization, classes):
        config = ModelConfig((16, 16), 1, classes, (2, 4, 4), (0.1,), normalization=normalization)
        model = build_unet(config)
        save_model(tmp_path / "model", model, ModelInfo("tiny", config))
        check_weights(tmp_path / "model" / WEIGHTS_FILE, config)

    def test_a_failed_save_keeps_the_old_folder(self, model, folder):
        before = model_stamp(folder)
        with pytest.raises(ModelError, match="name must be one printable line"):
            save_model(folder, model, ModelInfo("two\nlines", CONFIG))
        assert model_stamp(folder) == before
        assert [path.name for path in folder.parent.iterdir()] == ["model"]

    def test_its_stamp_changes_with_it(self, model, folder):
        before = model_stamp(folder)
        save_model(folder, model, INFO)
        assert model_stamp(folder) != before
        with pytest.raises(ModelError, match="not a Model folder"):
            model_stamp(folder / "nowhere")

    def test_is_read_and_listed_without_tensorflow(self, folder, settings):
        shutil.copytree(folder, settings.models / "tiny")
        code = (
            "import sys; from unet.settings import read_settings; from unet.models.registry import list_models;"
            "import unet.prediction.predictor; assert 'uploaded:tiny' in [e.key for e in list_models(read_settings())];"
            "assert not {'tensorflow', 'keras'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class TestInfo:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"format": 3}, "format 2"),
            ({"extra": 1}, "no others"),
            ({"name": "a\nb"}, "name"),
            ({"name": ""}, "name"),
            ({"name": 5}, "name"),
            ({"name": "x" * 1000}, "name"),
            ({"name": "\ud800"}, "name"),
            ({"threshold": 1.5}, "threshold"),
            ({"threshold": True}, "threshold"),
            ({"threshold": "0.5"}, "threshold"),
            ({"threshold": float("nan")}, "NaN"),
            ({"scores": {"dice": float("inf")}}, "Infinity"),
            ({"scores": {"dice": 10**400}}, "finite"),
            ({"scores": {"dice": None}}, "score"),
            ({"scores": []}, "scores"),
            ({"provenance": "here"}, "provenance"),
            ({"provenance": {"text": "x" * 10_000}}, "provenance"),
            ({"provenance": {"text": "\udfff"}}, "utf-8"),
            ({"preprocessing": {"kind": "other"}}, "preprocessing"),
            ({"architecture": {"filters": [1024] * 7, "dropout": [0.1]}}, "parameters"),
            ({"architecture": {"filters": [512, 16], "dropout": [0.1], "input_size": [1024, 1024]}}, "1 GiB"),
            ({"architecture": {"filters": [16]}}, "levels"),
            ({"architecture": {"code": "lambda"}}, "not a setting"),
            ({"architecture": None}, "table"),
        ],
    )
    def test_says_what_is_wrong(self, folder, changes, reason):
        edit_info(folder, **changes)
        with pytest.raises(ModelError, match=reason) as caught:
            read_info(folder)
        assert INFO_FILE in str(caught.value)

    @pytest.mark.parametrize(
        "content",
        [b"", b"[]", b"nul", b"\xff\xfe", b"[" * 100_000, b"1" * 10_000, b" " * (MAX_INFO_BYTES + 1)],
        ids=["empty", "list", "half", "no text", "nested", "long number", "large"],
    )
    def test_refuses_what_is_no_description(self, folder, content):
        (folder / INFO_FILE).write_bytes(content)
        with pytest.raises(ModelError, match=INFO_FILE):
            read_info(folder)

    def test_refuses_a_folder_without_one(self, tmp_path):
        with pytest.raises(ModelError, match=r"has no model\.json"):
            read_info(tmp_path)

    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=8,
    )

    @given(data=st.data())
    @examples(max_examples=150, deadline=None)
    def test_nothing_but_a_model_error_comes_of_any_json(self, tmp_path_factory, data):
        folder = tmp_path_factory.mktemp("hostile")
        content = INFO.to_dict()
        target = data.draw(st.sampled_from([content, content["architecture"], content["scores"]]))
        key = data.draw(st.sampled_from(sorted(target)) | st.text(max_size=5))
        target[key] = data.draw(self.json_values)
        (folder / INFO_FILE).write_text(json.dumps(content), encoding="utf-8")
        try:
            info = read_info(folder)
        except ModelError:
            return
        assert 0 <= info.threshold <= 1
        assert count_parameters(info.config) <= MAX_PARAMETERS
        json.dumps(info.to_dict(), allow_nan=False)


def instead(make):
    """Return what puts something else in the place of the first kernel, whose shape ``make`` is given."""

    def change(file):
        shape = file[KERNEL].shape
        del file[KERNEL]
        make(file, shape)

    return change


def values(shape, dtype="f4", **options):
    return instead(lambda file, _: file.create_dataset(KERNEL, data=np.zeros(shape, dtype), **options))


def virtual(file, shape):
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape)
    file.create_virtual_dataset(KERNEL, layout)


SHAPE = (3, 3, 1, 2)
OUTSIDE = [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
HOSTILE = {
    "NaN": lambda file: file[KERNEL].__setitem__((0, 0, 0, 0), np.nan),
    "infinite": lambda file: file[KERNEL].__setitem__((0, 0, 0, 0), np.inf),
    "missing": lambda file: file.__delitem__(KERNEL),
    "all missing": lambda file: file.__delitem__("layers"),
    "extra": lambda file: file.create_dataset("layers/extra/vars/0", data=np.zeros(3, "f4")),
    "wrong shape": values(SHAPE[::-1]),
    "wrong type": values(SHAPE, "f8"),
    "packed": values(SHAPE, compression="gzip"),
    "chunked": values(SHAPE, chunks=SHAPE),
    "no values": instead(lambda file, _: file.create_dataset(KERNEL, data=h5py.Empty("f4"))),
    "text": instead(lambda file, _: file.create_dataset(KERNEL, data=["a"] * 3)),
    "claims 6 GB": instead(lambda file, _: file.create_dataset(KERNEL, (1_500_000_000,), "f4")),
    "imagined": instead(lambda file, shape: file.create_dataset(KERNEL, shape, "f4", fillvalue=1)),
    "external storage": instead(lambda file, shape: file.create_dataset(KERNEL, shape, "f4", external=OUTSIDE)),
    "virtual": instead(virtual),
    "soft link": instead(lambda file, _: file.__setitem__(KERNEL, h5py.SoftLink("/layers/conv2d_1/vars/0"))),
    "external link": instead(lambda file, _: file.__setitem__(KERNEL, h5py.ExternalLink("x.h5", "/x"))),
    "a type": lambda file: file.__setitem__("layers/kind", np.dtype("f4")),
    "a circle": lambda file: file.__setitem__("layers/again", file["layers"]),
    "many groups": lambda file: [file.create_group(f"layers/{index}") for index in range(20_001)],
}


class TestWeights:
    def test_half_precision_is_read_as_float32(self, folder):
        whole = read_weights(folder / WEIGHTS_FILE, CONFIG)
        with h5py.File(folder / WEIGHTS_FILE, "r+") as file:
            names = [place.name for places in saved_layout(CONFIG).values() for place in places]
            for name in names:
                half = file[name][()].astype(np.float16)
                del file[name]
                file[name] = half
        for layer, found in read_weights(folder / WEIGHTS_FILE, CONFIG).items():
            for one, other in zip(found, whole[layer], strict=True):
                assert one.dtype == np.float32
                np.testing.assert_array_equal(one, other.astype(np.float16))

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_hostile_weights_are_refused(self, folder, kind):
        with h5py.File(folder / WEIGHTS_FILE, "r+") as file:
            HOSTILE[kind](file)
        with pytest.raises(ModelError, match=WEIGHTS_FILE):
            load_model(folder)

    def test_weights_of_another_network_with_as_many_values_are_refused(self, folder):
        first, second = KERNEL, "layers/conv2d_1/vars/0"
        with h5py.File(folder / WEIGHTS_FILE, "r+") as file:
            shapes = {first: file[second].shape, second: file[first].shape}
            for name, shape in shapes.items():
                del file[name]
                file[name] = np.zeros(shape, "f4")
        with pytest.raises(ModelError, match="in the shape"):
            load_model(folder)

    @pytest.mark.parametrize("content", [b"", b"garbage" * 100, None], ids=["empty", "garbage", "missing"])
    def test_what_is_no_hdf5_is_refused(self, folder, content):
        (folder / WEIGHTS_FILE).unlink()
        if content is not None:
            (folder / WEIGHTS_FILE).write_bytes(content)
        with pytest.raises(ModelError, match=WEIGHTS_FILE):
            load_model(folder)

    def test_a_file_much_too_large_is_refused_unread(self, folder):
        with (folder / WEIGHTS_FILE).open("r+b") as file:
            file.truncate(1 << 30)
        with pytest.raises(ModelError, match="much larger"):
            load_model(folder)

    @given(data=st.data())
    @examples(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_nothing_but_a_model_error_comes_of_changed_bytes(self, saved, tmp_path_factory, data):
        content = bytearray((saved / WEIGHTS_FILE).read_bytes())
        places = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8))
        for place, value in places:
            content[place] = value
        path = tmp_path_factory.mktemp("changed") / WEIGHTS_FILE
        path.write_bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])
        try:
            check_weights(path, CONFIG)
        except ModelError as error:
            assert WEIGHTS_FILE in str(error)


class TestUploaded:
    @pytest.mark.parametrize("inside", ["", "model/"])
    def test_is_kept_once_and_listed(self, folder, tmp_path, settings, inside):
        archive = zip_model(folder, tmp_path / "my.zip", inside, **{"__MACOSX/._model.json": b"x", ".DS_Store": b""})
        kept = store_model_zip(archive, settings)
        again = store_model_zip(zip_model(folder, tmp_path / "other.zip"), settings, name="../../Other name")
        assert kept == again
        assert kept.parent == settings.models
        assert kept.name.startswith("tiny-")
        assert [path.name for path in settings.models.iterdir()] == [kept.name]
        entry = find_model(f"uploaded:{kept.name}", settings)
        assert entry in list_models(settings)
        assert entry.label == "tiny (uploaded)"
        load_model(entry.folder)

    @pytest.mark.parametrize(
        "extra", ["evil.py", "../x/model.json", "/etc/passwd", "other/model.json", "a/b/model.json", "model.keras"]
    )
    def test_other_members_are_refused(self, folder, tmp_path, settings, extra):
        archive = zip_model(folder, tmp_path / "m.zip", **{extra: b"x"})
        with pytest.raises(ModelError, match=r"m\.zip is refused: only"):
            store_model_zip(archive, settings)
        assert not list(settings.models.iterdir())

    def test_broken_archives_are_refused(self, folder, tmp_path, settings):
        whole = zip_model(folder, tmp_path / "m.zip").read_bytes()
        changed = whole[:60] + bytes([whole[60] ^ 1]) + whole[61:]
        for content in (b"", b"no zip", whole[: len(whole) // 2], changed):
            (tmp_path / "m.zip").write_bytes(content)
            with pytest.raises(ModelError, match=r"m\.zip"):
                store_model_zip(tmp_path / "m.zip", settings)

    def test_bombs_are_refused(self, folder, tmp_path, settings):
        (folder / WEIGHTS_FILE).write_bytes(bytes(20_000_000))
        with pytest.raises(ModelError, match="much larger"):
            store_model_zip(zip_model(folder, tmp_path / "m.zip"), settings)
        assert not list(settings.models.iterdir())

    def test_hostile_weights_are_refused(self, folder, tmp_path, settings):
        with h5py.File(folder / WEIGHTS_FILE, "r+") as file:
            HOSTILE["NaN"](file)
        with pytest.raises(ModelError, match="not finite numbers"):
            store_model_zip(zip_model(folder, tmp_path / "m.zip"), settings)
        assert not list(settings.models.iterdir())

    @given(data=st.data())
    @examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_nothing_but_a_model_error_comes_of_changed_bytes(self, saved, tmp_path, settings, data):
        content = bytearray(zip_model(saved, tmp_path / "m.zip").read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        (tmp_path / "m.zip").write_bytes(content)
        try:
            store_model_zip(tmp_path / "m.zip", settings)
        except ModelError as error:
            assert str(error)


class TestFound:
    def test_keys_lead_nowhere_else(self, folder, settings):
        shutil.copytree(folder, settings.home / "model")
        for key in ("run:..", "run:../..", "uploaded:", "", "other:x", "run:no-such-run", "uploaded:../model"):
            with pytest.raises(ModelError, match="There is no model"):
                find_model(key, settings)

    def test_a_damaged_one_is_not_listed_but_explained(self, folder, settings):
        shutil.copytree(folder, settings.models / "bad")
        edit_info(settings.models / "bad", threshold=7)
        assert "uploaded:bad" not in [entry.key for entry in list_models(settings)]
        with pytest.raises(ModelError, match="threshold"):
            find_model("uploaded:bad", settings)

    def test_runs_come_first_the_newest_ahead_once_they_have_ended(self, folder, settings):
        for age, (name, status) in enumerate({"old": "finished", "new": "stopped", "busy": "running"}.items()):
            run = settings.runs / name
            shutil.copytree(folder, run / "model")
            state = RunState(status=status, phase="", pid=None, started=time.time(), updated=time.time())
            write_json(run / "state.json", dataclasses.asdict(state))
            write_json(run / "run.json", {})
            os.utime(run / "run.json", (age, age))
        shutil.copytree(folder, settings.models / "mine")
        assert [entry.key for entry in list_models(settings)][:4] == ["nuclei", "run:new", "run:old", "uploaded:mine"]
        assert find_model("run:busy", settings).label == "Run busy"

    def test_the_default_comes_first_and_the_other_shipped_ones_last(self, folder, settings):
        shutil.copytree(folder, settings.models / "mine")
        keys = [entry.key for entry in list_models(settings)]
        shipped = sorted(path.parent.name for path in SHIPPED_MODELS.glob("*/model.json"))
        assert keys == ["nuclei", "uploaded:mine", *(name for name in shipped if name != "nuclei")]
