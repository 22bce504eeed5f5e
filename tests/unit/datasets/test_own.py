import io
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import draw_discs, write_pairs
from unet.datasets.add import add_folder, add_zip
from unet.datasets.finished import TABLE, known, only_finished, read_finished, write_finished
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.datasets.own import add_image, create_own, own_datasets, remove_image, zipped
from unet.errors import DatasetError


@pytest.fixture
def dataset(settings):
    return create_own("Mouse  liver", settings)


def pair(seed=1, size=(40, 60)):
    image, labels = draw_discs(4, size, seed)
    return image, labels


def test_it_grows_and_shrinks_and_keeps_its_address(dataset, settings):
    image, labels = pair()
    after = add_image(dataset, settings, "slide 1.png", "ab" * 16, image, labels, [(2, 3, 20, 30)])
    assert (after.id, after.name) == (dataset.id, "Mouse liver")
    assert after.fingerprint != dataset.fingerprint
    (found,) = own_datasets(settings)
    report = inspect_dataset(found, settings)
    (sample,) = report.usable
    assert sample.finished == ((2, 3, 20, 30),)
    np.testing.assert_array_equal(read_labels(found, sample.id), labels)
    second = add_image(found, settings, "other.tif", "cd" * 16, *pair(2))
    assert len(inspect_dataset(second, settings).usable) == 2
    left = remove_image(second, sample.id)
    (other,) = inspect_dataset(left, settings).usable
    assert other.id.startswith("other-") and not other.finished
    assert TABLE in {path.name for path in left.root.iterdir()} and read_finished(left.root / TABLE) == {}
    assert remove_image(left, sample.id).fingerprint == left.fingerprint


def test_the_same_image_again_takes_its_place(dataset, settings):
    image, labels = pair()
    first = add_image(dataset, settings, "a.png", "ab" * 16, image, labels, [(0, 0, 9, 9)])
    again = add_image(first, settings, "a.png", "ab" * 16, image, np.where(labels == 1, 0, labels))
    (sample,) = inspect_dataset(again, settings).usable
    assert sample.nuclei == 3 and sample.finished == ()


def test_two_tabs_at_once_both_keep_theirs(dataset, settings):
    def add(seed):
        return add_image(dataset, settings, f"{seed}.png", f"{seed:032d}"[::-1], *pair(seed), [(seed, 0, 30, 30)])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, range(8)))
    (found,) = own_datasets(settings)
    report = inspect_dataset(found, settings)
    assert len(report.usable) == 8
    assert sorted(sample.finished[0][0] for sample in report.usable) == list(range(8))


@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4, 5])
def test_pixels_are_stored_as_they_are(dataset, settings, channels):
    from unet.io.images import read_image

    size = (30, 40) if channels is None else (30, 40, channels)
    image = np.random.default_rng(0).integers(0, 60_000, size).astype(np.uint16)
    after = add_image(dataset, settings, "deep.tif", "ab" * 16, image, pair(1, (30, 40))[1])
    (sample,) = after.samples()
    assert np.array_equal(read_image(sample.image).squeeze(), image.squeeze())


def test_what_does_not_fit_is_refused_and_nothing_is_left(dataset, settings):
    image, labels = pair()
    for finished, shown in (([(0, 0, 61, 9)], image), ([(5, 5, 5, 9)], image), ([], image[1:])):
        with pytest.raises(DatasetError):
            add_image(dataset, settings, "a.png", "ab" * 16, shown, labels, finished)
    assert [path.name for path in dataset.root.rglob("*") if path.is_file()] == []


def test_only_datasets_of_ones_own_grow(settings, tmp_path):
    folder = add_folder(write_pairs(tmp_path / "pairs", 2), settings)
    with pytest.raises(DatasetError, match="is complete"):
        add_image(folder, settings, "a.png", "ab" * 16, *pair())
    with pytest.raises(DatasetError, match="a name"):
        create_own("  ", settings)


def test_the_zip_brings_all_of_it_back_and_is_not_taken_for_it(dataset, settings, tmp_path):
    after = add_image(dataset, settings, "a.png", "ab" * 16, *pair(), [(2, 3, 20, 30)])
    data = zipped(after)
    assert sorted(zipfile.ZipFile(io.BytesIO(data)).namelist()) == [
        TABLE,
        "images/a-abababab.tif",
        "masks/a-abababab.tif",
    ]
    (tmp_path / "own.zip").write_bytes(data)
    back = add_zip(tmp_path / "own.zip", settings)
    assert back.id != after.id  # another visitor's copy does not grow with it
    assert inspect_dataset(back, settings).usable[0].finished == ((2, 3, 20, 30),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ImageId,left\na,1\n",
        "ImageId,left,top,right,bottom\na,1,2,x,4\n",
        "ImageId,left,top,right,bottom\na,5,0,5,4\n",
        "ImageId,left,top,right,bottom\na,-1,0,5,4\n",
    ],
)
def test_a_damaged_table_is_refused_rather_than_left_out(tmp_path, text):
    (tmp_path / TABLE).write_text(text)
    with pytest.raises(DatasetError, match=TABLE):
        read_finished(tmp_path / TABLE)


side = st.integers(0, 30)
boxes = st.lists(st.tuples(side, side, st.integers(31, 60), st.integers(31, 60)), min_size=1, max_size=5)


@given(boxes)
def test_what_was_written_is_read_and_covers_what_it_says(tmp_path_factory, rectangles):
    path = tmp_path_factory.mktemp("finished") / TABLE
    write_finished(path, {"a, “b”": rectangles, "=1+1": [(0, 0, 1, 1)]})
    assert read_finished(path) == {"a, “b”": tuple(rectangles), "=1+1": ((0, 0, 1, 1),)}
    labels = np.arange(1, 40 * 50 + 1).reshape(40, 50)
    kept = only_finished(labels, rectangles)
    for y, x in ((0, 0), (30, 30), (39, 49), (10, 40)):
        inside = any(left <= x < right and top <= y < bottom for left, top, right, bottom in rectangles)
        assert kept[y, x] == (labels[y, x] if inside else 0)
        assert known(rectangles, labels.shape)[y, x] == inside
