"""From two score files to a report that names its counts, its thresholds and its doubts. No model is needed.

The threshold of each configuration is set on dev and taken to test unchanged. The headline unit is the presentation (the clip);
pictures, which are not independent of each other within a clip, stand beside it under a threshold of their own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from livegate.errors import LivegateError, MetricError
from livegate.files import replacing
from livegate.metrics import PadReport, Rate, Rule, Scores, Threshold, measure
from livegate.metrics.pad import Unit

Json: TypeAlias = dict[str, Any]

_UNIT = (
    "A trial is one **presentation** (all frames of a clip); brackets hold exact 95 % intervals. Thresholds: rule `{rule}` "
    "on dev, one a configuration. No response counts as an error in every rate."
)
_ORACLES = (
    "D-EER and BPCER20 (BPCER where the worst APCER is at most 5 %) find their threshold on test itself: they are oracles, "
    "good for ranking, and no operating points. ACER = (worst APCER + BPCER) / 2 is a habit of the literature, "
    "not an ISO figure."
)

SCHEMA = 1
FEW = 30
"""Below this many trials a rate comes with a warning."""


@dataclass(frozen=True, slots=True)
class Result:
    """One configuration.

    Attributes:
        configuration: such as HLH; empty for a network without adaptive blocks.
        presentation: the headline: trials are presentations.
        picture: the same with pictures as trials; its threshold was set on pictures.
        sources: presentations of each source that has both classes, under the headline threshold.
        source_pictures: pictures of each such source, under the threshold that was set on pictures.
    """

    configuration: str
    presentation: PadReport
    picture: PadReport
    sources: Mapping[str, PadReport]
    source_pictures: Mapping[str, PadReport]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What ``evaluate`` found.

    Attributes:
        rule: how the thresholds were set on dev.
        results: one a configuration of test, in its order.
        counts: "dev" and "test" → how many pictures, presentations, subjects and sources (of one configuration, the first).
        warnings: what a reader should know before believing a figure, one sentence each.
    """

    rule: Rule
    results: tuple[Result, ...]
    counts: Mapping[str, Mapping[str, int]]
    warnings: tuple[str, ...]


def evaluate(dev: Scores, test: Scores, rule: Rule | str = "bpcer=0.05") -> Evaluation:
    """Set a threshold on dev and measure it on test, for every configuration of test.

    Raises:
        MetricError: on scores without labels, a configuration that dev lacks, a missing class, or a rule that dev cannot meet.
    """
    rule = Rule.parse(rule) if isinstance(rule, str) else rule
    for name, scores in (("dev", dev), ("test", test)):
        if not scores.labelled:
            raise MetricError(f"the {name} scores have no labels; add the column species (empty = bona fide) to the index")
        if not len(scores):
            raise MetricError(f"the {name} scores hold no rows")
    if missing := [repr(name) for name in test.configurations if name not in dev.configurations]:
        raise MetricError(
            f"configuration {', '.join(missing)} of test has no dev scores to set its threshold on; score dev too"
        )
    results = tuple(_result(_of(dev, name), _of(test, name), rule) for name in test.configurations)
    counts = {name: _counts(_of(scores, test.configurations[0])) for name, scores in (("dev", dev), ("test", test))}
    return Evaluation(rule, results, counts, tuple(dict.fromkeys(_warnings(dev, test, results))))


def write(evaluation: Evaluation, out_dir: str | Path, sha256: Mapping[str, str]) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.md``, each whole or not at all.

    Args:
        evaluation: what to report.
        out_dir: the folder, made if it is not there.
        sha256: the SHA-256 of each score file, by a name such as "dev".

    Returns:
        The paths of both files.

    Raises:
        LivegateError: when the folder or a file cannot be written.
    """
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LivegateError(f"{folder} cannot be made: {error.strerror or error}") from error
    texts = {"report.json": _as_json(evaluation, sha256), "report.md": _as_markdown(evaluation, sha256)}
    for name, text in texts.items():
        with replacing(folder / name) as file:
            file.write(text)
    return folder / "report.json", folder / "report.md"


def _of(scores: Scores, configuration: str) -> Scores:
    return scores.where(scores.configuration == configuration)


def _result(dev: Scores, test: Scores, rule: Rule) -> Result:
    clips = test.by_clip()
    presentation = _measured(clips, _threshold(dev.by_clip(), rule), "presentation")
    picture = _measured(test, _threshold(dev, rule), "picture")
    sources, source_pictures = _by_source(clips, presentation), _by_source(test, picture)
    return Result(presentation.configuration, presentation, picture, sources, source_pictures)


def _by_source(scores: Scores, whole: PadReport) -> dict[str, PadReport]:
    """The same measurement for each source that has both classes."""
    parts = {name: scores.where(scores.source == name) for name in sorted(set(scores.source.tolist()))}
    mixed = {name: part for name, part in parts.items() if 0 < part.bona_fide.sum() < len(part)}
    return {name: _measured(part, whole.threshold, whole.unit) for name, part in mixed.items()}


def _threshold(dev: Scores, rule: Rule) -> Threshold:
    return rule.threshold(dev.values, dev.species, dev.source, "dev")


def _measured(scores: Scores, threshold: Threshold, unit: Unit) -> PadReport:
    return measure(scores.values, scores.species, threshold, configuration=scores.configurations[0], unit=unit)


def _counts(scores: Scores) -> dict[str, int]:
    subjects = set(zip(scores.source.tolist(), scores.subject.tolist(), strict=True))
    return {
        "pictures": len(scores),
        "presentations": len(scores.by_clip()),
        "subjects": sum(subject != "" for _, subject in subjects),
        "sources": len(set(scores.source.tolist())),
    }


def _warnings(dev: Scores, test: Scores, results: Sequence[Result]) -> Iterable[str]:
    def shared(column: str) -> int:
        keys = (set(zip(part.source.tolist(), getattr(part, column).tolist(), strict=True)) for part in (dev, test))
        return sum(value != "" for _, value in set.intersection(*keys))

    for column, what in (("subject", "subject(s)"), ("names", "picture name(s)")):
        if count := shared(column):
            yield f"Dev and test share {count} {what}: the threshold has seen some of test, and the figures are too good."
    if "test" in dev.split.tolist():
        yield "Some dev rows say that they belong to the split test."
    for species in sorted(set(test.species.tolist()) - set(dev.species.tolist())):
        yield f"Species {species!r} of test does not occur in dev."
    for report in (result.presentation for result in results):
        for name, rate in (
            *((f"APCER of {species!r}", rate) for species, rate in report.apcer.items()),
            ("BPCER", report.bpcer),
        ):
            if rate.trials < FEW:
                yield f"{name} rests on {rate.trials} presentation(s), fewer than {FEW}: mind its interval."


def _as_json(evaluation: Evaluation, sha256: Mapping[str, str]) -> str:
    def result(found: Result) -> Json:
        return {
            "configuration": found.configuration,
            "presentation": _report(found.presentation),
            "picture": _report(found.picture),
            "sources": {name: _report(report) for name, report in found.sources.items()},
            "source_pictures": {name: _report(report) for name, report in found.source_pictures.items()},
        }

    document = {
        "schema": SCHEMA,
        "rule": str(evaluation.rule),
        "unit": "presentation",
        "sha256": dict(sha256),
        "counts": evaluation.counts,
        "warnings": evaluation.warnings,
        "results": [result(found) for found in evaluation.results],
    }
    return json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def _rate(rate: Rate) -> Json:
    low, high = rate.interval()
    return {"errors": rate.errors, "trials": rate.trials, "value": rate.value, "low": low, "high": high}


def _report(report: PadReport) -> Json:
    def threshold(found: Threshold) -> Json:
        return {"value": found.value, "rule": found.rule, "split": found.split}

    at20 = report.bpcer20
    return {
        "unit": report.unit,
        "threshold": threshold(report.threshold),
        "apcer": {species: _rate(rate) for species, rate in report.apcer.items()},
        "worst_apcer": {"species": report.worst_apcer[0], **_rate(report.worst_apcer[1])},
        "bpcer": _rate(report.bpcer),
        "apnrr": _rate(report.apnrr),
        "bpnrr": _rate(report.bpnrr),
        "auc": report.auc,
        "oracle": {
            "d_eer": report.d_eer,
            "d_eer_worst": report.d_eer_worst,
            "bpcer20": at20 and {"threshold": threshold(at20.threshold), **_rate(at20.bpcer)},
        },
        "not_iso": {"apcer_pooled": _rate(report.apcer_pooled), "acer": report.acer, "acer_pooled": report.acer_pooled},
    }


def _as_markdown(evaluation: Evaluation, sha256: Mapping[str, str]) -> str:
    found = evaluation.results
    headline = [result.presentation for result in found]
    species = [(r, name, rate) for r in headline for name, rate in r.apcer.items()]
    sources = [item for result in found for item in result.sources.items()]
    source_pictures = [item for result in found for item in result.source_pictures.items()]
    blocks = [
        "# Presentation attack detection report",
        *(_summary(report) for report in headline),
        _UNIT.format(rule=evaluation.rule),
        _table("", _counted, evaluation.counts.items()),
        *(["## Warnings", "\n".join(f"- {_cell(warning)}" for warning in evaluation.warnings)] if evaluation.warnings else []),
        "## Presentations, test",
        _table("", _headline, headline),
        _ORACLES,
        "## APCER of each species",
        _table("", lambda row: {**_key(row[0]), "species": row[1], "APCER": row[2]}, species),
        "## No response, and figures of the literature",
        _table("", _literature, headline),
        "## Each source that has both classes",
        _table("No source has both classes.", _sourced, sources),
        "## Pictures, test",
        "Frames of one clip are not independent: these intervals are too narrow. The threshold was set on dev pictures.",
        _table("", _headline, [result.picture for result in found]),
        _table("", _sourced, source_pictures),
        "## Score files",
        "\n".join(f"- {name}: SHA-256 `{digest}`" for name, digest in sha256.items()) or "Not recorded.",
    ]
    return "\n\n".join(blocks) + "\n"


def _summary(report: PadReport) -> str:
    species, apcer = report.worst_apcer
    name = f"Configuration {_cell(report.configuration)}" if report.configuration else "The network"
    silent = report.apnrr.errors + report.bpnrr.errors
    return (
        f"{name} at threshold {report.threshold.value:.6g} was wrong about {apcer.errors} of {apcer.trials} attacks of its worst "
        f"species, {_cell(species)}, and about {report.bpcer.errors} of {report.bpcer.trials} bona fide presentations; "
        f"{silent} presentations had no response, which counts as wrong."
    )


def _key(report: PadReport) -> Json:
    return {"configuration": report.configuration or "none"}


def _counted(row: tuple[str, Mapping[str, int]]) -> Json:
    return {"scores": row[0], **row[1]}


def _headline(report: PadReport) -> Json:
    species, apcer = report.worst_apcer
    return {
        **_key(report),
        "threshold": f"{report.threshold.value:.6g}",
        "worst APCER": f"{apcer} ({species})",
        "BPCER": report.bpcer,
        "BPCER20 (oracle)": report.bpcer20.bpcer if report.bpcer20 else "not reached",
        "D-EER (oracle)": f"{report.d_eer:.2%}",
        "AUC": f"{report.auc:.4f}",
        "ACER (literature, not ISO)": f"{report.acer:.2%}",
    }


def _sourced(row: tuple[str, PadReport]) -> Json:
    return {"source": row[0] or "(unnamed)", **_headline(row[1])}


def _literature(report: PadReport) -> Json:
    return {
        **_key(report),
        "APNRR": report.apnrr,
        "BPNRR": report.bpnrr,
        "D-EER of the worst species (oracle)": f"{report.d_eer_worst:.2%}",
        "pooled APCER (not ISO)": report.apcer_pooled,
        "ACER with pooled APCER (literature)": f"{report.acer_pooled:.2%}",
    }


def _table(empty: str, columns: Callable[[Any], Json], items: Iterable[Any]) -> str:
    rows = [columns(item) for item in items]
    if not rows:
        return empty
    lines = [list(rows[0]), ["---"] * len(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    """Text that cannot break out of its table cell: names come from files that others wrote."""
    text = " ".join(str(value).split())
    return "".join(f"\\{letter}" if letter in "\\|<`*_" else letter for letter in text)
