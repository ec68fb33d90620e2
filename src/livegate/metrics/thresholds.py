"""Thresholds: how one is set, on scores that have been split into bona fide and attacks.

Scores: higher = more bona fide, accepted when score >= threshold (see ``scores``). No response, NaN, counts as an error in
every rate: a bona fide presentation without one is rejected at every threshold (-inf below), an attack accepted at every
threshold (+inf).

A threshold is a fact about the scores it was set on: set it on dev, report it on test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Self

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.codes import Codes, Text, factorise
from livegate.metrics.scores import Floats, Mask

REJECT_ALL = float(np.nextafter(1.0, 2.0))
"""The lowest threshold that no score reaches."""

_RULES = "bpcer=X, bpcer=X,pooled, apcer=X, d-eer or fixed=X, such as bpcer=0.05"
ROUNDING = 1e-9
"""A share that misses its target by less than this, from division, meets it."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """Accept when score >= ``value``.

    Attributes:
        value: 0 (everything with a score is accepted) to ``REJECT_ALL``.
        rule: how it was set, as ``Rule`` prints it.
        split: which scores it was set on, such as dev; empty for a fixed one.

    Raises:
        ValueError: on a value that is outside these limits or not finite.
    """

    value: float
    rule: str
    split: str

    def __post_init__(self) -> None:
        if not 0 <= self.value <= REJECT_ALL:
            raise ValueError(f"threshold {self.value} is outside 0..1")

    def accepts(self, values: Floats) -> Mask:
        """Which scores (N,) are accepted; never one that is NaN."""
        return np.asarray(values >= self.value, dtype=np.bool_)


ARGMAX = Threshold(0.5, "fixed=0.5", "")
"""That of a network for liveness that nobody has calibrated: the larger output wins; of equal ones the first, which is bona fide."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a threshold is set.

    ======================  ===========================================================================================
    ``bpcer=0.05``          the largest threshold at which BPCER <= 5 %, every source weighing the same
    ``bpcer=0.05,pooled``   the same, every bona fide row weighing the same
    ``apcer=0.05``          the smallest threshold at which the APCER of the worst species <= 5 %
    ``d-eer``               where pooled APCER and BPCER meet
    ``fixed=0.5``           this value, whatever the scores
    ======================  ===========================================================================================
    """

    name: str
    target: float = 0.0
    pooled: bool = False

    def __post_init__(self) -> None:
        if self.name not in ("bpcer", "apcer", "d-eer", "fixed") or (self.pooled and self.name != "bpcer"):
            raise MetricError(f"unknown rule {str(self)!r}; rules are {_RULES}")
        if not (0 <= self.target < 1 or (self.name == "fixed" and self.target in {1, REJECT_ALL})):
            limits = "0 <= X <= 1" if self.name == "fixed" else "0 <= X < 1"
            raise MetricError(f"rule {str(self)!r} has a target outside {limits}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rule; ``str(Rule.parse(text))`` parses to the same rule.

        Raises:
            MetricError: on an unknown rule or a target outside its limits.
        """
        if text == "d-eer":
            return cls("d-eer")
        stem, comma, option = text.partition(",")
        name, _, number = stem.partition("=")
        if name not in ("bpcer", "apcer", "fixed") or (comma and option != "pooled"):
            raise MetricError(f"unknown rule {text!r}; rules are {_RULES}")
        try:
            target = float(number)
        except ValueError as error:
            raise MetricError(f"rule {text!r} has the target {number!r}, which is not a number; rules are {_RULES}") from error
        return cls(name, target, pooled=bool(comma))

    def __str__(self) -> str:
        return self.name if self.name == "d-eer" else f"{self.name}={self.target!r}{',pooled' * self.pooled}"

    def threshold(self, values: Floats, species: Text, sources: Text, split: str) -> Threshold:
        """Set the threshold on these scores, and on nothing else.

        Args:
            values: (N,) float64 scores within 0..1, NaN = no response.
            species: (N,) text, empty = bona fide.
            sources: (N,) text; only their being alike or not matters.
            split: what these scores are called, remembered by the threshold.

        Raises:
            MetricError: when the scores lack a class that the rule needs, or no threshold reaches its target.
        """
        if self.name == "fixed":
            return Threshold(self.target, str(self), "")
        bona, bona_fide = species == "", bona_fide_scores(values, species)
        if self.name == "bpcer":
            value = at_bpcer(bona_fide, self.target, None if self.pooled else sources[bona])
        elif self.name == "apcer":
            value = at_apcer(attack_scores(values, species), self.target)
        else:
            value = at_equal_error(bona_fide, np.concatenate(list(attack_scores(values, species).values())))
        return Threshold(value, str(self), split)


def at_bpcer(bona_fide: Floats, target: float, sources: Text | None = None) -> float:
    """The largest threshold at which the share of bona fide with score < threshold is at most ``target``.

    Args:
        bona_fide: (N,) scores, -inf = no response.
        target: 0 <= target < 1.
        sources: (N,) text; given, the share is the mean of the shares of each source.

    Raises:
        MetricError: when even the lowest threshold rejects more, since too many gave no response.
    """
    candidates = np.unique(bona_fide[np.isfinite(bona_fide)])  # between two scores the share does not change
    groups = [bona_fide] if sources is None else [bona_fide[sources == source] for source in np.unique(sources)]
    shares = [np.searchsorted(np.sort(group), candidates, side="left") / group.size for group in groups]
    fitting = candidates[np.mean(shares, axis=0) <= target + ROUNDING]
    if not fitting.size:
        silent = f"{int(np.isinf(bona_fide).sum())} of {bona_fide.size} bona fide gave no response"
        raise MetricError(f"no threshold gives BPCER <= {target}: {silent}; allow a larger share")
    return float(fitting[-1])


def at_apcer(attacks: Mapping[str, Floats], target: float) -> float:
    """The smallest threshold at which every species has APCER <= ``target``.

    It is a float64 step above the score of the highest attack that must be rejected.

    Args:
        attacks: species → (N,) scores, +inf = no response.
        target: 0 <= target < 1.

    Raises:
        MetricError: when no threshold rejects enough of a species, since too many gave no response.
    """
    value = 0.0
    for name, scores in attacks.items():
        allowed = floor(target * scores.size + ROUNDING)
        rejected = np.sort(scores)[scores.size - 1 - allowed]
        if np.isinf(rejected):
            silent = f"{int(np.isinf(scores).sum())} of {scores.size} gave no response"
            raise MetricError(f"no threshold gives APCER <= {target} for species {name!r}: {silent}; allow a larger share")
        value = max(value, float(np.nextafter(rejected, 2.0)))
    return value


def at_equal_error(bona_fide: Floats, attack: Floats) -> float:
    """The threshold at which APCER and BPCER differ least; of equals the one with the smaller sum, then the higher one.

    Args:
        bona_fide: (N,) scores, -inf = no response.
        attack: (M,) scores of all species, +inf = no response.
    """
    thresholds, accepted, rejected = steps(bona_fide, attack)
    apcer, bpcer = accepted * bona_fide.size, rejected * attack.size  # over one denominator: exact in integers
    return float(thresholds[np.lexsort((-thresholds, apcer + bpcer, abs(apcer - bpcer)))[0]])


def steps(bona_fide: Floats, attack: Floats) -> tuple[Floats, Codes, Codes]:
    """Thresholds, rising, with the attacks accepted and the bona fide rejected at each."""
    both = np.concatenate((bona_fide, attack))
    thresholds = np.unique(np.concatenate((both[np.isfinite(both)], (0.0, REJECT_ALL))))
    accepted = attack.size - np.searchsorted(np.sort(attack), thresholds, "left")
    return thresholds, accepted, np.searchsorted(np.sort(bona_fide), thresholds, "left")


def crossing(falling: Floats, rising: Floats) -> float:
    """The value at which two error curves (n,) meet, on a line between the two steps around it; the larger one where they never do."""
    gap = falling - rising
    if gap[0] <= 0 or gap[-1] > 0:
        end = 0 if gap[0] <= 0 else -1
        return float(max(falling[end], rising[end]))
    after = int(np.argmax(gap <= 0))
    before = after - 1
    if gap[after] == 0:
        return float(falling[after])
    along = gap[before] / (gap[before] - gap[after])
    return float(falling[before] + along * (falling[after] - falling[before]))


def bona_fide_scores(values: Floats, species: Text) -> Floats:
    """Bona fide scores with -inf, rejected at every threshold, for no response."""
    _check(values, species)
    bona_fide = values[species == ""]
    if not bona_fide.size:
        raise MetricError("there are no bona fide presentations (rows whose species is empty), so BPCER has no trials")
    return np.where(np.isnan(bona_fide), -np.inf, bona_fide)


def attack_scores(values: Floats, species: Text) -> dict[str, Floats]:
    """Scores of each species, names sorted, with +inf, accepted at every threshold, for no response."""
    _check(values, species)
    attack = species != ""
    if not attack.any():
        raise MetricError("there are no presentation attacks (rows that name a species), so APCER has no trials")
    scores = np.where(np.isnan(values[attack]), np.inf, values[attack])
    names, codes = factorise(species[attack])
    return {name: scores[codes == names.index(name)] for name in sorted(names)}


def _check(values: Floats, species: Text) -> None:
    if values.ndim != 1 or values.shape != species.shape:
        raise ValueError(f"scores have shape {values.shape}, species {species.shape}; both must be (N,)")
    if ((values < 0) | (values > 1)).any():
        raise ValueError("scores must lie within 0..1, or be NaN for no response")
