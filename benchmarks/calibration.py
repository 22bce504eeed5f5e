"""Whether a probability of 0.4 means that 40 of 100 such pixels are nucleus, and where masks end beside the truth's.

Two reasons make masks tight: the network is less sure than it should be (then the reliability curve lies above the
diagonal), or it ends nuclei elsewhere than the annotator did (then its probability crosses 0.5 at a distance from the
annotated edge, as steeply as ever). `Calibration` adds up both over images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from unet.evaluation.matching import match, measure_overlaps

BINS = 20
# Pixels inside (negative) and outside of the annotated edge.
REACH = 6
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A7A7A")


class Calibration:
    """Counts over images, from probability maps and label maps."""

    def __init__(self) -> None:
        self.pixels, self.nucleus, self.sums = np.zeros(BINS), np.zeros(BINS), np.zeros(BINS)
        self.edge_pixels, self.edge_sums = np.zeros(2 * REACH), np.zeros(2 * REACH)
        self.shifts: list[float] = []

    def add(self, probability: np.ndarray, truth: np.ndarray, found: np.ndarray) -> None:
        """Add an image: its probability (0 to 1), and the label maps of the truth and of what was found."""
        inside = truth > 0
        bins = np.minimum((probability * BINS).astype(int), BINS - 1).ravel()
        self.pixels += np.bincount(bins, minlength=BINS)
        self.sums += np.bincount(bins, probability.ravel(), BINS)
        self.nucleus += np.bincount(bins, inside.ravel(), BINS)
        if inside.any() and not inside.all():
            distance = np.where(inside, -distance_transform_edt(inside), distance_transform_edt(~inside))
            near = np.abs(distance) <= REACH
            # -1 is the outermost pixel of a nucleus and 1 the first of the background; there is no 0.
            step = np.floor(np.abs(distance[near])).astype(int)
            place = np.where(distance[near] < 0, REACH - step, REACH + step - 1)
            self.edge_pixels += np.bincount(place, minlength=2 * REACH)
            self.edge_sums += np.bincount(place, probability[near], 2 * REACH)
        overlaps = measure_overlaps(truth, found)
        pairs = match(overlaps)
        radii = [
            np.sqrt(areas / math.pi) for areas in (overlaps.truth_areas[pairs.truth], overlaps.found_areas[pairs.found])
        ]
        self.shifts += (radii[1] - radii[0]).tolist()

    def observed(self) -> np.ndarray:
        """Return the share of nucleus in each bin of probability, NaN where there are no pixels."""
        return self.nucleus / np.where(self.pixels, self.pixels, np.nan)

    def predicted(self) -> np.ndarray:
        """Return the mean probability in each bin."""
        return self.sums / np.where(self.pixels, self.pixels, np.nan)

    def error(self) -> float:
        """Return the mean difference of both, weighted by pixels, of those that are not surely background."""
        unsure = self.pixels[1:]
        differences = np.abs(self.nucleus - self.sums)[1:]
        return float(differences.sum() / max(unsure.sum(), 1))

    def even(self) -> float:
        """Return the probability at which half of the pixels are nucleus."""
        observed, predicted = self.observed(), self.predicted()
        known = np.isfinite(observed)
        return float(np.interp(0.5, np.maximum.accumulate(observed[known]), predicted[known]))

    def text(self) -> str:
        """Return what was measured, in four lines."""
        observed = " ".join(f"{value:.2f}" for value in self.observed()[1::2])
        edge = " ".join(f"{value:.2f}" for value in self.edge_sums / np.maximum(self.edge_pixels, 1))
        low, median, high = np.percentile(self.shifts, [25, 50, 75]) if self.shifts else [math.nan] * 3
        return (
            f"  share of nucleus, at .05-.1, .15-.2 …: {observed}\n"
            f"  half at {self.even():.2f}; error {self.error():.3f}\n"
            f"  probability {REACH} px inside to {REACH} px outside of the true edge: {edge}\n"
            f"  radius of matched objects less the truth's: {median:+.2f} px ({low:+.2f} to {high:+.2f})"
        )


def write_svg(path: Path, curves: Mapping[str, Calibration]) -> None:
    """Draw reliability curves: the share of nucleus over the probability."""
    side, margin = 360, 48
    width = side + 2 * margin + 170

    def at(x: float, y: float) -> str:
        return f"{margin + x * side:.1f},{margin / 2 + (1 - y) * side:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {side + 2 * margin}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{side + 2 * margin}" fill="white"/>',
        f'<polyline points="{at(0, 0)} {at(1, 1)}" fill="none" stroke="#BBB" stroke-dasharray="4"/>',
        f'<polyline points="{at(0, 1)} {at(0, 0)} {at(1, 0)}" fill="none" stroke="#444"/>',
    ]
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        (x, below), (left, y) = (map(float, at(*place).split(",")) for place in ((tick, 0), (0, tick)))
        parts.append(f'<text x="{x}" y="{below + 16}" text-anchor="middle">{tick:g}</text>')
        parts.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{tick:g}</text>')
    parts.append(f'<text x="{margin + side / 2}" y="{side + 1.6 * margin}" text-anchor="middle">probability</text>')
    parts.append(
        f'<text transform="translate(14 {margin / 2 + side / 2}) rotate(-90)" text-anchor="middle">'
        "share of pixels that are nucleus</text>"
    )
    for place, ((name, curve), colour) in enumerate(zip(curves.items(), COLOURS, strict=False)):
        known = np.isfinite(curve.observed())
        points = " ".join(at(*pair) for pair in zip(curve.predicted()[known], curve.observed()[known], strict=True))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        row = margin / 2 + 16 + 20 * place
        parts.append(f'<text x="{margin + side + 14}" y="{row}" fill="{colour}">{name}</text>')
    path.write_text("\n".join([*parts, "</svg>"]) + "\n", encoding="utf-8")
