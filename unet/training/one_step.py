"""One step of a training, looked at closely: a batch, its predictions and loss, the gradients, and the weights.

A process of its own makes it (``python -m unet.training.one_step``): TensorFlow takes 0.7 GB for some seconds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unet.config import Config, ModelConfig, TrainingConfig
from unet.datasets.add import add_sample
from unet.datasets.inspection import inspect_dataset
from unet.errors import ConfigError, DatasetError, RunError, UnetError
from unet.files import atomic_path
from unet.memmap import downscale_mean
from unet.models.folder import load_model
from unet.models.metadata import ModelInfo, read_info
from unet.runs.run import Run, open_run
from unet.runs.state import RunInfo
from unet.settings import Settings, read_settings
from unet.training.checkpoint import TrainingProgress, load_checkpoint, save_checkpoint
from unet.training.inputs.load import TrainingData, read_training_data

if TYPE_CHECKING:
    import keras

BATCH, LONGEST = 4, 96  # images of a step, and the longer side at which they are shown
MOST_STEPS = 20
SHOWN = 8  # kernels of a layer


@dataclass(frozen=True)
class Step:
    """What happened in a step.

    Attributes
    ----------
    about : dict
        As JSON types: ``step``, ``loss`` and ``loss_after`` (of this batch, before and after), ``rate``, ``dataset``,
        and ``layers``: of each with weights its ``name``, the root mean squares of ``gradient``, ``weight`` and
        ``change``.
    arrays : dict of str to ndarray
        uint8 (4, height, width, 3) ``images``; uint8 (4, height, width) ``truth``, ``probability``, ``after``; float32
        ``pixels``, the cross-entropy of each pixel. Of each layer ``NAME:before``, ``:after`` and ``:gradient``,
        float32 (kernels, side, side): what its first kernels do with the first of the maps before.
    """

    about: dict[str, Any]
    arrays: dict[str, np.ndarray]


def take_step(model: keras.Model, batch: tuple[np.ndarray, np.ndarray]) -> Step:
    """Take one step with a compiled model, whose weights it changes, and tell what happened."""
    import tensorflow as tf

    images, targets = batch
    before = {each.name: [np.array(value) for value in each.get_weights()] for each in model.layers}
    with tf.GradientTape() as tape:
        maps = model(images, training=True)
        loss = tf.reduce_mean(model.loss(targets, maps))
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    by_variable = {
        id(variable): np.asarray(value) for variable, value in zip(model.trainable_variables, gradients, strict=True)
    }
    kept = [np.asarray(variable) for variable in model.non_trainable_variables]
    after = model(images, training=True)
    for variable, value in zip(model.non_trainable_variables, kept, strict=True):
        variable.assign(value)  # looking on moves no statistics
    layers, arrays = [], _shown(images, targets, np.asarray(maps), np.asarray(after))
    for layer in model.layers:
        own = [variable for variable in layer.trainable_variables if id(variable) in by_variable]
        if not own or len(own[0].shape) != 4:  # normalisations have no kernels
            continue
        kernel, gradient = np.asarray(own[0]), by_variable[id(own[0])]
        change = kernel - before[layer.name][0]
        figures = {"gradient": gradient, "weight": before[layer.name][0], "change": change}
        layers.append({"name": layer.name, **{name: _size(value) for name, value in figures.items()}})
        alone = type(layer).__name__ == "DepthwiseConv2D"
        for name, value in (("before", before[layer.name][0]), ("after", kernel), ("gradient", gradient)):
            arrays[f"{layer.name}:{name}"] = _first_kernels(value, alone)
    about = {
        "step": int(model.optimizer.iterations),
        "loss": float(loss),
        "loss_after": float(tf.reduce_mean(model.loss(targets, after))),
        "rate": float(model.optimizer.learning_rate),
        "layers": layers,
    }
    return Step(about, arrays)


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _first_kernels(kernel: np.ndarray, alone: bool) -> np.ndarray:
    """Return (kernels, side, side) of Keras' (side, side, incoming, outgoing), or (side, side, incoming, 1)."""
    first = kernel[:, :, :SHOWN, 0] if alone else kernel[:, :, 0, :SHOWN]
    return np.ascontiguousarray(np.moveaxis(first, -1, 0), np.float32)


def _shown(images: np.ndarray, targets: np.ndarray, maps: np.ndarray, after: np.ndarray) -> dict[str, np.ndarray]:
    several = maps.shape[-1] > 1 and targets.shape[-1] < 3  # classes: all that is not background
    truth = (targets[..., 0] > 0 if several else targets[..., 0]).astype(np.float32)
    one, other = (1 - each[..., 0] if several else each[..., 0] for each in (maps, after))
    clear = np.clip(one, 1e-7, 1 - 1e-7)
    pixels = -(truth * np.log(clear) + (1 - truth) * np.log(1 - clear))
    colour = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
    levels = {"truth": 255 * truth, "probability": 255 * one, "after": 255 * other}
    small = {name: np.stack([downscale_mean(each, LONGEST) for each in value]) for name, value in levels.items()}
    return {
        "images": np.stack([downscale_mean(each, LONGEST) for each in colour]).astype(np.uint8),
        **{name: np.rint(value).astype(np.uint8) for name, value in small.items()},
        "pixels": np.stack([downscale_mean(each, LONGEST) for each in pixels]).astype(np.float32),
    }


def make_steps(folder: Path, run: Run | None, target: Path, number: int, settings: Settings) -> None:
    """Take the steps of a model up to a number, from where the last one stopped, and keep what happened in each.

    Parameters
    ----------
    folder : Path
        The Model folder.
    run : Run or None
        Whose dataset the batches are of; without one they are of the synthetic nuclei.
    target : Path
        Files begin with this path: ``-03.npz`` is the third step, ``-state.npz`` where the last one stopped.
    number : int
        From 1.
    settings : Settings

    Raises
    ------
    UnetError
        If the model or the dataset cannot be used.
    """
    import keras

    from unet.models.losses import make_loss
    from unet.training.optimizer import make_optimizer

    info = read_info(folder)
    training = _training_of(info)
    keras.utils.set_random_seed(training.seed)
    model = load_model(folder)
    optimizer = make_optimizer(training, MOST_STEPS)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, make_loss(training.loss, info.config))
    state, done = Path(f"{target}-state.npz"), 0
    with suppress(RunError):
        done = load_checkpoint(state, model).epoch if state.exists() else 0
    if done >= number:  # only what happened was thrown away, or the state is another's: from the start
        state.unlink()
        return make_steps(folder, run, target, number, settings)
    data = _data(run, info.config, training, settings)
    batches = data.training
    plan = batches.plan(1)
    for step in range(done + 1, number + 1):
        part = [plan[(BATCH * (step - 1) + index) % len(plan)] for index in range(BATCH)]
        images, targets = batches.read(np.array(part) if isinstance(plan, np.ndarray) else part)
        made = take_step(model, (images, targets.astype(np.float32) / 255 if targets.shape[-1] >= 3 else targets))
        save_step(step_path(target, step), Step({**made.about, "dataset": data.dataset.name}, made.arrays))
        save_checkpoint(state, model, TrainingProgress(epoch=step))
    return None


def _training_of(info: ModelInfo) -> TrainingConfig:
    """Return how a model goes on learning: as it has learned, but at a constant rate."""
    stored = info.provenance.get("training")
    own = {name: stored[name] for name in ("loss", "learning_rate") if name in stored} if stored else {}
    try:
        return TrainingConfig(**{**own, "batch_size": BATCH})
    except ConfigError:  # the folder may be a stranger's
        return TrainingConfig(batch_size=BATCH)


def _data(run: Run | None, model: ModelConfig, training: TrainingConfig, settings: Settings) -> TrainingData:
    """Return what the run has learned from; where that is gone, or there is none, synthetic nuclei."""
    config = Config(model=model, training=training)
    if run:
        with suppress(DatasetError):
            return read_training_data(dataclasses.replace(run.info(), config=config), settings)
    dataset = add_sample(settings)
    ids = tuple(sample.id for sample in inspect_dataset(dataset, settings).usable)
    about = {"id": dataset.id, "name": dataset.name, "fingerprint": dataset.fingerprint}
    info = RunInfo("", "", config, about, train_ids=ids[1:], validation_ids=ids[:1], versions={}, command="")
    return read_training_data(info, settings)


def step_path(target: Path, number: int) -> Path:
    """Return where what happened in a step is kept."""
    return Path(f"{target}-{number:02d}.npz")


def save_step(path: Path, step: Step) -> None:
    """Keep what happened in a step."""
    arrays: dict[str, Any] = step.arrays
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, about=np.array(json.dumps(step.about)), **arrays)


def read_step(path: Path) -> Step:
    """Read what happened in a step.

    Raises
    ------
    OSError, ValueError, KeyError
        If it is not there, or damaged.
    """
    with np.load(path, allow_pickle=False) as stored:
        return Step(json.loads(str(stored["about"])), {name: stored[name] for name in stored.files if name != "about"})


def main() -> int:
    """Make the steps that the command line names; what is wrong is said on the error output."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("folder", Path), ("target", Path), ("number", int)):
        parser.add_argument(name, type=kind)
    parser.add_argument("--run", default="")
    flags, settings = parser.parse_args(), read_settings()
    try:
        run = open_run(flags.run, settings) if flags.run else None
        make_steps(flags.folder, run, flags.target, flags.number, settings)
    except (UnetError, OSError) as error:
        parser.exit(1, f"error: {error}\n")
    return 0


if __name__ == "__main__":
    main()
