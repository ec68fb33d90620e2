"""What a small network is taught by: the embeddings of a strong one, computed once and kept.

A teacher runs outside of torch: dlib's descriptor (King, 99.38 % on LFW by its author, CC0), or any ONNX file that makes an embedding of an
aligned face, such as those of InsightFace.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from livegate.errors import CheckpointError, MissingExtraError, PictureError
from livegate.pictures import read
from livegate.preprocessing import Pixels
from livegate.sample import Sample

DLIB = "dlib"
DLIB_SIDE, DLIB_MODEL = 150, "dlib_face_recognition_resnet_model_v1.dat"
SAVED_EVERY = 500
"""Pictures between two writes of the cache."""
Embeddings = NDArray[np.float32]


class Teacher(Protocol):
    """Makes embeddings.

    Attributes:
        identity: SHA-256 of its weights.
    """

    identity: str

    def embed(self, face: Pixels) -> Embeddings:
        """An aligned face (S, S, 3) uint8 RGB to (D,) float32 of any length."""
        ...


class OnnxTeacher:
    """An ONNX file of one input (N, 3, S, S) float32, RGB, (x - 127.5) / 127.5, and one output (N, D).

    Raises:
        CheckpointError: if the file cannot be read or has another form.
    """

    def __init__(self, path: Path) -> None:
        try:
            data = path.read_bytes()
            self._session = onnxruntime.InferenceSession(data, _one_thread(), providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - onnxruntime raises errors of its own, some of them plain Exception
            raise CheckpointError(path, [f"is no teacher: it cannot be loaded ({str(error).splitlines()[0][:200]})"]) from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or len(inputs[0].shape) != 4 or not isinstance(inputs[0].shape[2], int):
            raise CheckpointError(path, ["is no teacher: it must have one input (N, 3, S, S) and one output (N, D)"])
        self._input, self._side = inputs[0].name, inputs[0].shape[2]
        self.identity = hashlib.sha256(data).hexdigest()

    def embed(self, face: Pixels) -> Embeddings:
        """See `Teacher`."""
        x = cv2.resize(face, (self._side, self._side), interpolation=cv2.INTER_AREA).astype(np.float32) / 127.5 - 1
        (embedding,) = self._session.run(None, {self._input: x.transpose(2, 0, 1)[None]})[0]
        return np.asarray(embedding, np.float32)


class DlibTeacher:
    """dlib's 128 numbers of a face. It was trained on looser crops than aligned faces of 112 pixels, whose border is repeated here.

    Raises:
        MissingExtraError: if dlib or its models are not installed.
    """

    def __init__(self) -> None:
        spec = find_spec("face_recognition_models")
        if spec is None or not spec.submodule_search_locations or find_spec("dlib") is None:
            raise MissingExtraError("dlib's descriptor", "dlib")
        import dlib

        path = Path(spec.submodule_search_locations[0]) / "models" / DLIB_MODEL
        self._network = dlib.face_recognition_model_v1(str(path))
        self.identity = hashlib.sha256(path.read_bytes()).hexdigest()

    def embed(self, face: Pixels) -> Embeddings:
        """See `Teacher`."""
        resized = cv2.resize(face, (DLIB_SIDE, DLIB_SIDE), interpolation=cv2.INTER_CUBIC)
        return np.array(self._network.compute_face_descriptor(np.ascontiguousarray(resized)), np.float32)


def open_teacher(name: str, folder: Path) -> Teacher:
    """A teacher by its name: ``dlib``, or an ONNX file relative to a folder."""
    return DlibTeacher() if name == DLIB else OnnxTeacher(folder / name)


def embeddings(teacher: Teacher, faces: Sequence[Sample], cache: Path, *, quiet: bool = False) -> Embeddings:
    """The teacher's embedding of each face and of its mirror image, added and brought to unit length; computed once.

    Args:
        teacher: what makes them.
        faces: pictures of aligned faces; the cache knows them by their names in the index.
        cache: the file that keeps them; what it has is not computed again, so that a run that was stopped goes on.
        quiet: show no progress bar.

    Returns:
        (N, D) float32.

    Raises:
        CheckpointError: if the cache is of another teacher, or damaged.
        PictureError: if a picture cannot be read, or the teacher says nothing of it.
    """
    known = _read(cache, teacher.identity)
    missing = [face for face in faces if face.name not in known]
    shown = track(missing, "teacher", console=Console(stderr=True), disable=quiet or not missing)
    for number, face in enumerate(shown, start=1):
        known[face.name] = _of_both_sides(teacher, face.path)
        if number % SAVED_EVERY == 0 or number == len(missing):
            _write(cache, teacher.identity, known)
    return np.stack([known[face.name] for face in faces])


def _of_both_sides(teacher: Teacher, path: Path) -> Embeddings:
    picture = read(path)
    total = sum(_unit(teacher.embed(np.ascontiguousarray(side))) for side in (picture, picture[:, ::-1]))
    if not np.isfinite(total).all():
        raise PictureError(f"{path}: the teacher gives no finite embedding of it; leave the picture out")
    return _unit(np.asarray(total, np.float32))


def _unit(embedding: Embeddings) -> Embeddings:
    return np.asarray(embedding / np.linalg.norm(embedding), np.float32)


def _read(cache: Path, identity: str) -> dict[str, Embeddings]:
    if not cache.exists():
        return {}
    try:
        with np.load(cache, allow_pickle=False) as file:
            teacher, names, rows = str(file["teacher"]), file["names"].tolist(), file["embeddings"]
        known = dict(zip(names, rows, strict=True))
    except Exception as error:  # noqa: BLE001 - a damaged archive raises whatever its reader stumbles over
        raise CheckpointError(cache, [f"is no cache of embeddings ({error}); remove it"]) from None
    if teacher != identity:
        raise CheckpointError(cache, ["holds the embeddings of another teacher; remove it or choose another folder"])
    return known


def _write(cache: Path, identity: str, known: dict[str, Embeddings]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache.parent, suffix=".partial", delete=False) as file:
        np.savez(file, teacher=np.array(identity), names=np.array(list(known)), embeddings=np.stack(list(known.values())))
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(cache)


def _one_thread() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return options
