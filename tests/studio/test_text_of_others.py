"""Text of others on its way into Markdown: what it is shown as, and that no place forgets to treat it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, strategies

from studio.common.text import plain, told
from unet.settings import PROJECT

PAGES = [*(PROJECT / "studio").rglob("*.py"), *(PROJECT / "pages").glob("*.py")]
# What draws its text as Markdown, and the keywords of it that are none.
DRAWING = (
    "markdown caption error warning info success toast button popover expander metric badge subheader header title "
    "write progress spinner page_link image link_button checkbox toggle"
)
NO_MARKDOWN = {"key", "args", "on_click", "query_params", "file_name", "alt", "options", "icon", "data"}
TREATED = {"plain", "told", "_images", "duration", "len", "came_as", "_count", "worded"}
# Fields and variables that hold what somebody else wrote.
OTHERS = {"name", "id", "label", "title", "reason", "note", "run_name", "stain", "error", "problem", "wanted"}
# Words of our own that are called so.
OURS = {"title", "label", "chosen.title", "name", "charts.METRICS[name]"}


def untreated(call: ast.Call) -> list[str]:
    """Return the expressions in what a call draws that hold text of others as it came."""
    found = []
    drawn = [*call.args, *(each.value for each in call.keywords if each.arg not in NO_MARKDOWN)]
    waiting = [(part, False) for part in drawn]
    while waiting:
        node, inside = waiting.pop()
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in TREATED:
                continue
            inside = inside or called == "str"
        elif isinstance(node, ast.FormattedValue):
            if node.format_spec is not None:  # a number
                continue
            inside = True
        elif inside and isinstance(node, ast.Attribute) and node.attr in OTHERS:
            found.append(ast.unparse(node))
        elif inside and isinstance(node, ast.Name) and node.id in OTHERS:
            found.append(node.id)
        elif inside and isinstance(node, ast.Subscript) and ast.unparse(node.slice).strip("'") in OTHERS:
            found.append(ast.unparse(node))
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_no_place_draws_text_of_others_as_it_came(path: Path):
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    drawing = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in DRAWING.split()]
    assert [(call.lineno, found) for call in drawing for found in untreated(call) if found not in OURS] == []


def test_the_search_finds_what_it_looks_for():
    for line in ("st.error(str(error))", "st.markdown(f'**{run.name}**')", "st.caption(f\"{info.dataset['name']}\")"):
        assert untreated(ast.parse(line).body[0].value)
    assert not untreated(ast.parse("st.error(told(error), key=f'{run.name}')").body[0].value)


@given(strategies.text())
def test_all_of_a_text_is_shown(text):
    shown = plain(text).replace("\u2060", "")
    assert "".join(shown.replace("\\", "").split()) == "".join(text.replace("\u2060", "").replace("\\", "").split())


@pytest.mark.parametrize(
    "text", ["http://evil.example", "see www.evil.example", "a@evil.example", ":material/delete:", ":smile:", "1. one"]
)
def test_what_the_browser_would_make_something_of_is_kept_apart(text):
    assert "\u2060" in plain(text)


def test_an_error_is_short_and_without_the_servers_folders():
    assert told("No file /srv/app/workspace/runs/x/model/model.json here.") == "No file model.json here."
    assert told("both and/or 1/2") == "both and/or 1/2"
    assert len(told("x" * 100_000)) <= 400
