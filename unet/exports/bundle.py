"""Results as files: masks as PNG, label and probability maps as TIFF, and everything together as a zip."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from unet.config import Separation
from unet.files import atomic_path
from unet.model.info import ModelInfo
from unet.prediction import render
from unet.prediction.objects import summarize_labels
from unet.prediction.predictor import Prediction
from unet.prediction.separation import find_objects
from unet.prediction.summary import ImageSummary, write_summary
from unet.versions import versions

PIXELS_PER_CM = "CENTIMETER"

README = """Segmentation of {images}
Model: {model}. Threshold: {threshold}. {separated}

For each image:
  <name>_probability.tif  probability of foreground, 0 to 1, 32-bit float, at the image's size
  <name>_mask.png         255 where there is an object, else 0
  <name>_labels.tif       0 background, 1, 2, 3 ... the objects
  <name>_overlay.png      the mask over the image, to look at

summary.csv    a row an image: count, covered share (0 to 1), mean area in pixels
manifest.json  the model, its scores and origin, threshold and separation, versions of the programs
"""


@dataclass(frozen=True)
class ExportItem:
    """One predicted image on its way into a zip; ``image`` is for the overlay and may be left out."""

    file: str
    prediction: Prediction
    image: np.ndarray | None = None


def mask_png(mask: np.ndarray) -> bytes:
    """Return a mask (height, width) as PNG, 8-bit grey: 0 and 255."""
    return render.png(render.mask_picture(mask), fast=False)


def labels_tiff(labels: np.ndarray, *, pixels_per_cm: tuple[float, float] | None = None) -> bytes:
    """Return a label map (height, width) uint16 or uint32 as TIFF, compressed without loss.

    ``pixels_per_cm``, across and down, is written into the file where it is known.
    """
    return _tiff(labels, pixels_per_cm)


def probability_tiff(probability: np.ndarray, *, pixels_per_cm: tuple[float, float] | None = None) -> bytes:
    """Return a probability map (height, width) as float32 TIFF, compressed without loss."""
    return _tiff(probability.astype(np.float32, copy=False), pixels_per_cm)


def overlay_png(image: np.ndarray, labels: np.ndarray, opacity: float = 0.4) -> bytes:
    """Return the overlay of a mask or label map on its image, as ``render.overlay`` draws it, as PNG."""
    return render.png(render.overlay(image, labels, opacity=opacity), fast=False)


def _tiff(array: np.ndarray, pixels_per_cm: tuple[float, float] | None) -> bytes:
    stream = io.BytesIO()
    resolution = {"resolution": pixels_per_cm, "resolutionunit": PIXELS_PER_CM} if pixels_per_cm else {}
    tifffile.imwrite(
        stream,
        array,
        compression="zlib",
        photometric="minisblack",
        metadata=None,
        software="U-Net Studio",
        **resolution,
    )
    return stream.getvalue()


def unique_stems(files: Sequence[Path | str]) -> list[str]:
    """Return a stem for each file, in order: its own, or with a number where another file has the same.

    Case does not tell stems apart, since on some disks it does not tell files apart. Characters that some systems
    do not allow in names, or that lead to other folders there, become underscores.
    """
    taken: set[str] = set()
    stems = []
    for file in files:
        own = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", Path(file).stem)
        stem, number = own, 1
        while stem.casefold() in taken:
            number += 1
            stem = f"{own}-{number}"
        taken.add(stem.casefold())
        stems.append(stem)
    return stems


def result_files(
    stem: str, prediction: Prediction, threshold: float, separation: Separation
) -> tuple[dict[str, bytes], np.ndarray]:
    """Return the result files of one image by name, and its label map.

    ``<stem>_probability.tif`` (float32), ``<stem>_mask.png`` (0 and 255), ``<stem>_labels.tif`` (uint16 or uint32)
    and, with several classes, ``<stem>_classes.png`` (class indices).
    """
    labels = find_objects(prediction, threshold, separation)
    files = {
        f"{stem}_probability.tif": probability_tiff(prediction.probability),
        f"{stem}_mask.png": mask_png(labels > 0),
        f"{stem}_labels.tif": labels_tiff(labels),
    }
    if prediction.classes is not None:
        files[f"{stem}_classes.png"] = render.png(prediction.class_map(threshold), fast=False)
    return files, labels


def write_prediction(
    folder: Path, stem: str, prediction: Prediction, threshold: float, separation: Separation
) -> np.ndarray:
    """Write the result files of one image: those of ``result_files``.

    Parameters
    ----------
    folder : Path
        It must exist.
    stem : str
        What the names begin with; ``unique_stems`` keeps two images apart.
    prediction : Prediction
    threshold : float
        0 to 1.
    separation : Separation

    Returns
    -------
    (height, width) uint16 or uint32
        The label map.
    """
    files, labels = result_files(stem, prediction, threshold, separation)
    for name, content in files.items():
        with atomic_path(Path(folder) / name) as temporary:
            temporary.write_bytes(content)
    return labels


def everything_zip(
    path: Path,
    items: Iterable[ExportItem],
    info: ModelInfo,
    threshold: float,
    separation: Separation,
    *,
    opacity: float = 0.4,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write all results of all images into one zip archive, an image at a time.

    Parameters
    ----------
    path : Path
        The archive; what was there before is replaced once the new one is whole.
    items : iterable of ExportItem
        May be a generator: only one is held at a time.
    info : ModelInfo
        Of the model that predicted.
    threshold, opacity : float
        0 to 1.
    separation : Separation
    progress : callable, optional
        Takes the number of images done.

    Returns
    -------
    Path
        ``path``.
    """
    rows: list[ImageSummary] = []
    # What goes in is compressed already.
    with atomic_path(Path(path)) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for item in items:
            stem = unique_stems([*(row.file for row in rows), item.file])[-1]
            files, labels = result_files(stem, item.prediction, threshold, separation)
            if item.image is not None:
                files[f"{stem}_overlay.png"] = overlay_png(item.image, labels, opacity)
            for name, content in files.items():
                archive.writestr(name, content)
            rows.append(summary_row(item.file, stem, labels, threshold))
            if progress:
                progress(len(rows))
        _write_about(archive, rows, info, threshold, separation)
    return Path(path)


def summary_row(file: str, stem: str, labels: np.ndarray, threshold: float) -> ImageSummary:
    """Return an image's row of ``summary.csv`` from its label map."""
    found = summarize_labels(labels)
    height, width = labels.shape
    return ImageSummary(file, stem, height, width, threshold, found.count, found.covered, found.mean_area)


def describe(separation: Separation) -> str:
    """Say in a sentence what counts as one object."""
    kinds = {
        True: f"Touching nuclei are told apart where the valley between them is {separation.depth:.0%} deep.",
        False: "Each connected area of the mask is one object (8-connected).",
    }
    unsure = f" Those whose distance stays below {separation.heart:g} are left out." if separation.heart else ""
    small = f" Objects below {separation.min_area} pixels are left out." if separation.min_area > 1 else ""
    return kinds[separation.separate] + (unsure if separation.separate else "") + small


def _write_about(
    archive: zipfile.ZipFile, rows: list[ImageSummary], info: ModelInfo, threshold: float, separation: Separation
) -> None:
    table = io.StringIO(newline="")
    write_summary(table, rows)
    manifest = {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "threshold": threshold,
        "separation": separation.to_dict(),
        "images": [row.file for row in rows],
        "model": info.to_dict(),
        "versions": versions(),
    }
    images = f"{len(rows)} image{'s' if len(rows) != 1 else ''}"
    archive.writestr("summary.csv", table.getvalue())
    archive.writestr("manifest.json", json.dumps(manifest, indent=2, ensure_ascii=False))
    about = README.format(images=images, model=info.name, threshold=threshold, separated=describe(separation))
    archive.writestr("README.txt", about)
