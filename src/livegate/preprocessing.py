"""From a picture and a face box to the input of the network: one specification for training, runtime and browser.

The steps are fixed here to the pixel: a square about the centre of the box, shifted to stay inside the picture, then resized; for networks
of other makers also the box itself, cut off at the edges; for verification the face brought to where ArcFace has its five points. The specification is stored with every artifact, so that preprocessing is never a thing to guess.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.sample import Box, Landmarks

Pixels = NDArray[np.uint8]
"""A picture: (height, width, 3) uint8, RGB, 0..255."""

Interpolation = Literal["area", "cubic"]

Statistics = tuple[float, float, float]

TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
"""Where ArcFace (Deng et al. 2019, as in its code) has the right eye, left eye, nose, right and left mouth corner, in pixels of 112."""
TEMPLATE_SIDE = 112
FARTHEST, SMALLEST_SCALE = 1_000_000, 1e-4
"""No point of a face lies farther from the corner of its picture; no face is so much larger than the input."""
LEAST_VARIANCE = 0.01
"""Added to the variance of a standardised picture, so that the noise of one that is all of one colour is not made a picture; in units of ``std``."""
MAX_STRETCHES = 8
"""Each is one more run of the detector where there is no face."""
REACH = 16_000
"""Pixels about a face that are looked at when it is aligned: OpenCV warps no picture with a side above 32,766."""


@dataclass(frozen=True, slots=True)
class Detection:
    """How the face is looked for (YuNet 2023mar).

    Attributes:
        score: smallest detector score that counts as a face, 0..1.
        nms: overlap (intersection over union) above which the weaker of two boxes is dropped, 0..1.
        longest_side: the picture is area-averaged to at most this many pixels before detection, never enlarged.
        stretches: widths tried in turn when nothing is found, at most `MAX_STRETCHES`: YuNet misses faces that are squashed sideways.
        widened: how many times as wide and as high as found a box is cut out; a box that is given is cut out as it is.
    """

    score: float = 0.6
    nms: float = 0.3
    longest_side: int = 480
    stretches: tuple[float, ...] = (1.0, 1.5, 2.0)
    widened: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        if not 0 < self.score < 1 or not 0 < self.nms < 1:
            raise ValueError(f"detector score and nms must lie between 0 and 1, got {self.score} and {self.nms}")
        if self.longest_side < 64:
            raise ValueError(f"detector longest_side must be at least 64 pixels, got {self.longest_side}")
        if not 1 <= len(self.stretches) <= MAX_STRETCHES or not all(1 <= factor <= 4 for factor in self.stretches):
            got = f"{self.stretches[:MAX_STRETCHES]}, {len(self.stretches)} of them"
            raise ValueError(f"detector stretches must be 1 to {MAX_STRETCHES} factors from 1 to 4, got {got}")
        if not all(1 <= factor <= 4 for factor in self.widened):
            raise ValueError(f"detector widened must be two factors from 1 to 4, got {self.widened}")

    def cut(self, box: Box) -> Box:
        """What is cut out where this box was found: wider and higher about the same centre."""
        width, height = box.width * self.widened[0], box.height * self.widened[1]
        return Box(box.x + (box.width - width) / 2, box.y + (box.height - height) / 2, width, height)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What happens to a picture before the network sees it.

    What is done to the values of the pixels (`mean`, `std`, `standardised`) is done inside every exported file; its input is raw.

    Attributes:
        size: height and width of the network's input, in pixels.
        margin: side of the crop over the longer side of the face box.
        shape: ``square``: about the centre of the box, shifted to stay inside the picture; ``box``: the box itself, what lies beside the
            picture cut off, so that the input is stretched; it has no margin; ``aligned``: turned, scaled and moved so that five points of
            the face come to lie where `TEMPLATE` has them.
        colour: order of the channels that the network takes.
        mean: subtracted from each channel, on the scale 0..255.
        std: each channel is divided by it, on the scale 0..255.
        standardised: the picture's own mean over all places and channels is then subtracted, and it is divided by the root of its own
            variance and `LEAST_VARIANCE`: how bright it is and how strong its contrast no longer count, its colours do.
        interpolation: ``area``: area-averaged when the crop is larger than the input, bilinear when it is smaller; ``cubic``: bicubic
            without antialiasing, as OpenCV computes it.
        layout: order of the axes of the input.
        detection: how the face is found where no box is given.
    """

    size: int = 128
    margin: float = 1.0
    shape: Literal["square", "box", "aligned"] = "square"
    colour: Literal["RGB"] = "RGB"
    mean: Statistics = (151.2405, 119.595, 107.8395)
    std: Statistics = (63.0105, 56.457, 55.0035)
    standardised: bool = False
    interpolation: Interpolation = "area"
    layout: Literal["NCHW"] = "NCHW"
    detection: Detection = Detection()

    def __post_init__(self) -> None:
        if self.size < 32 or self.size > 1024:
            raise ValueError(f"preprocessing size must lie between 32 and 1024 pixels, got {self.size}")
        if not 0.5 <= self.margin <= 4:
            raise ValueError(f"preprocessing margin must lie between 0.5 and 4, got {self.margin}")
        if self.shape != "square" and self.margin != 1:
            raise ValueError(f"preprocessing margin must be 1 where the shape is {self.shape!r}, got {self.margin}")
        if not np.isfinite([*self.mean, *self.std]).all() or min(self.std) <= 0:
            raise ValueError(f"preprocessing mean and std must be finite, std above 0, got {self.mean} and {self.std}")

    def crop(self, picture: Pixels, box: Box) -> Pixels:
        """Cut the face out and bring it to the input size.

        Args:
            picture: (height, width, 3) uint8, RGB.
            box: the face, in pixels of the picture.

        Returns:
            (size, size, 3) uint8, RGB.
        """
        if self.shape == "aligned":
            raise PictureError("this network takes a face by its five points, not by its box; use align")
        height, width = picture.shape[:2]
        if self.shape == "box":
            left, top, right, bottom = inside(box, width, height)
        else:
            left, top, side = square(box, width, height, self.margin)
            right, bottom = left + side, top + side
        return resize(picture[top:bottom, left:right], self.size, self.size, self.interpolation)

    def align(self, picture: Pixels, landmarks: Landmarks) -> Pixels:
        """Turn, scale and move the face so that its points come as near as they can to where `TEMPLATE` has them.

        What lies beside the picture is black. A face that is more than twice as large as the input is area-averaged first.

        Args:
            picture: (height, width, 3) uint8, RGB.
            landmarks: five points, in pixels of the picture.

        Returns:
            (size, size, 3) uint8, RGB.

        Raises:
            PictureError: if the points are not five, do not lie in a picture, fall together, or lie in no way as those of a face do.
        """
        if len(landmarks) != len(TEMPLATE) or any(len(point) != 2 for point in landmarks):
            raise PictureError(f"five points of a face, x and y each, are needed to align it, got {len(landmarks)}")
        points = np.asarray(landmarks, np.float64)
        if not (np.abs(points) <= FARTHEST).all():  # also when one is no number
            raise PictureError(
                f"the points of the face must be numbers of at most {FARTHEST:,} pixels, so it cannot be aligned"
            )
        matrix = similarity(points, TEMPLATE * (self.size / TEMPLATE_SIDE))
        scale = np.hypot(*matrix[0, :2])
        if scale < SMALLEST_SCALE:
            raise PictureError("the points of the face do not lie as those of a face do, so it cannot be aligned")
        shrink = int(1 / (2 * scale))
        if shrink > 1:
            height, width = picture.shape[:2]
            small = max(1, width // shrink), max(1, height // shrink)
            picture = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), np.uint8)
            points = (points + 0.5) * np.array(small) / (width, height) - 0.5
        picture, corner = _near(picture, points)
        matrix = similarity(points - corner, TEMPLATE * (self.size / TEMPLATE_SIDE))
        return np.asarray(cv2.warpAffine(picture, matrix, (self.size, self.size), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def require_whole(stated: object) -> object:
    """Plain data of a `Preprocessing`, as it is, if it states every field: a default in the place of one would be taken for a fact.

    Raises:
        ValueError: with all fields that it lacks; whatever is no mapping is left to the reader.
    """
    if not isinstance(stated, dict):
        return stated
    lacks = [*_lacks(Preprocessing, stated), *(f"detection.{name}" for name in _lacks(Detection, stated.get("detection")))]
    if lacks:
        raise ValueError(f"lacks {', '.join(lacks)}; a preprocessing states every field")
    return stated


def _lacks(kind: type[Preprocessing | Detection], stated: object) -> list[str]:
    return [field.name for field in fields(kind) if field.name not in stated] if isinstance(stated, dict) else []


def with_standardised(stated: object) -> object:
    """Plain data of a `Preprocessing` that may have been written before pictures could be standardised."""
    return {"standardised": False, **stated} if isinstance(stated, dict) else stated


def with_shape(stated: object) -> object:
    """Plain data of a `Preprocessing` that may have been written before there were other shapes than squares, and widened boxes."""
    if not isinstance(stated, dict):
        return stated
    renewed = {"shape": "square", **stated}
    if isinstance(detection := stated.get("detection"), dict):
        renewed["detection"] = {"widened": [1.0, 1.0], **detection}
    return renewed


def aligned(size: int = 112) -> Preprocessing:
    """What networks for verification take: an aligned face, (x - 127.5) / 127.5 (Zhang 2019)."""
    return Preprocessing(size, 1.0, "aligned", mean=(127.5,) * 3, std=(127.5,) * 3)


def similarity(points: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """The turn, scale and move that brings points nearest to others, by least squares; no mirroring.

    Args:
        points: (N, 2).
        targets: (N, 2).

    Returns:
        (2, 3), to be multiplied with (x, y, 1).

    Raises:
        PictureError: if all points fall together.
    """
    # As complex numbers a similarity is one product and one sum.
    z, w = points @ (1, 1j), targets @ (1, 1j)
    spread = np.abs(z - z.mean()) ** 2
    if not spread.sum() > 1e-6:
        raise PictureError("the points of the face fall together, so it cannot be aligned")
    factor = ((z - z.mean()).conj() * (w - w.mean())).sum() / spread.sum()
    move = w.mean() - factor * z.mean()
    return np.array([[factor.real, -factor.imag, move.real], [factor.imag, factor.real, move.imag]])


def _near(picture: Pixels, points: NDArray[np.float64]) -> tuple[Pixels, NDArray[np.int64]]:
    """The part of a picture about some points, and its corner (x, y): the whole picture, unless OpenCV warps no side as long."""
    corner = [
        min(max(0, int(middle) - REACH), max(0, side - 2 * REACH))
        for middle, side in zip(points.mean(0), picture.shape[1::-1], strict=True)
    ]
    left, top = corner
    return picture[top : top + 2 * REACH, left : left + 2 * REACH], np.array(corner)


def square(box: Box, width: int, height: int, margin: float) -> tuple[int, int, int]:
    """The crop about a face box: left, top and side, in whole pixels inside a picture of that width and height.

    The side is ``min(margin * max(w, h), width, height)``; the square is centred on the box, then shifted to stay inside.
    Halves round up, as they do in a browser.
    """
    side = max(1, min(_round(margin * max(box.width, box.height)), width, height))
    x = _round(box.x + box.width / 2 - side / 2)
    y = _round(box.y + box.height / 2 - side / 2)
    return min(max(x, 0), width - side), min(max(y, 0), height - side), side


def inside(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a face box inside a picture of that width and height: left, top, right, bottom, in whole pixels, at least one.

    Fractions of a pixel are dropped, as ``int`` drops them in the code that anti-spoof-mn3 was trained with.
    """
    left, top = min(max(int(box.x), 0), width - 1), min(max(int(box.y), 0), height - 1)
    right, bottom = min(int(box.x + box.width), width), min(int(box.y + box.height), height)
    return left, top, max(right, left + 1), max(bottom, top + 1)


def resize(picture: Pixels, width: int, height: int, interpolation: Interpolation = "area") -> Pixels:
    """Resize to (height, width, 3); how, see `Preprocessing`."""
    if picture.shape[1] == width and picture.shape[0] == height:
        return picture
    shrinks = picture.shape[1] >= width and picture.shape[0] >= height
    area = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC if interpolation == "cubic" else area)
    return np.asarray(resized, dtype=np.uint8)


def to_input(crops: list[Pixels]) -> NDArray[np.float32]:
    """Stack crops of one size into the input of an exported network: (N, 3, size, size) float32, RGB, 0..255."""
    return np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2), dtype=np.float32)


def _round(value: float) -> int:
    return int(np.floor(value + 0.5))
