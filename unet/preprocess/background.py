"""Whether an image's background is bright, as of a stained section, or dark, as in fluorescence."""

from __future__ import annotations

import numpy as np

# Percentiles that an image is stretched between.
LOW, HIGH = 1.0, 99.8
# Where the median lies between the two percentiles: below 0.19 in every fluorescence image of the 2018 Data Science
# Bowl, above 0.39 in every image of stained tissue.
BRIGHT_BACKGROUND = 0.35
# 8-bit levels by which the channels differ on average; grey images stored as colour have none.
COLOURED = 2.0
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def is_bright(luma: np.ndarray) -> bool:
    """Tell whether the background of (height, width) values is bright."""
    low, median, high = np.percentile(luma, [LOW, 50, HIGH])
    return bool(high > low and (median - low) / (high - low) > BRIGHT_BACKGROUND)
