"""What stands on the page of a report, section by section; every number comes from the document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain

from livegate.report import appendix
from livegate.report.document import Gap, Groups, Report, Result, Subject
from livegate.report.names import shown
from livegate.report.page import Block, Page, Plots, Prose, Section, Table
from livegate.report.summary import doubts, glossary, setting, summary
from livegate.report.tables import UNNAMED, Rows, drawn, drawn_header, judged, tables
from livegate.report.wording import NONE, NOT_REACHED, counted, named, of, percent, quoted, span, worst_name

_ORACLE = (
    "Every number in these tables is an oracle: its threshold was found on test itself. Oracles rank systems; nobody can run one. BPCER10, BPCER20 and "
    "BPCER100 are BPCER where the worst APCER is at most 10, 5 and 1 %."
)
_CHANCE = "Those with the most errors. Among many people someone always comes out worst: with few presentations each, this can be chance."


def contents(report: Report) -> Page:
    """The page of a report."""
    sections = (
        summary(report),
        *doubts(report),
        _configurations(report),
        _species(report),
        _threshold(report),
        _operating(report),
        _scores(),
        *_parts(report),
        *_cues(report),
        appendix.sample_size(report),
        appendix.silent(report),
        appendix.pictures(report),
        appendix.literature(report),
        appendix.made(report),
        glossary(),
    )
    subtitle = (
        f"Made on {report.made.date} by livegate {report.made.versions['livegate']}. A trial is one presentation: all frames of a clip. "
        "No response counts as an error in every rate."
    )
    return Page("Presentation attack detection report", subtitle, sections)


def _configurations(report: Report) -> Section:
    rows = tuple(
        (named(result.configuration), worst_name(found.worst_apcer), *drawn(found.worst_apcer), *drawn(found.bpcer))
        for result in report.results
        for found in (result.presentation,)
    )
    header = ("configuration", "worst species", *drawn_header("its APCER"), *drawn_header("BPCER"))
    return Section("Configurations", (Prose(_intervals(report)), Table(header, rows, words=2)))


def _species(report: Report) -> Section:
    def rows(result: Result) -> Rows:
        found, name = result.presentation, named(result.configuration)
        apcer = ((name, f"{shown(species)}: APCER", *drawn(rate)) for species, rate in found.apcer.items())
        return (*apcer, (name, "bona fide: BPCER", *drawn(found.bpcer)))

    header = ("configuration", "species", *drawn_header("error rate"))
    return Section("Species", (Plots((("species", _caption(report)),)), *tables(report, header, rows, words=2)))


def _caption(report: Report) -> str:
    whose = f" of configuration {shown(report.headline[0])}" if report.headline[0] else ""
    thin = ", thin line: bootstrap interval" if report.bootstrap else ""
    return f"Error rates{whose} at its threshold. Dot: rate; thick line: exact 95 % interval{thin}."


def _threshold(report: Report) -> Section:
    def row(result: Result) -> Rows:
        found, half = result.presentation, result.half
        limits = found.bootstrap.get("threshold")
        drawn = f"{limits.low:.4g} to {limits.high:.4g}" if limits else NONE
        threshold = (found.threshold.rule, shown(found.threshold.split) or "nothing", f"{found.threshold.value:.6g}", drawn)
        rates = (counted(rate) for rate in (found.worst_apcer, found.bpcer, half.worst_apcer, half.bpcer))
        return ((named(result.configuration), *threshold, *rates),)

    whose = "as one's own camera has it" if report.set_on == "calibration" else "as the model ships it"
    place = " on dev" if report.set_on == "dev" else f", {whose}, for pictures and presentations alike"
    header = (
        "configuration",
        "rule",
        "set on",
        "threshold",
        "bootstrap 95 %",
        "worst APCER",
        "BPCER",
        "worst APCER at 0.5",
        "BPCER at 0.5",
    )
    text = (
        f"Rule {report.rule}{place}: {setting(report.rule)}. A presentation passes when its score is at least the threshold. Beside it: the fixed "
        "threshold 0.5, where the larger output of the network wins."
    )
    return Section("Threshold", (Prose(text), *tables(report, header, row, words=3)))


def _operating(report: Report) -> Section:
    def row(result: Result) -> Rows:
        found, oracle = result.presentation, result.presentation.oracle
        points = (counted(point) if point else NOT_REACHED for point in (oracle.bpcer10, oracle.bpcer20, oracle.bpcer100))
        return (
            (
                named(result.configuration),
                percent(oracle.d_eer),
                span(found.bootstrap.get("d_eer")),
                percent(oracle.d_eer_worst),
                *points,
                f"{found.auc:.4f}",
            ),
        )

    header = ("configuration", "D-EER", "bootstrap 95 %", "D-EER, worst species", "BPCER10", "BPCER20", "BPCER100", "AUC")
    dot = "Dot: the threshold that was set beforehand."
    plots = Plots(
        (
            (
                "det",
                f"DET curves on probit axes; further left and down is better. What lies beyond the axes stands on their edge. {dot}",
            ),
            ("det-species", f"The same for each species alone, the worst six. {dot}"),
            ("roc", f"ROC curves; further left and up is better. {dot}"),
        )
    )
    return Section("Over all thresholds", (Prose(_ORACLE), plots, *tables(report, header, row), *_fixed_bpcer(report)))


def _fixed_bpcer(report: Report) -> tuple[Block, ...]:
    def row(result: Result) -> Rows:
        points = result.presentation.oracle.fixed_bpcer
        cells = (
            (counted(point.worst_apcer), counted(point.bpcer)) if point.worst_apcer else (NOT_REACHED, NONE) for point in points
        )
        return ((named(result.configuration), *chain(*cells)),)

    levels = (
        (f"worst APCER at BPCER {100 * point.target:g} %", "attained BPCER")
        for point in report.results[0].presentation.oracle.fixed_bpcer
    )
    return tables(report, ("configuration", *chain(*levels)), row)


def _scores() -> Section:
    scores = "How the scores of both classes lie; what lies beyond the axis counts in the outermost bars."
    reliability = (
        "Reliability: on the dotted line a score says how many presentations like this one are bona fide. It holds for the mix of classes "
        "in this test alone. Bars: exact 95 % intervals."
    )
    return Section("Scores", (Plots((("scores", scores), ("reliability", reliability))),))


def _parts(report: Report) -> tuple[Section, ...]:
    """Sources of all headline configurations, groups and people of the first."""
    rows = [
        (
            named(result.configuration),
            shown(name) or UNNAMED,
            worst_name(part.worst_apcer),
            *judged(part.worst_apcer),
            *judged(part.bpcer),
        )
        for result in report.results
        if result.configuration in report.headline
        for name, part in result.sources.items()
    ]
    blocks: list[Block] = []
    if rows:
        header = ("configuration", "source", "worst species", "its APCER", "exact 95 %", "BPCER", "exact 95 %")
        blocks += [
            Prose("Those that have both classes, under the one threshold.", "Sources."),
            Table(header, tuple(rows), words=3),
        ]
    if detail := report.results[0].detail:
        blocks += [block for groups in detail.groups for block in _grouped(groups)]
        blocks += [Prose(_CHANCE, "People."), _people(detail.subjects)] if detail.subjects else []
    return (Section("Sources, people and groups", tuple(blocks)),) if blocks else ()


def _grouped(found: Groups) -> Iterable[Block]:
    yield Prose(_gap(found), f"By {shown(found.column)}.")
    rows = [
        (shown(group.name), kind, *judged(rate))
        for group in found.groups
        for kind, rate in (
            ("bona fide: BPCER", group.bpcer),
            *((f"{shown(one)}: APCER", rate) for one, rate in group.apcer.items()),
        )
        if rate
    ]
    yield Table((shown(found.column), "species", "error rate", "exact 95 %"), tuple(rows), words=2)


def _gap(groups: Groups) -> str:
    if not groups.gaps:
        return "No rate has trials in two groups, so there is no gap to tell."
    told = "; ".join(_told(gap) for gap in groups.gaps)
    return (
        f"Largest gaps: {told}. They were picked among {of(len(groups.groups), 'group')}: chance alone makes some gap, and the "
        "intervals (Newcombe, 95 %) do not allow for the picking."
    )


def _told(gap: Gap) -> str:
    what = f"the APCER of {quoted(gap.species)}" if gap.species else "BPCER"
    limits = f"{100 * gap.limits.low:.2f} to {100 * gap.limits.high:.2f}"
    return (
        f"{100 * gap.difference:.2f} points (95 %: {limits}) in {what}, between {quoted(gap.lowest)} and {quoted(gap.highest)}"
    )


def _people(found: Sequence[Subject]) -> Table:
    rows = ((shown(one.source), shown(one.subject), counted(one.bona_fide), counted(one.attacks)) for one in found)
    return Table(("source", "subject", "bona fide turned away", "attacks that got in"), tuple(rows), words=2)


def _cues(report: Report) -> tuple[Section, ...]:
    if not report.baseline:
        return ()
    text = (
        "A logistic regression on colour, sharpness, contrast and framing of the picture, fitted on the split train, without a look at the "
        "face; threshold by the same rule on dev, or 0.5 without dev. A model that is not clearly better has learned how the pictures were taken."
    )
    found = [result for result in report.results if result.configuration in report.headline]
    pairs = [(named(result.configuration), result.presentation) for result in found]
    rows = tuple(
        (
            name,
            worst_name(found.worst_apcer),
            *drawn(found.worst_apcer),
            *drawn(found.bpcer),
            percent(found.oracle.d_eer),
            span(found.bootstrap.get("d_eer")),
            f"{found.auc:.4f}",
        )
        for name, found in (*pairs, (report.baseline.name, report.baseline.presentation))
    )
    header = (
        "configuration",
        "worst species",
        *drawn_header("its APCER"),
        *drawn_header("BPCER"),
        "D-EER (oracle)",
        "bootstrap 95 %",
        "AUC",
    )
    return (Section("Trivial cues", (Prose(text), Table(header, rows, words=2))),)


def _intervals(report: Report) -> str:
    exact_text = "Rates are errors/trials. Exact: Clopper-Pearson, two-sided 95 %, as if presentations were independent."
    used = report.bootstrap
    if not used:
        return exact_text
    own = ", dev and test each on its own, and set the threshold anew" if report.set_on == "dev" else ""
    what = {"subject": "people", "clip": "clips"}[used.by]
    return (
        f"{exact_text} Bootstrap: 95 % percentile interval of {used.replicates:,} replicates that draw whole {what}{own}; "
        f"for the worst species the maximum is taken anew each time, which draws that interval upwards."
    )
