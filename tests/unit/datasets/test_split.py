import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.datasets.split import hold_out_kinds, split_samples
from unet.errors import DatasetError

IDS = [f"s{number:03d}" for number in range(50)]
seeds = st.integers(0, 2**31 - 1)
fractions = st.floats(0.01, 0.9)
groups_of_samples = st.lists(st.one_of(st.none(), st.sampled_from("abcdef")), min_size=2, max_size=60)


@given(st.integers(2, 80), fractions, seeds)
def test_sides_are_disjoint_complete_and_of_the_size_asked_for(count, fraction, seed):
    ids = [f"s{number}" for number in range(count)]
    train, validation = split_samples(ids, fraction, seed)
    assert not set(train) & set(validation)
    assert sorted(train + validation) == sorted(ids)
    assert train == [name for name in ids if name in train]
    assert len(validation) == min(max(1, round(fraction * count)), count - 1)


@given(groups_of_samples, fractions, seeds)
def test_groups_stay_whole(groups, fraction, seed):
    ids = [f"s{number}" for number in range(len(groups))]
    group_of = dict(zip(ids, groups, strict=True))
    if len(set(groups)) == 1 and groups[0]:
        with pytest.raises(DatasetError, match="one group"):
            split_samples(ids, fraction, seed, groups)
        return
    train, validation = split_samples(ids, fraction, seed, groups)
    assert train and validation
    assert sorted(train + validation) == sorted(ids)
    assert not {group_of[name] for name in train} & {group_of[name] for name in validation} - {None}
    smallest = min((groups.count(group) if group else 1) for group in groups)
    assert len(validation) <= max(round(fraction * len(ids)), smallest)


@given(seeds)
def test_a_seed_decides_whatever_the_order(seed):
    train, validation = split_samples(IDS, 0.2, seed)
    again = split_samples(IDS[::-1], 0.2, seed)
    assert (set(again[0]), set(again[1])) == (set(train), set(validation))


def test_seeds_differ_and_the_listing_s_end_is_not_what_is_kept_aside():
    sides = [tuple(split_samples(IDS, 0.2, seed)[1]) for seed in range(5)]
    assert len(set(sides)) == 5
    assert tuple(IDS[-10:]) not in sides


def test_an_empty_group_is_no_group():
    assert len(split_samples(["a", "b"], 0.5, 0, ["", ""])[0]) == 1


@pytest.mark.parametrize("ids", [[], ["only"]])
def test_too_few_samples_are_refused(ids):
    with pytest.raises(DatasetError, match="at least 2 images"):
        split_samples(ids, 0.1, 0)


def test_each_stain_has_its_share_on_both_sides():
    ids = [f"{number:03d}" for number in range(120)]
    stains = ["red" if number % 6 == 0 else "blue" for number in range(120)]
    groups = [f"g{number // 12}-{stain}" for number, stain in enumerate(stains)]
    for seed in range(5):
        train, validation = split_samples(ids, 0.25, seed, groups, stains)
        of = dict(zip(ids, zip(groups, stains, strict=True), strict=True))
        assert not {of[each][0] for each in train} & {of[each][0] for each in validation}
        counts = [sum(of[each][1] == stain for each in validation) for stain in ("red", "blue")]
        assert counts == [4, 20]
        order = list(reversed(range(120)))
        again = split_samples(*[[part[i] for i in order] for part in (ids,)], 0.25, seed,
                              [groups[i] for i in order], [stains[i] for i in order])  # fmt: skip
        assert set(again[1]) == set(validation)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, "g", "h"])), min_size=1, max_size=30))
def test_held_out_kinds_are_kept_aside_whole_and_no_group_stands_on_both_sides(rows):
    ids = [f"s{number}" for number in range(len(rows))]
    kinds, groups = [kind for kind, _ in rows], [group for _, group in rows]
    apart = {group for kind, group in rows if kind == "a" and group}
    left = [
        sample for sample, kind, group in zip(ids, kinds, groups, strict=True) if kind != "a" and group not in apart
    ]
    if "a" not in kinds or not left:
        with pytest.raises(DatasetError, match=r"kind|leaves no image"):
            hold_out_kinds(ids, "a", kinds, groups)
        return
    train, validation = hold_out_kinds(ids, " a ,", kinds, groups)
    assert (train, validation) == (left, [sample for sample, kind in zip(ids, kinds, strict=True) if kind == "a"])


def test_a_kind_that_is_not_there_is_named_beside_those_that_are():
    with pytest.raises(DatasetError, match=r"“c” that is to be held out\. There are a, b"):
        hold_out_kinds(["1", "2"], "a,c", ["a", "b"], [None, None])
    with pytest.raises(DatasetError, match="not known"):
        hold_out_kinds(["1", "2"], "a", [None, None], [None, None])
