"""One way to write what is written in many places."""

from __future__ import annotations

import re

import pytest

from unet.settings import PROJECT

SHOWN = sorted(
    path
    for folder, kind in (("studio", "py"), ("pages", "py"), ("assets/viewer", "js"), ("assets/viewer", "html"))
    for path in (PROJECT / folder).rglob(f"*.{kind}")
)


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.name)
def test_sizes_are_width_first_and_per_cent_has_no_space(path):
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"height[\w.\"'\]]*\}? ?(?:x|×|by) ?[{\w]", text) == []
    assert re.findall(r"[}\d] %(?=[`\"'<.,]| of| is)|per cent|\d %%", text) == []
