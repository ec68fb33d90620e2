"""What a reader should know before believing a figure, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import sqrt

from livegate.metrics import PadReport, Scores
from livegate.metrics.overlap import shared_rows, shared_subjects, unseen_species
from livegate.report.document import Bootstrap
from livegate.report.figures import mixed
from livegate.report.wording import listed, of, quoted

FEW = 30
"""Below this many trials a rate comes with a warning."""
_CLEARLY = 3.0
"""Standard deviations below guessing that chance does not make, not even where frames or people repeat a little."""


def doubts(dev: Scores | None, test: Scores, reports: Sequence[PadReport], resampled: Bootstrap | None) -> tuple[str, ...]:
    """Every doubt once.

    Args:
        dev: what the thresholds were set on; None when they came from elsewhere.
        test: what is reported.
        reports: presentations of each configuration.
        resampled: how bootstrap intervals were made.
    """
    both = _of_both(dev, test) if dev is not None else ()
    found = (
        *both,
        *(_of_dev(dev) if dev is not None else ()),
        *_of_test(test),
        *_of_direction(reports),
        *_of_trials(reports),
        *_of_clusters(resampled),
    )
    return tuple(dict.fromkeys(found))


def _of_both(dev: Scores, test: Scores) -> Iterator[str]:
    seen = "the threshold has seen some of test, and the figures are too good."
    if subjects := shared_subjects(dev, test):
        yield f"Dev and test share {len(subjects):,} subject(s), such as {quoted(subjects[0][1])}: {seen}"
    if rows := shared_rows(dev, test):
        yield f"Dev and test share {len(rows):,} picture(s), name and score alike: {seen}"
    if not mixed(dev):
        yield "Dev holds one class alone: bootstrap intervals keep the threshold where it is, and there is no HTER."
    if "test" in dev.split.tolist():
        yield "Some dev rows say that they belong to the split test."
    if unseen := unseen_species(dev, test):
        yield f"Dev does not hold what test does, species {_names(unseen)}: the thresholds were set without them."
    if untested := unseen_species(test, dev):
        yield f"Test does not hold what dev does, species {_names(untested)}: nothing here is about them."


def _of_dev(dev: Scores) -> Iterator[str]:
    """The threshold is only as good as the bona fide presentations that it was set on."""
    clips = dev.where(dev.configuration == dev.configurations[0]).by_clip()
    for source in sorted(set(clips.source.tolist())):
        number = int((clips.bona_fide & (clips.source == source)).sum())
        if number < FEW:
            where = f" of {quoted(source)}" if source else ""
            yield f"Dev has {of(number, 'bona fide presentation')}{where}, fewer than {FEW}: the threshold there is hardly more than a guess."


def _names(names: Sequence[str]) -> str:
    return listed([quoted(name) for name in names])


def _of_test(test: Scores) -> Iterator[str]:
    if not (test.subject != "").any():
        yield "The test scores name no subjects: nobody can tell how many people were tested."
    elif (test.subject == "").any():
        yield "Some test rows name no subject: each clip of theirs counts as a person of its own, and bootstrap intervals can be far too narrow."
    for species in sorted(set(test.species.tolist()) - set(test.species[test.responded].tolist())):
        yield f"{f'No attack of species {quoted(species)}' if species else 'No bona fide presentation'} got an answer: all its errors are silence."
    if unsplit := sorted(set(test.split.tolist()) & {"train", "dev"}):
        yield f"Some test rows say that they belong to the split {listed(unsplit)}."


def _of_trials(reports: Sequence[PadReport]) -> Iterator[str]:
    for report in reports:
        rates = [*((f"APCER of {quoted(species)}", rate) for species, rate in report.apcer.items()), ("BPCER", report.bpcer)]
        for name, rate in rates:
            if rate.trials < FEW:
                yield f"{name} rests on {of(rate.trials, 'presentation')}, fewer than {FEW}: mind its interval."


def _of_direction(reports: Sequence[PadReport]) -> Iterator[str]:
    """Guessing has AUC 0.5, give or take; no score at all does not run any way."""
    for report in reports:
        bona_fide, attacks = (rate.trials - rate.errors for rate in (report.bpnrr, report.apnrr))
        if not bona_fide * attacks:
            continue
        # Silence ranks below every answer: without it the AUC is that of the answers alone.
        auc = report.auc * report.bpnrr.trials * report.apnrr.trials / (bona_fide * attacks)
        deviation = sqrt((bona_fide + attacks + 1) / (12 * bona_fide * attacks))  # of guessing: Mann and Whitney 1947
        if auc < 0.5 - _CLEARLY * deviation:
            whose = f" of configuration {quoted(report.configuration)}" if report.configuration else ""
            yield f"AUC{whose} is {auc:.4f}, below guessing: do the scores run the wrong way? A higher one must mean more bona fide; of p(attack) it is 1 - p."


def _of_clusters(bootstrap: Bootstrap | None) -> Iterator[str]:
    few = (
        [f"{quoted(name)} ({clusters})" for name, clusters in bootstrap.clusters.items() if clusters < FEW] if bootstrap else []
    )
    if bootstrap and few:
        yield f"Fewer than {FEW} {bootstrap.by}s presented {listed(few)}: the bootstrap intervals there are too narrow."
