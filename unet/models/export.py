"""A model for other programs: ONNX, TensorFlow's SavedModel and LiteRT, each run and compared before it is given.

ONNX is the very graph that predicts here, and what a package of bioimage.io holds; the others come from Keras' own
``Model.export`` and need TensorFlow. They hold the network alone: what is done to an image before it, and to the maps
after it, is described beside it (``model.json`` and a README; in an ONNX file, its metadata).
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from unet.config import ModelConfig
from unet.errors import ConfigError, ModelError
from unet.files import atomic_path
from unet.models.converters import RUNNERS, Run, convert
from unet.models.export_files import describe, finish
from unet.models.folder import load_model
from unet.models.metadata import read_info, title_of
from unet.models.needs import TENSORFLOW, lacks
from unet.models.weights import WEIGHTS_FILE, read_weights

# Probabilities lie between 0 and 1; other engines add the same products in another order.
TOLERANCE = 1e-4
CHECK_IMAGES = 2


@dataclass(frozen=True)
class ExportFormat:
    """One format: what it is called, its file's suffix, whether it takes any size, and what it needs installed."""

    title: str
    help: str
    suffix: str
    any_size: bool
    packages: tuple[str, ...] = ()


FORMATS = {
    "onnx": ExportFormat(
        "ONNX",
        "One file for ONNX Runtime and the many programs that read ONNX.",
        ".onnx",
        any_size=True,
    ),
    "savedmodel": ExportFormat(
        "TensorFlow SavedModel",
        "A zip for TensorFlow, TensorFlow Serving and Java.",
        ".zip",
        any_size=True,
        packages=TENSORFLOW,
    ),
    "litert": ExportFormat(
        "LiteRT",
        "A zip with a .tflite file for phones and small devices; one image of a fixed size at a time.",
        ".zip",
        any_size=False,
        packages=TENSORFLOW,
    ),
    "bioimageio": ExportFormat(
        "bioimage.io",
        "A zip for ilastik, deepImageJ, QuPath and bioimageio.core: network, test images, preprocessing.",
        ".zip",
        any_size=True,
    ),
}


@dataclass(frozen=True)
class ExportedModel:
    """An exported model that was run and compared.

    Attributes
    ----------
    path : str
    format : str
        A key of ``FORMATS``.
    greatest_difference : float
        Between its maps (0 to 1) and those that the app makes, on made-up images.
    seconds : float
        The export and the comparison.
    bytes : int
    input, output : str
        Type and shape, such as ``float32 (batch, height, width, 3)``.
    """

    path: str
    format: str
    greatest_difference: float
    seconds: float
    bytes: int
    input: str
    output: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return asdict(self)


def export_model(folder: Path, format: str, target: Path) -> ExportedModel:
    """Write a Model folder's network in another format, run the file and compare it with what the app predicts.

    TensorFlow's converters take some hundred MB and may end the process: let a server do this in another one.
    ONNX needs neither.

    Parameters
    ----------
    folder : Path
        A Model folder.
    format : str
        A key of ``FORMATS``.
    target : Path
        The file to write, with the format's suffix; it appears only when it was found good.

    Raises
    ------
    ConfigError
        If the format is not known, or the target has another suffix.
    ModelError
        If the model cannot be read, the format needs a package that is not installed, the file cannot be made or
        written, or its maps differ from the app's by more than ``TOLERANCE``.
    """
    from unet.models.runtime import Network

    started = time.monotonic()
    chosen, target = _format(format, target), Path(target)
    if lack := lacks(chosen.packages):
        raise ModelError(f"“{title_of(folder)}” was not exported as {chosen.title}. {lack}")
    info = read_info(folder)
    shape = _shape(info.config, chosen)
    network = Network.open(folder)
    with tempfile.TemporaryDirectory(prefix="unet-export-") as scratch:
        with _as_model_error(folder, chosen):
            made, run = _write(folder, info.config, format, shape, Path(scratch))
            difference = greatest_difference(network, run, _check_images(shape, info.config))
        _refuse_difference(folder, chosen, difference)
        try:
            with atomic_path(target) as temporary:
                finish(made, temporary, info, chosen, shape)
        except OSError as error:
            raise ModelError(f"{target} cannot be written: {error.strerror or error}.") from error
    return ExportedModel(
        path=str(target),
        format=format,
        greatest_difference=difference,
        seconds=time.monotonic() - started,
        bytes=target.stat().st_size,
        input=describe(shape),
        output=describe((*shape[:3], info.config.maps)),
    )


def _write(
    folder: Path, config: ModelConfig, format: str, shape: Sequence[int | None], scratch: Path
) -> tuple[Path, Run]:
    """Write the network alone; return the file or folder, and what runs it."""
    if format in ("onnx", "bioimageio"):
        from unet.models.bioimageio import package
        from unet.models.graph import build_graph
        from unet.models.runtime import Network

        made = scratch / "model.onnx"
        made.write_bytes(build_graph(config, read_weights(folder / WEIGHTS_FILE, config)).SerializeToString())
        run = Network(made.read_bytes())
        return (package(folder, made, scratch) if format == "bioimageio" else made), run
    made = convert(load_model(folder), format, shape, scratch)
    return made, RUNNERS[format](made)


def greatest_difference(network: Run, run: Run, images: Sequence[np.ndarray]) -> float:
    """Return the greatest difference between a network's maps and another engine's; NaN counts as infinite.

    Raises
    ------
    ValueError
        If the shapes of the maps differ.
    """
    greatest = 0.0
    for image in images:
        expected, found = network(image), run(image)
        if expected.shape != found.shape:
            raise ValueError(f"the maps have the shape {found.shape}, those of the app {expected.shape}")
        difference = float(np.abs(expected - found).max())
        greatest = max(greatest, difference if np.isfinite(difference) else np.inf)
    return greatest


def _format(format: str, target: Path) -> ExportFormat:
    if format not in FORMATS:
        raise ConfigError(f"The format “{format}” is not known; take one of {', '.join(FORMATS)}.")
    suffix = FORMATS[format].suffix
    if Path(target).suffix.lower() != suffix:
        raise ConfigError(f"{target}: a model in this format is a {suffix} file; give it a name that ends so.")
    return FORMATS[format]


@contextlib.contextmanager
def _as_model_error(folder: Path, chosen: ExportFormat) -> Iterator[None]:
    """What converters raise is not declared."""
    try:
        yield
    except ModelError:
        raise
    except MemoryError as error:
        raise ModelError(
            f"“{title_of(folder)}” cannot be exported as {chosen.title}: the memory does not suffice."
        ) from error
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ModelError(f"“{title_of(folder)}” cannot be exported as {chosen.title}: {reason}.") from error


def _refuse_difference(folder: Path, chosen: ExportFormat, difference: float) -> None:
    if difference > TOLERANCE:
        raise ModelError(
            f"“{title_of(folder)}” was not exported: as {chosen.title} its maps differ from the app's by "
            f"{difference:.2g}, and {TOLERANCE:g} is allowed; take another format."
        )


def _shape(config: ModelConfig, chosen: ExportFormat) -> tuple[int | None, ...]:
    """Return the input's shape; None stands for any."""
    if not chosen.any_size:
        return (1, *config.input_size, config.channels)
    size = (None, None) if config.is_native else config.input_size
    return (None, *size, config.channels)


def _check_images(shape: Sequence[int | None], config: ModelConfig) -> list[np.ndarray]:
    """Return made-up images, 0 to 255: one smooth and one of noise, of two sizes if any is allowed."""
    random = np.random.default_rng(0)
    step = 2**config.depth
    images = []
    for number in range(CHECK_IMAGES):
        height, width = shape[1] or (4 + number) * step, shape[2] or (6 - number) * step
        rows, columns = np.mgrid[:height, :width]
        image = 128 + 120 * np.sin(rows / 5 + number) * np.cos(columns / 7)
        if number:
            image = random.uniform(0, 255, (height, width))
        images.append(np.repeat(image[None, ..., None], config.channels, axis=-1).astype(np.float32))
    return images
