"""What several seeds of several networks did on the same pictures, and how sure one can be of their differences.

Chance enters twice: another seed gives another network, and other people give other pictures. So a replicate of the bootstrap draws
seeds and clusters of pictures (subjects, where they are known), both with replacement and the same for every network: differences are
paired (specs: resample subjects, at least three seeds).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from livegate.errors import MetricError
from livegate.metrics import ARGMAX, Rate, Scores
from livegate.metrics.clusters import cluster_codes

Figure: TypeAlias = Literal["accuracy", "bpcer", "apcer", "acer"]
FIGURES: tuple[Figure, ...] = ("accuracy", "bpcer", "apcer", "acer")
Counts: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

REPLICATES = 2000
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over the seeds, its percentile interval over people and seeds, and what each seed gave."""

    mean: float
    low: float
    high: float
    seeds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Trials:
    """Errors at argmax, by cluster of pictures.

    Attributes:
        counts: row → (seeds, clusters, 4): bona fide errors and trials, attack errors and trials. Attacks of all species are pooled,
            as in the paper; no response is an error.
    """

    counts: Mapping[str, Counts]

    def rates(self, row: str) -> tuple[Rate, Rate]:
        """BPCER and pooled APCER of a row, the pictures of all its seeds counted together."""
        bona_errors, bona, attack_errors, attacks = self.counts[row].sum((0, 1)).tolist()
        return Rate(bona_errors, bona), Rate(attack_errors, attacks)

    def bootstrap(self, replicates: int = REPLICATES) -> Mapping[str, Mapping[Figure, tuple[Floats, Floats]]]:
        """Row → figure → (value of each seed (S,), value of each replicate (R,)), with the same draws for every row.

        Raises:
            MetricError: if hardly any draw of the clusters has both bona fide and attacks.
        """
        first = next(iter(self.counts.values()))
        seeds, clusters = first.shape[:2]
        rng = np.random.default_rng(0)
        drawn: dict[str, list[Floats]] = {row: [] for row in self.counts}
        for start in range(0, replicates, _CHUNK):
            number = min(_CHUNK, replicates - start)
            weights = rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=number).astype(np.float64)
            chosen = rng.integers(seeds, size=(number, seeds))
            for row, counts in self.counts.items():
                sums = np.einsum("rc,sck->rsk", weights, counts, optimize=True)
                drawn[row].append(np.take_along_axis(sums, chosen[..., None], axis=1))
        return {row: _figures(self.counts[row].sum(1), np.concatenate(parts)) for row, parts in drawn.items()}


def trials(scores: Mapping[str, Sequence[Scores]]) -> Trials:
    """Count the errors of each row.

    Args:
        scores: row → scores of one configuration for each seed; the same pictures in the same order everywhere.

    Raises:
        MetricError: if the pictures differ, or one class is missing.
    """
    every = [one for row in scores.values() for one in row]
    first = every[0]
    if any(len(one) != len(first) or (one.names != first.names).any() for one in every):
        raise MetricError("the score files list different pictures; score the same index for all of them")
    if not 0 < first.bona_fide.sum() < len(first):
        raise MetricError("the test pictures have one class only; errors need bona fide and attacks")
    clusters = cluster_codes(first, "subject")
    return Trials({row: np.stack([_tally(one, clusters) for one in seeds]) for row, seeds in scores.items()})


def _tally(scores: Scores, clusters: npt.NDArray[np.int64]) -> Counts:
    bona, accepted = scores.bona_fide, scores.values >= ARGMAX.value
    wrong = np.where(bona, ~accepted, accepted | ~scores.responded)
    columns = (bona & wrong, bona, ~bona & wrong, ~bona)
    size = int(clusters.max()) + 1
    return np.stack([np.bincount(clusters[column], minlength=size) for column in columns], axis=1)


def _figures(seeds: Counts, replicates: Floats) -> dict[Figure, tuple[Floats, Floats]]:
    """(S, 4) counts of each seed, (R, S, 4) of each replicate → figure → ((S,), (R,))."""
    each, drawn = _values(seeds.astype(np.float64)), _values(replicates)
    means = {figure: values.mean(axis=1) for figure, values in drawn.items()}
    if np.isfinite(means["acer"]).mean() < 0.95:
        raise MetricError("too few clusters of one class: most draws of them lack bona fide or attacks")
    return {figure: (each[figure], means[figure]) for figure in FIGURES}


def _values(counts: Floats) -> dict[Figure, Floats]:
    bona_errors, bona, attack_errors, attacks = np.moveaxis(counts, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        bpcer, apcer = bona_errors / bona, attack_errors / attacks
    accuracy = 1 - (bona_errors + attack_errors) / (bona + attacks)
    return {"accuracy": accuracy, "bpcer": bpcer, "apcer": apcer, "acer": (bpcer + apcer) / 2}


def estimate(seeds: Floats, replicates: Floats) -> Estimate:
    """The mean of the seeds (S,) with the 95 % percentile interval of the replicates (R,)."""
    low, high = np.nanpercentile(replicates, [2.5, 97.5])
    return Estimate(float(seeds.mean()), float(low), float(high), tuple(seeds.tolist()))
