"""What a model has learned from is known by the pixels, through its ancestors, and whatever a stranger wrote."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.config import ModelConfig
from unet.datasets.fingerprint import IMAGE_DIGITS, image_digest
from unet.datasets.samples import DatasetReport, SampleReport
from unet.models.learned import ENTRY, MAX_IMAGES, learned_from, learned_images, lineage, packed
from unet.models.metadata import ModelInfo
from unet.models.registry import ModelEntry, find_model

DIGESTS = [image_digest(np.full((2, 2), value, np.uint8)) for value in range(6)]


def info(digests=(), **provenance) -> ModelInfo:
    return ModelInfo("a model", ModelConfig(), provenance={**provenance, ENTRY: packed(digests)})


def report(digests, fingerprint="f") -> DatasetReport:
    samples = tuple(SampleReport(f"s{place}", digest=digest) for place, digest in enumerate(digests))
    return DatasetReport("d", fingerprint, samples)


@given(st.sets(st.text("0123456789abcdef", min_size=IMAGE_DIGITS, max_size=IMAGE_DIGITS), max_size=900))
def test_digests_come_back(digests):
    lines = json.loads(json.dumps(packed(digests)))
    assert learned_images(ModelInfo("m", ModelConfig(), provenance={ENTRY: lines})) == digests
    assert all(len(line) <= 4000 for line in lines)


def test_too_many_are_not_told():
    assert packed(f"{number:010x}" for number in range(MAX_IMAGES + 1)) == []


@pytest.mark.parametrize("written", [None, 3, "abc", [1, None], {"a": 1}, ["abc"]])
def test_what_a_stranger_wrote_does_no_harm(written, settings, tmp_path):
    model = ModelInfo("m", ModelConfig(), provenance={ENTRY: written, "training": written, "fingerprint": written})
    assert learned_from(ModelEntry("m", "m", tmp_path, model), report(DIGESTS), settings).count == 0


def test_a_part_of_a_dataset_is_recognised(settings, tmp_path):
    entry = ModelEntry("uploaded:m", "m", tmp_path, info(DIGESTS[:3], fingerprint="whole"))
    found = learned_from(entry, report(DIGESTS[2:], fingerprint="part"), settings)
    assert (found.ids, found.count) == ({"s0"}, 1)


def test_pixels_tell_images_apart():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert image_digest(image) == image_digest(image.copy(order="F"))
    others = (image.astype(np.uint16), image.reshape(4, 3), image[::-1], np.dstack([image] * 3))
    assert len({image_digest(each) for each in (image, *others)}) == 5


def test_ancestors_are_followed_and_circles_end(settings):
    for name, start, digests in (("old", "uploaded:young", DIGESTS[:2]), ("young", "uploaded:old", DIGESTS[4:])):
        folder = settings.models / name
        folder.mkdir(parents=True)
        (folder / "model.json").write_text(json.dumps(info(digests, training={"start_from": start}).to_dict()))
    young = find_model("uploaded:young", settings)
    assert [each.key for each in lineage(young, settings)] == ["uploaded:young", "uploaded:old"]
    assert learned_from(young, report(DIGESTS), settings).ids == {"s0", "s1", "s4", "s5"}


def test_a_model_of_an_earlier_version_says_how_many(settings, tmp_path):
    entry = ModelEntry("uploaded:m", "m", tmp_path, info(fingerprint="f", samples=4))
    assert learned_from(entry, report(DIGESTS), settings).count == 4
    other = dataclasses.replace(entry, info=info(fingerprint="g", samples=4))
    assert learned_from(other, report(DIGESTS), settings).count == 0
