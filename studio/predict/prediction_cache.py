"""What was predicted, held for all sessions within bounds."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import streamlit as st

from studio.common.cache_key import Key
from unet.prediction.maps import Prediction
from unet.settings import MB

# Maps in memory, of all sessions together: two to four bytes a pixel, so some sixty images of a megapixel.
HELD_BYTES = 256 * MB
# Maps of large images lie on disk: two of 10,000 x 10,000 pixels.
HELD_ON_DISK = 1000 * MB
MAX_FACTS = 10_000


@dataclass(frozen=True)
class Facts:
    """What is known of an image once it was predicted, also when its map is no longer held."""

    height: int = 0
    width: int = 0
    pages: int = 1
    channels: int = 1
    error: str | None = None  # a sentence about “it”: others may have the same file under another name


@dataclass
class PredictionCache:
    """The maps of all sessions by key, the least recently used ones dropped; safe across threads."""

    max_bytes: int = HELD_BYTES
    max_on_disk: int = HELD_ON_DISK
    facts: OrderedDict[Key, Facts] = field(default_factory=OrderedDict)
    _maps: OrderedDict[Key, Prediction] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Key) -> Prediction | None:
        """Return the map, or None if it is not held."""
        with self._lock:
            if key in self._maps:
                self._maps.move_to_end(key)
            return self._maps.get(key)

    def put(self, key: Key, facts: Facts, prediction: Prediction | None = None) -> None:
        """Hold what was found of an image; the newest map is held whatever its size."""
        with self._lock:
            self.facts[key] = facts
            while len(self.facts) > MAX_FACTS:
                self.facts.popitem(last=False)
            if prediction is None:
                return
            self._maps[key] = prediction
            self._maps.move_to_end(key)
            bound = self.max_on_disk if prediction.is_mapped else self.max_bytes
            for old in [each for each, held in self._maps.items() if held.is_mapped == prediction.is_mapped][:-1]:
                if self._bytes(prediction.is_mapped) <= bound:
                    break
                del self._maps[old]

    @property
    def bytes(self) -> int:
        """Bytes of memory that the maps take; what lies on disk does not count."""
        return self._bytes(mapped=False)

    def _bytes(self, mapped: bool) -> int:
        return sum(prediction.nbytes for prediction in self._maps.values() if prediction.is_mapped == mapped)


@st.cache_resource(show_spinner=False)
def predictions() -> PredictionCache:
    """Return the maps that are held for all sessions."""
    return PredictionCache()
