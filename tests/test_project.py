"""Rules that hold for the project as a whole."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from unet.settings import PROJECT, Settings

MODULES = sorted((PROJECT / "unet").rglob("*.py"))
CODE = [*MODULES, *(PROJECT / "studio").rglob("*.py"), *(PROJECT / "pages").glob("*.py"), PROJECT / "streamlit_app.py"]
# Subclasses of Keras classes: the only modules that need it as soon as they are imported.
NEED_TENSORFLOW = {"unet.models.losses", "unet.models.metrics"}
# Seconds of start-up, or an extra that few install.
HEAVY = {"tensorflow", "keras", "zarr", "dask", "fsspec"}


def module_name(path: Path) -> str:
    """Return the dotted name under which a file of the project is imported."""
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """Return the first part of every name that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_the_package_knows_nothing_of_the_app(path):
    assert not imported(path) & {"streamlit", "studio", "pages"}


@pytest.mark.parametrize("path", CODE, ids=module_name)
def test_a_module_can_be_read_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


def test_what_is_heavy_waits_until_it_is_needed():
    """Import the package and what the pages import in a fresh process: seconds of start-up hang on it."""
    quick = [module_name(path) for path in CODE if path.parent.name != "pages" and path.name != "streamlit_app.py"]
    quick = [name for name in quick if name not in NEED_TENSORFLOW and not name.endswith("__main__")]
    program = f"import sys, {', '.join(quick)}; print(*sorted({HEAVY} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_pages_are_drawn_without_what_is_heavy():
    """Draw the first page in a fresh process, with nothing loaded that it does not need."""
    program = f"""
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("streamlit_app.py", default_timeout=60).run()
for page in ("home", "train", "predict"):
    app.switch_page("pages/" + page + ".py").run()
    assert not app.exception, app.exception
print(*sorted({HEAVY} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_requirements_txt_is_what_a_deployment_reads():
    """Streamlit Community Cloud prefers other files of the project's root to requirements.txt, silently."""
    for name in ("uv.lock", "Pipfile", "Pipfile.lock", "environment.yml", "poetry.lock"):
        assert not (PROJECT / name).exists()


def test_every_requirement_is_pinned():
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line.partition("#")[0].strip() for line in lines]
    assert all("==" in line for line in wanted if line)


def test_streamlit_lets_through_what_the_settings_allow():
    """Streamlit refuses larger uploads itself, before the app can say anything about them."""
    config = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["server"]["maxUploadSize"] == Settings.max_upload_mb
