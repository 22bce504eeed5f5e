"""Results in files that other programs read. ``FORMATS`` names them all."""

from unet.exports.formats import FORMATS, Format
from unet.prediction.result import Result

__all__ = ["FORMATS", "Format", "Result"]
