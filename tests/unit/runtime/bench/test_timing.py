"""Times are taken in turn, and a ratio is one of neighbours in time."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.runtime.bench import timing
from livegate.runtime.bench.timing import BURST, Times, in_turn, switching, timed


class Clock:
    """A clock that only moves when something is called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.order: list[str] = []
        monkeypatch.setattr(timing, "perf_counter", lambda: self.now)

    def thing(self, name: str, *milliseconds: float) -> timing.Call:
        """Something that takes so long, one time after the other, again and again."""
        numbers = iter(())

        def call() -> None:
            nonlocal numbers
            self.order.append(name)
            duration = next(numbers, None)
            if duration is None:
                numbers = iter(milliseconds)
                duration = next(numbers)
            self.now += duration / 1000

        return call


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the test."""
    return Clock(monkeypatch)


def test_every_other_round_runs_backwards(clock: Clock) -> None:
    """Three things, two rounds: a a … b … c …, then c … b … a …; six calls at a time, of which the first is not kept."""
    things = {name: clock.thing(name, 1.0) for name in "abc"}
    times = in_turn(things, lambda number: number < 2)
    assert "".join(clock.order) == "".join(name * (BURST + 1) for name in "abccba")
    assert {name: times[name].calls.shape for name in "abc"} == dict.fromkeys("abc", (2, BURST))
    assert times["b"].since == pytest.approx([0.006, 0.024])


def test_the_first_call_of_a_burst_does_not_count(clock: Clock) -> None:
    """It takes 100, the others 1 to 5."""
    times = in_turn({"a": clock.thing("a", 100, 1, 2, 3, 4, 5)}, lambda number: number < 3)["a"]
    assert times.calls == pytest.approx(np.array([[1, 2, 3, 4, 5]] * 3))
    assert times.best == pytest.approx([1, 1, 1])
    assert times.percentile(50) == pytest.approx(3)
    assert times.percentile(100) == pytest.approx(5)


def test_a_ratio_is_formed_within_a_round() -> None:
    """A machine that becomes ten times slower changes no ratio; one disturbed round of three does not count."""
    slow = np.array([1.0, 10.0, 100.0])[:, None]
    since = np.zeros(3)
    base, other = Times(2 * slow, since), Times(3 * slow * np.array([1.0, 1.0, 9.0])[:, None], since)
    assert other.ratio(base) == pytest.approx(1.5)


def test_drift_is_the_last_window_over_the_first() -> None:
    """Calls of 2 ms in the first minute, 9 in the second, 3 in the third: half as long again. Too short a load has no drift."""
    since = np.arange(0, 180, 10.0)
    calls = np.repeat([2.0, 9.0, 3.0], 6)[:, None]
    assert Times(calls, since).drift(60) == pytest.approx(1.5)
    assert Times(calls[:10], since[:10]).drift(60) is None


def test_switching_is_what_alternating_adds(clock: Clock) -> None:
    """Things of 2 and 4 ms that share a state: each call after the other one takes 1 ms more."""
    last = ""

    def thing(name: str, duration: float) -> timing.Call:
        def call() -> None:
            nonlocal last
            clock.now += (duration + (last not in {"", name})) / 1000
            last = name

        return call

    assert switching(thing("a", 2.0), thing("b", 4.0), rounds=5) == pytest.approx(1.0)


def test_a_call_is_timed_in_milliseconds(clock: Clock) -> None:
    """Of the clock that counts on."""
    assert timed(clock.thing("a", 12.5)) == pytest.approx(12.5)
