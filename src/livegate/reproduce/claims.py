"""Is a claim of the paper held here? One rule for each kind of figure, stated before the numbers are seen.

- Errors: a difference is held when its 95 % interval over people and seeds lies on the claimed side of zero, not held when it lies on the
  other side, and within noise when it holds zero.
- Times: the same with the quartiles of the ratio over the rounds of one interleaved run.
- Curves: every seed must show it; with fewer than three seeds nothing is shown.

A claim of several parts is held when all parts are, not held when one part is not, and within noise otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np

from livegate.reproduce.pta_published import CLAIMS, CONFIGURATIONS, NO_PTA
from livegate.reproduce.trials import FIGURES, Estimate, Figure, Floats, Trials, estimate

LEAST_SEEDS = 3
SAME = 0.02
"""Two latencies whose ratio is this close to 1 are the same: phones do not tell them apart."""


class Outcome(StrEnum):
    """What became of a claim."""

    HELD = "held"
    NOT_HELD = "not held"
    NOISE = "within noise"


class Part(NamedTuple):
    """One comparison: its outcome, and the figures that decided."""

    outcome: Outcome
    evidence: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio of times: the median over the rounds of one run and its quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def over(cls, rounds: Floats) -> Self:
        """From the ratio of each round, (R,)."""
        low, median, high = np.percentile(rounds, [25, 50, 75]).tolist()
        return cls(median, low, high)


@dataclass(frozen=True, slots=True)
class Judged:
    """A claim, its outcome, and its parts: each a figure in words and what became of it."""

    claim: str
    outcome: Outcome
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """What the claims are judged by.

    Attributes:
        trials: errors on test.
        latency: (row, row) → the first over the second.
        step: a step of adaptive training over one of the plain network.
        curves: "No PTA" and "HHH" → ACER on dev by epoch, one sequence a seed.
        switched: whether one loaded network gave every configuration, and the first one again bit for bit.
        multiply_adds: by row.
    """

    trials: Trials
    latency: Mapping[tuple[str, str], Ratio]
    step: Ratio
    curves: Mapping[str, Sequence[Sequence[float]]]
    switched: bool
    multiply_adds: Mapping[str, int]


def judge(observed: Observed) -> tuple[Judged, ...]:
    """Every claim of the paper, in its order."""
    lead = _Differences(observed.trials)
    ratio = observed.latency
    same = abs(ratio["HHH", NO_PTA].median - 1) <= SAME
    cheaper = all(observed.multiply_adds["HLH"] < observed.multiply_adds[other] for other in ("LHH", "HHL"))
    parts = (
        [lead.better("HHH", NO_PTA, figure) for figure in FIGURES],
        [lead.better(name, NO_PTA, figure) for name in CONFIGURATIONS for figure in ("acer", "accuracy")],
        [lead.better("BBB", other, "acer") for other in (NO_PTA, *CONFIGURATIONS) if other != "BBB"],
        [
            *(_faster(ratio["LLL", other], f"LLL ÷ {other}") for other in (NO_PTA, *CONFIGURATIONS) if other != "LLL"),
            lead.better("LLL", NO_PTA, "acer"),
            *(lead.better("LLL", other, "accuracy") for other in (NO_PTA, *CONFIGURATIONS) if other != "LLL"),
        ],
        [_when(observed.switched, "one loaded network gave every configuration, and all again bit for bit")],
        [_faster(observed.step, "a step of PTA ÷ a step of No PTA")],
        [_when(same, f"HHH ÷ No PTA {_shown(ratio['HHH', NO_PTA])}")],
        [_curves(observed.curves)],
        [
            _when(cheaper, "HLH has fewer multiply-adds than LHH and HHL"),
            *(_faster(ratio[other, "HLH"], f"{other} ÷ HLH") for other in ("LHH", "HHL")),
        ],
    )
    return tuple(_judged(claim, found) for claim, found in zip(CLAIMS, parts, strict=True))


class _Differences:
    """Paired differences between rows, from one set of bootstrap draws."""

    def __init__(self, trials: Trials) -> None:
        self.drawn = trials.bootstrap()

    def better(self, row: str, other: str, figure: Figure) -> Part:
        difference = self.difference(row, other, figure)
        sign = -1 if figure == "accuracy" else 1
        outcome = _beyond(sign * difference.low, sign * difference.high)
        shown = f"{100 * difference.mean:+.2f} [{100 * difference.low:+.2f}, {100 * difference.high:+.2f}]"
        return Part(outcome, f"{figure.upper() if figure != 'accuracy' else figure} {row} - {other} {shown}")

    def difference(self, row: str, other: str, figure: Figure) -> Estimate:
        (seeds, replicates), (other_seeds, other_replicates) = self.drawn[row][figure], self.drawn[other][figure]
        return estimate(seeds - other_seeds, replicates - other_replicates)


def estimates(trials: Trials) -> dict[str, dict[Figure, Estimate]]:
    """Row → figure → its estimate."""
    drawn = trials.bootstrap()
    return {row: {figure: estimate(*values) for figure, values in figures.items()} for row, figures in drawn.items()}


def _beyond(one: float, other: float) -> Outcome:
    """Claimed: below zero."""
    if max(one, other) < 0:
        return Outcome.HELD
    return Outcome.NOT_HELD if min(one, other) > 0 else Outcome.NOISE


def _faster(ratio: Ratio, name: str) -> Part:
    return Part(_beyond(ratio.low - 1, ratio.high - 1), f"{name} {_shown(ratio)}")


def _when(holds: bool, evidence: str) -> Part:  # noqa: FBT001 - the one thing that it is about
    return Part(Outcome.HELD if holds else Outcome.NOT_HELD, evidence)


def _shown(ratio: Ratio) -> str:
    return f"{ratio.median:.3f} [{ratio.low:.3f}, {ratio.high:.3f}]"


def _curves(curves: Mapping[str, Sequence[Sequence[float]]]) -> Part:
    pairs = list(zip(curves["HHH"], curves[NO_PTA], strict=True))
    below = [sum(a < b for a, b in zip(pta, plain, strict=True)) for pta, plain in pairs]
    epochs = [len(pta) for pta, _ in pairs]
    shown = f"HHH is below No PTA in {', '.join(f'{b} of {e}' for b, e in zip(below, epochs, strict=True))} epochs of its seeds"
    first = sum(pta[0] < plain[0] for pta, plain in pairs)
    evidence = f"{shown}; after the first epoch in {first} of {len(pairs)}"
    if len(pairs) < LEAST_SEEDS:
        return Part(Outcome.NOISE, f"{evidence}; fewer than {LEAST_SEEDS} seeds")
    throughout = [b == e for b, e in zip(below, epochs, strict=True)]
    return Part(Outcome.HELD if all(throughout) else Outcome.NOISE if any(throughout) else Outcome.NOT_HELD, evidence)


def _judged(claim: str, parts: Iterable[Part]) -> Judged:
    found = tuple(parts)
    outcomes = {part.outcome for part in found}
    worst = next(outcome for outcome in (Outcome.NOT_HELD, Outcome.NOISE, Outcome.HELD) if outcome in outcomes)
    return Judged(claim, worst, found)
