"""Files of microscope makers: each is named, and what to do with it is said, wherever it comes in."""

from __future__ import annotations

import pytest

from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.errors import ImageError
from unet.io.images import count_pages, image_size, map_image, read_image, read_mask

FILES = {
    "slide.czi": (b"ZISRAWFILE" + bytes(500), "Zeiss CZI", "ZEN"),
    "well.nd2": (b"\xda\xce\xbe\x0a" + bytes(500), "Nikon ND2", "NIS-Elements"),
    "old.nd2": (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(500), "Nikon ND2", "NIS-Elements"),
    "series.lif": (b"\x70\x00\x00\x00" + bytes(500), "Leica LIF", "LAS X"),
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_said_how_it_becomes_readable(tmp_path, name):
    content, kind, program = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    for read in (read_image, read_mask, image_size, count_pages, lambda path: map_image(path, tmp_path)):
        with pytest.raises(ImageError) as refused:
            read(path)
        said = str(refused.value)
        assert said.startswith(name)
        assert kind in said
        assert f"Export it as TIFF in {program}" in said
        assert "Fiji" in said


def test_what_only_has_such_a_name_is_damaged(tmp_path):
    path = tmp_path / "slide.czi"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ImageError, match="not a PNG, JPEG"):
        read_image(path)


def test_in_a_dataset_it_is_left_out_with_the_sentence(tmp_path, settings, paired_folder):
    (paired_folder / "images" / "slide.czi").write_bytes(FILES["slide.czi"][0])
    report = inspect_dataset(add_folder(paired_folder, settings), settings)
    assert len(report.usable) == 6
    (left_out,) = report.left_out
    assert "Export it as TIFF in ZEN" in left_out.problems[0]
