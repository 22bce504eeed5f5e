"""Nothing that is kept is taken for something else: another image, model, page, decision, or another visitor's."""

from __future__ import annotations

import ast
import base64
import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
import tifffile

from studio.common import dataset_picker, navigation, open_models, visitor
from studio.common.cache_key import Key
from studio.evaluate import image_outcome, image_picker, runner
from studio.inside import answers, point, subject
from studio.predict import editor, export_menu, measurements, pipeline, shown_image, uploads, view, viewer
from studio.predict import image_picker as predict_images
from studio.predict import stack as stacks
from studio.predict.corrected import basis_of
from studio.train import gallery, improvement, previews
from tests.factories import draw_discs, write_pairs
from unet.activations.switches import Switches
from unet.config import ModelConfig, Separation
from unet.corrections import history
from unet.corrections.operation import Operation
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.errors import ModelError
from unet.evaluation.cache import keep_evaluation
from unet.evaluation.evaluate import evaluate
from unet.exports.formats import FORMATS
from unet.io.images import read_image
from unet.io.pixel_size import PixelSize
from unet.models.folder import save_model, store_threshold
from unet.models.metadata import ModelInfo
from unet.models.registry import find_model
from unet.prediction.filters import kept_rows
from unet.prediction.marker import Marker
from unet.prediction.measure import measure
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.preprocess.adjust import ImageAdjustments
from unet.settings import PROJECT

MODELS = ("uploaded:one", "uploaded:two")
IMAGES = ("a.tif", "b.tif")  # of one size, of two pages each
SIZE = (40, 56)


@dataclasses.dataclass(frozen=True)
class View:
    """What a visitor looks at."""

    model: str = MODELS[0]
    image: str = IMAGES[0]
    page: int = 0
    preparation: ImageAdjustments = dataclasses.field(default_factory=ImageAdjustments)
    threshold: float = 0.49
    separation: Separation = dataclasses.field(default_factory=Separation)
    pixel_size: PixelSize | None = None
    shown: tuple[int, int] = SIZE
    corrected: bool = False
    marker: Marker | None = None
    crop: tuple[int, int, int] = (0, 0, 32)


# What may differ between two visitors, or from one minute to the next, one at a time.
CHANGES: dict[str, View] = {
    "image": View(image=IMAGES[1]),
    "model": View(model=MODELS[1]),
    "page": View(page=1),
    "preparation": View(preparation=ImageAdjustments(invert=True)),
    "threshold": View(threshold=0.51),
    "separation": View(separation=Separation(separate=False, clear_edge=True)),
    "pixel size": View(pixel_size=PixelSize(0.5, 0.5)),
    "shown size": View(shown=(20, 28)),
    "corrections": View(corrected=True),
    "marker": View(marker=Marker(0, 100.0)),
    "crop": View(crop=(4, 8, 32)),
}
MAPS = {"image", "model", "page", "preparation"}
OBJECTS = MAPS | {"threshold", "separation", "corrections"}


class World:
    """Two models, two images and two datasets, on disk."""

    def __init__(self, settings, folder: Path):
        self.settings = settings
        for seed, model in enumerate(MODELS):
            write_model(settings.models / model.partition(":")[2], seed)
        files = [(name, io.BytesIO(stack(seed))) for seed, name in enumerate(IMAGES)]
        found, _ = uploads.find_uploads(uploads.keep_uploads(files, settings), settings)
        self.uploads = dict(zip(IMAGES, found, strict=True))
        self.datasets = {
            name: add_folder(write_pairs(folder / name, 2, SIZE, seed=5 + seed), settings)
            for seed, name in enumerate(IMAGES)
        }

    def entry(self, view: View):
        return find_model(view.model, self.settings)

    def job(self, view: View) -> pipeline.Job:
        return pipeline.Job.of(self.entry(view), self.settings, view.preparation)

    def upload(self, view: View) -> uploads.Upload:
        return self.uploads[view.image]

    def decision(self, view: View) -> pipeline.Decision:
        return pipeline.Decision(view.threshold, view.separation, original=not view.corrected)

    def subject(self, view: View) -> subject.Subject:
        return subject.Subject.of(self.entry(view), self.upload(view), view.crop, self.settings, view.page)

    def found(self, view: View) -> tuple:
        return self.job(view), self.upload(view), view.page, self.decision(view)

    def labelled(self, view: View) -> image_picker.Labelled:
        dataset = self.datasets[view.image]
        return image_picker.Labelled(dataset, inspect_dataset(dataset, self.settings), None, dataset.name)


def write_model(folder: Path, seed: int) -> None:
    import keras

    from unet.models.network import build_unet

    keras.utils.set_random_seed(seed)
    config = ModelConfig(input_size=(32, 32), filters=(4, 8), dropout=(0.0,))
    save_model(folder, build_unet(config), ModelInfo("same name", config, 0.49))


def stack(seed: int) -> bytes:
    """A TIFF of two pages or more, whose number and size of pixels follow from its seed."""
    stream = io.BytesIO()
    pages = np.stack([draw_discs(5, SIZE, 10 * seed + page)[0][..., 0] for page in range(2 + seed)])
    per_centimetre = 10_000 / (1 + seed)
    tifffile.imwrite(stream, pages, photometric="minisblack", resolution=(per_centimetre,) * 2, resolutionunit=3)
    return stream.getvalue()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    from unet.settings import Settings

    folder = tmp_path_factory.mktemp("world")
    world = World(Settings(home=folder / "workspace"), folder)
    # What is drawn takes pixels of others, so that wherever nuclei are it changes some.
    drawn_by_hand = Operation("draw", ((4, 4), (30, 4), (30, 30), (4, 30)), take=True)
    job, upload, page, decision = world.found(View())
    history.add(basis_of(job.key(upload, page, decision)), world.settings.home, drawn_by_hand, 0)
    return world


# ---- every cached function -------------------------------------------------------------------------------------


def _scene(world: World, view: View) -> bytes:
    job, upload, page, _ = world.found(view)
    return view_of(job, upload, page).content


def view_of(job, upload, page) -> viewer.Scene:
    return view._scene(job.key(upload, page), "pixels", job, upload)


def _packed_labels(world: World, view: View) -> tuple[str, int, int]:
    job, upload, page, decision = world.found(view)
    key = job.key(upload, page, decision).but(shown=view.shown)
    return viewer._packed_labels(key, pipeline.objects_of(job, upload, page, decision))


def _evaluation(world: World, view: View) -> Any:
    """What Evaluate knows of a model and dataset: here it is kept, as the page keeps it, unless it is known."""
    entry, labelled = world.entry(view), world.labelled(view)
    key = runner._key(entry, labelled)
    if runner._stored(key, entry, labelled, world.settings) is None:
        found = evaluate(open_models.open_model(entry), labelled.dataset, labelled.report, world.settings)
        keep_evaluation(key, found, world.settings)
    return runner._stored(key, entry, labelled, world.settings).counts


def _outcome(world: World, view: View) -> Any:
    labelled, key = world.labelled(view), open_models.model_digest(world.entry(view))
    image = f"{labelled.dataset.fingerprint}/sample00"
    key = Key(image, model=key, threshold=view.threshold, separation=view.separation)
    return image_outcome._drawn(key, "sample00", world.entry(view), labelled, world.settings)


def _chosen_dataset(world: World, view: View) -> Any:
    dataset = world.datasets[view.image]
    return dataset_picker._held(dataset.id, dataset.fingerprint, str(dataset.root), b"", dataset)


def _preview(world: World, view: View) -> str:
    root = world.datasets[view.image].root
    files = [(root / part / "sample00.png").read_bytes() for part in ("images", "masks", "masks")]
    return previews._picture(*files, as_mask=False)


def _sample_digest(world: World, view: View) -> str:
    path = world.upload(view).path
    return predict_images._digest(str(path), path.stat().st_mtime_ns)


def _improved(world: World, view: View) -> Any:
    dataset, before, after = world.datasets[view.image], world.entry(view), world.entry(View(model=MODELS[1]))
    digests = [open_models.model_digest(entry) for entry in (before, after)]
    inspect_dataset(dataset, world.settings)
    return improvement._compared(dataset.fingerprint, "sample00", (), *digests, dataset, before, after)


# Of each cached function: how it is reached, and on what its value depends at least.
WALKED: dict[str, tuple[Callable[[World, View], Any], set[str]]] = {
    "common.dataset_picker._held": (_chosen_dataset, {"image"}),
    "common.open_models._digest": (lambda w, v: open_models.model_digest(w.entry(v)), {"model"}),
    "common.open_models._open": (
        lambda w, v: open_models.open_model(w.entry(v)).predict(np.eye(40, dtype=np.uint8)).levels,
        {"model"},
    ),
    "common.navigation.clear_away": (lambda w, v: navigation.clear_away(w.settings.home), set()),
    "common.visitor.listening_addresses": (lambda w, v: sorted(visitor.listening_addresses()), set()),
    "evaluate.image_outcome._drawn": (_outcome, {"image", "model", "threshold"}),
    "evaluate.runner._held": (_evaluation, {"image", "model"}),
    "inside.answers._drawing": (
        lambda w, v: list(answers._drawing(w.subject(v).key, w.subject(v))[1].values()),
        {"image", "model", "page", "crop"},
    ),
    "inside.answers._field": (
        lambda w, v: answers._field(w.subject(v).key, "probability", 0, 9, 9, w.subject(v)),
        {"image", "model", "page", "crop"},
    ),
    "inside.answers._gradient": (
        lambda w, v: answers.field(w.subject(v), {"layer": "up1b_elu", "channel": 1, "row": 5, "column": 5})[0],
        {"model"},
    ),
    "inside.answers._influence": (
        lambda w, v: answers._influence(w.subject(v).key, "down1a", w.subject(v)),
        {"image", "model", "page", "crop"},
    ),
    "inside.answers._switched": (
        lambda w, v: answers._switched(w.subject(v).key, Switches(skips=("skip1",)), w.subject(v)),
        {"image", "model", "page", "crop"},
    ),
    "inside.point._overview": (
        lambda w, v: point._overview(Key(w.upload(v).digest, v.page), w.upload(v), w.settings),
        {"image", "page"},
    ),
    "inside.subject._network": (lambda w, v: subject.trace(w.subject(v).key, w.subject(v)).maps, {"model"}),
    "inside.subject._whole": (lambda w, v: subject.read_whole(w.upload(v), w.settings, v.page), {"image", "page"}),
    "inside.subject.given_to_network": (
        lambda w, v: subject.given_to_network(w.subject(v).key, w.subject(v)),
        {"image", "page", "crop"},
    ),
    "inside.subject.trace": (
        lambda w, v: subject.trace(w.subject(v).key, w.subject(v))["bottoma"],
        {"image", "model", "page", "crop"},
    ),
    "inside.subject.unfolded": (
        lambda w, v: subject.network_graph(w.subject(v)).SerializeToString(),
        {"model"},
    ),
    "predict.shown_image._own_pixel_size": (
        lambda w, v: shown_image._own_pixel_size(w.upload(v).digest, w.upload(v)),
        {"image"},
    ),
    "predict.stack._places": (lambda w, v: stacks._places(w.upload(v).digest, w.upload(v)), {"image"}),
    "predict.corrected._stage": (lambda w, v: pipeline.nuclei_of(*w.found(v)).labels, OBJECTS - {"corrections"}),
    "predict.editor._touched": (lambda w, v: sorted(editor.touched_numbers(*w.found(v))), {"corrections"}),
    "predict.image_picker._digest": (_sample_digest, {"image"}),
    "predict.pipeline._advice": (lambda w, v: pipeline.advice_of(*w.found(v)), set()),
    "predict.pipeline._images": (
        lambda w, v: pipeline.read_page(w.job(v), w.upload(v), v.page),
        {"image", "page"},
    ),
    "predict.pipeline._found": (lambda w, v: pipeline.found_in(*w.found(v)), OBJECTS),
    "predict.measurements._measurements": (
        lambda w, v: measurements.measurements_of(*w.found(v), v.pixel_size, v.marker),
        OBJECTS | {"pixel size", "marker"},
    ),
    "predict.pipeline._label_maps": (lambda w, v: pipeline.objects_of(*w.found(v)), OBJECTS),
    "predict.pipeline._reliefs": (lambda w, v: pipeline.objects_of(*w.found(v)), OBJECTS),
    "predict.prediction_cache.predictions": (lambda w, v: pipeline.prediction_of(*w.found(v)[:3]).levels, MAPS),
    "predict.view._scene": (_scene, MAPS),
    "predict.viewer._packed_labels": (_packed_labels, OBJECTS | {"shown size"}),
    "train.gallery._thumbnail": (
        lambda w, v: gallery.thumbnail(w.datasets[v.image], "sample00", True, w.settings),
        {"image"},
    ),
    "train.improvement._compared": (_improved, {"image", "model"}),
    "train.previews._picture": (_preview, {"image"}),
}


def cached_functions() -> Iterator[str]:
    """Find whatever is kept between calls, by the decorators and by Streamlit's name for them."""
    for path in sorted((PROJECT / "studio").rglob("*.py")) + sorted((PROJECT / "pages").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any("cache" in ast.unparse(each) for each in node.decorator_list):
                yield f"{'.'.join(path.relative_to(PROJECT / 'studio').with_suffix('').parts)}.{node.name}"


def test_every_cached_function_is_walked():
    assert sorted(cached_functions()) == sorted(WALKED)


def test_a_cached_function_of_an_image_has_one_key():
    """A second way to name what a value depends on is a second way to forget something."""
    own = {"pages", "studio/common", "studio/train"}
    for name in WALKED:
        module, function = name.rpartition(".")[::2]
        path = PROJECT / "studio" / f"{module.replace('.', '/')}.py"
        tree = ast.parse(path.read_text(encoding="utf-8"))
        node = next(each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef) and each.name == function)
        hashed = [each.arg for each in node.args.args if not each.arg.startswith("_")]
        hidden = [each.arg for each in node.args.args if each.arg.startswith("_")]
        if hidden and str(path.parent.relative_to(PROJECT)) not in own and "digest" not in hashed:
            assert "key" in hashed, f"{name} takes {hidden}, which Streamlit does not look at, and no key"


def comparable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, value.tobytes()
    return value.to_csv() if hasattr(value, "to_csv") else repr(value)


def forget() -> None:
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.mark.parametrize("name", sorted(WALKED))
def test_what_is_kept_is_never_taken_for_something_else(world, name):
    reach, depends = WALKED[name]
    forget()
    fresh = {None: comparable(reach(world, View()))}
    for change, other in CHANGES.items():
        forget()
        fresh[change] = comparable(reach(world, other))
    assert {change for change in CHANGES if fresh[change] != fresh[None]} >= depends
    # All of them in one server's life, there and back.
    forget()
    for change in [None, *CHANGES, None, *reversed(CHANGES)]:
        assert comparable(reach(world, CHANGES.get(change, View()))) == fresh[change], change


def test_a_model_that_was_replaced_is_not_kept_under_the_old_ones_name(settings):
    for seed, name in enumerate(("one", "two")):
        write_model(settings.models / name, seed)
    entry = find_model("uploaded:one", settings)
    before = open_models.model_digest(entry)
    store_threshold(entry.folder, 0.7)
    forget()
    with pytest.raises(ModelError, match="replaced"):
        open_models.open_model(entry, before)
    assert open_models.open_model(find_model("uploaded:one", settings)).info.threshold == 0.7


# ---- the page: what is drawn, counted and exported -------------------------------------------------------------


def drawn(app) -> dict:
    """Return what the viewer was given, and in it the label map as the browser unpacks it."""
    data = next(json.loads(each.proto.json) for each in app.get("bidi_component") if "threshold" in each.proto.json)
    height, width = data["shown"]
    planes = np.frombuffer(zlib.decompress(base64.b64decode(data["labels"])), np.uint8).reshape(-1, height, width)
    data["labels"] = sum(plane.astype(np.uint32) << (8 * index) for index, plane in enumerate(planes))
    return data


def truth(settings, view: View) -> tuple[np.ndarray, Any]:
    """Work out, with nothing that is kept, what there is to see."""
    image = read_image(io.BytesIO(stack(IMAGES.index(view.image))), page=view.page)
    model = Predictor.open(settings.models / view.model.partition(":")[2])
    prediction = model.predict(image, preparation=view.preparation)
    labels = find_objects(prediction, view.threshold, view.separation)
    pixel = PixelSize(*[1.0 + IMAGES.index(view.image)] * 2)
    return labels, measure(labels, image, prediction.levels, pixel)


STEPS = [
    View(),
    View(image=IMAGES[1]),
    View(model=MODELS[1], image=IMAGES[1]),
    View(model=MODELS[1]),
    View(page=1),
    View(threshold=0.51),
    View(image=IMAGES[1], threshold=0.51),
    View(preparation=ImageAdjustments(invert=True)),
    View(image=IMAGES[1], preparation=ImageAdjustments(invert=True)),
    View(),
]


@pytest.mark.parametrize("keep", [{}, {"area": (0.0, 40.0)}], ids=["all", "filtered"])
def test_what_is_drawn_is_what_is_counted_and_exported(open_app, settings, tmp_path, keep):
    world = World(settings, tmp_path)
    key = uploads.keep_uploads([(name, io.BytesIO(stack(IMAGES.index(name)))) for name in IMAGES], settings)
    address = {"images": key} | ({"keep": "area:0:40"} if keep else {})
    visitors = [open_app("predict", model=MODELS[0], **address) for _ in range(2)]
    for step, seen in enumerate(STEPS):
        app = visitors[step % 2]  # each step is the first for its visitor in a place that the other may have left
        app.selectbox(key="model_choice").set_value(seen.model).run()
        app.query_params["threshold"] = f"{seen.threshold:.2f}"
        for upload in world.uploads.values():
            app.query_params[f"page-{upload.digest[:8]}"] = str(seen.page + 1)
        if seen.preparation.invert:
            app.query_params["invert"] = "1"
        elif "invert" in app.query_params:
            del app.query_params["invert"]
        app.session_state["image"] = seen.image
        app.run()
        assert not app.exception
        labels, frame = truth(settings, seen)
        data = drawn(app)
        np.testing.assert_array_equal(data["labels"], labels, err_msg=str(seen))
        assert data["count"] == len(frame) == labels.max()
        assert next(each.value for each in app.metric if each.label == "Nuclei found") == f"{len(frame):,}"
        kept = frame[kept_rows(frame, keep)]
        assert app.dataframe[0].value["label"].tolist() == kept["label"].tolist()
        assert app.dataframe[0].value["area_um2"].sum() == pytest.approx(kept["area_um2"].sum())
        if keep:
            flags = np.frombuffer(base64.b64decode(data["kept"]), np.uint8)
            assert np.flatnonzero(flags).tolist() == kept["label"].tolist()
        check_exports(world, seen, keep, np.where(np.isin(labels, kept["label"]), labels, 0), kept)


def check_exports(world: World, seen: View, keep: dict, labels: np.ndarray, kept) -> None:
    job, decision = world.job(seen), world.decision(seen)
    decisions = export_menu.decisions_of(job, decision, keep)
    here = (seen.image, world.upload(seen), seen.page)
    result = export_menu.result_of(job, here, decisions, decision)
    np.testing.assert_array_equal(result.labels, labels)
    assert result.measurements["label"].tolist() == kept["label"].tolist()
    assert json.loads(FORMATS["geojson"].of(result))["features"] is not None
    pages = [(name, upload, seen.page) for name, upload in world.uploads.items()]
    content = export_menu.zip_of_everything(job, pages, decisions, decision)()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        exported = tifffile.imread(io.BytesIO(archive.read(f"{Path(seen.image).stem}_labels.tif")))
    np.testing.assert_array_equal(exported, labels)
