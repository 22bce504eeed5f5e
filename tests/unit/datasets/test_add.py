import dataclasses
import io
import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.factories import write_pairs, write_tutorial, zip_folder
from unet.datasets.add import SAMPLE_NAME, add_files, add_folder, add_sample, add_zip, open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.datasets.store import delete_dataset, list_datasets
from unet.errors import ArchiveError, DatasetError
from unet.room import kept_bytes


def files_of(folder: Path):
    return [
        (path.relative_to(folder.parent).as_posix(), io.BytesIO(path.read_bytes()))
        for path in folder.rglob("*")
        if path.is_file()
    ]


def touch_up(folder: Path) -> None:
    """Change one image of a tutorial folder."""
    shutil.copy(folder / "sample01/images/sample01.png", folder / "sample00/images/sample00.png")


def test_a_zip_is_unpacked_once(tutorial_zip, settings):
    dataset = add_zip(tutorial_zip, settings)
    assert dataset.id.startswith("stage1-train-") and dataset.name == "stage1_train" and dataset.source == "upload"
    assert dataset.folder == settings.datasets / dataset.id
    assert len(dataset.samples()) == 6 and dataset.notes() == []
    assert all(sample.image.is_file() for sample in dataset.samples())
    again = add_zip(tutorial_zip, settings, name="another name")
    assert (again.id, again.folder) == (dataset.id, dataset.folder)
    assert list_datasets(settings) == [again]


def test_the_same_content_is_one_dataset_however_it_comes(tutorial_folder, tutorial_zip, settings):
    ids = {
        add_folder(tutorial_folder, settings).id,
        add_zip(tutorial_zip, settings).id,
        add_files(files_of(tutorial_folder), settings, name="upload").id,
        add_folder(tutorial_folder, settings).id,
    }
    assert len(ids) == len(list_datasets(settings)) == 1


def test_a_copy_of_our_own_is_preferred_to_a_registered_folder(tutorial_folder, tutorial_zip, settings):
    registered = add_folder(tutorial_folder, settings)
    inspect_dataset(registered, settings)
    dataset = add_zip(tutorial_zip, settings)
    assert dataset.source == "upload" and dataset.folder in dataset.root.parents
    shutil.rmtree(tutorial_folder)
    assert len(inspect_dataset(open_dataset(dataset.id, settings), settings).usable) == 6


def test_a_directory_upload(tutorial_folder, settings):
    dataset = add_files(files_of(tutorial_folder), settings, name="Meine Zellen!")
    assert dataset.id.startswith("meine-zellen-")
    assert len(dataset.samples()) == 6


def test_what_holds_no_images_is_refused_and_leaves_nothing(tmp_path, settings):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/readme.txt").write_text("no images here")
    with pytest.raises(DatasetError, match="no images in empty"):
        add_zip(zip_folder(tmp_path / "empty", tmp_path / "empty.zip"), settings)
    with pytest.raises(DatasetError, match="no images in empty"):
        add_folder(tmp_path / "empty", settings)
    with pytest.raises(DatasetError, match="no images"):
        add_files([("readme.txt", io.BytesIO(b"x"))], settings, name="upload")
    assert [path.name for path in settings.datasets.iterdir() if path.is_dir()] == []


def test_a_refused_archive_leaves_nothing(tmp_path, settings):
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(ArchiveError, match=r"broken\.zip"):
        add_zip(tmp_path / "broken.zip", settings)
    assert [path.name for path in settings.datasets.iterdir() if path.is_dir()] == []


def test_remains_of_a_killed_upload_go_after_a_day(tutorial_zip, settings):
    old, young = (settings.datasets / f".unfinished-{age}" for age in ("old", "young"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (time.time() - 48 * 3600,) * 2)
    add_zip(tutorial_zip, settings)
    assert (old.exists(), young.exists()) == (False, True)
    assert len(list_datasets(settings)) == 1


# ---- registered folders ----------------------------------------------------------------------------------------


def test_a_folder_is_not_copied(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    assert (dataset.root, dataset.source) == (tutorial_folder, "folder")
    assert [path.name for path in dataset.folder.iterdir()] == ["dataset.json"]


def test_a_changed_folder_is_said_and_can_be_added_anew(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    inspect_dataset(dataset, settings)
    touch_up(tutorial_folder)
    for use in (lambda: open_dataset(dataset.id, settings), lambda: inspect_dataset(dataset, settings)):
        with pytest.raises(DatasetError, match=r"have changed.*add the folder again"):
            use()
    anew = add_folder(tutorial_folder, settings)
    assert anew.fingerprint != dataset.fingerprint
    assert [known.id for known in list_datasets(settings)] == [anew.id]
    assert len(inspect_dataset(anew, settings).usable) == 6


def test_a_folder_that_was_only_touched_is_the_same(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    os.utime(tutorial_folder / "sample00/images/sample00.png", (1, 1))
    assert open_dataset(dataset.id, settings).fingerprint == dataset.fingerprint
    assert add_folder(tutorial_folder, settings).id == dataset.id


def test_a_folder_that_is_gone_is_said(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    shutil.rmtree(tutorial_folder)
    for use in (lambda: open_dataset(dataset.id, settings), lambda: inspect_dataset(dataset, settings)):
        with pytest.raises(DatasetError, match=r"stage1_train.*no longer there"):
            use()


def test_a_folder_that_was_moved_can_be_added_again(tutorial_folder, settings, tmp_path):
    dataset = add_folder(tutorial_folder, settings)
    moved = tutorial_folder.rename(tmp_path / "moved")
    again = add_folder(moved, settings)
    assert (again.id, again.root) == (dataset.id, moved)


def test_a_table_of_groups_is_kept_with_the_dataset(tutorial_folder, settings, tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("ImageId,group\nsample00,g1\n")
    dataset = add_folder(tutorial_folder, settings, groups=table)
    table.unlink()
    assert open_dataset(dataset.id, settings).samples()[0].group == "g1"
    table.write_text("nothing,of,use\n")
    with pytest.raises(DatasetError, match="ImageId and group"):
        add_folder(tutorial_folder, settings, groups=table)


# ---- finding them again ----------------------------------------------------------------------------------------


def test_a_source_may_be_a_zip_a_folder_an_id_or_a_name(tutorial_zip, tmp_path, settings):
    zipped = open_dataset(tutorial_zip, settings)
    folder = open_dataset(str(write_pairs(tmp_path / "pairs", count=2)), settings)
    assert open_dataset(zipped.id, settings) == open_dataset("stage1_train", settings) == zipped
    assert open_dataset(folder.id, settings) == folder
    with pytest.raises(DatasetError, match=rf"no dataset “nothing”.*{zipped.id}"):
        open_dataset("nothing", settings)


@pytest.mark.parametrize("name", ["", "../datasets", "a\0b", "x" * 5000, "~nobody/x"])
def test_strange_names_are_no_datasets(name, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetError):
        open_dataset(name, settings)


def test_the_newest_comes_first_and_damaged_ones_are_passed_over(tmp_path, settings):
    made = [add_folder(write_tutorial(tmp_path / name, 2, seed=seed), settings) for seed, name in enumerate("abc")]
    damaged = {"broken": "{", "strange": "[1]", "text": json.dumps("x"), "other": json.dumps({"id": "other"})}
    for name, content in damaged.items():
        (settings.datasets / name).mkdir()
        (settings.datasets / name / "dataset.json").write_text(content)
    assert [dataset.name for dataset in list_datasets(settings)] == ["c", "b", "a"]
    delete_dataset(made[1])
    assert [dataset.name for dataset in list_datasets(settings)] == ["c", "a"]
    assert (tmp_path / "b").is_dir()  # a registered folder's files stay


def test_a_home_that_was_moved_takes_its_uploads_along(tutorial_zip, settings, tmp_path):
    dataset = add_zip(tutorial_zip, settings)
    settings.home.rename(tmp_path / "elsewhere")
    moved = type(settings)(home=tmp_path / "elsewhere")
    assert len(open_dataset(dataset.id, moved).samples()) == 6


def test_the_sample_dataset_is_drawn_once(settings, monkeypatch):
    from unet.datasets.synthetic import nuclei as synthetic

    drawn = synthetic.write_dataset
    calls = []

    def small(folder, progress=None):
        calls.append(folder)
        drawn(folder, count=3, size=(32, 32), progress=progress)

    monkeypatch.setattr(synthetic, "write_dataset", small)
    dataset = add_sample(settings)
    assert (dataset.source, dataset.name, len(dataset.samples())) == ("sample", SAMPLE_NAME, 3)
    assert open_dataset(SAMPLE_NAME, settings) == add_sample(settings) == dataset
    assert len(calls) == 1


def test_all_datasets_together_have_a_bound(tmp_path, settings):
    """Each is within its own bound; together they would fill the disk."""
    few = dataclasses.replace(settings, max_kept_mb=1)
    rng = np.random.default_rng(0)
    for number in range(5):
        Image.fromarray(rng.integers(0, 256, (600, 600), np.uint8)).save(tmp_path / f"noise{number}.png")
    add_files([("a/noise0.png", (tmp_path / "noise0.png").open("rb"))], few, name="a")
    add_files([("b/noise1.png", (tmp_path / "noise1.png").open("rb"))], few, name="b")
    with pytest.raises(DatasetError, match="UNET_MAX_KEPT_MB"):
        add_files([("c/noise2.png", (tmp_path / "noise2.png").open("rb"))], few, name="c")
    assert len(list_datasets(few)) == 2
    assert kept_bytes(few) < 1024**2
    add_files([("b/noise1.png", (tmp_path / "noise1.png").open("rb"))], few, name="b")  # which takes nothing
    delete_dataset(list_datasets(few)[0])
    add_files([("c/noise2.png", (tmp_path / "noise2.png").open("rb"))], few, name="c")
