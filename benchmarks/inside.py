"""How long the page Inside takes for what it is asked: python -m benchmarks.inside [side]"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import streamlit as st

from studio.inside.answers import answer
from studio.inside.subject import Subject, trace
from studio.predict.image_picker import sample_images
from unet.models.registry import find_model
from unet.settings import Settings

REPEATS = 5


def measured(what: str, act: Callable[[], object]) -> None:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    print(f"{what:44} first {1000 * times[0]:6.0f} ms, then {1000 * min(times[1:]):6.0f} ms")


def main(side: int) -> None:
    upload = next(each for each in sample_images() if "touching" in each.name)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        for model in ("nuclei", "tutorial"):
            subject = Subject.of(find_model(model, settings), upload, (0, 0, side), settings)
            print(f"\n{model}, {side} x {side}")
            answer(subject, {"kind": "whole"})

            def again(subject: Subject = subject) -> None:
                trace.clear()
                trace(subject.key, subject)

            measured("activations of all layers", again)
            questions = {
                "the drawing": {"kind": "whole"},
                "a layer's grid": {"kind": "layer", "layer": "down1a"},
                "a number": {"kind": "number", "layer": "up1a", "channel": 0, "row": 9, "column": 9},
                "field and gradient": {"kind": "field", "layer": "bottoma", "channel": 0, "row": 1, "column": 1},
                "a switch": {"kind": "switch", "switches": {"skips": ["skip1"]}},
                "influence of 64 maps": {"kind": "influence", "layer": "down3a"},
                "the flooding": {"kind": "flood"},
            }
            for what, question in questions.items():
                size = len(answer(subject, question)) / 1024
                st.cache_data.clear()
                measured(f"{what} ({size:.0f} KB)", lambda asked=question, seen=subject: answer(seen, asked))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 256)
