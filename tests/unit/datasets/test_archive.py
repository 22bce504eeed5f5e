import errno
import io
import os
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet.datasets.archive import Limits, extract_zip, store_files
from unet.datasets.fingerprint import folder_fingerprint
from unet.errors import ArchiveError, DatasetError
from unet.files import atomic_folder

GOOD = {
    "set/a/images/a.png": b"image",
    "set/a/masks/1.png": b"one",
    "set/a/masks/2.png": b"two",
    "set/groups.csv": b"x",
}


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    """Write a zip; a value is the content, or a ZipInfo's changes with the content under the key ``data``."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, value in files.items():
            changes = value if isinstance(value, dict) else {"data": value}
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            for key in set(changes) - {"data"}:
                setattr(info, key, changes[key])
            archive.writestr(info, changes["data"])
    return path


def extract(archive, folder, **limits):
    with atomic_folder(folder) as temporary:
        return extract_zip(archive, temporary, Limits(**limits))


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def refused(tmp_path, files, words, **limits):
    """Make sure that the archive is refused with these words, and that nothing is left of it."""
    archive = write_zip(tmp_path / "in.zip", files)
    with pytest.raises(ArchiveError, match=words):
        extract(archive, tmp_path / "out", **limits)
    assert files_below(tmp_path) == {"in.zip"}


def test_images_and_tables_are_kept_and_what_systems_add_is_not(tmp_path):
    junk = {
        "__MACOSX/set/a/images/._a.png": b"x",
        "set/.DS_Store": b"x",
        "set/a/images/Thumbs.db": b"x",
        "set/.hidden/b.png": b"x",
        "set/readme.exe": b"x",
        "set/empty/": b"",
    }
    seen = []
    archive = write_zip(tmp_path / "in.zip", {**GOOD, **junk})
    with atomic_folder(tmp_path / "out") as temporary:
        extract_zip(archive, temporary, Limits(), lambda done, total: seen.append((done, total)))
    assert files_below(tmp_path / "out") == set(GOOD)
    assert (tmp_path / "out/set/a/masks/2.png").read_bytes() == b"two"
    assert seen[-1] == (4, 4)


def test_the_fingerprint_is_of_names_and_contents_not_of_the_wrapping(tmp_path):
    wrapped = extract(write_zip(tmp_path / "1.zip", GOOD), tmp_path / "1")
    deeper = {f"more/{name}": data for name, data in GOOD.items()} | {"more/.DS_Store": b"x"}
    assert extract(write_zip(tmp_path / "2.zip", deeper), tmp_path / "2") == wrapped
    assert folder_fingerprint(tmp_path / "1" / "set") == folder_fingerprint(tmp_path / "2") == wrapped
    stored = tmp_path / "3"
    stored.mkdir()
    assert store_files([(name, io.BytesIO(data)) for name, data in GOOD.items()], stored, Limits()) == wrapped
    other = GOOD | {"set/a/masks/2.png": b"two!"}
    assert extract(write_zip(tmp_path / "4.zip", other), tmp_path / "4") != wrapped


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.png", "leads out"),
        ("a/../../evil.png", "leads out"),
        ("a\\..\\..\\evil.png", "leads out"),
        ("/etc/evil.png", "absolute"),
        ("\\\\server\\evil.png", "absolute"),
        ("C:\\evil.png", "absolute"),
        ("c:evil.png", "absolute"),
        ("a/new\nline.png", "no file can have"),
        ("a" * 300 + ".png", "no file can have"),
        ("inner.zip", "archive itself"),
        ("a/inner.tar.gz", "archive itself"),
    ],
)
def test_hostile_names_are_refused_and_named(tmp_path, name, words):
    refused(tmp_path, {**GOOD, name: b"x"}, words)


def test_links_and_devices_are_refused(tmp_path):
    for mode, words in ((stat.S_IFLNK, "link"), (stat.S_IFCHR, "neither a file"), (stat.S_IFIFO, "neither a file")):
        evil = {"create_system": 3, "external_attr": (mode | 0o777) << 16, "data": b"/etc/passwd"}
        refused(tmp_path, {**GOOD, "set/evil.png": evil}, words)


def test_encrypted_members_are_refused(tmp_path):
    archive = write_zip(tmp_path / "in.zip", GOOD)
    data = bytearray(archive.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    archive.write_bytes(data)
    with pytest.raises(ArchiveError, match=r"a\.png.*encrypted"):
        extract(archive, tmp_path / "out")


def test_too_much_is_refused(tmp_path):
    refused(tmp_path, GOOD, "3 are allowed", max_members=3)
    refused(tmp_path, {"a.png": b"x" * 900, "b.png": b"y" * 900}, r"b\.png", max_bytes=1000)
    refused(tmp_path, {"bomb.png": bytes(6 * 2**20)}, r"bomb\.png.*grows more than 200 times")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_of_one_name_are_refused(tmp_path):
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("a.png", b"1")
        opened.writestr("a.png", b"2")
    with pytest.raises(ArchiveError, match="twice"):
        extract(archive, tmp_path / "out")
    refused(tmp_path, {"A.png": b"1", "a.PNG": b"2"}, "twice")
    refused(tmp_path, {"a.png": b"1", "a.png/b.png": b"2"}, "a file and a folder")


def test_overlapping_members_are_refused(tmp_path):
    archive = write_zip(tmp_path / "in.zip", {"a.png": b"a" * 100, "b.png": b"b" * 100}, zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    second = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[second + 42 : second + 46] = (10).to_bytes(4, "little")  # where the second member begins
    archive.write_bytes(data)
    with pytest.raises(ArchiveError):
        extract(archive, tmp_path / "out")


def changed(archive, offset, value):
    """Change four bytes of the first entry of the zip's directory."""
    data = bytearray(archive.read_bytes())
    start = data.index(b"PK\x01\x02") + offset
    data[start : start + 4] = value.to_bytes(4, "little")
    archive.write_bytes(data)
    return archive


COMPRESSED, SIZE, OFFSET = 20, 24, 42  # where they stand in an entry


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        (SIZE, 50, "damaged"),
        (SIZE, 200, "smaller than the archive says"),
        (COMPRESSED, 2**31, "overlaps"),
        (OFFSET, 2**31, "overlaps"),
    ],
)
def test_headers_that_lie_are_found_out(tmp_path, field, value, words):
    archive = changed(write_zip(tmp_path / "in.zip", {"a.png": b"a" * 100}), field, value)
    with pytest.raises(ArchiveError, match=rf"a\.png.*{words}"):
        extract(archive, tmp_path / "out")
    assert files_below(tmp_path) == {"in.zip"}


def test_unusual_packings_and_damaged_contents_are_refused(tmp_path):
    archive = write_zip(tmp_path / "in.zip", {"a.png": b"a" * 100}, zipfile.ZIP_LZMA)
    with pytest.raises(ArchiveError, match=r"a\.png.*unusual"):
        extract(archive, tmp_path / "out")
    archive = write_zip(tmp_path / "in.zip", {"b.png": b"b" * 100}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(b"bbbb", b"bbcb", 1))
    with pytest.raises(ArchiveError, match=r"b\.png.*damaged"):
        extract(archive, tmp_path / "out")
    assert files_below(tmp_path) == {"in.zip"}


def test_a_cut_archive_is_refused_wherever_it_is_cut(tmp_path):
    whole = write_zip(tmp_path / "whole.zip", GOOD).read_bytes()
    archive = tmp_path / "in.zip"
    for length in range(len(whole)):
        archive.write_bytes(whole[:length])
        with pytest.raises(ArchiveError, match=r"in\.zip"):
            extract(archive, tmp_path / "out")
    assert files_below(tmp_path) == {"in.zip", "whole.zip"}


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "disk is full"), (errno.EIO, "cannot be read or stored")])
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path, number, words):
    class Failing(io.BytesIO):
        def read(self, *_):
            raise OSError(number, os.strerror(number))

    with pytest.raises(ArchiveError, match=words) as refusal, atomic_folder(tmp_path / "out") as temporary:
        store_files([("a.png", io.BytesIO(b"x")), ("b.png", Failing())], temporary, Limits())
    assert "b.png" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_vanishes_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")

    def remove(*_):
        (tmp_path / "b.png").unlink()

    (tmp_path / "b.png").write_bytes(b"x")
    with pytest.raises(DatasetError, match=r"b\.png.*cannot be read"):
        folder_fingerprint(tmp_path, remove)


def test_what_is_no_archive_is_refused_by_name(tmp_path):
    for content in (b"", b"hello", b"PK\x03\x04" + b"x" * 100):
        (tmp_path / "data.zip").write_bytes(content)
        with pytest.raises(ArchiveError, match=r"data\.zip"):
            extract(tmp_path / "data.zip", tmp_path / "out")


def test_an_upload_obeys_the_same_rules(tmp_path):
    def upload(*names, **limits):
        folder = tmp_path / "out"
        with atomic_folder(folder) as temporary:
            return store_files([(name, io.BytesIO(b"x" * 10)) for name in names], temporary, Limits(**limits))

    for names, limits, words in (
        (["../a.png"], {}, "leads out"),
        (["a.png", "A.png"], {}, "twice"),
        (["a.png", "b.png"], {"max_members": 1}, "1 are allowed"),
        (["a.png", "b.png"], {"max_bytes": 15}, "larger than it may be"),
    ):
        with pytest.raises(ArchiveError, match=words):
            upload(*names, **limits)
        assert not files_below(tmp_path)
    upload("set/images/a.png", "set/.DS_Store", "set/notes.docx")
    assert files_below(tmp_path / "out") == {"set/images/a.png"}


@settings(deadline=None)
@given(st.data())
def test_damaged_archives_give_files_or_an_archive_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    archive = write_zip(folder / "in.zip", GOOD)
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    try:
        extract(archive, folder / "out")
    except ArchiveError as error:
        assert str(error)
        assert files_below(folder) == {"in.zip"}
    assert {path.name for path in folder.iterdir()} <= {"in.zip", "out"}
