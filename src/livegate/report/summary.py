"""The first page of a report, for someone who has never heard of APCER: what was tested, what got in, what that does not tell."""

from __future__ import annotations

from livegate.metrics import Rule
from livegate.report.document import Figures, RateFigure, Report
from livegate.report.names import shown
from livegate.report.page import Fact, Facts, Items, Prose, Section
from livegate.report.wording import exact, listed, of, percent, quoted, worst_name

WORDS = (
    ("bona fide presentation", "a live person before the camera, once; all frames of a clip are one presentation."),
    (
        "presentation attack",
        "a spoof: a print, a screen, a mask or the like before the camera, to be taken for the person it shows.",
    ),
    (
        "PAI species",
        "attacks made in one way, such as prints on paper; PAI is the presentation attack instrument, the thing itself.",
    ),
    (
        "APCER",
        "of the attacks of one species, the share that was taken for bona fide. The species with the highest share is the headline.",
    ),
    ("BPCER", "of the bona fide presentations, the share that was taken for attacks."),
    (
        "APNRR, BPNRR",
        "the shares of attacks and of bona fide presentations that got no answer at all; they count as errors in APCER and BPCER.",
    ),
    ("threshold", "the score from which a presentation passes. A lower one lets more attacks in and turns fewer people away."),
    ("BPCER10, 20, 100", "BPCER at the threshold where the worst APCER is at most 10, 5, 1 %."),
    ("D-EER", "detection equal error rate: where APCER, all species in one pot, and BPCER are equal."),
    ("DET, ROC", "curves of APCER and BPCER over all thresholds."),
    ("AUC", "the chance that a bona fide presentation has a higher score than an attack; 0.5 is guessing."),
    (
        "oracle",
        "a figure whose threshold was found on the very presentations it is measured on. Nobody has that threshold beforehand.",
    ),
    (
        "exact interval",
        "Clopper-Pearson, 95 %, two-sided unless it says one-sided: the rates that fit the counts, if presentations are independent.",
    ),
    (
        "bootstrap interval",
        "95 %, from drawing whole people (or clips) again and again, so that presentations that belong together stay together.",
    ),
    ("ACER, HTER, TPR@FPR", "figures of the literature; ISO/IEC 30107-3 does not have them."),
)


def summary(report: Report) -> Section:
    """What a reader sees first."""
    found = report.results[0].presentation
    worst = found.worst_apcer
    silent = found.apnrr.errors + found.bpnrr.errors
    trials = found.apnrr.trials + found.bpnrr.trials
    facts = Facts(
        (
            Fact(f"Attacks that got in, worst species: {worst_name(worst)} (APCER)", percent(worst.value), _rests_on(worst)),
            Fact("Bona fide presentations turned away (BPCER)", percent(found.bpcer.value), _rests_on(found.bpcer)),
            Fact("Presentations without an answer", f"{silent:,}", f"of {trials:,}; they count as errors"),
        )
    )
    return Section(
        "In plain words",
        (
            facts,
            Prose(_tested(report), "What was tested."),
            Prose(_got_in(found), "What got in."),
            Prose(_turned_away(found), "What was turned away."),
            Prose("", "What cannot be concluded."),
            Items(_limits(report)),
        ),
    )


def doubts(report: Report) -> tuple[Section, ...]:
    """What a reader should know before believing a figure; no section where there is nothing."""
    return (Section("Doubts", (Items(report.warnings),)),) if report.warnings else ()


def glossary() -> Section:
    """The words of the standard."""
    return Section("Words", (Items(tuple(f"{word}: {meaning}" for word, meaning in WORDS)),))


def setting(rule: str) -> str:
    """A rule for thresholds in plain words."""
    parsed = Rule.parse(rule)
    target = f"{100 * parsed.target:g} %"
    match parsed.name:
        case "bpcer":
            weights = "every presentation" if parsed.pooled else "every source"
            return f"the highest at which at most {target} of the bona fide presentations are turned away, {weights} weighing the same"
        case "apcer":
            return f"the lowest at which at most {target} of the attacks of each species get in"
        case "d-eer":
            return "where the share of attacks that get in and the share of bona fide presentations turned away are equal"
        case _:
            return f"{parsed.target:g}, whatever the scores"


def _rests_on(rate: RateFigure) -> str:
    return f"{rate.errors} of {rate.trials}; 95 %: {exact(rate)}"


def _tested(report: Report) -> str:
    test, first = report.counts["test"], report.results[0]
    people = f"of {of(test.subjects, 'person')}" if test.subjects else "of people whom the score file does not tell apart"
    text = (
        "A face check looks at pictures and says whether there is a live face (a bona fide presentation) or a spoof such as a print or a "
        f"screen (a presentation attack). It was shown {of(test.bona_fide, 'bona fide presentation')} and {of(test.attacks, 'attack')} of "
        f"{of(len(test.species), 'species')} ({listed([shown(name) for name in test.species])}), {of(test.pictures, 'picture')} in all, "
        f"{people}, from {of(test.sources, 'source')}."
    )
    if first.configuration:
        text += f" The figures here are those of configuration {shown(first.configuration)}"
        text += (
            f"; {of(len(report.results) - 1, 'other')} {'was' if len(report.results) == 2 else 'were'} measured, too."
            if len(report.results) > 1
            else "."
        )
    threshold = first.presentation.threshold
    whose = " of the model" if report.set_on == "artifact" else ""
    where = f" on {shown(threshold.split)}{whose}" if threshold.split else ""
    if report.set_on == "calibration":
        where = " on pictures of one's own camera"
    if "dev" in report.counts:
        where += f", {of(report.counts['dev'].presentations, 'other presentation')}"
    return (
        f"{text} A presentation passed when its score was at least {threshold.value:.4g}. This threshold was set beforehand{where}: "
        f"{setting(threshold.rule)}."
    )


def _got_in(found: Figures) -> str:
    worst = found.worst_apcer
    none = [quoted(name) for name, rate in found.apcer.items() if not rate.errors]
    if not worst.errors:
        return f"Not one of {of(worst.trials, 'attack') if len(none) == 1 else 'the attacks'}. That is no proof: see the sample size below."
    kind = (
        f"Of the species that got in most often, {quoted(worst.species)},"
        if len(found.apcer) > 1
        else f"Of {quoted(worst.species)},"
    )
    text = f"{kind} {worst.errors} of {of(worst.trials, 'attack')} were taken for bona fide: {percent(worst.value)} (95 %: {exact(worst)})."
    if worst.tied:
        text += (
            f" As often got in {listed([quoted(name) for name in worst.tied])}; of equals the one with the fewest trials stands first, "
            "since its interval reaches highest."
        )
    others = [name for name in found.apcer if name != worst.species]
    if others and len(none) < len(others):
        pooled = found.not_iso.apcer_pooled
        text += f" Of all attacks together it was {pooled.errors} of {pooled.trials:,}; the worst species counts, since attackers choose."
    return f"{text} No attack got in of {listed(none)}." if none else text


def _turned_away(found: Figures) -> str:
    rate = found.bpcer
    text = f"{rate.errors} of {of(rate.trials, 'bona fide presentation')}: {percent(rate.value)} (95 %: {exact(rate)})."
    if found.bpnrr.errors:
        text += f" {found.bpnrr.errors} of them because there was no answer, for instance since no face was found."
    return text


def _limits(report: Report) -> tuple[str, ...]:
    found = report.results[0].presentation
    claim = report.claims[0]
    few = [f"{quoted(name)} ({rate.trials})" for name, rate in found.apcer.items() if rate.trials < claim.two_sided]
    lines = [
        "Anything about attacks, cameras, light or people of other kinds than those shown here: their rates can be higher.",
        "That a difference between two configurations or models is real: their intervals are not made for that. Use livegate compare.",
        "What an independent laboratory would find: this is a measurement by whoever ran the command.",
    ]
    if few:
        lines.insert(
            1,
            f"That the APCER of {listed(few)} is at most {100 * claim.rate:g} %: even without one error that takes {claim.one_sided} presentations "
            f"of the species by the one-sided 95 % bound, {claim.two_sided} by the two-sided one.",
        )
    return tuple(lines)
