import pytest

from unet.files import OLD, atomic_folder, atomic_path, read_json, recover_folder, write_json


class Broken(Exception):
    pass


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(Broken), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise Broken
    assert read_json(path) == {"x": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["a.json"]


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not list(tmp_path.iterdir())


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "model"
    for content in ("one", "two"):
        with atomic_folder(folder) as temporary:
            (temporary / "file").write_text(content)
    with pytest.raises(Broken), atomic_folder(folder) as temporary:
        (temporary / "file").write_text("three")
        raise Broken
    assert (folder / "file").read_text() == "two"
    assert [item.name for item in tmp_path.iterdir()] == ["model"]


def test_a_kill_between_the_renames_is_mended(tmp_path):
    folder = tmp_path / "model"
    aside = tmp_path / f".model-abc{OLD}"
    aside.mkdir()
    (aside / "file").write_text("kept")
    recover_folder(folder)
    assert (folder / "file").read_text() == "kept"
    assert not aside.exists()
