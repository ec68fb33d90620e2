"""Streams of chance."""

from __future__ import annotations

import numpy as np

from livegate.training.chance import Stream, drawing, seeds


def test_a_stream_is_numpys_own_of_seed_number_and_place() -> None:
    """By these numbers a run that an earlier version began goes on with the same draws."""
    assert {stream.name: stream.value for stream in Stream} == {
        "ORDER": 0,
        "PIXELS": 1,
        "STEP": 2,
        "DEV": 3,
        "TURN": 4,
        "LOOK": 5,
        "OTHERS": 6,
        "STATISTICS": 7,
    }
    expected = np.random.default_rng([7, 1, 12]).random(4)
    assert np.array_equal(drawing(7, Stream.PIXELS, 12).random(4), expected)
    assert np.array_equal(np.random.default_rng(seeds(7, Stream.PIXELS, 12)).random(4), expected)


def test_no_two_purposes_draw_alike() -> None:
    """Not of one seed and place, and not by another name for the same number."""
    assert len(Stream.__members__) == len({drawing(1, stream, 0).integers(2**62) for stream in Stream})
