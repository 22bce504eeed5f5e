"""Over-long names, numbers without end and full disks on the command line: a sentence, and never a traceback."""

import subprocess
import sys

import pytest

from unet.cli.main import main
from unet.settings import SAMPLE_IMAGES

LONG, ENDLESS, MANY = "x" * 300, "9" * 30, "9" * 5000
IMAGE = str(SAMPLE_IMAGES / "sparse.png")
PREDICT = ["predict", "--input", IMAGE, "--output", "out"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", LONG],
        ["inspect", "a\0b"],
        ["inspect", "synthetic-nuclei", "--csv", LONG],
        ["inspect", "synthetic-nuclei", "--csv", "/proc/x.csv"],
        ["train", "synthetic-nuclei", "--epochs", ENDLESS],
        ["train", "synthetic-nuclei", "--epochs", MANY],
        ["train", "synthetic-nuclei", "--dropout", MANY],
        ["train", "synthetic-nuclei", "--start-from", LONG],
        ["train", "synthetic-nuclei", "--groups", LONG],
        ["train", "--resume", LONG],
        ["train", "--resume", "图" * 119],
        ["predict", "--input", LONG, "--output", "out"],
        ["predict", "--input", IMAGE, "--output", LONG],
        ["predict", "--input", IMAGE, "--output", "/dev/full"],
        [*PREDICT, "--page", ENDLESS],
        [*PREDICT, "--keep", f"area:{MANY}:1"],
        [*PREDICT, "--keep", LONG],
        [*PREDICT, "--model", LONG],
        [*PREDICT, "--model", f"run:{LONG}"],
        [*PREDICT, "--min-area", ENDLESS],
        ["evaluate", "synthetic-nuclei", "--run", LONG],
        ["export", "--format", "onnx", "--output", "out.onnx", "--model", LONG],
    ],
    ids=lambda arguments: " ".join(argument[:20] for argument in arguments if argument != IMAGE),
)
def test_a_sentence_and_no_traceback(arguments, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        code = main(arguments)
    except SystemExit as exit:
        code = exit.code
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert code in (1, 2)
    assert "error: " in told
    # What argparse itself says of a number may be as long as the number.
    assert len(told) < (400 if "invalid" not in told else 6000)


SMALL = """
mount -t tmpfs -o size=16k tmpfs {disk} &&
{python} -m unet predict --input {image} --output {disk}/out --export labels probability; echo "code $?"
"""


def test_a_full_disk_is_said(tmp_path):
    script = SMALL.format(disk=tmp_path, python=sys.executable, image=IMAGE)
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip("no disk of its own is allowed here")
    assert done.stdout.strip() == "code 1"
    assert done.stderr.strip().splitlines()[-1].startswith("error: The disk is full")
    assert "Traceback" not in done.stderr
