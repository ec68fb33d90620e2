"""From two score files to a report that names its counts, its thresholds and its doubts. No model is needed.

The threshold of each configuration is set on dev and taken to test unchanged. The headline unit is the presentation (the clip);
pictures, which are not independent of each other within a clip, stand beside it under a threshold of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from livegate.errors import MetricError
from livegate.metrics import PadReport, Rule, Scores, Threshold, measure
from livegate.metrics.bootstrap import Intervals, bootstrap
from livegate.metrics.clusters import By
from livegate.metrics.codes import factorise
from livegate.metrics.curves import curves
from livegate.metrics.groups import by_column
from livegate.metrics.pad import Unit, operate
from livegate.metrics.samples import needed
from livegate.report import document as doc
from livegate.report.detail import curve_figure, detail
from livegate.report.doubts import doubts
from livegate.report.environment import made
from livegate.report.figures import brief, figures, mixed, rates, zoo

MOST = 200
"""Species, sources, or values of a column that one report can hold."""
MOST_CONFIGURATIONS = 729
"""Six adaptive blocks have so many."""
HEADLINE = 3
CLAIMS = (0.07, 0.05, 0.03, 0.01)
"""Claims of a largest APCER whose sample size is told; the first one in the summary, too."""
POINTS = 200
"""Most points of a curve."""
_HALF = Threshold(0.5, "fixed=0.5", "")


@dataclass(frozen=True, slots=True)
class Resample:
    """How bootstrap intervals are made.

    Attributes:
        by: what is drawn: subjects with all that they did, or clips.
        replicates: how often; 0: not at all.
        seed: the same seed gives the same intervals.
    """

    by: By = "subject"
    replicates: int = 2000
    seed: int = 0


def evaluate(  # noqa: PLR0913 - keyword-only facts
    dev: Scores | None,
    test: Scores,
    rule: Rule | str = "bpcer=0.05",
    *,
    thresholds: Mapping[str, Threshold] | None = None,
    set_on: Literal["artifact", "calibration"] = "artifact",
    by: Sequence[str] = (),
    resample: Resample | None = None,
    cues: tuple[Scores | None, Scores] | None = None,
    sha256: Mapping[str, str] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> doc.Report:
    """Set a threshold on dev and measure it on test, for every configuration of test.

    Args:
        dev: what thresholds are set on; None when they are given.
        test: what is reported.
        rule: how thresholds are set on dev.
        thresholds: of each configuration, set elsewhere; used when there is no dev.
        set_on: where that was.
        by: columns of test, source, subject, split or a fact, by whose values rates are told.
        resample: how bootstrap intervals are made.
        cues: dev and test as trivial cues score them (``livegate.data.cues``).
        sha256: the SHA-256 of each file that went in, by a name such as "dev".
        advance: called with 1 after each configuration.

    Raises:
        MetricError: on scores without labels, a configuration without a threshold, a missing class, a column that is not there or has
            too many values, or a rule that dev cannot meet.
    """
    rule, resample = Rule.parse(rule) if isinstance(rule, str) else rule, resample or Resample()
    given = {"test": test} if dev is None else {"dev": dev, "test": test}
    for name, scores in given.items():
        _check(name, scores)
    _check_columns(_of(test, test.configurations[0]), by)
    setting = _setting(dev, test, rule, thresholds or {})
    headline = _headline(test.configurations)
    found = []
    for name in test.configurations:
        found.append(_configuration(dev, test, name, setting, by if name in headline else None, resample))
        advance(1)
    results, reports, drawn = zip(*found, strict=True)
    resampled = _bootstrap(next(filter(None, drawn), None))
    return doc.Report(
        made=made(),
        rule=str(rule) if dev is not None else reports[0].threshold.rule,
        set_on=set_on if dev is None else "dev",
        sha256=sha256 or {},
        counts={name: _counts(_of(scores, test.configurations[0])) for name, scores in given.items()},
        warnings=doubts(dev, test, reports, resampled),
        bootstrap=resampled,
        claims=tuple(doc.Claim(rate=rate, one_sided=needed(rate), two_sided=needed(rate, sided=2)) for rate in CLAIMS),
        headline=headline,
        results=results,
        baseline=_baseline(cues, rule, resample),
    )


def _check(name: str, scores: Scores) -> None:
    if not scores.labelled:
        raise MetricError(f"the {name} scores have no labels; add the column species (empty = bona fide) to the index")
    if not len(scores):
        raise MetricError(f"the {name} scores hold no rows")
    limits = {"species": MOST, "source": MOST, "configuration": MOST_CONFIGURATIONS}
    for column, most in limits.items():
        if (values := len(factorise(getattr(scores, column))[0])) > most:
            raise MetricError(f"the {name} scores have {values:,} values in the column {column}; a report holds at most {most}")


def _check_columns(test: Scores, by: Sequence[str]) -> None:
    for column in by:  # on one configuration, before what takes long
        if (values := len(by_column(test, column, _HALF).groups)) > MOST:
            raise MetricError(f"the test scores have {values:,} values in the column {column!r}; a report holds at most {MOST}")


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where thresholds come from: set on dev by a rule, or given by configuration."""

    rule: Rule
    given: Mapping[str, Threshold]

    def threshold(self, dev: Scores | None, configuration: str) -> Threshold:
        """That of one configuration, from its dev scores where there are any."""
        if dev is None:
            return self.given[configuration]
        try:
            return self.rule.threshold(dev.values, dev.species, dev.source, "dev")
        except MetricError as error:
            raise MetricError(f"the dev scores set no threshold: {error}") from None


def _setting(dev: Scores | None, test: Scores, rule: Rule, given: Mapping[str, Threshold]) -> _Setting:
    there = given if dev is None else dev.configurations
    if missing := [repr(name) for name in test.configurations if name not in there]:
        lacks, cure = (
            ("threshold", "give dev scores to set it on")
            if dev is None
            else ("dev scores to set its threshold on", "score dev too")
        )
        raise MetricError(f"configuration {', '.join(missing)} of test has no {lacks}; {cure}")
    return _Setting(rule, given)


def _headline(configurations: Sequence[str]) -> tuple[str, ...]:
    """The first configuration and, of many, those that compute the same in every block: chosen by name, never by result."""
    if len(configurations) <= HEADLINE:
        return tuple(configurations)
    uniform = [name for name in configurations[1:] if len(set(name)) == 1]
    return (configurations[0], *uniform[: HEADLINE - 1])


def _of(scores: Scores, configuration: str) -> Scores:
    return scores.where(scores.configuration == configuration)


def _configuration(  # noqa: PLR0913 - what one configuration needs
    dev: Scores | None, test: Scores, name: str, setting: _Setting, by: Sequence[str] | None, resample: Resample
) -> tuple[doc.Result, PadReport, Intervals | None]:
    """All about one configuration; its details when ``by`` is not None."""
    pictures, dev_pictures = _of(test, name), dev and _of(dev, name)
    clips, dev_clips = pictures.by_clip(), dev_pictures and dev_pictures.by_clip()
    presentation = _measured(clips, setting.threshold(dev_clips, name), "presentation")
    picture = _measured(pictures, setting.threshold(dev_pictures, name), "picture")
    drawn = _drawn(dev_clips, clips, presentation.threshold, setting.rule, resample)
    found = curves(clips.values, clips.species, POINTS)
    result = doc.Result(
        configuration=name,
        presentation=figures(presentation, clips, dev_clips, drawn),
        picture=figures(picture, pictures, dev_pictures),
        half=rates(operate(clips.values, clips.species, _HALF)),
        model_zoo=zoo(pictures),
        sources=_by_source(clips, presentation),
        source_pictures=_by_source(pictures, picture),
        curve=curve_figure(found.pooled),
        detail=None if by is None else detail(clips, presentation.threshold, found.species, by),
    )
    return result, presentation, drawn


def _measured(scores: Scores, threshold: Threshold, unit: Unit) -> PadReport:
    return measure(scores.values, scores.species, threshold, configuration=scores.configurations[0], unit=unit)


def _by_source(scores: Scores, whole: PadReport) -> dict[str, doc.Brief]:
    """The same measurement for each source that has both classes."""
    parts = {name: scores.where(scores.source == name) for name in sorted(set(scores.source.tolist()))}
    return {name: brief(_measured(part, whole.threshold, whole.unit)) for name, part in parts.items() if mixed(part)}


def _drawn(dev: Scores | None, test: Scores, threshold: Threshold, rule: Rule, resample: Resample) -> Intervals | None:
    """Bootstrap intervals; a threshold that was given, or set on one class alone, stays where it is."""
    again = dev is not None and mixed(dev)
    if not resample.replicates:
        return None
    sets = (dev, test, rule) if dev is not None and again else (test, test, Rule("fixed", threshold.value))
    return bootstrap(*sets, by=resample.by, replicates=resample.replicates, seed=resample.seed)


def _bootstrap(drawn: Intervals | None) -> doc.Bootstrap | None:
    if drawn is None:
        return None
    return doc.Bootstrap(by=drawn.by, replicates=drawn.replicates, seed=drawn.seed, clusters=drawn.clusters)


def _counts(scores: Scores) -> doc.Counts:
    clips = scores.by_clip()
    names, codes = factorise(clips.species)
    species = dict(zip(names, np.bincount(codes).tolist(), strict=True))
    return doc.Counts(
        pictures=len(scores),
        presentations=len(clips),
        bona_fide=species.pop("", 0),
        attacks=sum(species.values()),
        species=dict(sorted(species.items())),
        subjects=sum(subject != "" for _, subject in set(zip(scores.source.tolist(), scores.subject.tolist(), strict=True))),
        sources=len(set(scores.source.tolist())),
    )


def _baseline(cues: tuple[Scores | None, Scores] | None, rule: Rule, resample: Resample) -> doc.Baseline | None:
    if cues is None:
        return None
    dev, test = cues
    setting = _Setting(rule, dict.fromkeys(test.configurations, _HALF))
    clips, dev_clips = test.by_clip(), dev and dev.by_clip()
    name = test.configurations[0]
    presentation = _measured(clips, setting.threshold(dev_clips, name), "presentation")
    drawn = _drawn(dev_clips, clips, presentation.threshold, rule, resample)
    return doc.Baseline(
        name=name,
        presentation=figures(presentation, clips, dev_clips, drawn),
        picture=figures(_measured(test, setting.threshold(dev, name), "picture"), test, dev),
    )
