"""The training itself: a process of its own that writes a Run folder."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from unet.errors import RunError, TrainingBusy, UnetError
from unet.files import is_full_disk, sweep
from unet.models.needs import lacks
from unet.runs.record import Recorder
from unet.runs.run import Run, current_run
from unet.runs.state import RunState
from unet.settings import Settings
from unet.training.loop import StopRequested, Training

log = logging.getLogger("unet")


def train_run(run: Run, settings: Settings, on_progress: Callable[[RunState], None] | None = None) -> RunState:
    """Train a run to its end in this process, from where its checkpoint stands.

    Parameters
    ----------
    run : Run
        A run made by ``unet.training.create.create_run``.
    settings : Settings
    on_progress : callable, optional
        Called with the state after each batch and phase.

    Returns
    -------
    RunState
        ``finished``, or ``stopped`` where a stop was asked for (a file ``stop`` in the folder, SIGINT or SIGTERM).

    Raises
    ------
    TrainingBusy
        If another training is under way on this machine.
    RunError
        If the training failed; ``state.json`` then says ``failed`` and why.
    """
    info = run.info()
    sweep(settings.home)
    recorder = Recorder(run, info.config.training.epochs)
    with _training_lock(settings), _log_to(run.log), _stop_signals(run), recorder:
        try:
            if lack := lacks():
                raise RunError(f"Training is not possible here. {lack}")
            reason = Training(run, info, settings, recorder, on_progress).fit()
            recorder.end(status="finished", reason=reason, seconds_left=0.0)
        except StopRequested:
            recorder.end(status="stopped", reason="Stopped on request.")
        except Exception as error:
            reason = failure_reason(error, settings)
            log.error(reason, exc_info=not (isinstance(error, UnetError) or is_full_disk(error)))
            recorder.end(status="failed", reason=reason)
            raise RunError(reason) from error
        finally:
            run.stop_request.unlink(missing_ok=True)
        log.info("%s. %s", recorder.state.status.capitalize(), recorder.state.reason or "")
        return recorder.state


def failure_reason(error: Exception, settings: Settings) -> str:
    """Say in a sentence why a training failed and what can be done."""
    if is_full_disk(error):
        return f"The disk is full: free some space under {settings.home}, then resume. ({error})"
    if isinstance(error, UnetError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return "The memory is not enough: choose a smaller batch size, image size or fewer filters."
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _training_lock(settings: Settings) -> Iterator[None]:
    """Hold the one place for a training on this machine; the system frees it when the process ends, however it ends."""
    settings.runs.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.runs / ".training.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        busy = current_run(settings)
        raise TrainingBusy(busy.name if busy else "another") from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _log_to(path: Path) -> Iterator[None]:
    """Write what is logged to the run's log, once: what a started trainer prints goes there too."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    before = log.level, log.propagate
    log.setLevel(logging.INFO)
    log.propagate = not _is_printed_to(path)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]
        handler.close()


def _is_printed_to(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except (OSError, ValueError, AttributeError):  # there may be no such thing as stderr
        return False


@contextlib.contextmanager
def _stop_signals(run: Run) -> Iterator[None]:
    """Take the first SIGINT or SIGTERM as a request to stop between batches; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def request(number: int, frame: object) -> None:
        run.stop_request.touch()
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in numbers:
        signal.signal(number, request)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
