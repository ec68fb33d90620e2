"""What stands on the page of a comparison; every number comes from the document."""

from __future__ import annotations

from livegate.report.comparison import Comparison, Difference, Pair, Paired
from livegate.report.names import shown
from livegate.report.page import Block, Fact, Facts, Folded, Items, Page, Prose, Section, Table
from livegate.report.summary import setting
from livegate.report.wording import listed, named, of, quoted

DETAILED = 3
CHANCE = 0.05
"""From which p on a difference may be chance: an interval over a handful of people can have no width at all."""
NAMES = {
    "worst_apcer": "worst APCER",
    "bpcer": "BPCER",
    "apcer_pooled": "pooled APCER (literature)",
    "acer": "ACER with worst APCER (literature)",
    "d_eer": "D-EER (oracle)",
    "auc": "AUC",
}
HEADER = ("configuration", "figure", "A", "B", "B - A", "paired bootstrap 95 %")
_READ = (
    "B - A: of an error rate, below zero is in favour of B; of AUC, above. An interval that holds zero shows no difference; one that does not "
    "shows one at 95 %, for this one figure. Thresholds stay where they were set; that of the worst APCER may compare two species."
)
_MCNEMAR = (
    "McNemar's exact test of the decisions alone. It takes presentations as independent: where people or prints occur several times, "
    "believe the bootstrap."
)


def comparison_contents(found: Comparison) -> Page:
    """The page of a comparison."""
    detailed, others = found.pairs[:DETAILED], found.pairs[DETAILED:]
    blocks: list[Block] = [Prose(_READ), Table(HEADER, tuple(row for pair in detailed for row in rows(pair)), words=2)]
    if others:
        rest = Table(HEADER, tuple(row for pair in others for row in rows(pair)), words=2)
        blocks.append(Folded(of(len(others), "other configuration"), (rest,)))
    return Page(
        "Two models on the same presentations",
        f"Made on {found.made.date} by livegate {found.made.versions['livegate']}. {_files(found)}",
        (
            _summary(found),
            *([Section("Doubts", (Items(found.warnings),))] if found.warnings else []),
            Section("Differences", tuple(blocks)),
            Section("Decisions", (Prose(_MCNEMAR), _decisions(found))),
            _made(found),
        ),
    )


def _files(found: Comparison) -> str:
    if not {"a", "b"} <= found.files.keys():
        return "A and B are the score files, in the order given."
    return f"A is {quoted(found.files['a'])}, B is {quoted(found.files['b'])}."


def _summary(found: Comparison) -> Section:
    first = found.pairs[0]
    worst, bpcer = first.differences["worst_apcer"], first.differences["bpcer"]
    text = (
        f"Two models looked at the same {of(found.presentations, 'presentation')}. For each, of the attacks of the species that gets in most "
        "often a share was taken for bona fide (the worst APCER), and a share of the bona fide presentations was turned away (BPCER)."
    )
    facts = Facts(
        (
            Fact("Attacks that got in, worst species: B - A (APCER)", _points(worst.difference), f"95 %: {_limits(worst)}"),
            Fact("Bona fide turned away: B - A (BPCER)", _points(bpcer.difference), f"95 %: {_limits(bpcer)}"),
        )
    )
    verdicts = (
        f"Attacks, worst species of each: {_verdict(worst, first.attacks)}.",
        f"Bona fide presentations turned away: {_verdict(bpcer, first.bona_fide)}.",
    )
    name = f" {_name(first)}" if _name(first) != "none" else ""
    return Section(
        "In plain words",
        (facts, Prose(text, "What was compared."), Prose(f"Configuration{name}:", "What differs."), Items(verdicts)),
    )


def _verdict(one: Difference, decisions: Paired) -> str:
    shares = f"A {100 * one.a:.2f} %, B {100 * one.b:.2f} %"
    if one.limits.low <= 0 <= one.limits.high:
        return f"{shares}; this test shows no difference, which is not the same as there being none"
    if decisions.p_value >= CHANCE:
        differ = of(decisions.only_a_wrong + decisions.only_b_wrong, "presentation")
        return f"{shares}; the models decide differently about {differ}, too few to say that it is no chance (p = {decisions.p_value:.2g})"
    better = "B" if one.difference < 0 else "A"
    return f"{shares}; {better} makes fewer errors, by {100 * abs(one.difference):.2f} points (95 %: {_limits(one)})"


def rows(pair: Pair) -> list[tuple[str, ...]]:
    """The differences of one pair, under ``HEADER``."""
    figures = {NAMES[name]: one for name, one in pair.differences.items()}
    figures |= {f"APCER of {shown(name)}": one for name, one in pair.apcer.items()}
    return [
        (_name(pair), name, f"{100 * one.a:.2f} %", f"{100 * one.b:.2f} %", _points(one.difference), _limits(one))
        for name, one in figures.items()
    ]


def _decisions(found: Comparison) -> Table:
    def row(pair: Pair, kind: str, told: Paired) -> tuple[str, ...]:
        cells = (told.both_right, told.only_a_wrong, told.only_b_wrong, told.both_wrong)
        return (_name(pair), kind, *(f"{cell:,}" for cell in cells), f"{told.p_value:.3g}")

    rows = tuple(row(pair, *one) for pair in found.pairs for one in (("bona fide", pair.bona_fide), ("attacks", pair.attacks)))
    header = ("configuration", "presentations", "both right", "only A wrong", "only B wrong", "both wrong", "p")
    return Table(header, rows, words=2)


def _made(found: Comparison) -> Section:
    made, used = found.made, found.bootstrap
    thresholds = tuple(
        (_name(pair), which, rates.threshold.split or "nothing", f"{rates.threshold.value:.6g}")
        for pair in found.pairs
        for which, rates in (("A", pair.a), ("B", pair.b))
    )
    whose = {name: f"{name}, {quoted(file)}" for name, file in found.files.items()}
    lines = [f"{whose.get(name, name)}: SHA-256 {digest}" for name, digest in found.sha256.items()] or [
        "Hashes of the score files were not recorded."
    ]
    lines += [
        f"Rule {found.rule}: {setting(found.rule)}",
        f"Bootstrap: {of(used.replicates, 'replicate')} by {used.by}, seed {used.seed}, {listed([of(used.clusters['all'], 'cluster')])}",
        f"Versions: {', '.join(f'{name} {version}' for name, version in made.versions.items())}",
        f"Machine: {made.system}, {made.machine}, {of(made.processors, 'processor')}",
    ]
    return Section(
        "How this was made",
        (Items(tuple(lines)), Table(("configuration", "model", "set on", "threshold"), thresholds, words=3)),
    )


def _name(pair: Pair) -> str:
    a, b = named(pair.configuration_a), named(pair.configuration_b)
    return a if a == b else f"{a} / {b}"


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f} points"


def _limits(one: Difference) -> str:
    return f"{100 * one.limits.low:+.2f} to {100 * one.limits.high:+.2f}"
