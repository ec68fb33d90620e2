"""The sections after the headline: what counts allow to claim, silence, pictures, the literature, how it was made."""

from __future__ import annotations

from livegate.report.document import Brief, Figures, Report, Result
from livegate.report.literature import PUBLISHED, SOURCES, SWAPPED
from livegate.report.names import shown
from livegate.report.page import Folded, Items, Prose, Section, Table
from livegate.report.tables import UNNAMED, Rows, judged, tables
from livegate.report.wording import NONE, counted, counts, exact, listed, named, of, percent, quoted, worst_name

_PAPERS = (
    "None of these is a figure of ISO/IEC 30107-3; papers use them. ACER = (APCER + BPCER) / 2. Pooled: all attacks in one pot, where a "
    "frequent, easy species hides the worst one. HTER: ACER with pooled APCER at the equal error threshold of dev. TPR@FPR as CelebA-Spoof "
    "counts it: attacks detected at a threshold found on test that rejects about that share of bona fide; in brackets the share it rejects."
)
_ZOO = (
    "The Open Model Zoo prints ACER 3.81 % for anti-spoof-mn3, on the test part of CelebA-Spoof, on which that model was also chosen. It is "
    "counted like this: each picture is a trial, the larger output wins, and all attacks are in one pot. The code behind it calls the share of "
    "bona fide rejected “APCER” and the share of attacks accepted “BPCER”; here both stand under their ISO names."
)


def sample_size(report: Report) -> Section:
    """What the counts allow to claim."""
    found = report.results[0].presentation
    rows = [(f"{shown(name)}: APCER", rate) for name, rate in found.apcer.items()] + [("bona fide: BPCER", found.bpcer)]
    table = Table(
        ("species", "errors/trials", "at most, one-sided 95 %", "at most, two-sided 95 %"),
        tuple((name, counts(rate), percent(rate.upper), percent(rate.high)) for name, rate in rows),
    )
    claims = Table(
        ("claim", "presentations without an error, one-sided 95 %", "two-sided 95 %"),
        tuple(
            (f"APCER of a species is at most {100 * claim.rate:g} %", f"{claim.one_sided:,}", f"{claim.two_sided:,}")
            for claim in report.claims
        ),
    )
    text = (
        "What the counts allow to claim, by the exact bound, if presentations are independent: the true rate is at most this. One-sided: only "
        "the upper end is claimed, at 95 %. Two-sided: the upper end of the 95 % interval, with 2.5 % above it."
    )
    return Section("Sample size", (Prose(text), table, Prose("How many presentations of a species a claim needs:"), claims))


def silent(report: Report) -> Section:
    """Presentations without a score."""

    def row(result: Result) -> Rows:
        return ((named(result.configuration), *judged(result.presentation.apnrr), *judged(result.presentation.bpnrr)),)

    header = ("configuration", "APNRR", "exact 95 %", "BPNRR", "exact 95 %")
    text = "Presentations without a score: attacks (APNRR) and bona fide (BPNRR). They are in every denominator, as errors."
    return Section("No response", (Prose(text), *tables(report, header, row)))


def pictures(report: Report) -> Section:
    """Pictures as trials, beside the headline."""

    def facts(found: Figures | Brief) -> tuple[str, ...]:
        worst = found.worst_apcer
        rates = (counted(worst), exact(worst), counted(found.bpcer), exact(found.bpcer))
        return worst_name(worst), f"{found.threshold.value:.6g}", *rates, percent(found.oracle.d_eer), f"{found.auc:.4f}"

    def rows(result: Result) -> Rows:
        sources = result.source_pictures.items() if result.configuration in report.headline else ()
        parts = ((named(result.configuration), shown(name) or UNNAMED, *facts(found)) for name, found in sources)
        return ((named(result.configuration), "all", *facts(result.picture)), *parts)

    header = (
        "configuration",
        "source",
        "worst species",
        "threshold",
        "its APCER",
        "exact 95 %",
        "BPCER",
        "exact 95 %",
        "D-EER (oracle)",
        "AUC",
    )
    text = "Each picture as a trial, at a threshold for pictures. Frames of one clip are alike: these intervals are too narrow."
    return Section("Pictures", (Prose(text), *tables(report, header, rows, words=3)))


def literature(report: Report) -> Section:
    """What papers would print, and what some did."""

    def row(result: Result) -> Rows:
        found, other = result.presentation, result.presentation.not_iso
        shares = (found.oracle.d_eer, other.acer, other.acer_pooled, other.hter, other.apcer_mean)
        tpr = (f"{percent(figure.detected.value)} ({percent(figure.attained.value)})" for figure in other.tpr_at_fpr)
        own = (NONE if share is None else percent(share) for share in shares)
        return ((named(result.configuration), *own, counted(other.apcer_pooled), *tpr),)

    levels = (f"TPR@FPR {100 * figure.fpr:g} % (attained)" for figure in report.results[0].presentation.not_iso.tpr_at_fpr)
    header = ("configuration", "EER", "ACER, worst APCER", "ACER, pooled APCER", "HTER", "mean APCER", "pooled APCER", *levels)
    others = tuple(
        (
            one.system,
            one.source,
            one.pictures,
            one.threshold,
            *(NONE if share is None else f"{share:.2f} %" for share in one.rates),
        )
        for one in PUBLISHED
    )

    def zoo(result: Result) -> Rows:
        found = result.model_zoo
        return ((named(result.configuration), counted(found.bpcer), counted(found.apcer_pooled), percent(found.acer)),)

    zoo_header = ("configuration", "BPCER", "pooled APCER", "ACER as the Model Zoo counts it (3.81 % published)")
    published = Table(("system", "source", "pictures", "threshold", "BPCER", "pooled APCER", "ACER"), others, words=4)
    notes = (Prose(SWAPPED), Items(SOURCES))
    folded = Folded("Figures that others published: other pictures, other rules, no comparison", (published, *notes))
    counted_so = (Prose(_ZOO), *tables(report, zoo_header, zoo))
    return Section("Literature", (Prose(_PAPERS), *tables(report, header, row), *counted_so, folded))


def made(report: Report) -> Section:
    """What went in, and what it was made with."""
    about, used = report.made, report.bootstrap
    counted_splits = tuple(
        (
            name,
            *(
                f"{getattr(part, key):,}"
                for key in ("pictures", "presentations", "bona_fide", "attacks", "subjects", "sources")
            ),
        )
        for name, part in report.counts.items()
    )
    lines = [f"{name}: SHA-256 {digest}" for name, digest in report.sha256.items()] or [
        "Hashes of the score files were not recorded."
    ]
    if used:
        clusters = listed([f"{number:,} {quoted(name)}" for name, number in used.clusters.items()])
        lines.append(
            f"Bootstrap: {of(used.replicates, 'replicate')} by {used.by}, seed {used.seed}; clusters of test that hold each class: {clusters}"
        )
    lines.append(f"Rule: {report.rule}")
    lines.append(f"Versions: {', '.join(f'{name} {version}' for name, version in about.versions.items())}")
    lines.append(f"Machine: {about.system}, {about.machine}, {of(about.processors, 'processor')}")
    header = ("scores", "pictures", "presentations", "bona fide", "attacks", "people", "sources")
    return Section("How this was made", (Table(header, counted_splits), Items(tuple(lines))))
