"""How long a class waits for its clicks on Inside: python -m benchmarks.inside_class [--visitors 30] [--pause 3]

Each visitor is a websocket session of its own, without a browser, on the same machine as the server. All open the page
at once, as a class does, and then go their own ways: other layers, numbers, fields, switches and maps by influence. A
click lasts from its question to the end of what the server sends. ``--images`` lets visitors look at different samples.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from contextlib import ExitStack

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.visitors import at_once, memory, server, tell
from studio.predict.image_picker import sample_images
from tests.raw_visitor import RawVisitor, visit
from unet.activations.layers import layers_of
from unet.activations.trace import open_unfolded
from unet.models.registry import find_model
from unet.settings import read_settings

WIRE = "unet_inside_wire"


class Learner:
    """A visitor of Inside, as a browser would be one."""

    def __init__(self, visitor: RawVisitor, query: str, layers: list[str], seed: int):
        self.visitor, self.query, self.layers, self.chance = visitor, query, layers, random.Random(seed)
        self.fragment, self.widget, self.waited = "", "", defaultdict(list)

    def open(self) -> float:
        """Open the page and the drawing, and return the seconds until both were there."""
        message = BackMsg()
        message.rerun_script.page_name = "inside"
        return self._ask(message) + self.click({"kind": "whole"})

    def click(self, question: dict) -> float:
        """Ask, and return the seconds until the answer."""
        message = BackMsg()
        message.rerun_script.fragment_id = self.fragment
        message.rerun_script.widget_states.widgets.add(id=self.widget, json_value="{}")
        asked = message.rerun_script.widget_states.widgets.add()
        asked.id = f"$$STREAMLIT_INTERNAL_KEY_{self.widget}__events"
        asked.json_trigger_value = json.dumps([{"event": "ask", "value": {**question, "id": "q"}}])
        seconds = self._ask(message)
        self.waited[question["kind"]].append(seconds)
        return seconds

    def wander(self, clicks: int, pause: float) -> list[float]:
        """Click here and there."""
        found = []
        for _ in range(clicks):
            time.sleep(self.chance.uniform(0.5, 1.5) * pause)
            layer, place = self.chance.choice(self.layers), {"channel": 0, "row": 3, "column": self.chance.randrange(8)}
            skips = [f"skip{level}" for level in range(1, 5) if self.chance.random() < 0.5]
            kinds = ["layer"] * 4 + ["number"] * 4 + ["field"] * 2 + ["switch"] * 2 + ["influence", "flood"]
            kind = self.chance.choice(kinds)
            found.append(self.click({"kind": kind, "layer": layer, "switches": {"skips": skips}, **place}))
        return found

    def _ask(self, message: BackMsg) -> float:
        message.rerun_script.query_string = self.query
        began, answered = time.perf_counter(), False
        for told in self.visitor.ask(message):
            if told.WhichOneof("type") == "page_info_changed":
                self.query = told.page_info_changed.query_string
            component = told.delta.new_element.bidi_component
            if component.component_name == WIRE:
                self.fragment, self.widget, answered = told.delta.fragment_id, component.id, True
                if b'"error"' in component.bytes[:2000]:
                    raise RuntimeError(component.bytes[:300])
        if not answered:
            raise RuntimeError("The page did not answer.")
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--clicks", type=int, default=10)
    parser.add_argument("--pause", type=float, default=3.0, help="seconds between two clicks, on average")
    parser.add_argument("--images", type=int, default=1, help="how many samples they look at")
    parser.add_argument("--side", type=int, choices=(64, 128, 256), default=128, help="of the square")
    parser.add_argument("--model", default="nuclei")
    flags = parser.parse_args()
    _, graph = open_unfolded(find_model(flags.model, read_settings()).folder)
    layers = [name for name, layer in layers_of(graph).items() if layer.kind in ("activation", "concatenation")]
    samples = sample_images()[-flags.images :]
    with ExitStack() as stack:
        app = stack.enter_context(server())
        learners = [
            Learner(
                stack.enter_context(visit(app.url)),
                f"model={flags.model}&side={flags.side}&picture={samples[number % len(samples)].digest}",
                layers,
                number,
            )
            for number in range(flags.visitors)
        ]
        tell(f"{flags.visitors} open the page", at_once([lambda each=each: [each.open()] for each in learners]))
        process, began = psutil.Process(app.pid), time.perf_counter()
        busy = sum(process.cpu_times()[:2])
        waited = at_once([lambda each=each: each.wander(flags.clicks, flags.pause) for each in learners])
        cores = (sum(process.cpu_times()[:2]) - busy) / (time.perf_counter() - began)
        late = sum(each > 2 for each in waited)
        tell("a click", waited, f"{late} of {len(waited)} above 2 s; {cores:.2f} cores, {memory(app):.0f} MB")
        for kind in sorted({kind for each in learners for kind in each.waited}):
            found = [seconds for each in learners for seconds in each.waited.get(kind, [])]
            tell(kind, found, f"{len(found)}")


if __name__ == "__main__":
    main()
