"""A model some way from the one that its training started from: it keeps most of what it learned, and forgets less."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


@contextlib.contextmanager
def between(model: keras.Model, start: Sequence[np.ndarray], share: float) -> Iterator[None]:
    """Let a model have the mean of its own weights and a start's (Wortsman et al., 2022) in this context.

    Parameters
    ----------
    model : keras.Model
        Has its own weights again afterwards.
    start : sequence of arrays
        As ``get_weights`` gives them.
    share : float
        Of the start's; 0: nothing is changed.
    """
    if not share:
        yield
        return
    own = model.get_weights()
    model.set_weights([share * old + (1 - share) * new for old, new in zip(start, own, strict=True)])
    try:
        yield
    finally:
        model.set_weights(own)
