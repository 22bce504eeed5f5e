"""Running a network without TensorFlow: its graph in ONNX Runtime. Heavy, so imported when used."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from unet.models.graph import INPUT, OUTPUT, as_model, build_graph
from unet.models.metadata import read_info
from unet.models.weights import WEIGHTS_FILE, read_weights
from unet.settings import read_settings


def _share_memory() -> None:
    """Let all networks of this process draw from one store, which grows by what is asked for and not by doubling."""
    store = onnxruntime.OrtArenaCfg({"arena_extend_strategy": 1})
    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    onnxruntime.create_and_register_allocator(memory, store)


_share_memory()


class Network:
    """A network ready to run, from images (batch, height, width, channels) to maps (batch, height, width, maps).

    Only what ``unet.models.graph`` has built is ever run, never a file that somebody sent.
    """

    def __init__(self, graph: bytes, outputs: Sequence[str] = (OUTPUT,)):
        self._session, self._outputs = _session(graph), list(outputs)

    @classmethod
    def open(cls, folder: Path) -> Network:
        """Build the network that a Model folder describes.

        Raises
        ------
        ModelError
            If the folder is incomplete, damaged, or not to be trusted.
        """
        config = read_info(folder).config
        weights = read_weights(Path(folder) / WEIGHTS_FILE, config)
        return cls(build_graph(config, weights).SerializeToString())

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the maps, float32, of images with values from 0 to 255."""
        return self.all(images)[0]

    def all(self, images: np.ndarray, **others: np.ndarray) -> list[np.ndarray]:
        """Return each of the outputs that were asked for; ``others`` are inputs of graphs that have more than one."""
        return self.run({INPUT: images.astype(np.float32, copy=False), **others})

    def run(self, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        """Return each of the outputs of a graph whose inputs have other names."""
        return self._session.run(self._outputs, inputs)


def release_memory() -> None:
    """Give back the memory that is kept for the next pass of any network: 300 MB after one of 1024 x 1024 pixels."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    _nothing().run(None, {"x": np.zeros(1, np.float32)}, options)


@functools.cache
def _nothing() -> onnxruntime.InferenceSession:
    """The least that can be run: only at the end of a pass is memory given back."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "nothing", ends[:1], ends[1:])
    return _session(as_model(graph).SerializeToString())


def _session(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = read_settings().threads
    options.log_severity_level = 3
    # Threads that wait by spinning would take the cores from the page and the training beside them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Of the ways to keep memory the one that takes least of it at no cost: benchmarks/engine.py.
    options.add_session_config_entry("session.use_env_allocators", "1")
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
