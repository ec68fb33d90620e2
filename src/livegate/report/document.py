"""What a report holds: the one source of report.json, of its JSON Schema, and of all that the readable forms show.

Names come verbatim from score files that others wrote: whoever shows one, escapes it (``livegate.report.names``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from livegate.metrics import Rate, Threshold, pad

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Trials = Annotated[int, Field(ge=1)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A part of a report: frozen, finite, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True)


class Limits(Part):
    """The two ends of a 95 % interval."""

    low: float
    high: float


class RateFigure(Part):
    """``errors`` among ``trials`` and what that allows to say.

    ``low`` and ``high`` are the exact (Clopper-Pearson) two-sided 95 % interval, ``upper`` the exact one-sided 95 % bound; both take
    trials as independent. ``bootstrap`` is the percentile interval of the cluster bootstrap, which does not.
    """

    errors: Count
    trials: Trials
    value: Share
    low: Share
    high: Share
    upper: Share
    bootstrap: Limits | None = None

    @classmethod
    def of(cls, rate: Rate, bootstrap: Limits | None = None) -> Self:
        """The figure of a rate."""
        return cls(**_facts(rate), bootstrap=bootstrap)


class WorstFigure(RateFigure):
    """The species with the highest APCER; its bootstrap takes the maximum anew in each replicate, which draws it upwards.

    ``tied``: the other species with the very same rate; ``species`` is then the one with the fewest trials.
    """

    species: str
    tied: tuple[str, ...] = ()

    @classmethod
    def of_rates(cls, found: pad.Rates, bootstrap: Limits | None = None) -> Self:
        """The figure of the worst species."""
        species, rate = found.worst_apcer
        return cls(**_facts(rate), bootstrap=bootstrap, species=species, tied=found.tied_worst)


class ThresholdFigure(Part):
    """Accept when score >= ``value``; ``split`` is where the rule set it, empty for a fixed one."""

    value: Annotated[float, Field(ge=0)]
    rule: str
    split: str

    @classmethod
    def of(cls, threshold: Threshold) -> Self:
        """The figure of a threshold."""
        return cls(value=threshold.value, rule=threshold.rule, split=threshold.split)


class PointFigure(RateFigure):
    """BPCER at a threshold that was found on the very scores it is measured on."""

    threshold: ThresholdFigure

    @classmethod
    def at(cls, threshold: Threshold, bpcer: Rate, bootstrap: Limits | None = None) -> Self:
        """The figure of an operating point."""
        return cls(**_facts(bpcer), bootstrap=bootstrap, threshold=ThresholdFigure.of(threshold))


class Rates(Part):
    """Error rates at one threshold; no response counts as an error in each."""

    threshold: ThresholdFigure
    apcer: Mapping[str, RateFigure]
    worst_apcer: WorstFigure
    bpcer: RateFigure


class BriefOracle(Part):
    """D-EER, all species in one pot, and the largest of one species against all bona fide; found on test, so no operating points."""

    d_eer: Share
    d_eer_worst: Share


class Brief(Rates):
    """The figures of a part of the trials, such as one source."""

    unit: Literal["presentation", "picture"]
    apnrr: RateFigure
    bpnrr: RateFigure
    auc: Share
    oracle: BriefOracle


class FixedBpcer(Part):
    """The worst APCER where BPCER is at most ``target``; both null when too many bona fide gave no response."""

    target: Share
    worst_apcer: WorstFigure | None
    bpcer: PointFigure | None


class Oracle(BriefOracle):
    """Figures whose threshold is found on the test scores themselves: they rank, and are no operating points.

    ``bpcer10``, ``bpcer20``, ``bpcer100``: BPCER where the worst APCER is at most 10, 5, 1 %; null when too many attacks of a species
    gave no response. ``fixed_bpcer`` turns it round: APCER at BPCER 1, 0.5 and 0.1 %.
    """

    bpcer10: PointFigure | None
    bpcer20: PointFigure | None
    bpcer100: PointFigure | None
    fixed_bpcer: tuple[FixedBpcer, ...]


class TprFigure(Part):
    """CelebA-Spoof's "TPR@FPR": attacks detected, among all, at a threshold found on test, and the FPR (BPCER) attained there."""

    fpr: Share
    detected: RateFigure
    attained: RateFigure


class NotIso(Part):
    """Figures of the literature: the share of all attacks in one pot hides the worst species, and none of these is an ISO figure.

    ``hter``: (pooled APCER + BPCER) / 2 at the equal error threshold of dev; null without dev scores.
    """

    apcer_mean: Share
    apcer_pooled: RateFigure
    acer: Share
    acer_pooled: Share
    hter: Share | None
    tpr_at_fpr: tuple[TprFigure, ...]


class ModelZoo(Part):
    """ACER as the Open Model Zoo counts its 3.81 %: pictures, the larger output wins, attacks in one pot; ISO names."""

    bpcer: RateFigure
    apcer_pooled: RateFigure
    acer: Share


class Figures(Rates):
    """All figures of one configuration on one set of trials; ``bootstrap`` has the intervals of those that are no rates."""

    unit: Literal["presentation", "picture"]
    apnrr: RateFigure
    bpnrr: RateFigure
    auc: Share
    oracle: Oracle
    not_iso: NotIso
    bootstrap: Mapping[str, Limits]


class Curve(Part):
    """APCER and BPCER at rising thresholds, thinned for drawing."""

    apcer: tuple[Share, ...]
    bpcer: tuple[Share, ...]


class Histogram(Part):
    """Presentations by their score, counted between ``edges`` on the logit scale; what lies beyond counts in the outermost bins.

    ``silent`` gave no response and are in no bin.
    """

    edges: tuple[float, ...]
    bona_fide: tuple[Count, ...]
    attacks: Mapping[str, tuple[Count, ...]]
    silent: Count


class ReliabilityBin(Part):
    """Presentations of about the same score: the mean of their scores, and the bona fide among them (as ``errors``)."""

    score: Share
    bona_fide: RateFigure


class Reliability(Part):
    """Whether a score of 0.8 means that 80 % of such presentations are bona fide, in the mix of this set alone.

    ``prior`` is the share of bona fide in it, ``error`` the expected calibration error.
    """

    bins: tuple[ReliabilityBin, ...]
    prior: Share
    error: Share


class Group(Part):
    """One value of a column; a rate without trials is left out."""

    name: str
    apcer: Mapping[str, RateFigure]
    bpcer: RateFigure | None


class Gap(Part):
    """The largest difference between two groups in one rate, as if nobody had picked them; ``species`` is null for BPCER."""

    species: str | None
    lowest: str
    highest: str
    difference: Share
    limits: Limits


class Groups(Part):
    """Rates by the values of one column under the headline threshold, and the largest gaps: in BPCER and in APCER."""

    column: str
    groups: tuple[Group, ...]
    gaps: tuple[Gap, ...]


class Subject(Part):
    """One person: bona fide turned away, and attacks of all species in one pot that got in."""

    source: str
    subject: str
    bona_fide: RateFigure | None
    attacks: RateFigure | None


class Detail(Part):
    """What is told of the configurations in ``headline`` alone: curves of single species, scores, groups, people."""

    species: Mapping[str, Curve]
    histogram: Histogram
    reliability: Reliability | None
    groups: tuple[Groups, ...]
    subjects: tuple[Subject, ...]


class Result(Part):
    """One configuration.

    ``presentation`` is the headline; ``picture`` takes pictures as trials, under a threshold that was set on pictures; ``half``
    takes presentations at the fixed threshold 0.5, where the larger output wins, ``model_zoo`` pictures. ``sources`` are those that have both classes;
    ``curve`` has all species in one pot; ``detail`` is given for the configurations in ``headline``.
    """

    configuration: str
    presentation: Figures
    picture: Figures
    half: Rates
    model_zoo: ModelZoo
    sources: Mapping[str, Brief]
    source_pictures: Mapping[str, Brief]
    curve: Curve
    detail: Detail | None


class Baseline(Part):
    """What trivial cues reach on the same trials by the same rule."""

    name: str
    presentation: Figures
    picture: Figures


class Counts(Part):
    """How much there is of one split (in the first configuration)."""

    pictures: Count
    presentations: Count
    bona_fide: Count
    attacks: Count
    species: Mapping[str, Count]
    subjects: Count
    sources: Count


class Bootstrap(Part):
    """How the bootstrap intervals were made: whole clusters drawn with replacement, thresholds of dev set anew in each replicate.

    ``clusters``: how many of test hold each class.
    """

    by: Literal["subject", "clip"]
    replicates: Trials
    seed: Count
    clusters: Mapping[str, Count]


class Claim(Part):
    """How many presentations of a species without one error allow to claim that its APCER is at most ``rate`` at 95 %."""

    rate: Share
    one_sided: Trials
    two_sided: Trials


class Made(Part):
    """When, by what and where a report was made: no names of machines, people or folders."""

    date: str
    versions: Mapping[str, str]
    system: str
    machine: str
    processors: Count


class Report(Part):
    """What was measured on test, with thresholds that were set elsewhere.

    ``schema`` is another number when a key was taken away or means something else.

    ``rule`` set the thresholds: here on dev, or beforehand where an artifact ships them or a calibration has them. ``sha256`` are the hashes of the score files; ``headline`` the configurations shown in detail, the first of them in the summary;
    ``warnings`` what a reader should know before believing a figure.
    """

    schema_version: Annotated[Literal[2], Field(alias="schema")] = 2
    made: Made
    rule: str
    set_on: Literal["dev", "artifact", "calibration"]
    unit: Literal["presentation"] = "presentation"
    sha256: Mapping[str, Sha256]
    counts: Mapping[str, Counts]
    warnings: tuple[str, ...]
    bootstrap: Bootstrap | None
    claims: tuple[Claim, ...]
    headline: Annotated[tuple[str, ...], Field(min_length=1)]
    results: Annotated[tuple[Result, ...], Field(min_length=1)]
    baseline: Baseline | None


def as_json(document: Part) -> str:
    """A report or a comparison as JSON: strict, in its keys' order, letters as they are."""
    return document.model_dump_json(by_alias=True, indent=2) + "\n"


def _facts(rate: Rate) -> dict[str, Any]:
    low, high = rate.interval()
    facts = {"errors": rate.errors, "trials": rate.trials, "value": rate.value}
    return facts | {"low": low, "high": high, "upper": rate.upper_bound()}
