"""Embeddings by the networks of other makers: dlib's descriptor, and ONNX files of the form that InsightFace gives its ArcFace networks."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.errors import ArtifactError, MissingExtraError
from livegate.metrics.pad import Threshold
from livegate.preprocessing import TEMPLATE, TEMPLATE_SIDE, Pixels, similarity
from livegate.runtime.backends.base import Options

DLIB = "dlib"
DLIB_SIDE, DLIB_MODEL = 150, "dlib_face_recognition_resnet_model_v1.dat"
DLIB_EYES = np.array([[0.227330, 0.221396], [0.752814, 0.221233]])
"""Where dlib has the middles of the right and the left eye in its chips, before 0.25 is added on all sides (``get_face_chip_details``)."""
DLIB_PADDING = 0.25
MAX_BYTES = 512 * 1024 * 1024
SIDES, SIZES = range(32, 1025), range(32, 1025)
"""The sides of a picture and the numbers in an embedding that a file may have."""
Embedding = NDArray[np.float32]


class Embedder(Protocol):
    """Makes embeddings.

    Attributes:
        identity: SHA-256 of its weights.
        size: numbers in an embedding.
    """

    identity: str
    size: int

    def embed(self, face: Pixels) -> Embedding:
        """An aligned face (S, S, 3) uint8 RGB to (D,) float32 of any length."""
        ...


class ArcFaceFile:
    """An ONNX file of one input (N, 3, S, S) float32, RGB, (x - 127.5) / 127.5, and one output (N, D).

    Args:
        path: the file.
        threads: how many one call uses.

    Raises:
        ArtifactError: if the file cannot be read or has another form.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        from livegate.runtime.backends.onnx import open_session

        data = _bytes(path)
        try:
            self._session = open_session(data, Options(threads))
        except ArtifactError as error:
            raise ArtifactError(path, [f"is no network for verification: {error.faults[0]}"]) from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        shapes = [value.shape for value in (*inputs, *outputs)]
        if len(inputs) != 1 or len(outputs) != 1 or [len(shape) for shape in shapes] != [4, 2]:
            raise ArtifactError(
                path, ["is no network for verification: it must have one input (N, 3, S, S) and one output (N, D)"]
            )
        (batch, channels, *sides), (_, size) = shapes
        side, types = sides[0], {value.type for value in (*inputs, *outputs)}
        form = batch == 1 or not isinstance(batch, int), channels == 3, sides == [side, side], types == {"tensor(float)"}
        if not all(form) or not _within(side, SIDES) or not _within(size, SIZES):
            limits = f"S from {SIDES[0]} to {SIDES[-1]}, D from {SIZES[0]} to {SIZES[-1]}, float32"
            raise ArtifactError(
                path,
                [f"is no network for verification: its input is {shapes[0]}, its output {shapes[1]}; expected {limits}"],
            )
        self._path, self._input, self._side, self.size = path, inputs[0].name, side, size
        self.identity = hashlib.sha256(data).hexdigest()

    def embed(self, face: Pixels) -> Embedding:
        """See `Embedder`.

        Raises:
            ArtifactError: if the network cannot do what its form promises.
        """
        x = cv2.resize(face, (self._side, self._side), interpolation=cv2.INTER_AREA).astype(np.float32) / 127.5 - 1
        try:
            found = self._session.run(None, {self._input: np.ascontiguousarray(x.transpose(2, 0, 1)[None])})[0]
        except Exception as error:  # noqa: BLE001 - as above
            reason = " ".join(str(error).split())[:200]
            raise ArtifactError(self._path, [f"ONNX Runtime cannot run it ({reason})"]) from None
        if found.shape != (1, self.size):
            raise ArtifactError(self._path, [f"gives an array of the shape {found.shape}, not {(1, self.size)}"])
        return np.asarray(found[0], np.float32)


class Dlib:
    """dlib's 128 numbers of a face (King, CC0). Its chips reach 9 pixels lower than aligned faces of 112, whose last row is repeated there.

    Raises:
        MissingExtraError: if dlib or its models are not installed.
    """

    size = 128

    def __init__(self) -> None:
        spec = find_spec("face_recognition_models")
        if spec is None or not spec.submodule_search_locations or find_spec("dlib") is None:
            raise MissingExtraError("dlib's descriptor", "dlib")
        import dlib

        path = Path(spec.submodule_search_locations[0]) / "models" / DLIB_MODEL
        self._network = dlib.face_recognition_model_v1(str(path))
        self.identity = hashlib.sha256(path.read_bytes()).hexdigest()

    def embed(self, face: Pixels) -> Embedding:
        """See `Embedder`."""
        eyes = TEMPLATE[:2] * (face.shape[0] / TEMPLATE_SIDE)
        matrix = similarity(eyes, (DLIB_EYES + DLIB_PADDING) / (1 + 2 * DLIB_PADDING) * DLIB_SIDE)
        chip = cv2.warpAffine(face, matrix, (DLIB_SIDE, DLIB_SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(chip)), np.float32)


KNOWN: Final[Mapping[str, Threshold]] = {
    # w600k_mbf.onnx of InsightFace's buffalo_s and buffalo_sc: 43 of 436,986 non-mated pairs of 40 people of CelebA, each pair once.
    "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f": Threshold(0.2863, "fmr=0.0001", "dev"),
    # dlib's descriptor of face-recognition-models 0.3.0: 436 of the same pairs.
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30": Threshold(0.9327, "fmr=0.001", "dev"),
}
"""The threshold of files that were measured, by their SHA-256."""


def open_embedder(name: str | Path, threads: int = 1) -> Embedder:
    """An embedder of another maker: ``dlib``, or the path of an ONNX file; raises what they do."""
    return Dlib() if str(name) == DLIB else ArcFaceFile(Path(name), threads)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ArtifactError(path, [f"cannot be read ({error.strerror})"]) from None
    if len(data) > MAX_BYTES:
        raise ArtifactError(path, [f"has more than {MAX_BYTES:,} bytes"])
    return data


def _within(number: object, limits: range) -> bool:
    return isinstance(number, int) and number in limits


def unit(embedding: Embedding) -> Embedding:
    """An embedding (…, D) at unit length; of nothing but zeros it is not finite."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(embedding / np.linalg.norm(embedding, axis=-1, keepdims=True), np.float32)
