"""Every format that results can be taken away in, by its name: a file an image, or one of all images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from unet.exports import coco, pictures, tables, vectors
from unet.prediction.result import Result


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes
    ----------
    title, help : str
        What people read.
    suffix, mime : str
        The end of its name, such as ``_labels.tif``; for a file of all images its whole name.
    write : callable, optional
        From a result to the file's bytes: one file per image.
    part, whole : callable, optional
        From a result to its part, and from the parts of all images to the file's bytes.
    """

    title: str
    help: str
    suffix: str
    mime: str
    write: Callable[[Result], bytes] | None = None
    part: Callable[[Result], Any] | None = None
    whole: Callable[[list[Any]], bytes] | None = None

    def of(self, result: Result) -> bytes:
        """Return the file's bytes for one image."""
        return self.write(result) if self.write else self.join([self.part_of(result)])

    def part_of(self, result: Result) -> Any:
        """Return what one image adds to a file of all images."""
        assert self.part, f"{self.title} is one file per image"
        return self.part(result)

    def join(self, parts: list[Any]) -> bytes:
        """Return the bytes of a file of all images."""
        assert self.whole, f"{self.title} is one file per image"
        return self.whole(parts)

    def name_for(self, stem: str) -> str:
        """Return the file's name for one image."""
        return f"{stem}{self.suffix}" if self.write else f"{stem}_{self.suffix}"


PNG, TIFF, CSV, JSON, ZIP = "image/png", "image/tiff", "text/csv", "application/json", "application/zip"

FORMATS: dict[str, Format] = {
    "labels": Format(
        "Label map (TIFF)",
        "0 background, 1, 2, 3 … the nuclei; 16 or 32 bits; the pixel size is kept, as ImageJ reads it.",
        "_labels.tif", TIFF, write=pictures.labels,
    ),
    "mask": Format("Mask (PNG)", "255 where there is a nucleus, else 0.", "_mask.png", PNG, write=pictures.mask),
    "classes": Format(
        "Classes (PNG)", "The class of each pixel; 0 is background.", "_classes.png", PNG, write=pictures.classes
    ),
    "overlay": Format(
        "Overlay (PNG)", "The image with the nuclei drawn over it.", "_overlay.png", PNG, write=pictures.overlay
    ),
    "probability": Format(
        "Probability map (TIFF)", "0 to 1, 32-bit float.", "_probability.tif", TIFF, write=pictures.probability
    ),
    "measurements": Format(
        "Measurements (CSV)", "One row per nucleus: size, shape, place, intensity.", "_measurements.csv", CSV,
        write=tables.measurements,
    ),
    "nuclei": Format(
        "All nuclei (CSV)", "One row per nucleus of all images: image, group, number, measurements.", "nuclei.csv", CSV,
        part=tables.nuclei_rows, whole=tables.nuclei_file,
    ),
    "regions": Format(
        "Regions (CSV)", "One row per region that was drawn, of all images: its area, the nuclei in it, positive ones.",
        "regions.csv", CSV, part=tables.region_rows, whole=tables.region_file,
    ),
    "rois": Format(
        "ImageJ / Fiji ROIs (zip)", "One outline per nucleus and region, for ImageJ's ROI manager; holes are filled.",
        "_rois.zip", ZIP, write=vectors.rois,
    ),
    "geojson": Format(
        "QuPath (GeoJSON)",
        "A detection for each nucleus with its measurements, an annotation for each region; drop it onto the "
        "image in QuPath.",
        ".geojson", "application/geo+json", write=vectors.geojson,
    ),
    "coco": Format(
        "COCO (JSON)", "Boxes, areas and outlines, as deep-learning libraries read them.", "coco.json", JSON,
        part=coco.part, whole=coco.whole,
    ),
    "rle": Format(
        "Run lengths (CSV)", "The submission format of the 2018 Data Science Bowl.", "rle.csv", CSV,
        part=tables.run_lengths, whole=tables.run_length_file,
    ),
    "summary": Format(
        "Summary (CSV)", "One row per image: nuclei, covered share, mean area.", "summary.csv", CSV,
        part=tables.summary_row, whole=tables.summary_file,
    ),
}  # fmt: skip
# What the command line writes unless it is told otherwise.
USUAL = ("probability", "mask", "labels", "classes", "summary")


def suits(name: str, result: Result) -> bool:
    """Tell whether a format has something to say of a result: classes there may be, or not."""
    return name != "classes" or result.prediction.classes is not None
