"""Two score files of the same presentations against each other: what their differences are worth.

A difference is B - A, so an error rate that fell is negative. Its interval draws whole subjects (or clips), the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field

from livegate.errors import MetricError
from livegate.metrics import PadReport, Rate, Rule, Scores, Threshold
from livegate.metrics.compare import Comparison as Found
from livegate.metrics.compare import McNemar, compare
from livegate.metrics.intervals import Interval
from livegate.report.document import Bootstrap, Count, Limits, Made, Part, Rates, Sha256, Share
from livegate.report.doubts import FEW
from livegate.report.environment import made
from livegate.report.evaluate import Resample
from livegate.report.figures import rates
from livegate.report.wording import of

FIGURES = ("worst_apcer", "bpcer", "apcer_pooled", "acer", "d_eer", "auc")


class Difference(Part):
    """One figure of both and B - A with its paired interval."""

    a: Share
    b: Share
    difference: Annotated[float, Field(ge=-1, le=1)]
    limits: Limits


class Paired(Part):
    """How both decided the same trials, and McNemar's exact two-sided p, which takes trials as independent."""

    both_right: Count
    only_a_wrong: Count
    only_b_wrong: Count
    both_wrong: Count
    p_value: Share

    @classmethod
    def of(cls, found: McNemar) -> Self:
        """From the counts."""
        counts = {name: getattr(found, name) for name in ("both_right", "only_a_wrong", "only_b_wrong", "both_wrong")}
        return cls(**counts, p_value=found.p_value)


class Pair(Part):
    """One configuration of A against one of B, both on presentations, each at its own threshold."""

    configuration_a: str
    configuration_b: str
    a: Rates
    b: Rates
    apcer: Mapping[str, Difference]
    differences: Mapping[str, Difference]
    bona_fide: Paired
    attacks: Paired


class Comparison(Part):
    """Two score files of the same presentations; ``rule`` set the thresholds of each on its own dev scores, or fixed them.

    ``files`` are their names and those of the dev scores as they were given, ``sha256`` their hashes.
    """

    schema_version: Annotated[Literal[1], Field(alias="schema")] = 1
    made: Made
    rule: str
    files: Mapping[str, str]
    sha256: Mapping[str, Sha256]
    presentations: Count
    bootstrap: Bootstrap
    warnings: tuple[str, ...]
    pairs: Annotated[tuple[Pair, ...], Field(min_length=1)]


def compare_scores(  # noqa: PLR0913 - keyword-only facts
    a: Scores,
    b: Scores,
    rule: Rule | str = "bpcer=0.05",
    *,
    dev_a: Scores | None = None,
    dev_b: Scores | None = None,
    resample: Resample | None = None,
    files: Mapping[str, str] | None = None,
    sha256: Mapping[str, str] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Compare the configurations that both have; where they share none and each has one, those two.

    Args:
        a: scores of test.
        b: scores of the same presentations.
        rule: how each threshold is set; ``fixed=X`` needs no dev scores.
        dev_a: what the thresholds of ``a`` are set on.
        dev_b: what the thresholds of ``b`` are set on.
        resample: how the paired bootstrap draws; at least one replicate.
        files: the name of each file that went in, as a reader knows it, by "a", "b", "dev a" and "dev b".
        sha256: the SHA-256 of each, by the same.
        advance: called with 1 after each pair.

    Raises:
        MetricError: on scores without labels, presentations that only one has, nothing to pair, a missing class, or a threshold that
            cannot be set.
    """
    rule, resample = Rule.parse(rule) if isinstance(rule, str) else rule, resample or Resample()
    if not resample.replicates:
        raise MetricError("a comparison rests on its paired bootstrap; give at least 1 replicate, such as 2000")
    given = {"a": a, "b": b, "dev a": dev_a, "dev b": dev_b}
    if bare := [name for name, scores in given.items() if scores is not None and not scores.labelled]:
        raise MetricError(
            f"the scores {', '.join(bare)} have no labels; add the column species (empty = bona fide) to the index"
        )
    found = []
    for one, two in _pairs(a, b):
        parts = a.where(a.configuration == one), b.where(b.configuration == two)
        thresholds = _threshold(dev_a, one, rule, "a"), _threshold(dev_b, two, rule, "b")
        found.append(compare(*parts, *thresholds, by=resample.by, replicates=resample.replicates, seed=resample.seed))
        advance(1)
    first = found[0]
    return Comparison(
        made=made(),
        rule=str(rule),
        files=files or {},
        sha256=sha256 or {},
        presentations=first.a.bpcer.trials + first.a.apcer_pooled.trials,
        bootstrap=Bootstrap(by=first.by, replicates=first.replicates, seed=first.seed, clusters={"all": first.clusters}),
        warnings=_warnings(found),
        pairs=tuple(_pair(one) for one in found),
    )


def _pairs(a: Scores, b: Scores) -> Sequence[tuple[str, str]]:
    ours, theirs = a.configurations, b.configurations
    if both := [name for name in ours if name in theirs]:
        return [(name, name) for name in both]
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])]
    listed = "; ".join(
        f"{which} has {', '.join(map(repr, names[:8])) or 'none'}" for which, names in (("a", ours), ("b", theirs))
    )
    raise MetricError(f"the two share no configuration: {listed}; give files that share one, or that have one each")


def _threshold(dev: Scores | None, configuration: str, rule: Rule, which: str) -> Threshold:
    if rule.name == "fixed":
        return Threshold(rule.target, str(rule), "")
    if dev is None:
        raise MetricError(f"rule {rule} sets the threshold of {which} on dev scores; give them, or a rule such as fixed=0.5")
    clips = dev.where(dev.configuration == configuration).by_clip()
    if not len(clips):
        raise MetricError(f"the dev scores of {which} lack the configuration {configuration!r}; score dev with it")
    return rule.threshold(clips.values, clips.species, clips.source, "dev")


def _warnings(found: Sequence[Found]) -> tuple[str, ...]:
    told = []
    if any(one.a == one.b and one.differences.auc == Interval(0.0, 0.0, 0.0) for one in found):
        told.append("A and B answer alike in everything that was drawn: is it the same model twice?")
    if len(found) > 1:
        told.append(
            f"{len(found)} configurations are compared, with several figures each: at 95 % about one figure in twenty differs by chance."
        )
    if found[0].clusters < FEW:
        told.append(f"Only {of(found[0].clusters, 'cluster')} could be drawn: the intervals are too narrow.")
    return tuple(told)


def _pair(found: Found) -> Pair:
    differences = found.differences
    return Pair(
        configuration_a=found.a.configuration,
        configuration_b=found.b.configuration,
        a=rates(found.a),
        b=rates(found.b),
        apcer={
            name: _difference(found.a.apcer[name].value, found.b.apcer[name].value, interval)
            for name, interval in differences.apcer.items()
        },
        differences={
            name: _difference(_value(found.a, name), _value(found.b, name), getattr(differences, name)) for name in FIGURES
        },
        bona_fide=Paired.of(found.bona_fide),
        attacks=Paired.of(found.attacks),
    )


def _value(report: PadReport, name: str) -> float:
    found: Rate | float = report.worst_apcer[1] if name == "worst_apcer" else getattr(report, name)
    return found.value if isinstance(found, Rate) else found


def _difference(a: float, b: float, interval: Interval) -> Difference:
    return Difference(a=a, b=b, difference=interval.value, limits=Limits(low=interval.low, high=interval.high))
