"""Presentation attack detection figures after ISO/IEC 30107-3, as pure functions on arrays.

Scores: higher = more bona fide, accepted when score >= threshold (see ``scores``). No response, NaN, counts as an error in
every rate: a bona fide presentation without one is rejected at every threshold, an attack accepted at every threshold.

A threshold is a fact about the scores it was set on: set it on dev, report it on test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from typing import Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from livegate.errors import MetricError
from livegate.metrics.rate import Rate
from livegate.metrics.scores import Floats, Mask, Text

Counts: TypeAlias = npt.NDArray[np.int64]
Unit: TypeAlias = Literal["picture", "presentation"]

REJECT_ALL = float(np.nextafter(1.0, 2.0))
"""The lowest threshold that no score reaches."""

_RULES = "bpcer=X, bpcer=X,pooled, apcer=X, d-eer or fixed=X, such as bpcer=0.05"
_ROUNDING = 1e-9


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
        if not (0 <= self.target < 1 or (self.name == "fixed" and self.target == 1)):
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
        bona, bona_fide = species == "", _bona_fide(values, species)
        if self.name == "bpcer":
            value = at_bpcer(bona_fide, self.target, None if self.pooled else sources[bona])
        elif self.name == "apcer":
            value = at_apcer(_attacks(values, species), self.target)
        else:
            value = at_equal_error(bona_fide, np.concatenate(list(_attacks(values, species).values())))
        return Threshold(value, str(self), split)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold and the BPCER there."""

    threshold: Threshold
    bpcer: Rate


@dataclass(frozen=True, slots=True)
class PadReport:
    """What one configuration does at one threshold. Rates keep their counts; no response is an error in each.

    Attributes:
        threshold: where the rates hold.
        configuration: such as HLH; empty for a network without adaptive blocks.
        unit: what a trial is; the presentation is the headline, pictures of one clip are not independent.
        apcer: attack presentation classification error rate of each PAI species, names sorted.
        bpcer: bona fide presentation classification error rate.
        apnrr: attacks without a response.
        bpnrr: bona fide presentations without a response.
        auc: P(bona fide score > attack score) + P(equal) / 2, all species pooled.
        d_eer: detection equal error rate, all species pooled. **An oracle on test scores**: its threshold is found on the very
            scores it is measured on, so it ranks systems and is no operating point.
        d_eer_worst: the largest D-EER of one species against all bona fide; an oracle too.
        bpcer20: BPCER where the worst species' APCER is at most 5 %, found on these scores (an oracle too); None when no
            threshold reaches that, since too many attacks of a species gave no response.
    """

    threshold: Threshold
    configuration: str
    unit: Unit
    apcer: Mapping[str, Rate]
    bpcer: Rate
    apnrr: Rate
    bpnrr: Rate
    auc: float
    d_eer: float
    d_eer_worst: float
    bpcer20: OperatingPoint | None

    @property
    def worst_apcer(self) -> tuple[str, Rate]:
        """The species with the highest APCER, the headline of ISO/IEC 30107-3; of equals the first by name."""
        return max(self.apcer.items(), key=lambda item: item[1].value)

    @property
    def apcer_pooled(self) -> Rate:
        """All attacks in one pot. Not the ISO figure: a frequent, easy species hides the worst."""
        return Rate(sum(rate.errors for rate in self.apcer.values()), sum(rate.trials for rate in self.apcer.values()))

    @property
    def acer(self) -> float:
        """(worst APCER + BPCER) / 2. From the literature, not in the current ISO standard."""
        return (self.worst_apcer[1].value + self.bpcer.value) / 2

    @property
    def acer_pooled(self) -> float:
        """(pooled APCER + BPCER) / 2. From the literature, where it is also called HTER; not ISO."""
        return (self.apcer_pooled.value + self.bpcer.value) / 2


def measure(  # noqa: PLR0913 - keyword-only facts that the report keeps
    values: Floats, species: Text, threshold: Threshold, *, configuration: str = "", unit: Unit = "picture", split: str = "test"
) -> PadReport:
    """All figures of one configuration at a threshold that was set elsewhere.

    Args:
        values: (N,) float64 scores within 0..1, NaN = no response.
        species: (N,) text, empty = bona fide.
        threshold: where the rates are taken.
        configuration: kept in the report.
        unit: what a row is; kept in the report.
        split: what these scores are called; the threshold of ``bpcer20`` remembers it.

    Raises:
        MetricError: when one class is missing.
        ValueError: on arrays of unequal shape or scores outside 0..1.
    """
    bona_fide, attacks = _bona_fide(values, species), _attacks(values, species)
    pooled = np.concatenate(list(attacks.values()))
    return PadReport(
        threshold=threshold,
        configuration=configuration,
        unit=unit,
        apcer={name: _share(threshold.accepts(attack)) for name, attack in attacks.items()},
        bpcer=_share(~threshold.accepts(bona_fide)),
        apnrr=_share(np.isinf(pooled)),
        bpnrr=_share(np.isinf(bona_fide)),
        auc=auc(bona_fide, pooled),
        d_eer=d_eer(bona_fide, pooled),
        d_eer_worst=max(d_eer(bona_fide, attack) for attack in attacks.values()),
        bpcer20=_bpcer20(bona_fide, attacks, split),
    )


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
    fitting = candidates[np.mean(shares, axis=0) <= target + _ROUNDING]
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
        allowed = floor(target * scores.size + _ROUNDING)
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
    thresholds, accepted, rejected = _steps(bona_fide, attack)
    apcer, bpcer = accepted * bona_fide.size, rejected * attack.size  # over one denominator: exact in integers
    return float(thresholds[np.lexsort((-thresholds, apcer + bpcer, abs(apcer - bpcer)))[0]])


def auc(bona_fide: Floats, attack: Floats) -> float:
    """P(bona fide > attack) + P(equal) / 2, as midranks give it, counted in integers.

    Args:
        bona_fide: (N,) scores, -inf = no response.
        attack: (M,) scores of all species, +inf = no response.
    """
    ordered = np.sort(attack)
    doubled = np.searchsorted(ordered, bona_fide, "left").sum() + np.searchsorted(ordered, bona_fide, "right").sum()
    return float(doubled) / (2 * bona_fide.size * attack.size)


def d_eer(bona_fide: Floats, attack: Floats) -> float:
    """Detection equal error rate: interpolated on a line between the two ROC steps where APCER - BPCER changes sign.

    On test scores it is an oracle: its threshold is found on the scores it is measured on.

    Args:
        bona_fide: (N,) scores, -inf = no response.
        attack: (M,) scores, +inf = no response.
    """
    _, accepted, rejected = _steps(bona_fide, attack)
    apcer, bpcer = accepted / attack.size, rejected / bona_fide.size
    gap = apcer - bpcer
    after = int(np.argmax(gap <= 0))  # the lowest threshold accepts all attacks, the highest rejects all bona fide
    if after == 0 or gap[after] == 0:
        return float(apcer[after])
    before = after - 1
    along = gap[before] / (gap[before] - gap[after])
    return float(apcer[before] + along * (apcer[after] - apcer[before]))


def _steps(bona_fide: Floats, attack: Floats) -> tuple[Floats, Counts, Counts]:
    """Thresholds, rising, with the attacks accepted and the bona fide rejected at each."""
    both = np.concatenate((bona_fide, attack))
    thresholds = np.unique(np.concatenate((both[np.isfinite(both)], (0.0, REJECT_ALL))))
    accepted = attack.size - np.searchsorted(np.sort(attack), thresholds, "left")
    return thresholds, accepted, np.searchsorted(np.sort(bona_fide), thresholds, "left")


def _bpcer20(bona_fide: Floats, attacks: Mapping[str, Floats], split: str) -> OperatingPoint | None:
    try:
        threshold = Threshold(at_apcer(attacks, 0.05), "apcer=0.05", split)
    except MetricError:
        return None
    return OperatingPoint(threshold, _share(~threshold.accepts(bona_fide)))


def _share(errors: Mask) -> Rate:
    return Rate(int(errors.sum()), errors.size)


def _bona_fide(values: Floats, species: Text) -> Floats:
    """Bona fide scores with -inf, rejected at every threshold, for no response."""
    _check(values, species)
    bona_fide = values[species == ""]
    if not bona_fide.size:
        raise MetricError("there are no bona fide presentations (rows whose species is empty), so BPCER has no trials")
    return np.where(np.isnan(bona_fide), -np.inf, bona_fide)


def _attacks(values: Floats, species: Text) -> dict[str, Floats]:
    """Scores of each species, names sorted, with +inf, accepted at every threshold, for no response."""
    _check(values, species)
    attack = species != ""
    if not attack.any():
        raise MetricError("there are no presentation attacks (rows that name a species), so APCER has no trials")
    scores = np.where(np.isnan(values[attack]), np.inf, values[attack])
    names, codes = np.unique(species[attack], return_inverse=True)
    return {str(name): scores[codes == code] for code, name in enumerate(names.tolist())}


def _check(values: Floats, species: Text) -> None:
    if values.ndim != 1 or values.shape != species.shape:
        raise ValueError(f"scores have shape {values.shape}, species {species.shape}; both must be (N,)")
    if ((values < 0) | (values > 1)).any():
        raise ValueError("scores must lie within 0..1, or be NaN for no response")
