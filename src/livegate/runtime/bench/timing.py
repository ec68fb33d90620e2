"""Timing things that are to be compared: in turn, in many short rounds of one process.

A round calls each thing a few times; every other round runs backwards. A ratio is formed within a round, of the fastest call of each
thing, and of all rounds the median counts. So a machine that slows down or is shared moves the milliseconds and hardly the ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

BURST = 5
"""Calls of one thing in a round that count; one more before them, which finds the cache as the thing before left it, does not."""

Call = Callable[[], object]
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one thing.

    Attributes:
        calls: (rounds, BURST).
        since: (rounds,), seconds from the start of the first round to this thing's turn.
    """

    calls: NDArray[np.float64]
    since: NDArray[np.float64]

    @property
    def best(self) -> NDArray[np.float64]:
        """(rounds,), the fastest call of each round."""
        return np.asarray(self.calls.min(axis=1))

    def percentile(self, percent: float) -> float:
        """Of all calls."""
        return float(np.percentile(self.calls, percent))

    def ratio(self, other: Times) -> float:
        """How many times as long as the other thing: the median over the rounds of the ratio within one."""
        return float(np.median(self.best / other.best))

    def drift(self, window: float) -> float | None:
        """The median of the last so many seconds over that of the first; None if less than two such windows were measured."""
        passed = self.since - self.since[0]
        if passed[-1] < 2 * window:
            return None
        first, last = passed < window, passed >= passed[-1] - window
        return float(np.median(self.best[last]) / np.median(self.best[first]))


def in_turn(calls: Mapping[Key, Call], more: Callable[[int], bool]) -> dict[Key, Times]:
    """Call things in turn, round after round.

    Args:
        calls: at least one.
        more: whether there is another round, given how many there were; asked before each.
    """
    times: dict[Key, list[list[float]]] = {key: [] for key in calls}
    since: dict[Key, list[float]] = {key: [] for key in calls}
    started, number = perf_counter(), 0
    while more(number):
        for key in list(calls)[:: -1 if number % 2 else 1]:
            since[key].append(perf_counter() - started)
            times[key].append([timed(calls[key]) for _ in range(BURST + 1)][1:])
        number += 1
    return {key: Times(np.array(times[key]), np.array(since[key])) for key in calls}


def switching(first: Call, second: Call, rounds: int) -> float:
    """Extra milliseconds of a call when every call is another one than the one before: the median over the rounds."""
    extra = []
    for _ in range(rounds):
        staying = sum(min([timed(call) for _ in range(BURST + 1)][1:]) for call in (first, second))
        turns = [(timed(first), timed(second)) for _ in range(BURST + 1)][1:]
        extra.append((sum(min(column) for column in zip(*turns, strict=True)) - staying) / 2)
    return float(np.median(extra))


def timed(call: Call) -> float:
    """Milliseconds of one call."""
    started = perf_counter()
    call()
    return (perf_counter() - started) * 1000
