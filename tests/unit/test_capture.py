"""A face that is too small, dark or blurred is not judged, and the reason says what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.capture import Capture, QualityLimits, measure, whole
from livegate.pictures import read
from livegate.preprocessing import Detection, Pixels, Preprocessing
from livegate.sample import Box


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> Pixels:
    """The astronaut: a face of 113 pixels."""
    return read(astronaut)


@pytest.fixture(scope="module")
def capture() -> Capture:
    """A capture with the default limits."""
    return Capture(Preprocessing())


def shrunk(picture: Pixels) -> Pixels:
    """Half the size: the face has less than 60 pixels."""
    return np.asarray(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)


def darkened(picture: Pixels) -> Pixels:
    """A seventh of the light."""
    return (picture // 7).astype(np.uint8)


def blurred(picture: Pixels) -> Pixels:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 6), np.uint8)


def test_a_good_face_is_captured(capture: Capture, portrait: Pixels) -> None:
    """Its crop is the input of the network, cut about its box, and there is no fault."""
    found = capture.largest(portrait)
    assert found is not None
    assert found.fault == ""
    assert found.crop.shape == (128, 128, 3)
    assert np.array_equal(found.crop, capture.preprocessing.crop(portrait, found.face.box))
    assert [one.face for one in capture.faces(portrait)] == [found.face]


@pytest.mark.parametrize(
    ("spoil", "words", "remedy"),
    [
        (shrunk, "pixels, smaller than 64", "come closer"),
        (darkened, "too dark: mean brightness", "add light"),
        (blurred, "too blurred: sharpness", "hold still"),
    ],
)
def test_a_poor_face_is_refused_with_its_reason(
    capture: Capture, portrait: Pixels, spoil: Callable[[Pixels], Pixels], words: str, remedy: str
) -> None:
    """What, got, allowed, next: the face is there, and one line says why it is not judged."""
    found = capture.largest(spoil(portrait))
    assert found is not None
    assert words in found.fault
    assert found.fault.endswith(remedy) or remedy in found.fault
    assert "\n" not in found.fault
    assert [one.fault for one in capture.faces(spoil(portrait))] == [found.fault]


@pytest.mark.parametrize(
    ("spoil", "limits"),
    [
        (shrunk, QualityLimits(face=40)),
        (darkened, QualityLimits(brightness=10, sharpness=0)),
        (blurred, QualityLimits(sharpness=1)),
    ],
)
def test_the_limits_are_the_callers(portrait: Pixels, spoil: Callable[[Pixels], Pixels], limits: QualityLimits) -> None:
    """What the defaults refuse is taken where the caller allows it."""
    found = Capture(Preprocessing(), limits).largest(spoil(portrait))
    assert found is not None
    assert found.fault == ""


def test_no_face_is_nobody(capture: Capture) -> None:
    """None, and an empty list; never a made-up box."""
    blank = np.full((200, 300, 3), 90, np.uint8)
    assert capture.largest(blank) is None
    assert capture.faces(blank) == []


def test_the_smallest_face_is_that_of_the_contract() -> None:
    """64 pixels."""
    assert QualityLimits().face == 64


def test_brightness_and_sharpness_counted_by_hand() -> None:
    """One grey: its value, and no edge. Two halves of 0 and 200: mean 100, and the two columns at the edge answer with +-200."""
    flat = np.full((64, 64, 3), 77, np.uint8)
    assert measure(flat) == (77.0, 0.0)
    step = np.zeros((64, 64, 3), np.uint8)
    step[:, 32:] = 200
    brightness, sharpness = measure(step)
    assert brightness == 100
    assert sharpness == pytest.approx(2 / 64 * 200**2)


def test_sharpness_does_not_depend_on_the_size_of_the_crop() -> None:
    """The same picture with each pixel doubled measures the same."""
    small = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert measure(small.repeat(2, axis=0).repeat(2, axis=1)) == measure(small)


def test_the_whole_picture_is_a_box() -> None:
    """From its corner, width before height."""
    assert whole(np.zeros((20, 30, 3), np.uint8)) == (0, 0, 30, 20)


def test_what_is_cut_out_may_be_wider_than_what_was_found(portrait: Pixels) -> None:
    """As for networks that were trained so; the face that is told is the one that was found."""
    preprocessing = Preprocessing(shape="box", detection=Detection(widened=(1.1, 1.05)))
    found, usual = Capture(preprocessing).largest(portrait), Capture(Preprocessing()).largest(portrait)
    assert found is not None
    assert usual is not None
    assert found.face == usual.face
    x, y, width, height = found.face.box
    box = Box(x - 0.05 * width, y - 0.025 * height, 1.1 * width, 1.05 * height)
    assert np.array_equal(found.crop, preprocessing.crop(portrait, box))
    assert not np.array_equal(found.crop, preprocessing.crop(portrait, found.face.box))
