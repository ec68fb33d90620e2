"""Ctrl-C: one line and exit code 130, whenever it comes; where the same command goes on, the line says so."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130


@contextmanager
def resumable(how: str = "run it again to go on") -> Iterator[None]:
    """What of a command loses nothing when it is interrupted, and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how) from None


@contextmanager
def noticed() -> Iterator[Callable[[], bool]]:
    """Gives what tells whether an interrupt came: torch makes errors of its own of one that meets it at work."""
    came: list[int] = []
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # a job in the background is deaf to it, and stays so
        yield lambda: False
        return

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(came)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def told() -> Iterator[None]:
    """Tell of an interrupt, and exit. Typer turns one into the exit code and says nothing."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if isinstance(stop, SystemExit) and stop.code != INTERRUPTED:
            raise
        print("; ".join(("livegate: interrupted", *_ways_on(stop))), file=sys.stderr)
        sys.exit(INTERRUPTED)


def _ways_on(stop: BaseException | None) -> tuple[str, ...]:
    """What the interrupt itself says, below what it was turned into."""
    while stop is not None and not isinstance(stop, KeyboardInterrupt):
        stop = stop.__cause__ or stop.__context__
    return tuple(map(str, stop.args)) if stop else ()
