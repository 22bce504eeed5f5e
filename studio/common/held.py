"""Arrays held for all visitors within a bound of bytes, and worked out once though several ask at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np

from unet.memmap import is_mapped


class Held:
    """Arrays by key, the least recently used ones dropped; the newest is held whatever its size.

    Streamlit's own caches count values, and an image may have a thousand times the pixels of another. With twenty
    visitors, a small number of large ones would lose what each is looking at, and a large number fill the memory.
    """

    def __init__(self, max_bytes: int, max_mapped: int = 3):
        """Take the bytes of the arrays in memory, and the number of those that lie on disk."""
        self._max_bytes, self._max_mapped = max_bytes, max_mapped
        self._arrays: OrderedDict[Hashable, np.ndarray] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return an array, not to be changed, and make it if it is not held."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._arrays:
                    return self._arrays[key]
            array = make()
            array.flags.writeable = False
            with self._lock:
                self._arrays[key] = array
                self._making.pop(key, None)
                self._let_go()
        return array

    @property
    def bytes(self) -> int:
        """Bytes of the arrays in memory."""
        return sum(array.nbytes for array in self._arrays.values() if not is_mapped(array))

    def _let_go(self) -> None:
        mapped = [key for key, array in self._arrays.items() if is_mapped(array)]
        for key in mapped[: -self._max_mapped]:
            del self._arrays[key]
        excess = self.bytes - self._max_bytes
        for key, array in list(self._arrays.items())[:-1]:
            if excess <= 0:
                break
            if not is_mapped(array):
                excess -= array.nbytes
                del self._arrays[key]
