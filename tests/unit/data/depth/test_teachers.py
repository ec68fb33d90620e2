"""The ellipsoid over five points, and which face they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.data.depth import Map, Square
from livegate.data.depth.teachers import FivePoints, landmarks_of
from livegate.errors import PictureError
from livegate.faces import FaceFinder
from livegate.pictures import read
from livegate.sample import Box, Landmarks, Sample

PICTURE = np.zeros((128, 128, 3), np.uint8)
FRAME = Square(0, 0, 128)
FRONTAL = ((44.0, 50.0), (84.0, 50.0), (64.0, 62.5), (48.0, 75.0), (80.0, 75.0))
TURNED = ((44.0, 50.0), (84.0, 50.0), (80.0, 66.0), (48.0, 80.0), (80.0, 80.0))


def drawn(landmarks: Landmarks, frame: Square = FRAME) -> Map:
    return FivePoints().draw(PICTURE, landmarks, frame)


def brightest(depth: Map) -> NDArray[np.float64]:
    """The middle of the highest places, x and y in pixels of the map."""
    return np.argwhere(depth == depth.max()).mean(axis=0)[::-1] + 0.5


def test_the_cap_is_half_a_ball_stretched_over_the_face() -> None:
    """Height sqrt(1 - r^2) about a point 0.3 of the way from eyes to mouth below the eyes, 1.1 eye distances and 1.4 such ways out."""
    nose = (64.0, 57.5)  # in the middle of the ellipse
    points = (*FRONTAL[:2], nose, *FRONTAL[3:])
    y, x = np.mgrid[:64, :64] * 2 + 1.0
    radius2 = ((x - 64) / 44) ** 2 + ((y - 57.5) / 35) ** 2
    expected = 255 * np.sqrt(np.maximum(0, 1 - radius2))
    assert np.abs(drawn(points) - expected).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("points", [FRONTAL, TURNED])
def test_the_nose_is_nearest_and_the_rim_farthest(points: Landmarks) -> None:
    """Also of a turned head; outside the ellipse there is nothing."""
    depth = drawn(points)
    assert depth.max() >= 254
    assert np.hypot(*(brightest(depth) * 2 - points[2])) < 3
    assert depth[0].max() == depth[-1].max() == depth[:, 0].max() == depth[:, -1].max() == 0


def test_a_mirrored_face_has_the_mirrored_map() -> None:
    """Right and left change places."""
    right, left, nose, mouth_right, mouth_left = ((128 - x, y) for x, y in TURNED)
    assert np.abs(drawn((left, right, nose, mouth_left, mouth_right))[:, ::-1].astype(int) - drawn(TURNED)).max() <= 1


def test_the_map_scales_with_the_picture() -> None:
    """A picture three times as large has the same map."""
    larger = tuple((3 * x + 10, 3 * y + 20) for x, y in TURNED)
    assert np.abs(drawn(larger, Square(10, 20, 384)).astype(int) - drawn(TURNED)).max() <= 1


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (((50.0, 50.0),) * 5, "fall together"),
        (((40.0, 50.0), (60.0, 50.0), (50.0, 50.0), (45.0, 50.0), (55.0, 50.0)), "fall together or on one line"),
        ((*FRONTAL[:2], (300.0, 60.0), *FRONTAL[3:]), "the nose lies outside"),
        (tuple((x + 500, y) for x, y in FRONTAL), "lies outside the square"),
        (tuple((1e6 * (-1) ** i, 1e6) for i in range(5)), "fall together|nose|outside"),
    ],
)
def test_points_that_are_no_face_fail(points: Landmarks, words: str) -> None:
    """With the reason; no map of nothing is made."""
    with pytest.raises(PictureError, match=words):
        drawn(points)


def test_landmarks_of_the_index_are_taken_as_they_are() -> None:
    """Nobody looks for a face."""
    assert landmarks_of(Sample("a", Path(), landmarks=FRONTAL), PICTURE, None) == FRONTAL  # type: ignore[arg-type]


def test_without_landmarks_the_face_in_the_box_is_taken(astronaut: Path) -> None:
    """Of two, the one that shares most with it; the largest without a box."""
    portrait = read(astronaut)
    scene = np.full((512, 800, 3), 128, np.uint8)
    scene[:, :512] = portrait
    scene[100:356, 540:796] = portrait[::2, ::2]
    finder = FaceFinder()
    large, small = finder.find(scene)
    assert landmarks_of(Sample("a", Path()), scene, finder) == large.landmarks
    assert landmarks_of(Sample("a", Path(), box=Box(*(v + 4 for v in small.box))), scene, finder) == small.landmarks


def test_a_face_that_is_found_elsewhere_is_another(astronaut: Path) -> None:
    """Its box is empty, whoever stands beside it; nor is there a face where there is none."""
    portrait = read(astronaut)
    scene = np.full((512, 900, 3), 128, np.uint8)
    scene[:, :512] = portrait
    for box, picture in ((Box(600, 100, 200, 200), scene), (None, PICTURE)):
        with pytest.raises(PictureError, match="no face is found there"):
            landmarks_of(Sample("a", Path(), box=box), picture, FaceFinder())
