"""The whole system, liveness and match together, on the same presentations (ISO/IEC 30107-3, full-system evaluation).

An attempt is admitted when its liveness and its similarity each reach their threshold; no response from either, and it is not admitted.

=========  ==========================================================================================================
FRR        mated bona fide attempts that are not admitted
FAR        bona fide attempts of others (zero effort) that are admitted
IAPAR      attacks on a template's subject that are admitted, of each PAI species and, as the headline, of the worst
RIAPAR     IAPAR + FRR, ideally 0: what one gains by admitting nobody it loses on the other side
=========  ==========================================================================================================

Liveness and similarity of an attack are correlated (a good print matches well and may pass), so none of these follows from rates of the
parts, which stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.attempts import Attempts
from livegate.metrics.codes import Codes, Text
from livegate.metrics.intervals import Interval, checked_replicates, percentiles
from livegate.metrics.pad import worst
from livegate.metrics.rate import Rate
from livegate.metrics.scores import Floats, Mask
from livegate.metrics.similarities import Dyads, Similarities
from livegate.metrics.thresholds import Rule, Threshold
from livegate.metrics.verification import above, at_fmr


@dataclass(frozen=True, slots=True)
class Pair:
    """The two thresholds of a system."""

    liveness: Threshold
    match: Threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class JointRates:
    """The errors of a system at one pair of thresholds.

    Attributes:
        pair: the thresholds.
        frr: false reject rate of the whole system.
        far: false accept rate of the whole system; None without zero-effort attempts.
        iapar: species → impostor attack presentation accept rate of the whole system, names sorted.
        bpcer: mated bona fide attempts that liveness alone rejects.
        fnmr: mated bona fide attempts that the match alone rejects.
        fmr: zero-effort attempts that the match alone accepts; None without any.
        apcer: species → attacks that liveness alone accepts; no response counts as accepted, as it does in every APCER.
        iapmr: species → attacks that the match alone accepts.
        silent: mated bona fide attempts without a response of one or the other.
        silent_attacks: attacks without one; they are not admitted.
    """

    pair: Pair
    frr: Rate
    far: Rate | None
    iapar: Mapping[str, Rate]
    bpcer: Rate
    fnmr: Rate
    fmr: Rate | None
    apcer: Mapping[str, Rate]
    iapmr: Mapping[str, Rate]
    silent: Rate
    silent_attacks: Rate

    @property
    def worst_iapar(self) -> tuple[str, Rate]:
        """The species with the highest IAPAR; of equals the one with the fewest trials."""
        return worst(self.iapar)

    @property
    def riapar(self) -> float:
        """IAPAR of the worst species + FRR, 0 to 2; ideally 0."""
        return self.worst_iapar[1].value + self.frr.value


@dataclass(frozen=True, slots=True, kw_only=True)
class JointIntervals:
    """Intervals over subjects, the thresholds held.

    Attributes:
        frr: of the false reject rate.
        far: of the false accept rate; None without zero-effort attempts.
        iapar: of each species.
        riapar: of the worst species' RIAPAR, the worst taken anew in each drawn set: biased upward, as every maximum.
        subjects: how many were drawn.
        replicates: how many sets were drawn.
        seed: of the draws.
    """

    frr: Interval
    far: Interval | None
    iapar: Mapping[str, Interval]
    riapar: Interval
    subjects: int
    replicates: int
    seed: int


@dataclass(frozen=True, slots=True)
class Halves:
    """Each half of the subjects at the pair of thresholds that the other half set: nobody is measured by what was set on them.

    Attributes:
        attempts: of each half.
        rates: of each half, at the pair from the other.
    """

    attempts: tuple[Attempts, Attempts]
    rates: tuple[JointRates, JointRates]

    @property
    def frr(self) -> Rate:
        """False reject rate of both halves in one pot."""
        return Rate.pooled(one.frr for one in self.rates)

    @property
    def far(self) -> Rate | None:
        """False accept rate of both halves in one pot; None without zero-effort attempts."""
        found = [one.far for one in self.rates if one.far]
        return Rate.pooled(found) if found else None

    @property
    def iapar(self) -> dict[str, Rate]:
        """Species → IAPAR of both halves in one pot, names sorted."""
        names = sorted({name for one in self.rates for name in one.iapar})
        return {name: Rate.pooled(one.iapar[name] for one in self.rates if name in one.iapar) for name in names}

    @property
    def worst_iapar(self) -> tuple[str, Rate]:
        """The species with the highest IAPAR; of equals the one with the fewest trials."""
        return worst(self.iapar)

    @property
    def riapar(self) -> float:
        """IAPAR of the worst species + FRR, 0 to 2; ideally 0."""
        return self.worst_iapar[1].value + self.frr.value

    def intervals(self, *, replicates: int = 2000, seed: int = 0, confidence: float = 0.95) -> JointIntervals:
        """As `joint_intervals`, each half at its pair."""
        admitted = [_admitted_by(attempts, rates.pair) for attempts, rates in zip(self.attempts, self.rates, strict=True)]
        both = Attempts.join(self.attempts)
        return _intervals(both, np.concatenate(admitted), replicates=replicates, seed=seed, confidence=confidence)


def halved(attempts: Attempts, choose: Callable[[Attempts], Pair]) -> Halves:
    """Set the thresholds on one half of the subjects, report the other, and the other way round.

    Args:
        attempts: with subjects.
        choose: sets a pair, such as `pair_by_riapar`.

    Raises:
        MetricError: when a half lacks a kind, or cannot support what ``choose`` asks of it.
    """
    one, other = attempts.halves()
    return Halves((one, other), (joint_rates(one, choose(other)), joint_rates(other, choose(one))))


def joint_rates(attempts: Attempts, pair: Pair) -> JointRates:
    """The errors at thresholds that were set elsewhere.

    Raises:
        MetricError: when there is no mated bona fide attempt, or no attack.
    """
    kinds = _kinds(attempts)
    live, match = pair.liveness.accepts(attempts.liveness), pair.match.accepts(attempts.similarity)
    silent = np.isnan(attempts.liveness) | np.isnan(attempts.similarity)
    unheard = np.isnan(attempts.liveness)
    return JointRates(
        pair=pair,
        frr=_share(~(live & match), kinds.mated),
        far=_share(live & match, kinds.others) if kinds.others.any() else None,
        iapar={name: _share(live & match, rows) for name, rows in kinds.attacks.items()},
        bpcer=_share(~live, kinds.mated),
        fnmr=_share(~match, kinds.mated),
        fmr=_share(match, kinds.others) if kinds.others.any() else None,
        apcer={name: _share(live | unheard, rows) for name, rows in kinds.attacks.items()},
        iapmr={name: _share(match, rows) for name, rows in kinds.attacks.items()},
        silent=_share(silent, kinds.mated),
        silent_attacks=_share(silent, ~attempts.bona_fide),
    )


def pair_by_rules(attempts: Attempts, liveness: Rule, fmr: float, split: str) -> Pair:
    """Each threshold by its own rule, as a model that ships both would be set.

    Args:
        attempts: what both are set on.
        liveness: over mated bona fide attempts and attacks.
        fmr: what the match may admit of zero-effort attempts, 0 < fmr < 1.
        split: what the attempts are called.

    Raises:
        MetricError: when a kind is missing, or the attempts do not support a target.
    """
    tried = attempts.where(attempts.mated)
    return Pair(
        liveness.threshold(tried.liveness, tried.species, tried.source, split), at_fmr(_similarities(attempts), fmr, split)
    )


def pair_by_riapar(attempts: Attempts, fmr: float, split: str) -> Pair:
    """The pair with the lowest RIAPAR of the worst species, the match alone keeping FMR at most ``fmr``.

    Of equals the lowest match threshold, then the highest liveness threshold: what costs no mated attempt rejects as many attacks as it can.

    Args:
        attempts: what both are set on.
        fmr: 0 < fmr < 1.
        split: what the attempts are called.

    Raises:
        MetricError: when a kind is missing, or the attempts do not support ``fmr``.
    """
    kinds, least = _kinds(attempts), at_fmr(_similarities(attempts), fmr, split)
    scores = np.nan_to_num(attempts.liveness, nan=-1.0)
    # FRR changes at the liveness of mated attempts, so every best pair has an equal with such a threshold.
    candidates = np.unique(np.maximum(scores[kinds.mated], 0.0))
    best: tuple[float, float, float] | None = None
    for match in _match_candidates(attempts, kinds, least.value):
        passed = attempts.similarity >= match
        iapar = np.max([_admitted(scores, passed, rows, candidates) for rows in kinds.attacks.values()], axis=0)
        riapar = np.round(1 - _admitted(scores, passed, kinds.mated, candidates) + iapar, 12)  # so that equal ones are equal
        place = int(np.lexsort((-candidates, riapar))[0])
        found = (float(riapar[place]), float(match), -float(candidates[place]))
        best = found if best is None or found < best else best
    _, match, negative = best or (0.0, least.value, 0.0)
    rule = f"riapar,fmr={fmr:g}"
    return Pair(Threshold(-negative, rule, split), Threshold(match, rule, split))


def _match_candidates(attempts: Attempts, kinds: _Kinds, least: float) -> list[float]:
    """At most 200 thresholds on the similarity, from the lowest that may be: a step above each attack's, and where mated ones are lost."""
    similarity = attempts.similarity[kinds.mated | ~attempts.bona_fide]
    higher = np.unique(similarity[similarity >= least])
    places = np.unique(np.linspace(0, higher.size - 1, 199).astype(np.int64)) if higher.size else np.array([], np.int64)
    return [least, *(above(value) for value in higher[places].tolist())]


def _admitted(liveness: Floats, passed: Mask, rows: Mask, thresholds: Floats) -> Floats:
    """Of these rows the share that passes the match and reaches each threshold (T,)."""
    scores = np.sort(liveness[rows & passed])
    return (scores.size - np.searchsorted(scores, thresholds, "left")) / int(rows.sum())


def joint_intervals(
    attempts: Attempts, pair: Pair, *, replicates: int = 2000, seed: int = 0, confidence: float = 0.95
) -> JointIntervals:
    """Percentile intervals from subjects drawn with replacement; a subject moves with all attempts that show it or are on it.

    Args:
        attempts: with subjects, at least two.
        pair: held in every drawn set.
        replicates: how many sets, at least 1.
        seed: of the draws.
        confidence: two-sided, strictly between 0 and 1.

    Raises:
        MetricError: when a kind or a subject is missing.
        ValueError: on replicates or a confidence outside their limits.
    """
    admitted = _admitted_by(attempts, pair)
    return _intervals(attempts, admitted, replicates=replicates, seed=seed, confidence=confidence)


def _admitted_by(attempts: Attempts, pair: Pair) -> Mask:
    return pair.liveness.accepts(attempts.liveness) & pair.match.accepts(attempts.similarity)


def _intervals(attempts: Attempts, admitted: Mask, *, replicates: int, seed: int, confidence: float) -> JointIntervals:
    wanted, kinds = checked_replicates(replicates), _kinds(attempts)
    dyads = Dyads(*(_person(attempts, name) for name in (attempts.reference_subject, attempts.probe_subject)))
    generator = np.random.default_rng(seed)
    rows: list[list[float]] = []
    while len(rows) < wanted:
        weights = dyads.weights(generator)
        if (row := _row(weights, admitted, kinds)) is not None:
            rows.append(row)
    points = _row(np.ones(len(attempts), np.int64), admitted, kinds) or []
    frr, far, riapar, *iapar = (percentiles(*one, confidence) for one in zip(points, np.array(rows).T, strict=True))
    return JointIntervals(
        frr=frr,
        far=far if kinds.others.any() else None,
        iapar=dict(zip(kinds.attacks, iapar, strict=True)),
        riapar=riapar,
        subjects=dyads.subjects,
        replicates=replicates,
        seed=seed,
    )


def _row(weights: Codes, admitted: Mask, kinds: _Kinds) -> list[float] | None:
    """FRR, FAR, RIAPAR and the IAPAR of each species of a drawn set; None where it lacks a kind, and is drawn again."""
    iapar = [_weighed(weights, admitted, kind) for kind in kinds.attacks.values()]
    frr = 1 - _weighed(weights, admitted, kinds.mated)
    if np.isnan(frr) or np.isnan(iapar).all():
        return None
    return [frr, _weighed(weights, admitted, kinds.others), float(np.nanmax(iapar)) + frr, *iapar]


def _weighed(weights: Codes, admitted: Mask, rows: Mask) -> float:
    total = int(weights[rows].sum())
    return int(weights[rows & admitted].sum()) / total if total else np.nan


def _person(attempts: Attempts, names: Text) -> Text:
    """The same name in another source is another person."""
    return np.where(names == "", names, attempts.source + "\t" + names)


@dataclass(frozen=True, slots=True)
class _Kinds:
    mated: Mask
    others: Mask
    attacks: Mapping[str, Mask]


def _kinds(attempts: Attempts) -> _Kinds:
    bona_fide = attempts.bona_fide
    mated = bona_fide & attempts.mated
    if not mated.any():
        raise MetricError("there are no mated bona fide attempts, so FRR has no trials")
    if bona_fide.all():
        raise MetricError("there are no attacks, so IAPAR has no trials")
    names = sorted({name for name in attempts.species.tolist() if name})
    return _Kinds(mated, bona_fide & ~attempts.mated, {name: np.asarray(attempts.species == name) for name in names})


def _similarities(attempts: Attempts) -> Similarities:
    bona_fide = attempts.bona_fide
    return Similarities.build(attempts.similarity[bona_fide], attempts.mated[bona_fide])


def _share(errors: Mask, rows: Mask) -> Rate:
    return Rate(int((errors & rows).sum()), int(rows.sum()))
