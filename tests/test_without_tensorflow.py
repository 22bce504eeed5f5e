"""Only training loads TensorFlow; all else works where it is not installed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.factories import write_pairs
from unet.settings import PROJECT

HIDE = "import sys; sys.modules.update(tensorflow=None, keras=None)\n"
SEEN = '\nprint(*sorted(name for name in ("tensorflow", "keras") if sys.modules.get(name)))\n'

VISIT = """
import sys
from pathlib import Path
from streamlit.testing.v1 import AppTest
from studio.common.model_export import export_path, make_export
from unet.datasets.add import add_folder
from unet.settings import DEFAULT_MODEL, read_settings

def visit(page, **query):
    app = AppTest.from_file("streamlit_app.py", default_timeout=300)
    for name, value in query.items():
        app.query_params[name] = value
    app = app.run().switch_page(str(page)).run()
    assert not app.exception, app.exception
    return app

dataset = add_folder(Path(sys.argv[1]) / "pairs", read_settings())
for page in Path("pages").glob("*.py"):
    visit(page)
app = visit("pages/predict.py", samples="1", model="tutorial")
assert any(each.value.startswith("Choose a row") for each in app.caption)
app.button(key="model_export").click().run()
assert not app.exception, app.exception
target = export_path("digest", "onnx", read_settings())
make_export(DEFAULT_MODEL, "onnx", target, read_settings())
assert target.stat().st_size > 1e6
app = visit("pages/evaluate.py", model="tutorial")
app.button(key="evaluate").click().run()
assert not app.exception, app.exception
app = visit("pages/train.py", dataset=dataset.id)
(start,) = (each for each in app.button if each.key == "start_training")
told = [each.value for each in app.info]
assert start.disabled == any("pip install tensorflow keras" in each for each in told) == HIDDEN, told
"""

COMMANDS = """
import sys
from pathlib import Path
from unet.cli.main import main
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.evaluation.tune import tune
from unet.prediction.predictor import Predictor
from unet.settings import DEFAULT_MODEL, read_settings

pairs, made = Path(sys.argv[1]) / "pairs", Path(sys.argv[1]) / "made"
assert main(["predict", "--input", str(pairs / "images"), "--output", str(made)]) == 0
assert main(["evaluate", str(pairs)]) == 0
assert main(["export", "--format", "onnx", "--output", str(made / "model.onnx")]) == 0
settings = read_settings()
dataset = add_folder(pairs, settings)
report = inspect_dataset(dataset, settings)
tune(Predictor.open(DEFAULT_MODEL), dataset, report, settings, {each.id for each in report.usable})
if HIDDEN:
    assert main(["export", "--format", "litert", "--output", str(made / "model.zip")]) == 1
    assert main(["train", str(pairs), "--epochs", "1"]) == 1
"""


@pytest.mark.parametrize("hidden", [True, False], ids=["not installed", "installed"])
@pytest.mark.parametrize("program", [VISIT, COMMANDS], ids=["every page", "command line"])
def test_only_training_needs_tensorflow(program, hidden, tmp_path):
    write_pairs(tmp_path / "pairs", count=3)
    program = f"{HIDE if hidden else ''}HIDDEN = {hidden}\n{program}{SEEN}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=PROJECT,
        env={**os.environ, "UNET_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines()[-1].strip() == ""
    if hidden and program.count("litert"):
        assert "pip install tensorflow keras" in done.stderr
