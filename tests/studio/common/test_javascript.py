from __future__ import annotations

import re
from pathlib import Path

import pytest

from studio.common.javascript import join_modules
from unet.settings import ASSETS


def write(folder: Path, **modules: str) -> Path:
    """Write modules by their name, and return the first one's path."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text)
    return folder / f"{next(iter(modules))}.js"


def test_each_module_comes_once_and_after_what_it_imports(tmp_path):
    entry = write(
        tmp_path,
        main='import { a } from "./a.js";\nimport {\n  b,\n  c,\n} from "./b.js";\nexport default function () {}\n',
        a='import { b } from "./b.js";\nexport const a = b;\n',
        b="export class b {}\nexport async function c() {}\n",
    )
    text = join_modules(entry)
    assert re.sub(r"\n+", "\n", text) == (
        "class b {}\nasync function c() {}\nconst a = b;\nexport default function () {}\n"
    )


def test_comments_and_indentation_stay_behind(tmp_path):
    source = (
        "/** What\n * it does. */\nfunction a() {\n  // Why.\n  return 'http://x';  // here\n}\nexport default a;\n"
    )
    assert join_modules(write(tmp_path, main=source)) == (
        "function a() {\nreturn 'http://x';  // here\n}\nexport default a;\n"
    )


@pytest.mark.parametrize(
    ("modules", "words"),
    [
        ({"main": 'import { a } from "./a.js";\n', "a": 'import { b } from "./main.js";\n'}, "circle"),
        ({"main": 'import { a } from "./a.js";\nconst x = 1;\n', "a": "export function x() {}\n"}, "both declare “x”"),
        ({"main": 'import * as a from "./a.js";\n'}, "import \\*"),
        ({"main": 'import a from "https://example.org/a.js";\n'}, "cannot be joined"),
        ({"main": "const a = 1;\nexport { a };\n"}, "export {"),
        ({"main": 'import { a } from "./a.js";\n', "a": "export default 1;\n"}, "export default"),
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path, modules, words):
    with pytest.raises(ValueError, match=words):
        join_modules(write(tmp_path, **modules))


@pytest.mark.parametrize("name", ["mount.js", "pixels.js"])
def test_what_the_app_ships_can_be_joined(name):
    text = join_modules(ASSETS / "viewer" / name)
    assert text.count("export ") == text.count("export default function") == 1
    assert not re.search(r"^import", text, re.MULTILINE)
