"""Faces are found where they are, largest first, also when the picture is squashed or absurd."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.faces import Face, FaceFinder
from livegate.pictures import read
from livegate.preprocessing import Detection, Pixels


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> Pixels:
    """The astronaut, 512 x 512; her face lies in x 180..270, y 60..180."""
    return read(astronaut)


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    """A finder with the default settings."""
    return FaceFinder()


def scaled(picture: Pixels, across: float, down: float = 1.0) -> Pixels:
    """The picture, its sides multiplied."""
    size = round(picture.shape[1] * across), round(picture.shape[0] * down)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA if across < 1 else cv2.INTER_LINEAR), np.uint8)


def centre(face: Face) -> tuple[float, float]:
    """The middle of a face's box."""
    return face.box.x + face.box.width / 2, face.box.y + face.box.height / 2


def test_the_astronaut_is_found(finder: FaceFinder, portrait: Pixels) -> None:
    """One face, in x 180..270 and y 60..180, with five landmarks inside, eyes above nose above mouth."""
    (face,) = finder.find(portrait)
    assert face.box.x == pytest.approx(180, abs=12)
    assert face.box.x + face.box.width == pytest.approx(270, abs=12)
    assert face.box.y == pytest.approx(62, abs=12)
    assert face.box.y + face.box.height == pytest.approx(180, abs=12)
    assert face.size == face.box.height
    assert 0.6 <= face.score <= 1
    right_eye, left_eye, nose, right_mouth, left_mouth = face.landmarks
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_mouth[0] < left_mouth[0]
    assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])
    for x, y in face.landmarks:
        assert 180 < x < 270
        assert 60 < y < 180


def test_a_face_is_plain_numbers(finder: FaceFinder, portrait: Pixels) -> None:
    """Box, landmarks and score can be logged without numpy."""
    (face,) = finder.find(portrait)
    numbers = [*face.box, face.score, *(number for point in face.landmarks for number in point)]
    assert len(numbers) == 15
    assert {type(number) for number in numbers} == {float}


def test_a_large_picture_gives_the_same_face_in_its_own_pixels(finder: FaceFinder, portrait: Pixels) -> None:
    """Three times the size: the box is three times as large, though the detector looks at 480 pixels."""
    (small,), (large,) = finder.find(portrait), finder.find(scaled(portrait, 3, 3))
    assert np.array(large.box) / 3 == pytest.approx(np.array(small.box), abs=6)


@pytest.mark.parametrize("squash", [0.6, 0.3, 0.2])
def test_a_face_squashed_sideways_is_found(finder: FaceFinder, portrait: Pixels, squash: float) -> None:
    """Its box is in pixels of the squashed picture."""
    (face,) = finder.find(scaled(portrait, squash))
    x, y = centre(face)
    assert x == pytest.approx(225 * squash, abs=12)
    assert y == pytest.approx(121, abs=15)
    assert face.box.width < face.box.height


def test_the_stretches_find_what_the_detector_alone_misses(portrait: Pixels) -> None:
    """Squashed to 0.3 it takes a width of 1.5, squashed to 0.2 one of 2: without them there is no face."""
    assert Detection().stretches == (1.0, 1.5, 2.0)
    for squash, stretches in ((0.3, (1.0, 1.5)), (0.2, (1.0, 1.5, 2.0))):
        picture = scaled(portrait, squash)
        assert FaceFinder(Detection(stretches=stretches[:-1])).find(picture) == []
        assert len(FaceFinder(Detection(stretches=stretches)).find(picture)) == 1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_picture_has_no_face(finder: FaceFinder, value: int) -> None:
    """Nothing is found in one colour."""
    assert finder.find(np.full((480, 640, 3), value, np.uint8)) == []


def test_noise_has_no_face(finder: FaceFinder) -> None:
    """Nothing is found in noise."""
    assert finder.find(np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 5000), (5000, 1), (100, 40_000), (40_000, 100), (2, 30_000)])
@pytest.mark.parametrize("value", [0, 255])
def test_absurd_sizes_have_no_face(finder: FaceFinder, size: tuple[int, int], value: int) -> None:
    """One pixel or one line: no crash, and no box at infinity."""
    assert finder.find(np.full((*size, 3), value, np.uint8)) == []


def test_two_faces_come_largest_first(finder: FaceFinder, portrait: Pixels) -> None:
    """Whichever stands where; each in its half of the picture."""
    small = scaled(portrait, 0.6, 0.6)
    for mirrored in (False, True):
        scene = np.full((512, 1024, 3), 128, np.uint8)
        scene[:, :512] = portrait
        scene[100 : 100 + len(small), 600 : 600 + len(small)] = small
        faces = finder.find(np.ascontiguousarray(scene[:, ::-1]) if mirrored else scene)
        assert len(faces) == 2
        assert faces[0].size > faces[1].size
        assert [centre(face)[0] < 512 for face in faces] == [not mirrored, mirrored]


def test_a_finder_remembers_nothing(finder: FaceFinder, portrait: Pixels) -> None:
    """Pictures of other sizes in between change no bit of the answer."""
    before = finder.find(portrait)
    finder.find(np.zeros((90, 700, 3), np.uint8))
    finder.find(scaled(portrait, 0.5, 0.5))
    assert finder.find(portrait) == before
