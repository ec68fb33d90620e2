"""From a picture to faces that are good enough to judge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from livegate.faces import Face, FaceFinder
from livegate.preprocessing import Pixels, Preprocessing, resize
from livegate.sample import Box

SHARPNESS_SIDE = 64
NO_FACE = "no face was found"


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """What a face must have to be judged. Below any of these it gets no score, and never a silent pass.

    The last two were set so that no bona fide picture of webcams and phones among the training data falls under them.

    Attributes:
        face: longer side of the face box, in pixels of the picture.
        brightness: mean luma of the cropped face, 0..255.
        sharpness: variance of the Laplacian of the cropped face's luma, area-averaged to 64 x 64 first, so that it does not depend
            on the size of the face.
    """

    face: float = 64
    brightness: float = 40
    sharpness: float = 100

    def fault(self, face: Face, crop: Pixels) -> str:
        """Why the face is not judged, in words; empty when it is good enough."""
        if face.size < self.face:
            return f"the face is {face.size:.0f} pixels, smaller than {self.face:.0f}; come closer"
        brightness, sharpness = measure(crop)
        if brightness < self.brightness:
            return f"the face is too dark: mean brightness {brightness:.0f} of 255, below {self.brightness:.0f}; add light"
        if sharpness < self.sharpness:
            return (
                f"the face is too blurred: sharpness {sharpness:.0f}, below {self.sharpness:.0f}; hold still or clean the lens"
            )
        return ""


@dataclass(frozen=True, slots=True)
class Captured:
    """A face and its input to the network.

    Attributes:
        face: where it is.
        crop: (size, size, 3) uint8, RGB.
        fault: why it is not judged; empty when it is good enough.
    """

    face: Face
    crop: Pixels
    fault: str


class Capture:
    """Finds faces, cuts them out and checks their quality. One capture serves one thread at a time.

    Args:
        preprocessing: how faces are found and cut out.
        limits: what a face must have to be judged.
    """

    def __init__(self, preprocessing: Preprocessing, limits: QualityLimits | None = None) -> None:
        self.preprocessing = preprocessing
        self.limits = limits or QualityLimits()
        self._finder = FaceFinder(preprocessing.detection)

    def faces(self, picture: Pixels) -> list[Captured]:
        """All faces of a picture, the largest first; empty when there are none."""
        return [self._cut(picture, face) for face in self._finder.find(picture)]

    def largest(self, picture: Pixels) -> Captured | None:
        """The largest face of a picture; None when there is none."""
        faces = self._finder.find(picture)
        return self._cut(picture, faces[0]) if faces else None

    def _cut(self, picture: Pixels, face: Face) -> Captured:
        crop = self.preprocessing.crop(picture, self.preprocessing.detection.cut(face.box))
        return Captured(face, crop, self.limits.fault(face, crop))


def measure(crop: Pixels) -> tuple[float, float]:
    """Brightness and sharpness of a cropped face, as `QualityLimits` defines them."""
    luma = cv2.cvtColor(resize(crop, SHARPNESS_SIDE, SHARPNESS_SIDE), cv2.COLOR_RGB2GRAY)
    return float(luma.mean()), float(np.var(cv2.Laplacian(luma, cv2.CV_32F)))


def whole(picture: Pixels) -> Box:
    """The box of a picture that is a face altogether."""
    return Box(0, 0, picture.shape[1], picture.shape[0])
