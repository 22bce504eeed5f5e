"""The loop of a training: epochs, batches, validation, and what each epoch leaves behind."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from unet.activations.film import Film
from unet.errors import DatasetError, ImageError, ModelError, RunError
from unet.files import recover_folder
from unet.models.folder import load_model, save_model
from unet.models.learned import ENTRY, learned_images, packed
from unet.models.metadata import ModelInfo, usual_separation
from unet.models.registry import find_model, run_key
from unet.prediction.object_size import joined_diameters, learned_diameters, sizes_of
from unet.provenance import timestamp
from unet.runs.record import Recorder
from unet.runs.run import Run
from unet.runs.state import Phase, RunInfo, RunState
from unet.settings import Settings
from unet.training.between import between
from unet.training.checkpoint import TrainingProgress, load_checkpoint, save_checkpoint
from unet.training.inputs.batches import Batches
from unet.training.inputs.load import TrainingData, read_training_data
from unet.training.previews import Previews
from unet.training.tuning import nudge_model, tune_model

if TYPE_CHECKING:
    import keras

log = logging.getLogger("unet")

# Fewer validation images choose neither a threshold nor, where the learning rate falls to nothing, an epoch: it would
# be by chance. The start's threshold, or the usual one, and the last epoch are kept.
FEWEST_TO_TUNE_ON = 20


class StopRequested(Exception):
    """Somebody asked the training to stop."""


class Training:
    """One training from its checkpoint to its end."""

    def __init__(
        self,
        run: Run,
        info: RunInfo,
        settings: Settings,
        recorder: Recorder,
        on_progress: Callable[[RunState], None] | None,
    ):
        self.run, self.info, self.settings, self.recorder = run, info, settings, recorder
        self.config = info.config.training
        self.on_progress = on_progress or (lambda state: None)
        self.progress = TrainingProgress()
        self.diameters: dict[str, float] = {}
        self.learned: set[str] = set()

    def fit(self) -> str:
        """Train and return why it ended."""
        data = self._prepare()
        training, validation = data.training, data.validation
        model = self._build(len(training))
        # Loaded again where a training goes on: its checkpoint has come some way from there.
        keeps = self.config.start_share and self.config.start_from
        start = load_model(find_model(self.config.start_from, self.settings).folder).get_weights() if keeps else []
        previews = Previews(self.run.folder / "previews", validation, self.info.config.model.classes)
        film = Film(self.run.film, previews.images, self.info.config.model) if self.config.film else None
        self.recorder.rewind(self.progress.epoch)
        self._tell(status="running", phase=Phase.TRAINING, batches=len(training), seconds=self.progress.seconds)
        for epoch in range(self.progress.epoch + 1, self.config.epochs + 1):
            if self._out_of_patience():
                break
            started = time.monotonic()
            row = {"epoch": epoch, **self._fit(model, training, epoch)}
            with between(model, start, self.config.start_share if start else 0.0):
                row |= self._validate(model, validation)
                self._end_epoch(model, previews, film, row, time.monotonic() - started)
            save_checkpoint(self.run.checkpoint, model, self.progress)
            self._tell(best_epoch=self.progress.best_epoch, best=self.progress.best, seconds=self.progress.seconds)
        untuned = ""
        if self.info.config.model.has_heads:
            try:
                self._tune(data)
            except (DatasetError, ImageError) as error:  # somebody deleted the dataset: what was learned stays
                untuned = f" Threshold and separation were not tuned, since the images are gone. {error}"
        if self._out_of_patience():
            return f"The validation loss was best in epoch {self.progress.best_epoch}: ended early.{untuned}"
        return f"All {self.config.epochs} epochs are done.{untuned}"

    def _prepare(self) -> TrainingData:
        self._tell(phase=Phase.PREPARING)
        data = read_training_data(self.info, self.settings, self._tell_done)
        ids = self.info.train_ids, self.info.validation_ids
        learned = [sample for sample in data.report.usable if sample.id in set(ids[0])]
        self.diameters = learned_diameters(learned, self.info.config.model, data.scales)
        if self.config.gentle and (start := self._start()) and (before := sizes_of(start)):
            self.diameters = joined_diameters(before, self.diameters)
        self.learned = {sample.digest for sample in learned}.union(*map(learned_images, self._earlier_models()))
        log.info("%d samples to train on, %d to validate on.", *map(len, ids))
        return data

    def _earlier_models(self) -> Iterator[ModelInfo]:
        """Yield what this training goes on from, and what it has made so far: what they learned from stays learned."""
        for key in filter(None, (self.config.start_from, run_key(self.run.name))):
            with contextlib.suppress(ModelError):  # it may be gone by now, or not yet there
                yield find_model(key, self.settings).info

    def _tell_done(self, done: int, total: int) -> None:
        self._tell(batch=done, batches=total)

    def _build(self, steps: int) -> keras.Model:
        self._tell(phase=Phase.LOADING, batch=0, batches=0)
        import keras

        from unet.models.losses import make_loss
        from unet.models.metrics import make_metrics
        from unet.models.network import build_unet
        from unet.models.pretrained import set_pretrained
        from unet.training.optimizer import computing_in, keep_statistics, make_optimizer

        keras.utils.set_random_seed(self.config.seed)
        with computing_in(self.config.precision):
            model = build_unet(self.info.config.model)
        if self.config.gentle:
            keep_statistics(model)
        optimizer = make_optimizer(self.config, steps * self.config.epochs)
        optimizer.build(model.trainable_variables)
        architecture = self.info.config.model
        loss = make_loss(self.config.loss, architecture)
        model.compile(optimizer, loss, metrics=make_metrics(architecture.classes))
        recover_folder(self.run.folder / "model")
        if not self.run.checkpoint.exists() and self.config.start_from:
            start = load_model(find_model(self.config.start_from, self.settings).folder)
            model.set_weights(start.get_weights())
            log.info("Starting from the model %s.", self.config.start_from)
        elif not self.run.checkpoint.exists() and architecture.is_pretrained:
            set_pretrained(model)
        if self.run.checkpoint.exists():
            self.progress = load_checkpoint(self.run.checkpoint, model)
            log.info("Going on after epoch %d.", self.progress.epoch)
        self._tell(epoch=self.progress.epoch, best_epoch=self.progress.best_epoch, best=self.progress.best)
        return model

    def _fit(self, model: keras.Model, batches: Batches, epoch: int) -> dict[str, float]:
        """Show the network every training batch once; return the means of the epoch."""
        import keras

        started, size = None, self.config.batch_size
        self._tell(phase=Phase.TRAINING, epoch=epoch, batch=0)

        def after_batch(index: int, logs: dict[str, float]) -> None:
            nonlocal started
            means = {name: float(value) for name, value in logs.items()}
            if not math.isfinite(means["loss"]):
                raise RunError(f"The loss is no longer a number in epoch {epoch}; try a smaller learning rate.")
            self.recorder.log_step({"epoch": epoch, "batch": index + 1, "batches": len(batches), **means})
            # The first batch also compiles: it says nothing about the speed.
            speed = index * size / (time.monotonic() - started) if started else None
            started = started or time.monotonic()
            images = batches.samples * (self.config.epochs - epoch + 1) - (index + 1) * size
            left = max(0, images) / speed if speed else None
            self._tell(batch=index + 1, images_per_second=speed, seconds_left=left)

        began = time.monotonic()
        history = model.fit(
            batches.epoch(epoch),
            steps_per_epoch=len(batches),
            shuffle=False,  # the batches are
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=after_batch)],
            verbose=0,
        )
        waiting = batches.waited / (time.monotonic() - began)
        return {**{name: float(values[-1]) for name, values in history.history.items()}, "waiting": waiting}

    def _validate(self, model: keras.Model, batches: Batches) -> dict[str, float]:
        self._tell(phase=Phase.VALIDATING)
        means = model.evaluate(batches.epoch(0), steps=len(batches), return_dict=True, verbose=0)
        self._tell()
        return {f"val_{name}": float(value) for name, value in means.items()}

    def _end_epoch(self, model: keras.Model, previews: Previews, film: Film | None, row: dict, seconds: float) -> None:
        """Keep what the epoch brought; the checkpoint comes after it, since it says that all else is there."""
        best = self.progress.best is None or row["val_loss"] < self.progress.best["val_loss"]
        best |= self._too_few and not self.config.patience and self.config.schedule == "cosine"
        row |= {"seconds": seconds, "best": best, "learning_rate": float(model.optimizer.learning_rate)}
        self.progress.epoch = row["epoch"]
        self.progress.seconds += seconds
        previews.write(model, row["epoch"])
        if film:
            film.write({each.name: each.get_weights() for each in model.layers if each.weights}, row["epoch"])
        if best:
            self.progress.best_epoch = row["epoch"]
            self.progress.best = {name: value for name, value in row.items() if name.startswith("val_")}
            save_model(self.run.folder / "model", model, self._model_info())
        self.recorder.log(row)
        self._write_events(row)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in row.items() if name.endswith(("loss", "dice")))
        done = f"Epoch {row['epoch']}/{self.config.epochs}"
        log.info("%s: %s, %.1f s, %.1f %% of it waiting for data", done, figures, seconds, 100 * row["waiting"])

    def _tune(self, data: TrainingData) -> None:
        """Choose what turns the best model's maps into nuclei; on few images, the threshold alone."""
        tune = tune_model if not self._too_few else nudge_model if self.config.gentle and self._start() else None
        if tune:
            self._tell(phase=Phase.TUNING, batch=0, batches=0)
            tune(self.run.folder / "model", self.info, data, self.settings, self._tell_done)

    def _model_info(self) -> ModelInfo:
        start = self._start()
        return ModelInfo(
            name=self.run.name,
            config=self.info.config.model,
            threshold=start.threshold if start else 0.5,
            separation=start.separation if start else usual_separation(self.info.config.model),
            scores={name.removeprefix("val_"): value for name, value in (self.progress.best or {}).items()},
            provenance={
                "created": timestamp(),
                "run": self.run.name,
                "dataset": self.info.dataset["name"],
                "fingerprint": self.info.dataset["fingerprint"],
                "samples": len(self.info.train_ids),
                "validation_samples": len(self.info.validation_ids),
                **self._origin(),
                "object_diameters": self.diameters,
                ENTRY: packed(self.learned),
                "best_epoch": self.progress.best_epoch,
                "training": self.config.to_dict(),
                "command": self.info.command,
                "versions": self.info.versions,
            },
        )

    def _origin(self) -> dict[str, Any]:
        """Say which model went on learning here, and whether its scores are on what it learned."""
        if not self.config.start_from:
            return {}
        seen = set(self.info.train_ids) & set(self.info.validation_ids)
        return {"start_from": self.config.start_from, **({"scores_on": "learned"} if seen else {})}

    def _start(self) -> ModelInfo | None:
        with contextlib.suppress(ModelError):  # it may be gone by now
            return find_model(self.config.start_from, self.settings).info if self.config.start_from else None
        return None

    def _write_events(self, row: dict) -> None:
        from tensorboard.summary import Writer

        for side in ("train", "validation"):
            writer = Writer(str(self.run.tensorboard / side))
            for name in ("loss", "accuracy", "dice", "iou"):
                value = row[name if side == "train" else f"val_{name}"]
                writer.add_scalar(f"epoch_{name}", value, row["epoch"])
            writer.close()

    @property
    def _too_few(self) -> bool:
        learned = set(self.info.train_ids)
        return len([each for each in self.info.validation_ids if each not in learned]) < FEWEST_TO_TUNE_ON

    def _out_of_patience(self) -> bool:
        if not self.config.patience or self.progress.best_epoch is None:
            return False
        return self.progress.epoch - self.progress.best_epoch >= self.config.patience

    def _tell(self, **changes: Any) -> None:
        """Record a change of state, let the watcher know, and honour a request to stop."""
        phase = self.recorder.state.phase
        self.recorder.step(**changes)
        if changes.get("phase", phase) != phase:
            self.recorder.write()
        self.on_progress(self.recorder.state)
        if self.run.stop_request.exists():
            self.recorder.write(status="stopping")
            raise StopRequested
