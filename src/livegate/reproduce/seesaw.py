"""Zhang 2019, the verification side: k-fold accuracy of one network on the packs of Tables 4 and 5, or on a list of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from livegate.data.packs import PAIRS, SUFFIX, read_pack
from livegate.data.pairs import Pairs
from livegate.errors import MetricError, PairsError
from livegate.matching import SIDE, Compared
from livegate.metrics.codes import Codes
from livegate.metrics.folds import FoldAccuracy, HeldOut, accuracy, contiguous, given, held_out
from livegate.metrics.rate import Rate
from livegate.metrics.similarities import Similarities
from livegate.metrics.verification import FMR_TARGETS, MatchRates, Support, area, equal_error, supported
from livegate.metrics.verification_bootstrap import MatchIntervals, match_intervals
from livegate.reproduce.seesaw_published import COUNTS

FOLDS = (10, 5)
"""What the literature uses, and what the author's code uses while it trains."""
PLAIN, FLIPPED = "no flip averaging", "flip averaging"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every figure of one list, embedded in one way.

    Attributes:
        accuracy: how the folds were made → k-fold accuracy (literature).
        held_out: FMR target → rates whose thresholds the other folds set, over the first kind of folds; None where these have too few
            non-mated comparisons.
        oracle: FMR target → rates whose threshold these very comparisons set; None where they are too few.
        equal_error: an oracle, too.
        area: below the ROC curve.
        silent_mated: mated comparisons without a response; they count as rejected.
        silent_non_mated: non-mated ones; they count as rejected, too.
        intervals: over subjects; None where these are not known.
    """

    accuracy: Mapping[str, FoldAccuracy]
    held_out: Mapping[float, HeldOut | None]
    oracle: Mapping[float, MatchRates | None]
    equal_error: float
    area: float
    silent_mated: Rate
    silent_non_mated: Rate
    intervals: MatchIntervals | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A list and its figures.

    Attributes:
        name: of the list.
        mated: how many of its comparisons are.
        non_mated: how many are not.
        expected: how many pairs a pack of this name has as insightface hands it out; None for another list.
        ways: ``PLAIN`` and ``FLIPPED`` → the figures.
    """

    name: str
    mated: int
    non_mated: int
    expected: int | None
    ways: Mapping[str, Evaluation]

    @property
    def support(self) -> Support:
        """What the non-mated comparisons can show."""
        return Support(self.non_mated)


@dataclass(frozen=True, slots=True)
class Verified:
    """What was measured of one network.

    Attributes:
        model: as it was named.
        identity: the SHA-256 that names the network.
        configurations: that references were embedded under, and probes.
        lists: in the order of the packs that are known, then by name.
        missing: known packs that the folder lacks; empty where no folder was given.
    """

    model: str
    identity: str
    configurations: tuple[str, str]
    lists: tuple[Measured, ...]
    missing: tuple[str, ...]


def packs(folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The packs of a folder by name, those that are known first, and which of these it lacks.

    Raises:
        PairsError: if there is none.
    """
    found = {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}
    if not found:
        raise PairsError(folder, [f"holds no pack ({', '.join(f'{name}{SUFFIX}' for name in PAIRS)})"])
    known = {name: found.pop(name) for name in PAIRS if name in found}
    return known | found, tuple(name for name in PAIRS if name not in known)


def verify(
    lists: Mapping[str, Callable[[], Pairs]],
    compare: Callable[[Pairs], Compared],
    *,
    replicates: int = 2000,
) -> Iterator[Measured]:
    """Measure each list, one at a time: its pictures are given up before the next is read.

    Args:
        lists: name → what reads it.
        compare: gives its similarities.
        replicates: sets of subjects that are drawn for intervals.
    """
    for name, read in lists.items():
        yield measured(name, compare(read()), replicates=replicates)


def measured(name: str, compared: Compared, *, replicates: int = 2000) -> Measured:
    """The figures of one list."""
    mated = int(compared.plain.mated.sum())
    ways = dict(zip((PLAIN, FLIPPED), compared, strict=True))
    return Measured(
        name,
        mated,
        len(compared.plain) - mated,
        PAIRS.get(name),
        {way: evaluate(similarities, replicates=replicates) for way, similarities in ways.items()},
    )


def read_packs(paths: Mapping[str, Path]) -> dict[str, Callable[[], Pairs]]:
    """Name → what reads the pack, when it is its turn."""

    def reading(path: Path) -> Callable[[], Pairs]:
        return lambda: read_pack(path)

    return {name: reading(path) for name, path in paths.items()}


def evaluate(similarities: Similarities, targets: Sequence[float] = FMR_TARGETS, *, replicates: int = 2000) -> Evaluation:
    """Every figure of one list.

    The folds are those that the list tells; where it tells none, or one alone, 10 and then 5 contiguous ones, as far as there are
    comparisons for them.
    """
    kinds = _foldings(similarities)
    first = next(iter(kinds.values()))
    silent = similarities.compared == -float("inf")
    mated = similarities.mated
    return Evaluation(
        accuracy={name: accuracy(similarities, folds) for name, folds in kinds.items()},
        held_out={target: _held_out(similarities, first, target) for target in targets},
        oracle=supported(similarities, targets),
        equal_error=equal_error(similarities),
        area=area(similarities),
        silent_mated=Rate(int((silent & mated).sum()), int(mated.sum())),
        silent_non_mated=Rate(int((silent & ~mated).sum()), int((~mated).sum())),
        intervals=match_intervals(similarities, first, targets, replicates=replicates) if similarities.with_subjects else None,
    )


def _foldings(similarities: Similarities) -> dict[str, Codes]:
    if len(set(similarities.fold.tolist())) > 1:
        codes = given(similarities)
        return {f"{int(codes.max()) + 1} folds of the list": codes}
    fitting = [count for count in FOLDS if count <= len(similarities)] or [2]
    return {f"{count} contiguous folds": contiguous(similarities, count) for count in fitting}


def _held_out(similarities: Similarities, folds: Codes, target: float) -> HeldOut | None:
    try:
        return held_out(similarities, folds, target)
    except MetricError:  # too few in the other folds, or a fold without one kind
        return None


def counted() -> dict[str, tuple[int, int]]:
    """Network → parameters and multiply-adds, counted here on 112 x 112; empty without torch."""
    try:
        from livegate.configuration import Configuration
        from livegate.models.counting import count
        from livegate.models.registry import BACKBONES
    except ModuleNotFoundError:
        return {}
    costs = {name: count(BACKBONES[name].network().fixed(Configuration(())), SIDE) for name in COUNTS}
    return {name: (cost.parameters, cost.macs) for name, cost in costs.items()}
