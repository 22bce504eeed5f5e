"""The README says what is true of the tree, and its Python runs."""

from __future__ import annotations

import dataclasses
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from tests.factories import draw_discs
from unet.cli.main import make_parser
from unet.settings import PROJECT, Settings

README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)


def block(beginning: str) -> str:
    """Return the code block that begins so."""
    return next(text for _, text in BLOCKS if text.startswith(beginning))


def test_the_two_commands_come_first():
    assert BLOCKS[0] == ("", "make run\nmake test\n")


def test_its_python_trains_and_predicts(tutorial_zip, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(draw_discs(5, (40, 56), seed=9)[0]).save("cells.png")
    names: dict = {}
    program = block("import unet")
    assert len([line for line in program.splitlines() if line]) <= 6
    exec(program, names)
    assert names["prediction"].probability.dtype == np.float32
    assert names["mask"].shape == (40, 56)
    assert names["run"].state().status == "finished"


@pytest.mark.parametrize("line", block("python -m unet").splitlines())
def test_its_commands_are_understood(line):
    command = line.split("   ")[0]
    assert make_parser().parse_args(shlex.split(command)[3:])


def test_what_it_draws_of_the_tree_is_there():
    paths, folder = [], ""
    for line in block("streamlit_app.py").splitlines():
        name = line.split()[0]
        if not line.startswith(" "):
            folder = name if name.endswith("/") else ""
        paths.append(name if not line.startswith(" ") else folder + name)
    assert [path for path in paths if not (PROJECT / path).exists()] == []
    packages = {f"{path.name}/" for path in PROJECT.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert packages <= set(paths)


def test_its_table_has_every_setting_with_its_default():
    rows = dict(re.findall(r"^\| `(UNET_\w+)` \| `?(\w+)`? \|", README, flags=re.MULTILINE))
    defaults = {f"UNET_{field.name.upper()}": field.default for field in dataclasses.fields(Settings)}
    assert rows.keys() == defaults.keys()
    for name, default in defaults.items():
        if default is not dataclasses.MISSING:
            shown = ("off", "on")[default] if isinstance(default, bool) else str(default) or "none"
            assert rows[name] == shown, name


def test_its_links_and_pictures_are_there():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith(("http", "#"))]
    assert links
    assert [link for link in links if not (PROJECT / link).exists()] == []
