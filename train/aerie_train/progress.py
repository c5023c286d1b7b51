"""Progress on stderr: one line that is written anew on a terminal, a line every ten seconds where there is none."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

INTERVAL_S = 10.0


class Progress:
    """How far a command is. `stream` and `clock` are stderr and the monotonic clock unless tests give others."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic):
        self._stream, self._clock = stream or sys.stderr, clock
        self._live = self._stream.isatty()
        self._shown_at = -float("inf")

    def show(self, text: str) -> None:
        """Says it now, or, where lines stay, if the last was ten seconds ago."""
        if self._live:
            self._write(f"\r{text}")
        elif self._clock() - self._shown_at >= INTERVAL_S:
            self._shown_at = self._clock()
            self._write(f"{text}\n")

    def note(self, text: str) -> None:
        """Says something that stays."""
        self._write(f"\n{text}\n" if self._live else f"{text}\n")

    def _write(self, text: str) -> None:
        print(text, end="", file=self._stream, flush=True)
