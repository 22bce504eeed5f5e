"""The work of all visitors that takes the whole machine, done one piece after another, the visitors in turn.

Pages do not work themselves: they wait here, and say so. A thread of its own takes one piece of each visitor who waits,
and then the next one of the first. What nobody waits for any more, since the page was left or asks for something else,
is not begun, and let go at its next word of progress.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from typing import Any

from streamlit.runtime.scriptrunner import get_script_run_ctx

# Seconds between two words to a page, and those after which one that has not come for the next is taken to be left.
INTERVAL, PATIENCE = 0.25, 3.0

Progress = Callable[[int, int], None]


class Left(Exception):
    """Nobody waits for this any more."""


@dataclass(frozen=True)
class Work:
    """A piece of work: what is called with a callable that takes its progress, and how many images it is."""

    do: Callable[[Progress], object]
    images: int = 1


@dataclass(frozen=True)
class Place:
    """Where a visitor stands: how many images of others come before the next one, and the progress of the present."""

    ahead: int = 0
    progress: tuple[int, int] | None = None


@dataclass
class _Visitor:
    works: dict[Hashable, Work] = field(default_factory=dict)  # what is being done included
    progress: tuple[int, int] | None = None
    problem: Exception | None = None
    seen: float = 0.0


class Turns:
    """Visitors in the order of their turns, and the thread that works for them."""

    def __init__(self, patience: float = PATIENCE):
        self._patience = patience
        self._visitors: OrderedDict[str, _Visitor] = OrderedDict()
        self._served: _Visitor | None = None
        self._lock = threading.RLock()
        self._asked, self._done = threading.Condition(self._lock), threading.Condition(self._lock)
        self._thread: threading.Thread | None = None

    def wait(self, name: str, works: Mapping[Any, Work]) -> Iterator[Place]:
        """Have something done, and yield where it stands until all of it is.

        Whatever the same visitor wanted before and does not want now is let go.

        Parameters
        ----------
        name : str
            Of the visitor.
        works : mapping
            By names that are the same for the same work.

        Yields
        ------
        Place
            Several times a second. Whoever does not ask for the next one has left.

        Raises
        ------
        Exception
            Whatever a piece of work raises; the others are let go.
        """
        with self._lock:
            me = self._visitors.setdefault(name, _Visitor())
            me.works, me.problem = dict(works), None
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="turns", daemon=True)
                self._thread.start()
        while True:
            with self._lock:
                me.seen = time.monotonic()
                self._visitors.setdefault(name, me)
                self._asked.notify()
                self._done.wait_for(lambda: not me.works, INTERVAL)
                if not me.works:
                    self._visitors.pop(name, None)
                    if me.problem:
                        raise me.problem
                    return
                place = Place(self._ahead(me), me.progress)
            yield place

    def leave(self, name: str) -> None:
        """Let go of all that a visitor wanted."""
        with self._lock:
            if me := self._visitors.pop(name, None):
                me.works.clear()
                self._done.notify_all()

    def _ahead(self, me: _Visitor) -> int:
        if self._served is me:
            return 0
        before = list(takewhile(lambda visitor: visitor is not me, self._visitors.values()))
        waiting = [visitor for visitor in before if visitor is not self._served and self._waits(visitor)]
        served = [self._served] if self._served and self._served.works else []
        return sum(next(iter(visitor.works.values())).images for visitor in (*served, *waiting))

    def _waits(self, visitor: _Visitor) -> bool:
        return bool(visitor.works) and time.monotonic() - visitor.seen < self._patience

    # ---- the thread that works -----------------------------------------------------------------------------------

    def _serve(self) -> None:
        while True:
            with self._lock:
                name, visitor, key, work = self._next()
            problem = None
            try:
                work.do(partial(self._tell, visitor, key))
            except Left:
                continue  # whoever comes back finds it where it was
            except Exception as error:
                problem = error
            finally:
                with self._lock:
                    self._served = visitor.progress = None
                    if name in self._visitors:
                        self._visitors.move_to_end(name)
            with self._lock:
                if visitor.works.pop(key, None) and problem:
                    visitor.problem = problem
                    visitor.works.clear()
                self._done.notify_all()

    def _next(self) -> tuple[str, _Visitor, Hashable, Work]:
        """Wait for the next piece of work."""
        while True:
            for name, visitor in self._visitors.items():
                if self._waits(visitor):
                    self._served = visitor
                    return name, visitor, *next(iter(visitor.works.items()))
            # Whoever is still here has left.
            self._visitors.clear()
            self._asked.wait()

    def _tell(self, visitor: _Visitor, key: Hashable, done: int, total: int) -> None:
        with self._lock:
            if key not in visitor.works or not self._waits(visitor):
                raise Left
            visitor.progress = done, total


TURNS = Turns()


def visitor_here() -> str:
    """Return the name of the session whose page this thread runs, or of the thread where it runs none."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else f"thread {threading.get_ident()}"
