"""Every layer is found, and its values are those of Keras."""

import numpy as np
import pytest

from tests.unit.activations.conftest import make_small
from unet.activations.layers import chain_of, output_layer
from unet.activations.trace import TracedNetwork, open_unfolded
from unet.config import ACTIVATIONS, NORMALIZATIONS
from unet.io.images import read_image
from unet.models.folder import load_model
from unet.models.network import count_parameters
from unet.settings import SAMPLE_IMAGES, SHIPPED_MODELS


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_layer_gives_what_it_gives_in_keras(normalization, activation):
    small = make_small(normalization=normalization, activation=activation)
    trace = small.traced(small.image)
    there = {layer.name for layer in small.keras.layers}
    known = [name for name in trace.layers if name in there]
    assert {"down1a", "pool1", "rise2", "skip1", "probability", f"up1b_{activation}"} <= set(known)
    for name in known:
        np.testing.assert_allclose(trace[name], small.values_of(name), rtol=1e-4, atol=1e-4, err_msg=name)
        assert trace.shape(name) == trace[name].shape
    assert sum(layer.parameters for layer in trace.layers.values()) == count_parameters(small.config)
    assert output_layer(trace.layers) == "probability"
    kinds = [layer.kind for layer in chain_of(trace.layers, f"down2a_{activation}")]
    assert kinds == ["convolution", *["normalisation"] * (normalization != "none"), "activation"]
    assert trace.layers[f"down2a_{activation}"].function == activation


@pytest.mark.parametrize("folder", sorted(SHIPPED_MODELS.glob("[!.]*")), ids=lambda folder: folder.name)
def test_the_shipped_models_show_the_values_that_they_predict_with(folder):
    config, model = open_unfolded(folder)
    side = 64 if config.is_native else config.input_size[0]
    image = read_image(SAMPLE_IMAGES / "touching.png")[:side, :side]
    image = np.repeat(image.reshape(*image.shape[:2], -1)[..., :1], config.channels, axis=2)
    trace = TracedNetwork(model)(image)
    expected = np.asarray(load_model(folder)(image[None].astype(np.float32)))[0]
    np.testing.assert_allclose(np.moveaxis(trace.maps, 0, -1), expected, atol=2e-5)
