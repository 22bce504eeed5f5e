import json
import struct
import threading
import zlib
from dataclasses import replace

import numpy as np
import pytest

from tests.factories import draw_discs, write_pairs, write_tutorial
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset, read_labels, require_usable
from unet.datasets.samples import DatasetReport
from unet.datasets.store import delete_dataset
from unet.errors import DatasetError

SIZE = (20, 30)


def square(top, left, side=5, value=255, dtype=np.uint8):
    mask = np.zeros(SIZE, dtype)
    mask[top : top + side, left : left + side] = value
    return mask


@pytest.fixture
def nuclei(tmp_path, save, settings):
    """Write one tutorial sample of the given masks beside a good one; return its report and its label map."""

    def make(masks, image=None):
        root = write_tutorial(tmp_path / "set", count=1)
        save(root / "odd/images/odd.png", np.zeros((*SIZE, 3), np.uint8) if image is None else image)
        for number, mask in enumerate(masks):
            if isinstance(mask, bytes):
                (root / f"odd/masks/m{number}.png").parent.mkdir(exist_ok=True)
                (root / f"odd/masks/m{number}.png").write_bytes(mask)
            else:
                save(root / f"odd/masks/m{number}.png", mask)
        dataset = add_folder(root, settings)
        report = inspect_dataset(dataset, settings)
        good, odd = sorted(report.samples, key=lambda sample: sample.id == "odd")
        assert (good.use, good.problems) == ("train", ())  # whatever is wrong with the other
        return odd, None if odd.use == "left out" else read_labels(dataset, "odd")

    return make


@pytest.fixture
def pair(tmp_path, save, settings):
    """Write one pair of the given mask beside a good one; return its report and its label map."""

    def make(mask, name="odd.png"):
        root = write_pairs(tmp_path / "set", count=1)
        save(root / "images/odd.png", np.zeros(SIZE, np.uint8))
        save(root / "masks" / name, mask)
        dataset = add_folder(root, settings)
        report = inspect_dataset(dataset, settings)
        odd, good = report.samples
        assert (good.use, good.problems) == ("train", ())
        return odd, None if odd.use == "left out" else read_labels(dataset, "odd")

    return make


# ---- one nucleus per mask ----------------------------------------------------------------------------------------


def test_nuclei_are_numbered_in_the_order_of_their_files(nuclei):
    report, labels = nuclei([square(1, 1), square(10, 1), square(1, 20)])
    assert report == replace(
        report, height=20, width=30, dtype="uint8", channels=3, nuclei=3, values="nuclei", use="train", problems=()
    )
    assert report.foreground == pytest.approx(75 / 600)
    assert labels.dtype == np.uint16
    assert [int(labels[point]) for point in ((0, 0), (2, 2), (12, 2), (2, 22))] == [0, 1, 2, 3]


def test_overlapping_masks_are_kept_and_counted(nuclei):
    report, labels = nuclei([square(0, 0), square(3, 3), square(10, 10)])
    assert (report.use, report.nuclei) == ("train", 3)
    assert report.problems == ("1 mask overlaps an earlier one, 4 pixels in all: m1.png.",)
    assert [np.count_nonzero(labels == number) for number in (1, 2, 3)] == [25, 21, 25]


def test_a_mask_under_others_is_no_nucleus(nuclei):
    report, labels = nuclei([square(0, 0), square(1, 1, side=2), square(10, 10)])
    assert (report.nuclei, int(labels.max())) == (2, 2)
    assert "1 mask lies wholly under others: m1.png." in report.problems


def test_an_empty_mask_among_others_is_kept_and_said(nuclei):
    report, labels = nuclei([square(0, 0), square(0, 0, value=0), square(10, 10)])
    assert (report.use, report.nuclei, int(labels.max())) == ("train", 2, 2)
    assert report.problems == ("1 mask is empty: m1.png.",)


def test_a_sample_of_empty_masks_is_kept_and_said(nuclei):
    report, labels = nuclei([square(0, 0, value=0), square(0, 0, value=0)])
    assert (report.use, report.nuclei, report.foreground, int(labels.max())) == ("train", 0, 0.0, 0)
    assert report.problems == ("No nucleus: all masks are empty (m0.png, m1.png).",)


def test_a_grey_mask_is_nucleus_above_half_its_maximum(nuclei):
    grey = square(0, 0, value=200)
    grey[0, :5], grey[1, :5] = 100, 101
    report, labels = nuclei([grey, square(10, 10, value=1)])
    assert report.use == "train"
    assert report.problems == ("1 mask has more than two values, taken as nucleus above half the maximum: m0.png.",)
    assert labels[0].max() == 0 and labels[1].max() == 1 and labels[12, 12] == 2


@pytest.mark.parametrize("mode", ["bool", "RGB", "RGBA", "uint16"])
def test_masks_of_other_kinds_are_read_alike(nuclei, mode):
    mask = square(4, 4)
    other = {
        "bool": mask > 0,
        "RGB": np.repeat(mask[..., None], 3, axis=2),
        "RGBA": np.dstack([mask] * 3 + [np.full_like(mask, 255)]),
        "uint16": mask.astype(np.uint16) * 257,
    }[mode]
    report, labels = nuclei([other, square(10, 10)])
    assert (report.nuclei, report.problems) == (2, ())
    np.testing.assert_array_equal(labels == 1, mask > 0)


def test_a_mask_of_another_size_leaves_the_sample_out(nuclei):
    report, _ = nuclei([square(0, 0), np.full((5, 7), 255, np.uint8)])
    assert report.use == "left out"
    assert report.problems == ("m1.png is 7x5 pixels, but its image is 30x20.",)


@pytest.mark.parametrize("content", [b"", b"GIF89a nothing", b"\x89PNG\r\n\x1a\n and then nothing"])
def test_an_unreadable_mask_leaves_the_sample_out(nuclei, content):
    report, _ = nuclei([square(0, 0), content, content])
    assert report.use == "left out"
    assert [problem.split()[0] for problem in report.problems] == ["m1.png", "m2.png"]


def test_an_unreadable_image_leaves_the_sample_out(tutorial_folder, settings):
    path = tutorial_folder / "sample03/images/sample03.png"
    path.write_bytes(path.read_bytes()[:200])
    report = inspect_dataset(add_folder(tutorial_folder, settings), settings)
    assert [sample.id for sample in report.left_out] == ["sample03"]
    assert "sample03.png" in report.left_out[0].problems[0]
    assert len(report.usable) == 5


def test_an_image_beyond_the_limit_leaves_the_sample_out(tutorial_folder, settings, save):
    save(tutorial_folder / "big/images/big.png", np.zeros((1000, 1001), np.uint8))
    report = inspect_dataset(add_folder(tutorial_folder, settings), replace(settings, max_image_megapixels=1))
    assert [sample.id for sample in report.left_out] == ["big"]


# ---- pairs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("white", [1, 255])
def test_a_binary_mask_has_its_connected_parts_as_nuclei(pair, white):
    mask = square(0, 0, side=3, value=white) | square(3, 3, side=3, value=white) | square(12, 12, value=white)
    report, labels = pair(mask)
    assert (report.values, report.nuclei, report.problems) == ("binary", 2, ())
    assert labels[0, 0] == labels[4, 4] == 1 and labels[13, 13] == 2


@pytest.mark.parametrize("name", ["odd.png", "odd.tif", "odd.tiff", "odd.bmp"])
def test_a_label_map_is_kept_as_it_is_stored(pair, name):
    mask = square(0, 0, value=7) + square(10, 10, value=200)
    report, labels = pair(mask, name)
    assert (report.values, report.nuclei) == ("labels", 2)
    np.testing.assert_array_equal(labels, mask)


def test_a_label_map_of_16_bits(pair):
    report, labels = pair(square(0, 0, value=300, dtype=np.uint16) + square(9, 9, value=65535, dtype=np.uint16))
    assert (report.nuclei, labels.dtype, int(labels.max())) == (2, np.uint16, 65535)


def test_a_label_map_of_32_bits(pair):
    _, labels = pair(square(0, 0, value=70_000, dtype=np.int32) + square(9, 9, value=2, dtype=np.int32), "odd.tif")
    assert (labels.dtype, int(labels.max())) == (np.uint32, 70_000)


def test_a_single_class_keeps_its_index(pair):
    """Else a mask in which only class 2 occurs would turn into one of class 1."""
    report, labels = pair(square(0, 0, value=2) + square(10, 10, value=2))
    assert (report.values, report.nuclei, int(labels.max())) == ("labels", 2, 2)


def test_an_empty_mask_of_a_pair_is_kept_and_said(pair):
    report, labels = pair(np.zeros(SIZE, np.uint8))
    assert (report.use, report.nuclei, int(labels.max())) == ("train", 0, 0)
    assert report.problems == ("No nucleus: odd.png is empty.",)


@pytest.mark.parametrize(
    ("mask", "name"),
    [
        (np.zeros((9, 9), np.uint8), "odd.png"),
        (square(0, 0, value=-1, dtype=np.int32), "odd.tif"),
        (np.random.default_rng(0).integers(0, 255, (*SIZE, 3), np.uint8), "odd.png"),
        (square(0, 0, dtype=np.float32, value=0.5), "odd.tif"),
    ],
    ids=["size", "negative", "coloured", "fractions"],
)
def test_a_mask_that_means_nothing_leaves_the_pair_out(pair, mask, name):
    report, _ = pair(mask, name)
    assert report.use == "left out"
    assert len(report.problems) == 1 and name in report.problems[0]


# ---- the whole -------------------------------------------------------------------------------------------------


def test_images_without_masks_are_to_predict_and_no_problem(tutorial_folder, settings, save):
    save(tutorial_folder / "new/images/new.png", np.zeros(SIZE, np.uint8))
    report = inspect_dataset(add_folder(tutorial_folder, settings), settings)
    assert [(sample.id, sample.channels, sample.problems) for sample in report.to_predict] == [("new", 1, ())]
    assert len(report.usable) == 6 and not report.with_problems
    assert report.nuclei == sum(sample.nuclei for sample in report.usable) > 20


def test_groups_are_in_the_report(tutorial_folder, settings, tmp_path):
    table = tmp_path / "groups.csv"
    table.write_text("ImageId,group,stain\n" + "".join(f"sample{n:02d},g{n // 2},grey\n" for n in range(6)))
    assert {s.group for s in inspect_dataset(add_folder(tutorial_folder, settings), settings).samples} == {None}
    seen = []
    report = inspect_dataset(add_folder(tutorial_folder, settings, groups=table), settings, lambda *c: seen.append(c))
    assert seen == []  # for groups alone, no image is read again
    assert [sample.group for sample in report.samples] == ["g0", "g0", "g1", "g1", "g2", "g2"]
    assert {sample.stain for sample in report.samples} == {"grey"}


def test_a_report_is_made_once(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    seen = []
    first = inspect_dataset(dataset, settings, lambda *counts: seen.append(counts))
    assert seen == [(number, 6) for number in range(1, 7)]
    assert inspect_dataset(dataset, settings, lambda *counts: seen.append(counts)) == first
    assert len(seen) == 6


@pytest.mark.parametrize("damage", ["{", "[]", '"x"', json.dumps({"key": "x"}), ""])
def test_a_damaged_report_is_made_anew(tutorial_folder, settings, damage):
    dataset = add_folder(tutorial_folder, settings)
    first = inspect_dataset(dataset, settings)
    (dataset.folder / "report.json").write_text(damage)
    assert inspect_dataset(dataset, settings) == first


def test_two_at_once_do_the_work_once(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    done, reports = [], []

    def inspect():
        reports.append(inspect_dataset(dataset, settings, lambda *counts: done.append(counts)))

    threads = [threading.Thread(target=inspect) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reports[0] == reports[1] == reports[2]
    assert len(done) == 6


def test_giving_up_leaves_nothing_half_done(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)

    def give_up(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inspect_dataset(dataset, settings, give_up)
    assert {path.name for path in dataset.folder.iterdir()} <= {"dataset.json", ".lock"}
    assert len(inspect_dataset(dataset, settings).usable) == 6


def test_ids_that_file_names_cannot_hold_have_label_maps_of_their_own(tmp_path, settings, save):
    for index, name in enumerate(["a b", "a_b", "ä", "ö", "A_B" if (tmp_path / "x").exists() else "c"]):
        image, labels = draw_discs(3 + index, (40, 40), index)
        save(tmp_path / f"set/images/{name}.png", image)
        save(tmp_path / f"set/masks/{name}.png", labels)
    dataset = add_folder(tmp_path / "set", settings)
    report = inspect_dataset(dataset, settings)
    assert [int(read_labels(dataset, sample.id).max()) for sample in report.samples] == [3, 4, 7, 5, 6]


def test_json_and_back(tutorial_folder, settings):
    report = inspect_dataset(add_folder(tutorial_folder, settings), settings)
    assert DatasetReport.from_dict(json.loads(json.dumps(report.to_dict()))) == report


def test_kinds_are_found_unless_a_table_says_them(tutorial_folder, settings, tmp_path):
    dataset = add_folder(tutorial_folder, settings)
    report = inspect_dataset(dataset, settings)
    assert all(sample.kind and sample.look for sample in report.usable if sample.nuclei)
    (tmp_path / "kinds.csv").write_text("ImageId,group,kind\n" + "".join(f"{s.id},,mine\n" for s in report.usable))
    told = inspect_dataset(add_folder(tutorial_folder, settings, groups=tmp_path / "kinds.csv"), settings)
    assert {sample.kind for sample in told.usable} == {"mine"}
    assert [sample.look for sample in told.usable] == [sample.look for sample in report.usable]


def test_a_frame_has_a_row_a_sample(nuclei, tutorial_folder, settings):
    frame = inspect_dataset(add_folder(tutorial_folder, settings), settings).to_frame()
    assert len(frame) == 6
    assert list(frame.columns[:3]) == ["id", "height", "width"]
    assert DatasetReport("x", "y", ()).to_frame().empty


def test_a_label_map_that_is_not_there(tutorial_folder, settings):
    with pytest.raises(DatasetError, match="sample00"):
        read_labels(add_folder(tutorial_folder, settings), "sample00")


def test_a_folder_that_cannot_be_written_to_is_said(tutorial_folder, settings, monkeypatch):
    dataset = add_folder(tutorial_folder, settings)

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unet.datasets.inspection.save_labels", full)
    with pytest.raises(DatasetError, match=r"cannot be stored.*No space left"):
        inspect_dataset(dataset, settings)
    monkeypatch.undo()
    assert len(inspect_dataset(dataset, settings).usable) == 6


def test_a_dataset_that_was_deleted_is_said(tutorial_folder, settings):
    dataset = add_folder(tutorial_folder, settings)
    delete_dataset(dataset)
    with pytest.raises(DatasetError, match="no longer here"):
        inspect_dataset(dataset, settings)


# ---- refusal ---------------------------------------------------------------------------------------------------


def test_nothing_to_train_on_is_refused_with_the_reasons(tmp_path, settings, save):
    for name in "ab":
        save(tmp_path / f"set/images/{name}.png", np.zeros(SIZE, np.uint8))
    save(tmp_path / "set/images/c.png", np.zeros(SIZE, np.uint8))
    save(tmp_path / "set/masks/c.png", np.zeros((3, 3), np.uint8))
    save(tmp_path / "set/masks/d.png", np.zeros(SIZE, np.uint8))
    report = inspect_dataset(add_folder(tmp_path / "set", settings), settings)
    with pytest.raises(DatasetError) as caught:
        require_usable(report)
    for words in ("0 can be used", "2 without a mask, 1 left out", "c.png is 3x3 pixels", "d.png"):
        assert words in str(caught.value)


def test_one_sample_is_too_few_and_two_are_enough(tmp_path, settings):
    for count in (1, 2):
        report = inspect_dataset(add_folder(write_tutorial(tmp_path / str(count), count), settings), settings)
        if count == 1:
            with pytest.raises(DatasetError, match="at least 2"):
                require_usable(report)
        else:
            require_usable(report)


def test_many_masks_are_read_by_processes_with_the_same_report(tutorial_folder, settings, monkeypatch):
    few = inspect_dataset(add_folder(tutorial_folder, settings), settings)
    elsewhere = replace(settings, home=settings.home / "elsewhere")
    monkeypatch.setattr("unet.datasets.inspection.MANY_MASKS", 1)
    many = inspect_dataset(add_folder(tutorial_folder, elsewhere), elsewhere)
    assert many.samples == few.samples
    dataset = add_folder(tutorial_folder, elsewhere)
    assert all(read_labels(dataset, sample.id).max() == sample.nuclei for sample in many.usable)


def test_large_images_are_inspected_one_after_the_other_whatever_their_number(tmp_path, settings, save, monkeypatch):
    from unet.datasets import inspection
    from unet.io.budget import Budget

    together, most = [], []
    real = inspection.read_image

    def watched(*arguments, **options):
        together.append(1)
        most.append(len(together))
        try:
            return real(*arguments, **options)
        finally:
            together.pop()

    for index in range(6):
        save(tmp_path / f"large/s{index}/images/s{index}.png", np.full((300, 300), index, np.uint16))
        for nucleus in range(3):
            save(tmp_path / f"large/s{index}/masks/{nucleus}.png", np.full((300, 300), 255, np.uint8))
    dataset = add_folder(tmp_path / "large", settings)
    monkeypatch.setattr("unet.io.images.DECODING", Budget(2_000_000))  # one such image and the work on it
    monkeypatch.setattr(inspection, "DECODING", Budget(2_000_000))
    monkeypatch.setattr(inspection, "MANY_MASKS", 10)  # by processes, were they small
    monkeypatch.setattr(inspection, "read_image", watched)
    counts = []
    report = inspect_dataset(dataset, settings, lambda done, total: counts.append((done, total)))
    assert [sample.id for sample in report.samples] == [f"s{index}" for index in range(6)]
    assert max(most) == 1
    assert counts == [(done, 6) for done in range(1, 7)]


def test_of_a_mask_that_does_not_fit_no_pixel_is_decoded(tmp_path, settings, save):
    save(tmp_path / "odd/images/a.png", np.zeros((40, 40), np.uint8))
    (tmp_path / "odd/masks").mkdir()
    header = struct.pack(">IIBBBBB", 9000, 9000, 16, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    (tmp_path / "odd/masks/a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)  # a header, and nothing behind it
    report = inspect_dataset(add_folder(tmp_path / "odd", settings), settings)
    assert report.samples[0].problems == ("a.png is 9000x9000 pixels, but its image is 40x40.",)


def test_more_nuclei_than_16_bits_count_are_all_counted(tmp_path, settings, save):
    mask = np.zeros((560, 560), np.uint8)
    mask[::2, ::2] = 255
    for folder, array in (("images", mask), ("masks", mask)):
        save(tmp_path / "set" / folder / "a.png", array)
    dataset = add_folder(tmp_path / "set", settings)
    (row,) = inspect_dataset(dataset, settings).samples
    assert row.nuclei == 280**2 > 2**16
    assert int(read_labels(dataset, row.id).max()) == 280**2
