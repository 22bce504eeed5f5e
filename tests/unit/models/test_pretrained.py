import keras
import numpy as np
from PIL import Image
from skimage import data

from unet.config import ModelConfig
from unet.models.network import build_unet
from unet.models.pretrained import read_pretrained, set_pretrained

CONFIG = ModelConfig(
    filters=(4,) * 5, dropout=0.0, normalization="batch", encoder="efficientnet-lite0", resolution="native"
)


def test_a_photograph_excites_each_channel_as_much_as_those_of_imagenet_did():
    model = build_unet(CONFIG)
    set_pretrained(model)
    photographs = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    images = np.stack([np.asarray(Image.fromarray(each).resize((224, 224)), np.float32) for each in photographs])
    layers = [layer for layer in read_pretrained() if not layer.endswith("_norm")]
    found = keras.Model(model.input, [model.get_layer(layer).output for layer in layers])(images)
    for layer, values in zip(layers, found, strict=True):
        *_, variance = model.get_layer(f"{layer}_norm").get_weights()
        alive = variance > 1e-3
        here = np.asarray(values).var(axis=(0, 1, 2))[alive]
        # Another range of input, padding or order of channels leaves nothing of this.
        assert np.corrcoef(np.log(here + 1e-6), np.log(variance[alive]))[0, 1] > 0.5, layer
        assert 0.3 < np.median(here / variance[alive]) < 3, layer


def test_what_was_learned_is_finite_and_small_enough_to_ship():
    values = [value for layer in read_pretrained().values() for value in layer]
    assert all(np.isfinite(value).all() and value.dtype == np.float32 for value in values)
    assert sum(value.size for value in values) < 1_000_000
