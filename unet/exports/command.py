"""The command line that makes an export's results again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from unet.exports.formats import FORMATS
from unet.flags import changed_flags
from unet.io.pixel_size import PixelSize
from unet.prediction.filters import write_range
from unet.prediction.marker import write_marker
from unet.prediction.result import Decisions
from unet.preprocess.adjust import ImageAdjustments


def command_of(
    decisions: Decisions,
    formats: Sequence[str],
    pages: Iterable[int] = (0,),
    pixel_size: PixelSize | None = None,
    flags: Sequence[str] = (),
) -> str:
    """Return the command line that makes the results again; of several pages, the first one's.

    A pixel size that all images have is named, if it is square: it may have been told by hand. ``flags`` are others
    that were given.
    """
    words = ["python", "-m", "unet", "predict", "--model", decisions.model or decisions.info.name]
    words += ["--input", "IMAGES", "--output", "RESULTS", "--threshold", repr(float(decisions.threshold))]
    words += changed_flags(decisions.separation, decisions.info.separation)
    words += changed_flags(decisions.preparation, ImageAdjustments())
    if page := min(pages, default=0):
        words += ["--page", str(page)]
    if pixel_size and pixel_size.x == pixel_size.y:
        words += ["--pixel-size", repr(float(pixel_size.x))]
    if decisions.marker:
        words += ["--positive", write_marker(decisions.marker)]
    for name, (low, high) in decisions.ranges.items():
        words += ["--keep", write_range(name, low, high)]
    if decisions.groups:
        words += ["--group-by", decisions.groups]
    return shlex.join([*words, *flags, "--export", *(["all"] if set(formats) == set(FORMATS) else formats)])
