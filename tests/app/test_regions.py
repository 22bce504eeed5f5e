"""Regions and positive nuclei on the Predict page: what is sent to the viewer, counted, and taken along."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from studio.predict import uploads
from tests.factories import draw_discs
from unet.config import ModelConfig
from unet.corrections.regions import add_region, read_regions
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo
from unet.settings import Settings

HALF = [[0, 0], [40, 0], [40, 60], [0, 60]]


def stained(seed: int) -> bytes:
    """A TIFF of nuclei, whose second channel is bright in the left half."""
    grey = draw_discs(9, (60, 80), seed)[0][..., 0].astype(np.uint16)
    second = np.where(np.arange(80) < 40, 3000, 100).astype(np.uint16) + np.zeros_like(grey)
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.stack([grey, second, grey], axis=-1), photometric="rgb")
    return stream.getvalue()


@pytest.fixture
def found(open_app, settings: Settings):
    """Open two images with two channels; return the app and the digest of the first."""
    import keras

    from unet.models.network import build_unet

    keras.utils.set_random_seed(0)
    config = ModelConfig(input_size=(32, 32), filters=(4, 8), dropout=(0.0,))
    save_model(settings.models / "small", build_unet(config), ModelInfo("small", config, 0.49))
    key = uploads.keep_uploads([(f"{name}.tif", io.BytesIO(stained(seed))) for seed, name in enumerate("ab")], settings)
    first = uploads.find_uploads(key, settings)[0][0]

    def open_at(**address: str):
        address = {"model": "uploaded:small", "images": key, "channels": "1", "image": "a.tif", **address}
        app = open_app("predict", **address)
        assert not app.exception
        return app

    return open_at, first.digest


def data_of(app) -> dict:
    return next(json.loads(each.proto.json) for each in app.get("bidi_component") if "threshold" in each.proto.json)


def table(app):
    return app.dataframe[0].value


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_a_channel_divides_the_nuclei_and_the_level_stands_in_the_address(found):
    open_at, _ = found
    app = open_at()
    assert data_of(app)["marker"] is None
    app = open_at(positive="2")
    level = float(app.query_params["positive"].removeprefix("2:"))
    rows = table(app)
    assert rows["marker_mean"].min() < level < rows["marker_mean"].max()
    assert (rows["positive"] == (rows["marker_mean"] > level)).all()
    share = f"{rows['positive'].mean():.1%}"
    assert metrics(app)["Positive"] == share
    sent = data_of(app)["marker"]
    means = np.frombuffer(base64.b64decode(sent["means"]), "<f4")
    np.testing.assert_allclose(means[rows["label"]], rows["marker_mean"], rtol=1e-6)
    assert sent["level"] == pytest.approx(level)
    # The level moves classes, and nothing else.
    other = open_at(positive="2:999999")
    assert metrics(other)["Positive"] == "0.0%"
    assert data_of(other)["labels"] == data_of(app)["labels"]
    assert data_of(other)["decision"] == data_of(app)["decision"]


@pytest.mark.parametrize("address", ["0:5", "9:5", "x", "2:nan", "2:1e999", "99"])
def test_an_address_that_makes_no_sense_tells_no_classes(found, address):
    open_at, _ = found
    app = open_at(positive=address)
    assert data_of(app)["marker"] is None
    assert "positive" not in table(app)


def test_all_images_say_how_many_are_positive(found):
    open_at, _ = found
    app = open_at(positive="2:1500", below="All 2 images")
    app.session_state["below"] = "All 2 images"
    app.run()
    rows = next(each.value for each in app.dataframe if "Image" in each.value)
    assert rows["Positive"].between(0, 1).all()
    of_all = (rows["Positive"] * rows["Nuclei"]).sum() / rows["Nuclei"].sum()
    assert any(f"{of_all:.1%} of them positive" in each.value for each in app.caption)


def test_nuclei_are_counted_by_region_and_those_outside_can_be_ignored(found, settings):
    open_at, digest = found
    region = add_region(digest, 0, settings.home, HALF, "left *half*")[0]
    app = open_at(positive="2:1500")
    rows = table(app)
    inside = rows["centroid_x"] + 0.5 < 40
    assert ((rows["region"] == "left *half*") == inside).all()
    told = data_of(app)["regions"][0]
    assert told["label"] == f"left *half* · {inside.sum()} nuclei"
    numbers = np.frombuffer(base64.b64decode(told["numbers"]), "<u4")
    assert numbers.tolist() == rows.loc[inside, "label"].tolist()
    app.toggle(key="only_regions").set_value(True).run()
    assert not app.exception
    assert table(app)["label"].tolist() == rows["label"][inside].tolist()
    assert metrics(app)["Kept"] == str(inside.sum())
    kept = np.frombuffer(base64.b64decode(data_of(app)["kept"]), np.uint8)
    assert np.flatnonzero(kept).tolist() == rows["label"][inside].tolist()
    # An image without regions stays whole.
    other = open_at(image="b.tif", keep=app.query_params["keep"])
    assert "Kept" not in metrics(other) or metrics(other)["Kept"] == metrics(other)["Nuclei found"]
    # Renamed and removed.
    app.text_input(key=f"region-{region.id}").set_value("tumour").run()
    assert [each.name for each in read_regions(digest, 0, settings.home)] == ["tumour"]
    assert set(table(app)["region"]) == {"tumour"}
    app.button(key=f"remove-{region.id}").click().run()
    assert not app.exception
    assert read_regions(digest, 0, settings.home) == ()
    assert table(app)["label"].tolist() == rows["label"].tolist()


def test_a_damaged_list_of_regions_is_told_and_the_nuclei_are_shown(found, settings):
    open_at, digest = found
    add_region(digest, 0, settings.home, HALF)
    (path,) = Path(settings.home / "corrections" / "regions").glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b"no line\n")
    app = open_at()
    assert "Line 3 of" in app.error[0].value
    assert len(table(app)) > 0
