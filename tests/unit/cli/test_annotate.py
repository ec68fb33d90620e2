"""Any picture that is read can be drawn on, in bounded memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livegate.cli.annotate import COLOURS, LONGEST, annotated, save
from livegate.decision import Decision, Status
from livegate.pictures import read
from livegate.sample import Box


def decision(*face: float) -> Decision:
    """An attack."""
    return Decision(Status.ATTACK, 0.25, 0.5, "HLH", 1, 2, Box(*face))


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (640, 480), (70_000, 2), (2, 70_000), (LONGEST + 1, 100), (1, 64_000_000)]
)
def test_every_picture_can_be_saved(tmp_path: Path, width: int, height: int) -> None:
    """No side is too long for a JPEG, and a narrow one is not widened before it is short."""
    picture = np.zeros((height, width, 3), np.uint8)
    saved = read(save(picture, [decision(0, 0, 1, 1)], tmp_path, "picture.png"))
    assert max(saved.shape[:2]) < LONGEST + 400
    assert saved.shape[1] >= 320


@pytest.mark.parametrize("name", [f"{'x' * 250}.jpg", f"{'Ω' * 120}.png#12"])
def test_the_longest_name_can_be_saved(tmp_path: Path, name: str) -> None:
    """What tells frames apart stands at its end."""
    file = save(np.zeros((9, 9, 3), np.uint8), [decision(0, 0, 1, 1)], tmp_path, name)
    assert file.is_file()
    assert name[-6:].replace("#", "-") in file.name


def test_a_box_is_made_smaller_with_its_picture() -> None:
    """Its lower right corner is where the face's is in the picture as it is drawn."""
    large = np.full((2 * LONGEST, LONGEST, 3), 255, np.uint8)
    drawn = annotated(large, [decision(400, 200, 1000, 2000)])
    upper = drawn[:LONGEST]
    assert drawn.shape[1] == LONGEST // 2
    rows, columns = np.nonzero((upper == COLOURS[Status.ATTACK]).all(axis=2))
    thickness = round(LONGEST / 2 / 250)
    found = [columns.min(), rows.min(), columns.max(), rows.max()]
    assert found == pytest.approx([200, 100, 700, 1100], abs=thickness)


def test_a_picture_that_is_not_large_keeps_its_pixels() -> None:
    """Where nothing is drawn it is as it was."""
    picture = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    drawn = annotated(picture, [Decision(Status.NOT_JUDGED, None, None, "", 0, 0, None, "no face was found")])
    assert drawn.shape[1] == 400
    assert np.array_equal(drawn[:300], picture)


def test_a_crowd_fits_a_jpeg(tmp_path: Path) -> None:
    """Of very many faces the largest get a band of text, and what is written can be read here again."""
    crowd = [decision(x, 10, 20, 20) for x in range(2000)]
    assert read(save(np.zeros((LONGEST, LONGEST, 3), np.uint8), crowd, tmp_path, "crowd.png")).shape[1] == LONGEST
