"""Where a run's chance comes from: its seed and a stream for each purpose, so that a run that goes on draws what it would have drawn."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What is drawn. A number is never given to another purpose: by it a run that was begun goes on."""

    ORDER = 0
    """Of an epoch's pictures."""
    PIXELS = 1
    """How a picture is cut out and changed."""
    STEP = 2
    """A step's configuration, augmentation, mixing and dropout."""
    DEV = 3
    """Who makes up dev."""
    TURN = 4
    """How the directions of a teacher's stage are spread over channels."""
    LOOK = 5
    """The pictures by which a teacher's inner values are known."""
    OTHERS = 6
    """Which bona fide picture has the map of which other."""
    STATISTICS = 7
    """The configurations and augmentations by which statistics of batch normalisation are estimated."""


def seeds(seed: int, stream: Stream, *place: int) -> np.random.SeedSequence:
    """What all that is drawn at a place of a stream follows from; a place is a step, say, or an epoch."""
    return np.random.SeedSequence([seed, stream, *place])


def drawing(seed: int, stream: Stream, *place: int) -> np.random.Generator:
    """What draws at a place of a stream."""
    return np.random.default_rng(seeds(seed, stream, *place))
