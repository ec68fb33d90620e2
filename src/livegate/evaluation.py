"""Scoring an index: every picture under every configuration, one row each, in a file that needs no model to be judged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.capture import NO_FACE, Capture, whole
from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.decision import Status, score_from_logits
from livegate.errors import PictureError
from livegate.metrics.scores import COLUMNS, Scores
from livegate.metrics.thresholds import ARGMAX
from livegate.pictures import read
from livegate.preprocessing import Pixels, Preprocessing, to_input
from livegate.sample import Sample

BATCH = 32


class Scorer(Protocol):
    """What gives logits: a network in torch or an engine."""

    @property
    def preprocessing(self) -> Preprocessing:
        """What its input goes through."""
        ...

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32 RGB 0..255 to (N, 2) logits: 0 bona fide, 1 attack."""
        ...


def score(
    scorer: Scorer,
    index: Index,
    configurations: Sequence[Configuration],
    *,
    thresholds: Mapping[str, float] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Scores:
    """Score every picture of an index under every configuration.

    In an index with boxes no detector runs and no quality gate applies: every readable picture gets a score, of its box or, where
    that is empty, of the whole picture. Without boxes the largest face is looked for, and what is not good enough is not judged.

    Args:
        scorer: what gives the logits.
        index: the pictures.
        configurations: at least one.
        thresholds: by configuration, for the column ``status``; 0.5 where there is none.
        advance: called with the number of pictures done since the last call.

    Returns:
        One row for each configuration and picture, configuration by configuration. What is not judged or cannot be read has no
        score, and a reason. Facts of the samples go along, but for those with the name of a score file's own column.
    """
    limits = thresholds or {}
    rows = len(configurations), len(index.samples)
    values = np.full(rows, np.nan)
    status = np.full(rows, Status.ERROR.value, dtype=object)
    reasons = [""] * len(index.samples)
    inputs = network_inputs(index, scorer.preprocessing)
    for start in range(0, len(index.samples), BATCH):
        batch = [next(inputs) for _ in index.samples[start : start + BATCH]]
        crops = {start + place: taken for place, taken in enumerate(batch) if isinstance(taken, np.ndarray)}
        for place, taken in enumerate(batch):
            if not isinstance(taken, np.ndarray):
                status[:, start + place], reasons[start + place] = taken
        for row, configuration in enumerate(configurations if crops else ()):
            found = score_from_logits(scorer.logits(to_input(list(crops.values())), configuration))
            values[row, list(crops)] = found
            accepted = found >= limits.get(str(configuration), ARGMAX.value)
            status[row, list(crops)] = np.where(accepted, Status.BONA_FIDE.value, Status.ATTACK.value)
        advance(len(batch))
    return Scores.join(
        [
            _table(index, str(configuration), values[row], list(status[row]), reasons)
            for row, configuration in enumerate(configurations)
        ]
    )


def network_inputs(index: Index, preprocessing: Preprocessing) -> Iterator[Pixels | tuple[Status, str]]:
    """The input of each sample, or why there is none."""
    capture = None if index.boxed else Capture(preprocessing)
    for sample in index.samples:
        try:
            yield _crop(sample, preprocessing) if capture is None else _captured(sample, capture)
        except PictureError as error:
            yield Status.ERROR, str(error)


def _crop(sample: Sample, preprocessing: Preprocessing) -> Pixels:
    picture = read(sample.path)
    box = sample.box or whole(picture)
    height, width = picture.shape[:2]
    if not (-box.width < box.x < width and -box.height < box.y < height):
        raise PictureError(
            f"{sample.path}: box {box.x:g} {box.y:g} {box.width:g} {box.height:g} lies outside the {width} x {height} picture"
        )
    return preprocessing.crop(picture, box)


def _captured(sample: Sample, capture: Capture) -> Pixels | tuple[Status, str]:
    captured = capture.largest(read(sample.path))
    fault = NO_FACE if captured is None else captured.fault
    return (Status.NOT_JUDGED, fault) if captured is None or fault else captured.crop


def _table(index: Index, configuration: str, values: NDArray[np.float64], status: list[str], reasons: list[str]) -> Scores:
    samples = index.samples
    told = dict.fromkeys(name for sample in samples for name in sample.facts)
    return Scores.build(
        [sample.name for sample in samples],
        values,
        labelled=index.labelled,
        status=[str(value) for value in status],
        reason=reasons,
        species=[sample.species or "" for sample in samples],
        clip=[sample.clip for sample in samples],
        subject=[sample.subject for sample in samples],
        source=[sample.source for sample in samples],
        split=[sample.split for sample in samples],
        configuration=configuration,
        facts={
            name: [sample.facts.get(name, "") for sample in samples] for name in told if name.strip() and name not in COLUMNS
        },
    )
