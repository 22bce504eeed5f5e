"""From JavaScript modules to the one text that Streamlit takes for a component.

Streamlit loads a component's script from a text, whose relative imports would lead nowhere. The files are modules all
the same, for tests, type checkers and readers; here they are put one behind the other, each after those it imports.
"""

from __future__ import annotations

import re
from pathlib import Path

IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)
DECLARED = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)
# Lines that are all comment, and what indents a line. Streamlit sends the text anew with each change of the data.
COMMENT = re.compile(r"^[ \t]*(?://.*|/\*[\s\S]*?\*/)\n", re.MULTILINE)
INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
LEFT_OVER = re.compile(r"^(?:import|export)\b(?! default\b).*$", re.MULTILINE)


def join_modules(entry: Path) -> str:
    """Return a module with all that it imports, as one module without imports, comments and indentation.

    Parameters
    ----------
    entry : Path
        The module whose default export is kept. It and the ones that it imports, which lie in the same folder, write
        ``import { a, b } from "./file.js";`` and put ``export`` before a declaration; nothing else.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If a module imports or exports in another way, modules import each other in a circle, or two of them declare
        the same name, since all names are in one place then.
    """
    texts: dict[Path, str] = {}
    _collect(entry, texts, ())
    owners: dict[str, Path] = {}
    for path, text in texts.items():
        for name in DECLARED.findall(text):
            if name in owners:
                raise ValueError(f"{path.name} and {owners[name].name} both declare “{name}”; give one another name.")
            owners[name] = path
    return shortened("\n".join(texts.values()))


def shortened(text: str) -> str:
    """Return a script, style sheet or page without comments that fill their lines, and without indentation."""
    return INDENT.sub("", COMMENT.sub("", text))


def _collect(path: Path, texts: dict[Path, str], above: tuple[Path, ...]) -> None:
    if path in above:
        raise ValueError(f"{' → '.join(each.name for each in (*above, path))}: modules import each other in a circle.")
    if path in texts:
        return
    source = path.read_text(encoding="utf-8")
    for name in IMPORT.findall(source):
        _collect(path.with_name(name), texts, (*above, path))
    text = EXPORT.sub("", IMPORT.sub("", source))
    if left := LEFT_OVER.search(text) or (above and re.search(r"^export default.*$", text, re.MULTILINE)):
        raise ValueError(f"{path.name}: “{left.group()}” cannot be joined; see join_modules for what can.")
    texts[path] = text
