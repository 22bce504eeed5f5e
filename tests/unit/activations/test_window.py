"""The numbers that are shown for a value multiply and add up to it."""

import numpy as np
import pytest
from scipy.special import erf

from tests.unit.activations.conftest import make_small
from unet.activations.trace import TracedNetwork, open_unfolded
from unet.activations.window import Window, window_of
from unet.config import ACTIVATIONS, NORMALIZATIONS
from unet.settings import SHIPPED_MODELS

FUNCTIONS = {
    "relu": lambda x: max(x, 0),
    "elu": lambda x: x if x > 0 else np.expm1(x),
    "leaky_relu": lambda x: x if x > 0 else 0.2 * x,
    "relu6": lambda x: min(max(x, 0), 6),
    "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def worked_out(window: Window, row: int, column: int) -> list[float]:
    """Work out by hand what each step gives at a place of the layer."""
    base, arrays = window.about["base"], {name: each.astype(np.float64) for name, each in window.arrays.items()}
    steps, results = window.about["steps"], []
    top, left = window.about["area"][:2]
    kind = base["kind"]
    if "window" in arrays:
        down, right = base["origin"]
        stride, side = base["stride"], base["side"]
        if kind == "transposed convolution":
            seen = arrays["window"][:, row // stride - down, column // stride - right]
            value = (seen * arrays["kernel"][:, row % stride, column % stride]).sum() + steps[0]["bias"]
        else:
            y, x = row * stride - base["pads"][0] - down, column * stride - base["pads"][1] - right
            seen = arrays["window"][:, y : y + side, x : x + side]
            value = (seen * arrays["kernel"]).sum() + steps[0]["bias"] if "kernel" in arrays else seen.max()
            value = seen.sum() if kind == "sum" else value
    else:
        value = arrays["step0"][row - top, column - left]
    results.append(value)
    for step in steps[1:]:
        if step["kind"] == "normalisation":
            spread = np.sqrt(step["variance"] + step["epsilon"])
            value = (value - step["mean"]) / spread * step["scale"] + step["shift"]
        else:
            value = FUNCTIONS[step["function"]](value)
        results.append(value)
    return results


def check(trace, name: str, random: np.random.Generator) -> None:
    channels, height, width = trace.shape(name)
    corner = (0, 0, 0), (channels - 1, height - 1, width - 1)
    for place in [*corner, *(tuple(random.integers(0, trace.shape(name))) for _ in range(3))]:
        channel, row, column = map(int, place)
        window = window_of(trace, name, channel, row, column)
        top, left, rows, columns = window.about["area"]
        assert top <= row < top + rows and left <= column < left + columns
        shown = [window.arrays[f"step{index}"][row - top, column - left] for index in range(len(window.about["steps"]))]
        assert shown[-1] == trace[name][channel, row, column]
        np.testing.assert_allclose(worked_out(window, row, column), shown, rtol=1e-4, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(worked_out(window, top, left)[-1], window.arrays[f"step{len(shown) - 1}"][0, 0],
                                   rtol=1e-4, atol=1e-4)  # fmt: skip


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_they_do_in_every_layer_of_every_make(normalization, activation):
    small = make_small(normalization=normalization, activation=activation)
    trace = small.traced(small.image)
    for name in trace.layers:
        check(trace, name, np.random.default_rng(1))


@pytest.mark.parametrize("folder", sorted(SHIPPED_MODELS.glob("[!.]*")), ids=lambda folder: folder.name)
def test_they_do_in_every_layer_of_the_shipped_models(folder):
    config, model = open_unfolded(folder)
    side = 64 if config.is_native else config.input_size[0]
    image = np.random.default_rng(3).integers(0, 256, (side, side, config.channels), np.uint8)
    trace = TracedNetwork(model)(image)
    for name in trace.layers:
        check(trace, name, np.random.default_rng(4))


def test_a_window_is_never_large(small):
    trace = make_small(side=64, filters=(2, 256)).traced(np.zeros((64, 64, 3), np.uint8))
    for name in trace.layers:
        window = window_of(trace, name, 0, 0, 0)
        assert sum(each.nbytes for each in window.arrays.values()) < 300_000


@pytest.mark.parametrize("place", [(-1, 0, 0), (0, 16, 0), (3, 0, 0), (0, 0, 99)])
def test_a_place_that_is_not_there_is_refused(small, place):
    with pytest.raises(IndexError):
        window_of(small.traced(small.image), "down1a", *place)
