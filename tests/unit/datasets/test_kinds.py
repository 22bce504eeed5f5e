import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet.datasets.kinds import WEIGHTS, find_kinds, folds_of_kinds, measure_look, table_of_kinds
from unet.datasets.samples import SampleReport
from unet.datasets.synthetic.nuclei import generate_nuclei


def looked_at(count: int, level: float, across: float, start: int = 0) -> list[SampleReport]:
    """Return samples that look almost alike: a background (0 dark, 1 bright) and nuclei so large."""
    random = np.random.default_rng(start)
    look = np.zeros(len(WEIGHTS))
    look[0], look[6] = level * WEIGHTS["bright background"], across
    return [
        SampleReport(f"{start + place}", look=tuple(look + random.normal(0, 0.05, len(look)))) for place in range(count)
    ]


def with_kinds(samples: list[SampleReport]) -> list[SampleReport]:
    return [dataclasses.replace(s, kind=kind) for s, kind in zip(samples, find_kinds(samples), strict=True)]


def test_what_looks_alike_is_one_kind_and_the_largest_comes_first():
    samples = looked_at(4, 0, 5) + looked_at(9, 0, 15, 10) + looked_at(3, 1, 9, 30)
    assert find_kinds(samples) == ["kind-2"] * 4 + ["kind-1"] * 9 + ["kind-3"] * 3


def test_images_of_one_group_are_of_one_kind():
    samples = looked_at(4, 0, 5) + looked_at(4, 0, 15, 10)
    samples = [dataclasses.replace(each, group="g" if each.id in ("0", "10") else None) for each in samples]
    kinds = dict(zip((each.id for each in samples), find_kinds(samples), strict=True))
    assert kinds["0"] == kinds["10"]


def test_what_has_no_look_has_no_kind():
    assert find_kinds([SampleReport("a"), *looked_at(1, 0, 5)]) == [None, "kind-1"]
    assert find_kinds([]) == []


def test_each_fold_holds_kinds_of_both_backgrounds_and_alike_ones_stand_together():
    dark = [looked_at(5 if place == 1.9 else 10, 0, 8 * place, 1 + int(100 * place)) for place in (1, 1.9, 4, 8)]
    bright = [looked_at(10, 1, 8 * place, 1000 * place) for place in (1, 3, 6)]
    samples = with_kinds([each for part in (*dark, *bright) for each in part])
    kind_of = {each.id: each.kind for each in samples}
    folds = folds_of_kinds(samples)
    assert len(folds) == 3
    assert sorted(kind for fold in folds for kind in fold) == sorted(set(kind_of.values()))
    near = {kind_of[dark[0][0].id], kind_of[dark[1][0].id]}
    assert any(near <= set(fold) for fold in folds)
    for part in (dark, bright):
        held = [sum(kind_of[each[0].id] in fold for each in part) for fold in folds]
        assert min(held) >= 1


@given(st.integers(0, 4), st.integers(1, 5))
def test_there_are_no_more_folds_than_kinds(kinds, folds):
    samples = with_kinds([each for place in range(kinds) for each in looked_at(5, 0, 12 * place, 100 * place)])
    found = folds_of_kinds(samples, folds)
    assert len(found) <= min(kinds, folds) and all(found)
    assert sorted(kind for fold in found for kind in fold) == sorted({each.kind for each in samples})


def test_the_hue_of_a_dark_image_does_not_matter_and_that_of_a_bright_one_does():
    grey, labels = generate_nuclei(0, size=(128, 128))
    grey = grey if grey.ndim == 2 else grey[..., 0]
    nothing = np.zeros_like(grey)
    blue, red = np.dstack([nothing, nothing, grey]), np.dstack([grey, nothing, nothing])
    assert measure_look(grey, labels) == measure_look(blue, labels) == measure_look(red, labels)
    pink, violet = 255 - np.dstack([nothing, grey, grey // 2]), 255 - np.dstack([grey // 2, grey, nothing])
    assert measure_look(pink, labels) != measure_look(violet, labels)


@given(
    arrays(st.sampled_from([np.uint8, np.uint16, np.float32]), st.tuples(*[st.integers(1, 12)] * 2)),
    st.data(),
)
def test_a_look_is_numbers_whatever_the_image(image, data):
    labels = data.draw(arrays(np.uint16, image.shape, elements=st.integers(0, 2)))
    look = measure_look(image, labels)
    assert len(look) in (0, len(WEIGHTS)) and np.isfinite(look).all()


def test_the_table_is_one_of_groups(tmp_path):
    from unet.datasets.groups import read_groups

    samples = [SampleReport("a", group="g", stain="s", kind="kind-1"), SampleReport("b")]
    table_of_kinds(samples).to_csv(tmp_path / "kinds.csv", index=False)
    assert read_groups(tmp_path / "kinds.csv") == {"a": ("g", "s", "kind-1"), "b": (None, None, None)}
