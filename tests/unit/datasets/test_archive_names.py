from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.datasets.archive_names import check_tree, is_wanted, safe_path
from unet.errors import ArchiveError


@given(st.text(max_size=30) | st.from_regex(r"([./\\]|a|C:){1,8}\.png", fullmatch=True))
def test_no_name_leads_out(name):
    try:
        path = safe_path(name)
    except ArchiveError:
        return
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert Path("/home/me", path).is_relative_to("/home/me")


@pytest.mark.parametrize("name", ["\udc80.png", "a\x7f.png", "é" * 130 + ".png", "/".join(["folder"] * 200) + ".png"])
def test_names_that_no_file_can_have_are_refused(name):
    with pytest.raises(ArchiveError, match="no file can have"):
        safe_path(name)


@pytest.mark.parametrize(
    "name", ["细胞/图像.png", "é" * 100 + ".png", "a b/(1) #2.tif", "2024:01:02.png", "a..b/c.png"]
)
def test_names_that_people_use_are_kept(name):
    assert str(safe_path(name)) == name
    assert is_wanted(safe_path(name))


@pytest.mark.parametrize("name", ["__MACOSX/a.png", "a/.b.png", ".git/a.png", "Thumbs.db", "a.docx", "png", ""])
def test_what_systems_leave_behind_is_not_wanted(name):
    assert not is_wanted(PurePosixPath(name))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a.png", "a.png"), "twice"),
        (("é.png", "e\u0301.png"), "twice"),  # one accent, written in two ways
        (("STRASSE.png", "straße.png"), "twice"),
        (("a.png", "A.png/b.png"), "a file and a folder"),
    ],
)
def test_names_that_collide_on_some_disks_are_refused(names, words):
    with pytest.raises(ArchiveError, match=words):
        check_tree([PurePosixPath(name) for name in names])


def test_folders_are_bounded_by_the_files_in_them():
    deep = [PurePosixPath("/".join(f"{file}-{level}" for level in range(19)), "a.png") for file in range(500)]
    with pytest.raises(ArchiveError, match="9,500 folders for 500 files"):
        check_tree(deep)
    with pytest.raises(ArchiveError, match="400 folders deep; 20 are allowed"):
        safe_path("/".join("a" * 399) + "/a.png")
    # The layout with most folders: one an image, with images/ and masks/ in it.
    check_tree([PurePosixPath(f"in/{n}/{part}/{n}.png") for n in range(5000) for part in ("images", "masks")])
