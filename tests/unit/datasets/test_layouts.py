import itertools
import os
import tempfile
import tracemalloc
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet.datasets import layouts
from unet.datasets.groups import read_groups
from unet.datasets.layouts import find_samples
from unet.errors import DatasetError


def touch(root: Path, *names: str) -> Path:
    """Make empty files: layouts are told by names alone."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def found(root: Path, **options):
    """Return each sample as id: (layout, image, masks), with paths below the root."""
    samples, _ = find_samples(root, **options)
    return {
        s.id: (s.layout, s.image.relative_to(root).as_posix(), [m.relative_to(root).as_posix() for m in s.masks])
        for s in samples
    }


TUTORIAL = ("{}a/images/a.png", "{}a/masks/m2.png", "{}a/masks/m1.png", "{}b/images/b.png", "{}b/masks/m.png")


@pytest.mark.parametrize("wrapping", ["", "stage1_train/", "download/2018/stage1_train/", "images/", "Masks/x/"])
def test_tutorial_folders_are_found_at_any_depth(tmp_path, wrapping):
    touch(tmp_path, *(name.format(wrapping) for name in TUTORIAL))
    assert found(tmp_path) == {
        "a": ("nuclei", f"{wrapping}a/images/a.png", [f"{wrapping}a/masks/m1.png", f"{wrapping}a/masks/m2.png"]),
        "b": ("nuclei", f"{wrapping}b/images/b.png", [f"{wrapping}b/masks/m.png"]),
    }


def test_junk_beside_and_between_changes_nothing(tmp_path):
    touch(tmp_path, *(name.format("") for name in TUTORIAL))
    clean = found(tmp_path)
    touch(
        tmp_path,
        "__MACOSX/a/images/._a.png",
        "__MACOSX/a/images/a.png",
        ".DS_Store",
        "a/.DS_Store",
        "a/masks/Thumbs.db",
        "a/masks/._m1.png",
        "a/images/desktop.ini",
        ".git/images/x.png",
        "stage1_train_labels.csv",
        "readme.txt",
    )
    assert found(tmp_path) == clean
    assert find_samples(tmp_path)[1] == []


@pytest.mark.parametrize("images", ["images", "Images", "IMAGES", "image"])
@pytest.mark.parametrize("masks", ["masks", "Masks", "labels", "LABELS", "label"])
def test_pairs_have_equal_names_and_any_suffix(tmp_path, images, masks):
    touch(tmp_path, f"{images}/a.png", f"{images}/b.JPG", f"{masks}/a.TIF", f"{masks}/b.png")
    assert found(tmp_path) == {
        "a": ("paired", f"{images}/a.png", [f"{masks}/a.TIF"]),
        "b": ("paired", f"{images}/b.JPG", [f"{masks}/b.png"]),
    }


def test_train_and_test_side_by_side(tmp_path):
    touch(tmp_path, "train/images/a.png", "train/labels/a.png", "train/images/b.png", "train/labels/b.png")
    touch(tmp_path, "test/images/c.png", "stage1_test/d/images/d.png")
    layouts = {name: layout for name, (layout, _, _) in found(tmp_path).items()}
    assert layouts == {"a": "paired", "b": "paired", "c": "image", "d": "image"}


def test_pairs_in_folders_below(tmp_path):
    touch(tmp_path, "images/plate1/a.png", "images/plate2/a.png", "masks/plate1/a.png", "masks/plate2/a.png")
    assert found(tmp_path) == {
        "plate1-a": ("paired", "images/plate1/a.png", ["masks/plate1/a.png"]),
        "plate2-a": ("paired", "images/plate2/a.png", ["masks/plate2/a.png"]),
    }


def test_images_beside_the_folder_of_masks(tmp_path):
    touch(tmp_path, "a.png", "b.png", "masks/a.png", "masks/b.png")
    assert {name: layout for name, (layout, _, _) in found(tmp_path).items()} == {"a": "paired", "b": "paired"}


def test_a_flat_folder_holds_images_to_predict(tmp_path):
    touch(tmp_path, "x.png", "sub/y.tiff", "sub/z.bmp", "notes.txt")
    assert {layout for layout, _, _ in found(tmp_path).values()} == {"image"}
    assert list(found(tmp_path)) == ["x", "y", "z"]


def test_one_image_and_one_mask(tmp_path):
    """Of another name it is a nucleus, of the image's own name it may hold many."""
    touch(tmp_path, "a/images/a.png", "a/masks/0123.png", "b/images/b.png", "b/masks/b.png")
    assert {name: layout for name, (layout, _, _) in found(tmp_path).items()} == {"a": "nuclei", "b": "paired"}


def test_one_of_many_nuclei_may_have_the_image_s_name(tmp_path):
    touch(tmp_path, "a/images/a.png", "a/masks/a.png", "a/masks/a_1.png")
    assert found(tmp_path)["a"] == ("nuclei", "a/images/a.png", ["a/masks/a.png", "a/masks/a_1.png"])


def test_an_image_whose_masks_folder_is_empty_is_to_predict(tmp_path):
    touch(tmp_path, "a/images/a.png")
    (tmp_path / "a/masks").mkdir()
    assert found(tmp_path)["a"][0] == "image"


def test_masks_that_cannot_be_used_are_noted(tmp_path):
    touch(tmp_path, "set/images/a.png", "set/images/b.png", "set/masks/a.png", "set/masks/c.png", "set/labels/a.png")
    touch(tmp_path, *(f"lost/masks/{number}.png" for number in range(5)))
    samples, notes = find_samples(tmp_path)
    assert [(sample.id, sample.layout) for sample in samples] == [("a", "paired"), ("b", "image")]
    assert notes == [
        "In lost, 5 masks belong to no image of the same name: 0.png, 1.png, 2.png and 2 more.",
        "In set, 1 mask belongs to no image of the same name: c.png.",
        "In set, 1 mask belongs to an image that has another mask already: a.png.",
    ]


def test_equal_names_get_distinct_ids_that_do_not_depend_on_the_wrapping(tmp_path):
    names = ["train/images/a.png", "test/images/a.png", "test/images/a.tif", "test/images/b.png", "train-a.png"]
    for wrapping in ("", "deep/er/"):
        root = tmp_path / ("plain" if not wrapping else "wrapped")
        touch(root, *(wrapping + name for name in names))
        images = {name: image.removeprefix(wrapping) for name, (_, image, _) in found(root).items()}
        assert images == {
            "b": "test/images/b.png",
            "test-a": "test/images/a.png",
            "test-a-tif": "test/images/a.tif",
            "train-a": "train-a.png",
            "train-a-png": "train/images/a.png",
        }


def test_links_are_never_followed(tmp_path):
    outside = touch(tmp_path / "outside", "secret.png", "images/s.png", "masks/s.png")
    root = touch(tmp_path / "root", "images/a.png", "masks/a.png")
    try:
        (root / "more").symlink_to(outside, target_is_directory=True)
        (root / "images/secret.png").symlink_to(outside / "secret.png")
        (root / "images/round").symlink_to(root, target_is_directory=True)
    except OSError:
        pytest.skip("no links here")
    assert list(found(root)) == ["a"]


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="may read everything")
def test_a_folder_that_may_not_be_read_is_noted(tmp_path):
    touch(tmp_path, "images/a.png", "closed/images/b.png")
    (tmp_path / "closed").chmod(0)
    try:
        samples, notes = find_samples(tmp_path)
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert [sample.id for sample in samples] == ["a"]
    assert "closed cannot be read" in notes[0]


def test_a_missing_folder_is_said(tmp_path):
    with pytest.raises(DatasetError, match="nowhere does not exist"):
        find_samples(tmp_path / "nowhere")


# ---- groups ----------------------------------------------------------------------------------------------------


def groups_of(samples):
    return {sample.id: (sample.group, sample.stain) for sample in samples}


def test_groups_come_from_a_table_in_the_folder(tmp_path):
    touch(tmp_path, "set/images/a.png", "set/images/b.png")
    (tmp_path / "set/my_Groups.csv").write_text("\ufeffimageid,Group,stain\na,g1,tissue\nz,g2,\n", encoding="utf-8")
    samples, notes = find_samples(tmp_path)
    assert groups_of(samples) == {"a": ("g1", "tissue"), "b": (None, None)}
    assert notes == ["1 of 2 images have no group: b.png."]


def test_groups_given_go_before_those_found(tmp_path):
    touch(tmp_path / "in", "images/a.png", "images/b.png")
    (tmp_path / "in/groups.csv").write_text("ImageId,group\na,wrong\nb,wrong\n")
    table = tmp_path / "other.csv"
    table.write_text("ImageId,group\na,g1\nb,g1\n")
    assert groups_of(find_samples(tmp_path / "in", table)[0]) == {"a": ("g1", None), "b": ("g1", None)}


@pytest.mark.parametrize("content", [b"", b"id,cluster\na,1\n", b"\xff\xfe\x00\x01"])
def test_a_table_that_is_none_is_noted_or_refused(tmp_path, content):
    touch(tmp_path / "in", "images/a.png")
    table = tmp_path / "in" / "groups.csv"
    table.write_bytes(content)
    samples, notes = find_samples(tmp_path / "in")
    assert groups_of(samples) == {"a": (None, None)}
    assert len(notes) == 1 and "groups.csv" in notes[0]
    with pytest.raises(DatasetError, match=r"groups\.csv"):
        find_samples(tmp_path / "in", table)


# ---- any tree --------------------------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "ä b", "images", "Masks", "labels", "c.d", "x" * 40, "__MACOSX", ".hidden"])
suffixes = st.sampled_from([".png", ".TIF", ".txt", ".csv", "", ".zip"])
paths = st.lists(names, min_size=1, max_size=5).map("/".join)


def test_one_mask_is_not_given_to_two_images_of_one_name(tmp_path):
    touch(tmp_path, "a.TIF", "a.png", "masks/a.png")
    samples, _ = find_samples(tmp_path)
    assert {sample.image.suffix: len(sample.masks) for sample in samples} == {".png": 1, ".TIF": 0}


@settings(max_examples=60)
@given(st.lists(st.tuples(paths, suffixes), max_size=25))
def test_any_tree_gives_distinct_ids_and_uses_each_file_once(files):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for path, suffix in files:
            try:
                touch(root, path + suffix)
            except OSError:  # a folder has that name, or a file stands where a folder should be
                continue
        samples, notes = find_samples(root)
        ids = [sample.id for sample in samples]
        assert ids == sorted(set(ids))
        used = [path for sample in samples for path in (sample.image, *sample.masks)]
        assert len(used) == len(set(used))
        assert all(path.is_file() and path.suffix.lower() in {".png", ".tif"} for path in used)
        assert not any("__MACOSX" in path.parts or ".hidden" in path.parts for path in used)
        assert all(bool(sample.masks) == (sample.layout != "image") for sample in samples)
        assert find_samples(root) == (samples, notes)


@settings(max_examples=40)
@given(st.lists(st.tuples(paths, suffixes), max_size=15), st.integers(1, 4))
def test_strangers_beside_them_leave_tutorial_folders_as_they_are(files, count):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(count):
            sample = f"train/sample{number}"
            touch(root, f"{sample}/images/sample{number}.png", f"{sample}/masks/1.png", f"{sample}/masks/2.png")
        before = {sample.image: sample for sample in find_samples(root)[0]}
        for path, suffix in files:
            try:
                touch(root, f"stranger/{path}{suffix}")
            except OSError:
                continue
        after = {sample.image: sample for sample in find_samples(root)[0]}
        assert {image: after[image] for image in before} == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ImageId,group\n" + "x" * (17 * 2**20), "larger than 16 MB"),
        ("ImageId,group\n" + "".join(f"{n},\n" for n in range(200_001)), "more than 200,000 images"),
    ],
)
def test_a_table_of_groups_has_an_end(tmp_path, content, words):
    (tmp_path / "groups.csv").write_text(content)
    with pytest.raises(DatasetError, match=words):
        read_groups(tmp_path / "groups.csv")


def test_rows_of_a_million_cells_cost_three(tmp_path):
    tracemalloc.start()
    (tmp_path / "groups.csv").write_text(f"ImageId,group,stain\na,g,s{',' * 4_000_000}\n" + "b\n,g\n" * 1000)
    assert read_groups(tmp_path / "groups.csv") == {"a": ("g", "s", None), "b": (None, None, None)}
    assert tracemalloc.get_traced_memory()[1] < 120e6
    tracemalloc.stop()


def test_of_many_tables_only_some_are_read(tmp_path):
    touch(tmp_path, "in/a.png")
    for number in range(30):
        (tmp_path / f"in/groups{number:02}.csv").write_text(f"ImageId,group\na,{number}\nb{number},x\n")
    samples, notes = find_samples(tmp_path / "in")
    assert groups_of(samples) == {"a": ("0", None)}
    assert any("Of 30 tables of groups, the first 20 are read" in note for note in notes)


def test_naming_many_images_of_one_name_takes_a_moment():
    # Folders that ids leave out: all are numbered, and counting from 2 each time would look 141 million times.
    roles = ("images", "Images", "IMAGES", "image", "masks", "Masks", "labels")
    looked = []

    class Counted(set):
        def __contains__(self, name):
            looked.append(name)
            return super().__contains__(name)

    numbers, taken = {}, Counted()
    for folders in itertools.product(roles, repeat=5):
        taken.add(layouts._free_name(PurePosixPath(*folders, "a.png"), 0, taken, numbers))
    assert len(taken) == 7**5
    assert len(looked) <= 4 * 7**5
