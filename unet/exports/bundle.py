"""Many images into many files: a folder or a zip, one image at a time, with a manifest that says how they were made."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet.exports.command import command_of
from unet.exports.formats import FORMATS, suits
from unet.files import atomic_path
from unet.io.pixel_size import PixelSize
from unet.models.folder import model_digest
from unet.prediction.result import Decisions, Result
from unet.provenance import timestamp, versions

ABOUT = """Nuclei of {images}, found by U-Net Studio
Model: {model}. Threshold: {threshold:g}.

{formats}

manifest.json says with which model and settings all of this was made, and by which command it is made again. Where
nuclei were corrected or regions drawn by hand it says so, image by image; the command makes the nuclei as the model
found them.
"""


def unique_stems(files: Sequence[Path | str]) -> list[str]:
    """Return a stem for each file, in order: its own, or with a number where another file has the same.

    Stems that differ only in case count as equal, since some disks ignore case. Characters that some systems
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


@dataclass(frozen=True)
class ImageParts:
    """What one image adds to the files of all images: its part of each of these formats, and of the manifest."""

    parts: dict[str, Any]
    about: dict[str, Any]


def write_image(write: Callable[[str, bytes], None], formats: Sequence[str], result: Result) -> ImageParts:
    """Write an image's own files; return what it adds to those of all images.

    Parameters
    ----------
    write : callable
        Takes a file's name and its bytes.
    formats : sequence of str
        Names of ``FORMATS``.
    result : Result
    """
    parts = {}
    for name in formats:
        form = FORMATS[name]
        if form.part:
            parts[name] = form.part_of(result)
        elif suits(name, result):
            write(form.name_for(result.stem), form.of(result))
    size = result.pixel_size
    about = {
        "file": result.file,
        "stem": result.stem,
        "page": result.page,
        "objects": result.summary.count,
        "corrections": result.corrections,
        "positive": result.positive,
        "regions": [each.to_dict() for each in result.regions],
        "pixel_size_um": [size.x, size.y] if size else None,
    }
    return ImageParts(parts, about | result.places)


class Bundle:
    """Collects results image by image; what is one file for all images is written at the end.

    Parameters
    ----------
    write : callable
        Takes a file's name and its bytes.
    formats : sequence of str
        Names of ``FORMATS``.
    """

    def __init__(self, write: Callable[[str, bytes], None], formats: Sequence[str]):
        self._write = write
        self._formats = formats
        self._parts: dict[str, list[Any]] = {name: [] for name in formats if FORMATS[name].part}
        self._images: list[dict[str, Any]] = []

    def add(self, result: Result) -> None:
        """Write the files of one image."""
        self.take(write_image(self._write, self._formats, result))

    def take(self, image: ImageParts) -> None:
        """Take what one image adds to the files of all images."""
        for name, part in image.parts.items():
            self._parts[name].append(part)
        self._images.append(image.about)

    def finish(self) -> None:
        """Write the files of all images."""
        for name, parts in self._parts.items():
            self._write(FORMATS[name].suffix, FORMATS[name].join(parts))

    def manifest(self, decisions: Decisions, model_folder: Path | None, flags: Sequence[str] = ()) -> bytes:
        """Return what is known of how the results were made, as JSON; ``flags`` are those of the command besides."""
        sizes = {tuple(image["pixel_size_um"] or ()) for image in self._images}
        one = sizes.pop() if len(sizes) == 1 else ()
        pages = {image["page"] for image in self._images}
        marker = decisions.marker
        about = {
            "created": timestamp(),
            "command": command_of(decisions, self._formats, pages, PixelSize(*one) if one else None, flags),
            "corrected_by_hand": any(image["corrections"] for image in self._images),
            "threshold": decisions.threshold,
            "separation": decisions.separation.to_dict(),
            "preparation": decisions.preparation.to_dict(),
            "kept": decisions.ranges,
            "positive": {"channel": marker.channel + 1, "above": marker.level} if marker else None,
            "formats": list(self._formats),
            "images": self._images,
            "model": decisions.info.to_dict(),
            "model_digest": model_digest(model_folder) if model_folder else None,
            "versions": versions(),
        }
        return json.dumps(about, indent=2, ensure_ascii=False).encode()


def everything_zip(
    path: Path,
    results: Iterable[Result],
    decisions: Decisions,
    *,
    model_folder: Path | None = None,
    formats: Sequence[str] = tuple(FORMATS),
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write all results of all images into one zip archive, an image at a time.

    Parameters
    ----------
    path : Path
        The archive; what was there before is replaced once the new one is whole.
    results : iterable of Result
        May be a generator: only one is held at a time.
    decisions : Decisions
    model_folder : Path, optional
        Whose digest the manifest gives.
    formats : sequence of str
    progress : callable, optional
        Takes the number of images done.

    Returns
    -------
    Path
        ``path``.
    """
    # What goes in is compressed already.
    with atomic_path(Path(path)) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        bundle = Bundle(archive.writestr, formats)
        count = 0
        for count, result in enumerate(results, start=1):
            bundle.add(result)
            if progress:
                progress(count)
        bundle.finish()
        archive.writestr("manifest.json", bundle.manifest(decisions, model_folder))
        archive.writestr("README.txt", _about(count, decisions, formats))
    return Path(path)


def one_format(path: Path, name: str, results: Iterable[Result]) -> Path:
    """Write one format of all images: the file itself where it is one for all, else a zip of one per image.

    Parameters
    ----------
    path : Path
        What was there before is replaced once the new one is whole.
    name : str
        Of ``FORMATS``.
    results : iterable of Result
        May be a generator: only one is held at a time.

    Returns
    -------
    Path
        ``path``.
    """
    form = FORMATS[name]
    with atomic_path(Path(path)) as temporary:
        if form.part:
            temporary.write_bytes(form.join([form.part_of(result) for result in results]))
            return Path(path)
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for result in results:
                if suits(name, result):
                    archive.writestr(form.name_for(result.stem), form.of(result))
    return Path(path)


def _about(count: int, decisions: Decisions, formats: Sequence[str]) -> str:
    lines = []
    for name in formats:
        form = FORMATS[name]
        lines.append(f"{'<name>' + form.suffix if form.write else form.suffix:28} {form.help}")
    return ABOUT.format(
        images=f"{count} image{'s' if count != 1 else ''}",
        model=decisions.info.name,
        threshold=decisions.threshold,
        formats="\n".join(lines),
    )
