"""Resampled sets: drawn as told, and measured exactly as copies of their rows would be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from livegate.errors import MetricError
from livegate.metrics import REJECT_ALL, Rule, Scores, Threshold, measure
from livegate.metrics.codes import Codes
from livegate.metrics.intervals import Figures, figures
from livegate.metrics.resampling import Ordered, Resampling, Weighed
from livegate.metrics.scores import Floats

RULES = ("bpcer=0.05", "bpcer=0.3", "bpcer=0.3,pooled", "apcer=0.05", "apcer=0.4", "d-eer", "fixed=0.5")
score = st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))


@st.composite
def sets(draw: st.DrawFn) -> Scores:
    """Scores of two sources and up to three species with ties and missing responses, some rows with a subject."""
    species = ["", "A", *draw(st.lists(st.sampled_from(["", "", "A", "B", "C"]), max_size=30))]

    def column(values: st.SearchStrategy[str]) -> list[str]:
        return draw(st.lists(values, min_size=len(species), max_size=len(species)))

    return Scores.build(
        [f"{row}.png" for row in range(len(species))],
        draw(st.lists(score, min_size=len(species), max_size=len(species))),
        species=species,
        source=column(st.sampled_from(["x", "y"])),
        subject=column(st.sampled_from(["", "1", "2", "3"])),
    )


def copied(scores: Scores, rows: list[int]) -> Scores:
    """The rows, as often as they are named, each copy under a name of its own."""
    chosen = np.array(rows, np.int64)
    columns = {name: getattr(scores, name)[chosen].tolist() for name in ("species", "source")}
    return Scores.build([str(number) for number in range(len(rows))], scores.values[chosen], **columns)


def by_copies(scores: Scores, threshold: float) -> dict[str, float | None]:
    """The figures as ``measure`` tells them of rows that were really copied."""
    report = measure(scores.values, scores.species, Threshold(threshold, "", ""))
    oracles = {name: getattr(report, name) for name in ("bpcer10", "bpcer20", "bpcer100")}
    return {
        "worst_apcer": report.worst_apcer[1].value,
        "apcer_pooled": report.apcer_pooled.value,
        "bpcer": report.bpcer.value,
        "acer": report.acer,
        "acer_pooled": report.acer_pooled,
        "d_eer": report.d_eer,
        "auc": report.auc,
        **{name: point.bpcer.value if point else 1.0 for name, point in oracles.items()},
        **{f"apcer {name}": rate.value for name, rate in report.apcer.items()},
    }


def flat(found: Figures[Floats], replicate: int) -> dict[str, float]:
    """One replicate of resampled figures by name, without the species that do not occur in it."""
    single = {name: getattr(found, name)[replicate] for name in by_copies_names()}
    apcer = {f"apcer {name}": rate[replicate] for name, rate in found.apcer.items() if not np.isnan(rate[replicate])}
    return single | apcer


def by_copies_names() -> list[str]:
    """Every figure but the APCER of each species."""
    return [name for name in Figures.__dataclass_fields__ if name != "apcer"]


def set_on(rule: Rule, scores: Scores) -> float:
    """The threshold of a rule, or the nearest one where too many gave no response."""
    try:
        return rule.threshold(scores.values, scores.species, scores.source, "").value
    except MetricError:
        return 0.0 if rule.name == "bpcer" else REJECT_ALL


@settings(max_examples=60, deadline=None)
@given(sets(), st.integers(0, 1000), st.sampled_from(RULES))
@example(Scores.build(["0", "1"], [0.5, 0.5], species=["", "A"]), 0, "d-eer")  # two thresholds alike: the higher one
def test_weights_measure_what_copies_would(scores: Scores, seed: int, rule: str) -> None:
    """Each replicate has the thresholds and figures of its rows copied out, ties, silence and absent species included."""
    draws = Resampling(scores, "subject")
    counts = draws.draw(np.random.default_rng(seed), 3)
    weighed = Weighed(Ordered(scores, draws.clusters), counts)
    thresholds = weighed.threshold(Rule.parse(rule))
    found = figures(weighed, sorted(set(scores.species.tolist()) - {""}), thresholds)
    for replicate, count in enumerate(counts):
        copies = copied(scores, np.repeat(np.arange(len(scores)), count[draws.clusters]).tolist())
        assert thresholds[replicate] == set_on(Rule.parse(rule), copies)
        assert flat(found, replicate) == pytest.approx(by_copies(copies, thresholds[replicate]), abs=1e-12)


def subjects(*held: str, source: str = "x") -> Scores:
    """One subject for each text, holding a picture for each of its letters; b is bona fide, others are species."""
    rows = [(f"s{number}", letter) for number, letters in enumerate(held) for letter in letters]
    return Scores.build(
        [f"{source}/{row}.png" for row in range(len(rows))],
        [0.5] * len(rows),
        subject=[subject for subject, _ in rows],
        species=["" if letter == "b" else letter for _, letter in rows],
        source=source,
    )


def drawn(scores: Scores, replicates: int = 400) -> tuple[Resampling, Codes]:
    """The draws by subject and the weight of each row in each replicate."""
    draws = Resampling(scores, "subject")
    return draws, draws.draw(np.random.default_rng(3), replicates)[:, draws.clusters]


def test_a_subject_moves_with_all_its_rows() -> None:
    """Bona fide and attacks of one subject always weigh the same, and their number of subjects stays."""
    draws, weights = drawn(subjects("bbA", "bA", "bAAB", "bbbB"))
    for subject in range(4):
        rows = np.flatnonzero(subjects("bbA", "bA", "bAAB", "bbbB").subject == f"s{subject}")
        assert (weights[:, rows] == weights[:, rows[:1]]).all()
    assert draws.count == 4
    first = [0, 3, 5, 9]
    assert (weights[:, first].sum(axis=1) == 4).all()
    assert len(np.unique(weights[:, first], axis=0)) > 30  # of 35 ways to draw 4 of 4


def test_how_many_hold_what_is_chance_too() -> None:
    """Of bona fide only, one species, several, both classes, any may take the place of another; the whole keeps its size."""
    held = ("b", "bb", "A", "AA", "B", "BB", "AB", "ABB", "bA", "bB")
    scores = subjects(*held)
    _, weights = drawn(scores)
    of_subject = weights[:, [int(np.flatnonzero(scores.subject == f"s{number}")[0]) for number in range(len(held))]]
    assert (of_subject.sum(axis=1) == 10).all()
    for kind in ([0, 1], [2, 3], [4, 5], [6, 7], [8, 9]):
        assert set(of_subject[:, kind].sum(axis=1).tolist()) >= {0, 1, 2, 3, 4}


def test_sources_keep_their_size() -> None:
    """A small source is neither lost nor doubled: the same subjects in it are others."""
    scores = Scores.join([subjects("bA", "bA", "bA", source="x"), subjects("bA", source="y")])
    _, weights = drawn(scores)
    assert (weights[:, scores.source == "x"].sum(axis=1) == 6).all()
    assert (weights[:, scores.source == "y"] == 1).all()


@settings(max_examples=50, deadline=None)
@given(sets(), st.integers(0, 100))
def test_both_classes_occur_in_every_replicate(scores: Scores, seed: int) -> None:
    """Whoever holds what, no replicate is without bona fide or without attacks."""
    draws = Resampling(scores, "subject")
    weights = draws.draw(np.random.default_rng(seed), 20)[:, draws.clusters]
    assert (weights[:, scores.bona_fide].sum(axis=1) > 0).all()
    assert (weights[:, ~scores.bona_fide].sum(axis=1) > 0).all()


def test_draws_are_uniform() -> None:
    """Over many replicates each cluster occurs once on average, with the variance of drawing with replacement from its source."""
    _, weights = drawn(Scores.join([subjects(*["bA"] * 5, source="x"), subjects(*["bA"] * 20, source="y")]), 20_000)
    assert weights.mean(axis=0) == pytest.approx(1, abs=0.04)
    assert weights[:, :10].var(axis=0) == pytest.approx(1 - 1 / 5, abs=0.04)
    assert weights[:, 10:].var(axis=0) == pytest.approx(1 - 1 / 20, abs=0.05)


def test_parts_draw_what_the_whole_does() -> None:
    """Drawing by parts, as little memory asks for, gives the same replicates."""
    draws = Resampling(subjects("b", "b", "b", "b", "A"), "subject")  # a third of the draws lacks A and is drawn again
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    assert np.array_equal(draws.draw(one, 7), np.concatenate([draws.draw(two, 3), draws.draw(two, 4)]))
