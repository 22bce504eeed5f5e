"""One budget of memory for all decoding of this process: many small images at once, large ones one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from unet.settings import MB

# Enough for any image of 100 megapixels; a smaller machine gives a quarter of what it has.
MOST = 1000 * MB
CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def _machine_memory() -> int:
    """Return the memory of the machine, or of the container where that is less."""
    sizes = [psutil.virtual_memory().total]
    for path in CGROUP_LIMITS:
        try:
            sizes.append(int(path.read_text()))
        except (OSError, ValueError):  # there is no such limit
            continue
    return min(sizes)


class Budget:
    """Bytes that threads claim before they use them and give back afterwards."""

    def __init__(self, total: int):
        self.total = total
        self._used = 0
        self._changed = threading.Condition()
        self._own = threading.local()

    @contextmanager
    def claim(self, size: int) -> Iterator[None]:
        """Wait until so many bytes are free, and hold them until the block ends.

        A claim beyond the total waits until it is alone. Inside a block of the same thread nothing more is claimed:
        the outer claim is for all that is done in it.
        """
        if getattr(self._own, "holds", False):
            yield
            return
        size = min(size, self.total)
        with self._changed:
            self._changed.wait_for(lambda: self._used + size <= self.total)
            self._used += size
        self._own.holds = True
        try:
            yield
        finally:
            self._own.holds = False
            with self._changed:
                self._used -= size
                self._changed.notify_all()


DECODING = Budget(min(MOST, _machine_memory() // 4))
