"""What the browser asks is answered out of the real network, and nothing that it sends breaks the server."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as given_settings
from hypothesis import strategies as st

from studio.inside.answers import ANSWERS, answer
from studio.inside.subject import Subject, trace
from studio.predict.image_picker import sample_images
from unet.config import ModelConfig
from unet.models.efficientnet import NAME
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo
from unet.models.network import build_unet
from unet.models.pretrained import set_pretrained
from unet.models.registry import find_model
from unet.settings import Settings


def unpacked(blob: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    (length,) = struct.unpack_from("<I", blob)
    about, start, arrays = json.loads(blob[4 : 4 + length]), 4 + length, {}
    for each in about["arrays"]:
        content = zlib.decompress(blob[start : start + each["bytes"]])
        arrays[each["name"]] = np.frombuffer(content, f"<{each['type']}").reshape(each["shape"])
        start += each["bytes"]
    return about, arrays


# Filters of the least width that still make a U.
ENCODER = ModelConfig(
    input_size=(64, 64), filters=(4, 4, 4, 4, 4), dropout=(0.0,), activation="relu", normalization="batch",
    decoder_convolutions=1, encoder=NAME, resolution="native", intensity="percentiles",
)  # fmt: skip


@pytest.fixture(scope="module", params=["nuclei", "tutorial", "uploaded:encoder"])
def subject(request, tmp_path_factory) -> Subject:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    if request.param == "uploaded:encoder":
        model = build_unet(ENCODER)
        set_pretrained(model)
        save_model(settings.models / "encoder", model, ModelInfo("encoder", ENCODER))
    upload = next(each for each in sample_images() if "touching" in each.name)
    return Subject.of(find_model(request.param, settings), upload, (64, 64, 128), settings)


def test_the_drawing_holds_every_level_and_each_stack_comes_from_another(subject):
    about, arrays = unpacked(answer(subject, {"id": "a", "kind": "whole"}))
    stacks = {stack["layer"]: stack for stack in about["stacks"]}
    assert about["id"] == "a" and about["output"] in stacks
    assert {stack["side"] for stack in stacks.values()} == {"down", "bottom", "up"}
    assert len({stack["level"] for stack in stacks.values()}) == max(stack["level"] for stack in stacks.values()) + 1
    for number, stack in enumerate(about["stacks"]):
        assert set(stack["inputs"]) <= set(stacks) and stack["steps"][-1] == stack["layer"] and stack["words"]
        assert bool(stack["inputs"]) == (stack["kind"] != "image")
        assert arrays[f"front{number}"].dtype == np.uint8
    assert sum(len(stack["inputs"]) == 2 for stack in stacks.values()) >= 4
    parameters = sum(layer.parameters for layer in trace(subject.key, subject).layers.values())
    assert sum(stack["parameters"] for stack in about["stacks"]) == parameters


def test_tiles_and_ranges_give_the_values_to_a_255th(subject):
    about, arrays = unpacked(answer(subject, {"kind": "layer", "layer": "down1a"}))
    low, high = arrays["ranges"].T[..., None, None]
    values = trace(subject.key, subject)["down1a"][about["channels"]]
    np.testing.assert_allclose(low + arrays["tiles"] / 255 * (high - low), values, atol=(high - low).max() / 500)
    assert about["energy"] == sorted(about["energy"], reverse=True)


def test_a_switch_that_changes_nothing_changes_nothing(subject):
    about, arrays = unpacked(answer(subject, {"kind": "switch", "switches": {}}))
    whole, before = unpacked(answer(subject, {"kind": "whole"}))
    assert about["dice"] == 1 and about["count"] == whole["count"]
    np.testing.assert_array_equal(arrays["labels"], before["labels"])
    less, _ = unpacked(answer(subject, {"kind": "switch", "switches": {"levels": ["skip1"]}}))
    assert less["dice"] < 1 or not whole["count"]


def test_the_flooding_ends_with_the_nuclei(subject):
    about, arrays = unpacked(answer(subject, {"kind": "flood"}))
    assert about["count"] == arrays["labels"].max()
    np.testing.assert_array_equal(arrays["basins"] > 0, arrays["mask"] > 0)
    assert set(np.unique(arrays["labels"] > 0) * 1) <= {0, 1} and not (arrays["labels"] > 0)[arrays["mask"] == 0].any()


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**20) | st.text(max_size=8) | st.floats(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=8), part, max_size=3),
)
questions = st.fixed_dictionaries(
    {"kind": st.sampled_from([*ANSWERS, "other"]) | anything},
    optional={
        **dict.fromkeys(("layer", "channel", "row", "column", "first", "channels", "switches", "id"), anything),
    },
)


@given(questions | anything)
@given_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_browser_sends_gets_an_answer(subject, asked):
    about, _ = unpacked(answer(subject, asked))
    assert "arrays" in about
