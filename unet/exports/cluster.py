"""A batch on several processes or machines: each image or stack is a task of Dask. Needs the extra ``[cluster]``."""

from __future__ import annotations

import contextlib
import functools
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from unet.errors import ConfigError, ImageError, UnetError
from unet.exports.tables import ImageSummary
from unet.exports.work import Done, Job, Named, places_of, predict_group
from unet.models.folder import model_stamp
from unet.prediction.predictor import Predictor

INSTALL = "Several workers need a package more: pip install 'unet-studio[cluster]'"
# Tasks that wait at a worker: enough that none is idle, few enough that the scheduler stays small.
AHEAD = 4


@contextlib.contextmanager
def connected(address: str | None, workers: int) -> Iterator[Any]:
    """Yield a client of a cluster: the one at an address, or one of so many processes of this machine.

    Raises
    ------
    ConfigError
        If Dask is not installed, or nothing answers at the address.
    """
    try:
        import distributed
    except ImportError as error:
        raise ConfigError(f"{INSTALL}.") from error
    with contextlib.ExitStack() as stack:
        if address is None:
            share = max(1, (os.cpu_count() or 1) // workers)
            # Each has a share of the cores, and one network: its own threads are what makes it quick.
            environment = {"UNET_THREADS": str(share)}
            cluster = distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, env=environment,
                silence_logs="CRITICAL",
            )  # fmt: skip
            address = stack.enter_context(cluster)
        try:
            yield stack.enter_context(distributed.Client(address, timeout="20s"))
        except (OSError, TimeoutError) as error:
            raise ConfigError(f"No scheduler of Dask answers at {address}: {error}.") from error


def on_cluster(client: Any, model_folder: Path) -> Callable[..., Iterator[Sequence[Done]]]:
    """Return what predicts groups on a cluster, as ``predict_planes`` wants it.

    Workers need this package, the model and the images at the same paths, and the output folder. What is written is
    the same as by one process, whoever does it and in whatever order; what a worker had begun when it was killed is
    done again by another.

    Parameters
    ----------
    client : distributed.Client
    model_folder : Path
    """

    def each(groups: Sequence[Sequence[Named]], job: Job, step: Callable[[], object]) -> Iterator[Sequence[Done]]:
        from distributed import as_completed

        stamp, batch = model_stamp(model_folder), uuid.uuid4().hex
        waiting = iter(enumerate(groups))
        places: dict[str, int] = {}
        done: dict[int, Sequence[Done]] = {}

        def submit() -> Any:
            number, group = next(waiting, (None, None))
            if group is None:
                return None
            key = f"{Path(group[0][0].address).name}-{number}-{batch}"
            future = client.submit(predict_there, str(model_folder), stamp, group, job, pure=False, key=key)
            places[future.key] = int(number or 0)
            return future

        ahead = AHEAD * max(1, len(client.scheduler_info()["workers"]))
        first = [future for _ in range(min(ahead, len(groups))) if (future := submit())]
        coming = as_completed(first)
        following = 0
        try:
            for future in coming:
                number = places.pop(future.key)
                done[number] = _outcome(future, groups[number], job)
                for _ in groups[number]:
                    step()
                if more := submit():
                    coming.add(more)
                while following in done:
                    yield done.pop(following)
                    following += 1
        finally:
            client.cancel(list(places))

    return each


def _outcome(future: Any, group: Sequence[Named], job: Job) -> Sequence[Done]:
    """Return what became of a group; what nobody can do, however often a worker tries, is reported as broken."""
    from distributed import KilledWorker

    try:
        return future.result()
    except KilledWorker:
        reason = "every worker that took it has died, perhaps of too little memory"
    except (UnetError, OSError) as error:
        reason = str(error).rstrip(".")
    rows = [
        ImageSummary(
            plane.address,
            stem,
            threshold=job.decisions.threshold,
            error=f"{plane.address}: {reason}.",
            **places_of(plane),
        )
        for plane, stem in group
    ]
    return [Done(row) for row in rows]


def predict_there(folder: str, stamp: str, group: Sequence[Named], job: Job) -> list[Done]:
    """Do a group's work at a worker, with the model that it holds."""
    return predict_group(_held(folder, stamp), group, job)


@functools.lru_cache(maxsize=1)
def _held(folder: str, stamp: str) -> Predictor:
    if not Path(folder).is_dir():
        raise ImageError(f"this worker does not see the model {folder}")
    return Predictor.open(Path(folder))
