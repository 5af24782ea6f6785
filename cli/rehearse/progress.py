"""What a person sees while a long command runs: one line per step, on a terminal with the seconds ticking."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

_TICK_S = 1.0


class Progress:
    """Writes to a stream; knows whether a person's terminal is at the other end."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._mutex = threading.Lock()

    def say(self, text: str = "") -> None:
        """A line of its own."""
        with self._mutex:
            self._erase()
            self._stream.write(text + "\n")
            self._stream.flush()

    def phase(self, name: str) -> None:
        """The headline of a part of the story."""
        self.say(f"\n{self._strong(name.upper())}")

    def done(self, title: str, seconds: float, result: str, *, good: bool) -> None:
        """A finished step."""
        sign = "ok  " if good else "FAIL"
        self.say(f"  {sign} {title:<46} {seconds:6.1f} s  {result}")

    @contextmanager
    def running(self, title: str) -> Generator[None]:
        """Shows ``title`` and the seconds since, until the block ends. Nothing where nobody watches."""
        if not self._terminal:
            yield
            return
        end = threading.Event()
        began = time.monotonic()

        def tick() -> None:
            while not end.is_set():
                with self._mutex:
                    self._erase()
                    self._stream.write(f"   .. {title:<46} {time.monotonic() - began:6.0f} s")
                    self._stream.flush()
                end.wait(_TICK_S)

        ticker = threading.Thread(target=tick, name="progress", daemon=True)
        ticker.start()
        try:
            yield
        finally:
            end.set()
            ticker.join()
            with self._mutex:
                self._erase()
                self._stream.flush()

    def _erase(self) -> None:
        if self._terminal:
            self._stream.write("\r\x1b[K")

    def _strong(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self._terminal else text
