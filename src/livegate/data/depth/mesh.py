"""The teacher with a model: MediaPipe's face mesh (Kartynnik et al. 2019), whose heights are drawn over its triangles.

The model takes a face with its eyes level in the middle of 192 x 192 pixels, RGB 0..1, and gives 468 points (x and y in those pixels, z on
the same scale, smaller = nearer) and the logit that there is a face. It is run by LiteRT.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.data.depth.maps import SIZE, Map, Square
from livegate.data.depth.raster import rasterised
from livegate.data.depth.teachers import as_map
from livegate.errors import DepthError, MissingExtraError, PictureError
from livegate.preprocessing import TEMPLATE, Pixels, similarity
from livegate.sample import Landmarks

Points = NDArray[np.float64]
Run = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], float]]
"""From (1, 192, 192, 3) float32, RGB, 0..1, to the points (468, 3) and the logit of a face."""

SIDE, POINTS = 192, 468
MIDDLE, SPAN = (56.0, 69.0), 143.0
"""What the model is shown, in the pixels of `TEMPLATE`. While it tracks a face, MediaPipe takes 1.5 times the longer side of the box about
the last mesh: these are the medians of that square over 311 faces of four public sets, so that one pass will do."""
LEAST_LOGIT = 0.0
"""Of a face, as MediaPipe has it: a probability above one half."""
MAX_MODEL_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class Mesh:
    """The teacher.

    Attributes:
        sha256: of the model's file.
        run: the model.
    """

    sha256: str
    run: Run
    name: str = "mesh"

    @classmethod
    def open(cls, path: str | Path) -> Mesh:
        """Load the model.

        Raises:
            MissingExtraError: if LiteRT is not installed.
            DepthError: if the file cannot be read or is no face mesh.
        """
        path = Path(path)
        try:
            with path.open("rb") as file:
                model = file.read(MAX_MODEL_BYTES + 1)
        except OSError as error:
            raise DepthError(path, [f"cannot be read ({error.strerror}); give the file face_landmark.tflite"]) from None
        if len(model) > MAX_MODEL_BYTES:
            raise DepthError(path, [f"has more than {MAX_MODEL_BYTES:,} bytes, so it is no face mesh"])
        if model[4:8] != b"TFL3":
            raise DepthError(path, ["is no TensorFlow Lite model; give the file face_landmark.tflite"])
        return cls(hashlib.sha256(model).hexdigest(), _runner(path, model))

    def draw(self, picture: Pixels, landmarks: Landmarks, frame: Square) -> Map:
        """See `Teacher`."""
        matrix = similarity(np.asarray(landmarks), (TEMPLATE - MIDDLE) * (SIDE / SPAN) + SIDE / 2)
        points, logit = self.run(_shown(picture, matrix))
        if not np.isfinite(points).all():
            raise PictureError("the mesh has points that are no numbers")
        if not logit > LEAST_LOGIT:
            raise PictureError(f"the mesh sees no face (score {1 / (1 + np.exp(-np.float64(logit))):.2f})")
        return drawn(_back(points.astype(np.float64), matrix), frame)


def drawn(points: Points, frame: Square) -> Map:
    """A mesh as a map: the nearest point of it is 1, the farthest 0.

    Args:
        points: (468, 3): x and y in pixels of the picture, z smaller = nearer on any scale.
        frame: what the map covers.

    Returns:
        (64, 64) uint8, not all zero.

    Raises:
        PictureError: if the mesh is flat, folded, or lies outside the frame.
    """
    far = points[:, 2].max()
    depth = far - points[:, 2].min()
    if not depth > 0:
        raise PictureError("the mesh is flat")
    places = (points[:, :2] - (frame.x, frame.y)) * (SIZE / frame.side)
    return as_map(rasterised(places, (far - points[:, 2]) / depth, triangles(), SIZE))


@cache
def triangles() -> NDArray[np.intp]:
    """Those of the mesh, (898, 3): the numbers of their points."""
    text = files("livegate.data.depth").joinpath("face_mesh.csv").read_text("utf-8")
    return np.loadtxt(text.splitlines(), dtype=np.intp, delimiter=",")


def _runner(path: Path, model: bytes) -> Run:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        raise MissingExtraError("the mesh teacher", "litert") from None
    try:
        interpreter = Interpreter(model_content=model, num_threads=1)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise DepthError(path, [f"cannot be loaded by LiteRT ({' '.join(str(error).split())})"]) from None
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    numbers = {int(np.prod(one["shape"])): one["index"] for one in outputs}
    if [_kind(one) for one in inputs] != [((1, SIDE, SIDE, 3), np.float32)] or not {3 * POINTS, 1} <= numbers.keys():
        shapes = ", ".join(str(_kind(one)[0]) for one in (*inputs, *outputs))
        raise DepthError(
            path, [f"is no face mesh: it must take (1, {SIDE}, {SIDE}, 3) and give {3 * POINTS} numbers and 1, got {shapes}"]
        )

    def run(face: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        interpreter.set_tensor(inputs[0]["index"], face)
        interpreter.invoke()
        points = interpreter.get_tensor(numbers[3 * POINTS]).reshape(POINTS, 3)
        return points, float(interpreter.get_tensor(numbers[1]).item())

    return run


def _kind(tensor: dict[str, Any]) -> tuple[tuple[int, ...], type]:
    return tuple(map(int, tensor["shape"])), tensor["dtype"]


def _shown(picture: Pixels, matrix: Points) -> NDArray[np.float32]:
    """What the model is shown: the picture under a matrix (2, 3) of pixels whose first covers 0..1; a large face is averaged, not skipped over."""
    scale = float(np.hypot(*matrix[0, :2]))
    if not 1e-3 < scale < 1e3:
        raise PictureError("the five points of the face do not lie as those of a face do")
    shrink = max(1, int(1 / (2 * scale)))
    left, top, right, bottom = _part(picture, matrix, 2 * shrink)
    near = picture[top:bottom, left:right]
    turn, move = matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ (left, top)
    if shrink > 1:
        small = max(1, near.shape[1] // shrink), max(1, near.shape[0] // shrink)
        turn = turn * (near.shape[1] / small[0], near.shape[0] / small[1])
        near = np.asarray(cv2.resize(near, small, interpolation=cv2.INTER_AREA), np.uint8)
    matrix = np.column_stack([turn, move + turn @ (0.5, 0.5) - 0.5])  # OpenCV counts from the middle of the first pixel
    face = cv2.warpAffine(near, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    return (face[np.newaxis] / 255).astype(np.float32)


def _part(picture: Pixels, matrix: Points, edge: int) -> tuple[int, int, int, int]:
    """The part of the picture that is shown and an edge of so many pixels, left, top, right, bottom: OpenCV warps no side above 32,766.

    Raises:
        PictureError: if it is empty.
    """
    corners = _back(np.array([[0.0, 0, 0], [SIDE, 0, 0], [0, SIDE, 0], [SIDE, SIDE, 0]]), matrix)[:, :2]
    size = np.array(picture.shape[1::-1])
    left, top = np.clip(np.floor(corners.min(axis=0)) - edge, 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(corners.max(axis=0)) + edge, 0, size).astype(int).tolist()
    if left >= right or top >= bottom:
        raise PictureError("the face lies outside the picture")
    return left, top, right, bottom


def _back(points: Points, matrix: Points) -> Points:
    """The points with x and y in pixels of the picture again; z, which has no place, stays as it is."""
    places = (points[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return np.column_stack([places, points[:, 2]])
