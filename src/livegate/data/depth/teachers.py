"""Who makes depth maps: what a teacher is, where it is told the face is, and the geometric one that needs no model."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.data.depth.maps import SIZE, Map, Square
from livegate.errors import PictureError
from livegate.faces import Face, FaceFinder
from livegate.preprocessing import Pixels
from livegate.sample import Box, Landmarks, Sample

ACROSS, DOWN, BELOW = 1.1, 1.4, 0.3
"""An average face about its five points: half its width over the distance of the eyes, half its height and how far its middle lies below
the eyes over the way from eyes to mouth. From the widths and heights that anthropometry gives for adults: face 140 mm wide and 185 mm from
hairline to chin, pupils 63 mm apart, mouth 65 mm below them."""


class Teacher(Protocol):
    """Makes the depth map of a face.

    Attributes:
        name: as ``depth.json`` says it.
        sha256: of the model's file; empty without one.
    """

    @property
    def name(self) -> str:
        """See above."""

    @property
    def sha256(self) -> str:
        """See above."""

    def draw(self, picture: Pixels, landmarks: Landmarks, frame: Square) -> Map:
        """The map of a face.

        Args:
            picture: (height, width, 3) uint8, RGB.
            landmarks: five points of the face, in pixels of the picture.
            frame: what the map covers.

        Returns:
            (64, 64) uint8, not all zero.

        Raises:
            PictureError: if the teacher sees no face there; the message is only the reason.
        """
        ...


class FivePoints:
    """The geometric fallback: an ellipsoid over eyes and mouth, its top at the nose."""

    name = "five-points"
    sha256 = ""

    def draw(self, picture: Pixels, landmarks: Landmarks, frame: Square) -> Map:  # noqa: ARG002 - as every teacher
        """See `Teacher`; the pixels play no part.

        Seen from the front the ellipsoid is half a ball stretched over the face, height sqrt(1 - r^2); a nose that is not in the middle
        leans it over, as a turned head is.
        """
        right, left, nose, *corners = np.asarray(landmarks, np.float64)
        eyes, mouth = (right + left) / 2, (corners[0] + corners[1]) / 2
        axes = np.stack([ACROSS * (left - right), DOWN * (mouth - eyes)], axis=1)
        if abs(np.linalg.det(axes)) < 1:
            raise PictureError("the five points of the face fall together or on one line")
        inverse = np.linalg.inv(axes)
        middle = eyes + BELOW * (mouth - eyes)
        lean = inverse @ (nose - middle)
        if not np.hypot(*lean) < 1:
            raise PictureError("the nose lies outside the face that eyes and mouth span")
        return as_map(_leaning(inverse @ (_places(frame) - middle[:, None]), lean))


def _places(frame: Square) -> NDArray[np.float64]:
    """The middle of each pixel of a map in pixels of the picture, (2, 64 * 64) of x and y, row by row."""
    steps = (np.arange(SIZE) + 0.5) * (frame.side / SIZE)
    x, y = np.meshgrid(frame.x + steps, frame.y + steps)
    return np.stack([x.ravel(), y.ravel()])


def _leaning(places: NDArray[np.float64], lean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height over the places (2, N) within the unit circle of half a ball whose top was pushed sideways over ``lean``; 0 outside.

    At height z the ball is a circle about z * lean: the larger root of ``|p - z lean|^2 + z^2 = 1``.
    """
    along, rest = lean @ places, 1 - (places**2).sum(axis=0)
    whole = 1 + lean @ lean
    return np.where(rest > 0, (along + np.sqrt(along**2 + whole * np.maximum(rest, 0))) / whole, 0.0)


def as_map(heights: NDArray[np.float64]) -> Map:
    """Heights 0..1, row by row, as a map.

    Raises:
        PictureError: if the map shows nothing of the face.
    """
    drawn = np.asarray(np.rint(255 * np.clip(heights, 0, 1)), np.uint8).reshape(SIZE, SIZE)
    if not drawn.any():
        raise PictureError("the face lies outside the square that the map covers; check its box in the index")
    return drawn


def landmarks_of(sample: Sample, picture: Pixels, finder: FaceFinder) -> Landmarks:
    """The five points that the index gives, or else those of the found face that shares most with the box, or with the picture.

    Raises:
        PictureError: if no face is found.
    """
    if sample.landmarks is not None:
        return sample.landmarks
    faces = finder.find(picture)
    box = sample.box or Box(0, 0, picture.shape[1], picture.shape[0])
    if not faces or _shared(best := max(faces, key=lambda face: _shared(face, box)), box) == 0:
        raise PictureError("no face is found there")
    return best.landmarks


def _shared(face: Face, box: Box) -> float:
    """The area that a face has in common with a box."""
    across, down = (
        min(one + size, other + length) - max(one, other)
        for one, size, other, length in (
            (face.box.x, face.box.width, box.x, box.width),
            (face.box.y, face.box.height, box.y, box.height),
        )
    )
    return max(0.0, across) * max(0.0, down)
