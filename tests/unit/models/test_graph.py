"""The graph that predicts says the same as the Keras model that was trained."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import onnx
import psutil
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnxruntime import InferenceSession

from unet.config import ACTIVATIONS, INTENSITIES, NORMALIZATIONS, OUTPUTS, RESOLUTIONS, ModelConfig
from unet.io.images import read_image
from unet.models.folder import load_model, save_model
from unet.models.graph import build_graph
from unet.models.metadata import ModelInfo
from unet.models.network import build_unet, count_parameters, weight_shapes
from unet.models.runtime import Network, release_memory
from unet.models.weights import WEIGHTS_FILE, read_weights
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import PROJECT, SHIPPED_MODELS

SAMPLES = sorted(
    path for path in (PROJECT / "assets" / "samples").rglob("*") if path.suffix in (".png", ".jpg", ".tif")
)
PRETRAINED = ModelConfig(
    (32, 32),
    filters=(2, 3, 4, 5, 6),
    dropout=(0.1,),
    activation="relu",
    normalization="batch",
    decoder_convolutions=1,
    encoder="efficientnet-lite0",
    outputs="mask+border+distance",
    resolution="native",
)


@st.composite
def configs(draw) -> ModelConfig:
    """Any architecture of few filters that the configuration allows."""
    filters = tuple(draw(st.lists(st.integers(1, 9), min_size=2, max_size=7)))
    sides = st.sampled_from([side for side in (16, 32, 48, 64) if side % 2 ** (len(filters) - 1) == 0])
    outputs = draw(st.sampled_from(OUTPUTS))
    heads = outputs != "mask"
    pretrained = len(filters) == 5 and draw(st.booleans())
    return ModelConfig(
        input_size=(draw(sides), draw(sides)),
        channels=3 if pretrained else draw(st.sampled_from([1, 3])),
        classes=1 if heads else draw(st.sampled_from([1, 2, 5, 64])),
        filters=filters,
        dropout=(0.1,),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        normalization="batch" if pretrained else draw(st.sampled_from(NORMALIZATIONS)),
        decoder_convolutions=draw(st.integers(1, 2)),
        encoder="efficientnet-lite0" if pretrained else "unet",
        outputs=outputs,
        resolution="native" if heads else draw(st.sampled_from(RESOLUTIONS)),
        intensity=draw(st.sampled_from(INTENSITIES)),
    )


def trained(config: ModelConfig, seed: int):
    """A model whose normalisations no longer stand where they began."""
    random, model = np.random.default_rng(seed), build_unet(config)
    for layer in model.layers:
        if layer.weights and not layer.name.endswith("_norm"):
            kernel, *biases = layer.get_weights()
            values = random.normal(0, np.sqrt(1 / kernel[..., 0].size), kernel.shape)
            layer.set_weights([values, *(bias + 0.1 for bias in biases)])
        elif layer.weights:
            layer.set_weights([random.uniform(0.5, 1.5, value.shape) for value in layer.get_weights()])
    return model


def image_of(config: ModelConfig, seed: int) -> np.ndarray:
    step = 2**config.depth
    size = (step * (1 + seed % 2), step * 2) if config.is_native else config.input_size
    return np.random.default_rng(seed).integers(0, 256, (1 + seed % 2, *size, config.channels), np.uint8)


@given(configs(), st.integers(0, 100))
@example(PRETRAINED, 0)
@example(PRETRAINED, 1)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_architecture_gives_the_maps_of_keras(tmp_path_factory, config, seed):
    folder, model = tmp_path_factory.mktemp("model") / "model", trained(config, seed)
    save_model(folder, model, ModelInfo("tiny", config))
    image = image_of(config, seed)
    expected = np.asarray(model(image, training=False))
    found = Network.open(folder)(image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("normalization", [*NORMALIZATIONS, "pretrained"])
def test_layers_and_values_are_those_of_keras(normalization, tmp_path):
    config = PRETRAINED
    if normalization != "pretrained":
        config = ModelConfig((32, 32), 1, 1, (2, 3, 4), (0.1,), normalization=normalization)
    model = build_unet(config)
    expected = [
        (layer.name, type(layer).__name__, [tuple(value.shape) for value in layer.weights])
        for layer in model.layers
        if layer.weights
    ]
    assert list(weight_shapes(config)) == expected
    assert sum(int(np.prod(shape)) for *_, shapes in expected for shape in shapes) == count_parameters(config)
    save_model(tmp_path / "model", model, ModelInfo("tiny", config))
    weights = read_weights(tmp_path / "model" / WEIGHTS_FILE, config)
    for name, values in weights.items():
        for value, truth in zip(values, model.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(value, truth)


@pytest.mark.parametrize("folded", [True, False])
@pytest.mark.parametrize("normalization", [*NORMALIZATIONS, "pretrained"])
def test_each_tensor_is_what_the_layer_of_its_name_gives(normalization, folded, tmp_path):
    config = PRETRAINED
    if normalization != "pretrained":
        config = ModelConfig((16, 16), 1, 3, (2, 3, 4), (0.1,), normalization=normalization, activation="gelu")
    model = trained(config, 0)
    save_model(tmp_path / "model", model, ModelInfo("tiny", config))
    graph = build_graph(config, read_weights(tmp_path / "model" / WEIGHTS_FILE, config), folded)
    onnx.checker.check_model(graph, full_check=True)
    written = {name for node in graph.graph.node for name in node.output}
    layers = [layer for layer in model.layers if layer.name in written]
    left_out = [layer for layer in model.layers if layer.name not in written]
    kinds = {"InputLayer", "Dropout"} | ({"Concatenate", "Conv2D", "DepthwiseConv2D"} if folded else set())
    assert {type(layer).__name__ for layer in left_out} <= kinds
    assert any(layer.name == "down1a" for layer in left_out) == (folded and config.normalization == "batch")
    names = [layer.name for layer in layers]
    graph.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    image = image_of(config, 3).astype(np.float32)
    found = InferenceSession(graph.SerializeToString()).run(names, {"image": image})
    expected = keras.Model(model.input, [each.output for each in layers])(image)
    for name, one, other in zip(names, found, expected, strict=True):
        np.testing.assert_allclose(one.transpose(0, 2, 3, 1), other, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("name", ["nuclei", "tutorial"])
def test_shipped_models_find_the_same_objects_as_with_keras(name):
    folder = SHIPPED_MODELS / name
    predictor = Predictor.open(folder)
    info, model = predictor.info, load_model(folder)
    slow = Predictor(lambda images: np.asarray(model.predict_on_batch(images)), info)
    assert SAMPLES
    for path in SAMPLES:
        image = read_image(path)
        found, expected = (
            find_objects(each.predict(image), info.threshold, info.separation) for each in (predictor, slow)
        )
        np.testing.assert_array_equal(found, expected, err_msg=Path(path).name)


def test_any_size_and_batch_is_taken(tmp_path):
    config = ModelConfig((16, 16), 1, 1, (2, 4), (0.1,), resolution="native")
    save_model(tmp_path / "model", build_unet(config), ModelInfo("tiny", config))
    network = Network.open(tmp_path / "model")
    for shape in [(1, 2, 2, 1), (3, 14, 40, 1), (2, 40, 14, 1)]:
        assert network(np.zeros(shape, np.uint8)).shape == shape
    fixed = dataclasses.replace(config, resolution="resized")
    save_model(tmp_path / "fixed", build_unet(fixed), ModelInfo("tiny", fixed))
    assert Network.open(tmp_path / "fixed")(np.zeros((2, 16, 16, 1), np.uint8)).shape == (2, 16, 16, 1)


def test_the_memory_of_a_pass_is_given_back():
    network, process = Network.open(SHIPPED_MODELS / "nuclei"), psutil.Process()
    network(np.zeros((1, 64, 64, 3), np.uint8))
    release_memory()
    before = process.memory_info().rss
    network(np.zeros((1, 768, 768, 3), np.uint8))
    taken = process.memory_info().rss - before
    assert taken > 80e6
    release_memory()
    assert process.memory_info().rss - before < taken / 2
