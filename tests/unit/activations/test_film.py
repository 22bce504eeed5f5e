"""A film's frames are the activations of the network as it was."""

import numpy as np
import pytest

from unet.activations import film
from unet.activations.film import CHANNELS, SIDE, Film, epochs_of, filmed_image, frame_of
from unet.activations.trace import TracedNetwork, open_unfolded
from unet.io.images import read_image
from unet.models.folder import load_model
from unet.models.metadata import read_info
from unet.models.registry import find_model
from unet.settings import SAMPLE_IMAGES, SHIPPED_MODELS
from unet.training.process import train_run


def check(folder, epoch, layers, trace):
    for layer in layers:
        tiles, ranges = frame_of(folder, epoch, layer)
        values = trace[layer][:CHANNELS]
        low, high = ranges.T[..., None, None]
        assert tiles.shape == values.shape
        np.testing.assert_allclose(low + tiles / 255 * (high - low), values, atol=(high - low).max() / 500 + 1e-5)


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED_MODELS.glob("[!.]*")))
def test_a_frame_is_the_shipped_models_activations(name, tmp_path):
    config, model = open_unfolded(SHIPPED_MODELS / name)
    side = 128 if config.is_native else config.input_size[0]
    image = read_image(SAMPLE_IMAGES / "touching.png")[:side, :side]
    image = np.repeat(image.reshape(side, side, -1)[..., :1], config.channels, axis=2)
    recorder = Film(tmp_path, np.stack([np.zeros_like(image), image]), config)
    keras_model = load_model(SHIPPED_MODELS / name)
    recorder.write({each.name: each.get_weights() for each in keras_model.layers if each.weights}, 7)
    square = filmed_image(tmp_path)[..., : config.channels]
    assert square.shape[:2] == (SIDE, SIDE) and square.std() > image.std() / 2
    for value in (*model.graph.input, *model.graph.output):  # the tutorial's network takes one size, the film another
        for axis in (1, 2):
            value.type.tensor_type.shape.dim[axis].dim_value = SIDE
    trace = TracedNetwork(model)(square)
    assert epochs_of(tmp_path) == [7]
    check(tmp_path, 7, ["scale", "down1a_" + config.activation, "skip1", "probability"], trace)


def test_the_films_last_frame_is_the_activations_of_the_runs_model(make_run, settings):
    run = make_run(epochs=2)
    train_run(run, settings)
    assert epochs_of(run.film) == [1, 2]
    best = read_info(run.model_folder).provenance["best_epoch"]
    _, model = open_unfolded(find_model(f"run:{run.name}", settings).folder)
    trace = TracedNetwork(model)(filmed_image(run.film)[..., :1])
    check(run.film, best, ["down1b_elu", "pool1", "skip1", "probability"], trace)
    other = frame_of(run.film, 3 - best, "down1b_elu")[0]
    assert not np.array_equal(other, frame_of(run.film, best, "down1b_elu")[0])


def test_a_run_can_do_without(make_run, settings):
    run = make_run(epochs=1, film=False)
    train_run(run, settings)
    assert not run.film.exists() and epochs_of(run.film) == []


def test_a_film_stays_small_and_keeps_its_last_frame(tmp_path, monkeypatch):
    monkeypatch.setattr(film, "MOST_BYTES", 1000)
    for epoch in range(1, 40):
        (tmp_path / f"epoch-{epoch:05d}.npz").write_bytes(bytes(100))
        film.shorten(tmp_path)
        kept = epochs_of(tmp_path)
        assert kept[0] == 1 and kept[-1] == epoch and len(kept) <= 10


def test_what_is_not_there_or_damaged_is_not_shown(tmp_path):
    (tmp_path / "epoch-00001.npz").write_bytes(b"PK no")
    for epoch in (1, 2):
        with pytest.raises(KeyError):
            frame_of(tmp_path, epoch, "down1a")
