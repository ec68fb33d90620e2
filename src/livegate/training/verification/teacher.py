"""What a small network is taught by: the embeddings of a strong one, computed once and kept.

A teacher is any embedder of another maker, see `livegate.runtime.embedders`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from livegate.data.identities import Faces
from livegate.errors import CheckpointError, PictureError
from livegate.files import whole
from livegate.pictures import read
from livegate.runtime.embedders import DLIB, Embedder, open_embedder, unit
from livegate.training.verification.division import Places

SAVED_EVERY = 500
"""Pictures between two writes of the cache."""
Embeddings = NDArray[np.float32]


def open_teacher(name: str, folder: Path) -> Embedder:
    """A teacher by its name: ``dlib``, or an ONNX file relative to a folder; raises what `open_embedder` does."""
    return open_embedder(name if name == DLIB else folder / name)


def embeddings(teacher: Embedder, faces: Faces, places: Places, cache: Path, *, quiet: bool = False) -> Embeddings:
    """The teacher's embedding of each face and of its mirror image, added and brought to unit length; computed once.

    Args:
        teacher: what makes them.
        faces: aligned; the cache knows them by their names.
        places: of those that are asked for.
        cache: the file that keeps them; what it has is not computed again, so that a run that was stopped goes on.
        quiet: show no progress bar.

    Returns:
        (N, D) float32.

    Raises:
        CheckpointError: if the cache is of another teacher, or damaged, or cannot be written.
        PictureError: if a picture cannot be read, or the teacher says nothing of it.
    """
    known = _read(cache, teacher)
    names = [faces.name(place) for place in places.tolist()]
    missing = [(name, place) for name, place in zip(names, places.tolist(), strict=True) if name not in known]
    shown = track(missing, "teacher", console=Console(stderr=True), disable=quiet or not missing)
    for number, (name, place) in enumerate(shown, start=1):
        known[name] = _of_both_sides(teacher, faces.source(place), name)
        if number % SAVED_EVERY == 0 or number == len(missing):
            _write(cache, teacher.identity, known)
    return np.stack([known[name] for name in names])


def _of_both_sides(teacher: Embedder, source: Path | bytes, name: str) -> Embeddings:
    picture = read(source)
    with np.errstate(invalid="ignore"):  # an embedding of no length, which is refused here
        sides = [unit(teacher.embed(np.ascontiguousarray(side))) for side in (picture, picture[:, ::-1])]
        found = unit(np.sum(sides, axis=0))
    if not np.isfinite(found).all():
        raise PictureError(f"{name}: the teacher gives no finite embedding of it; leave the picture out")
    return found


def _read(cache: Path, teacher: Embedder) -> dict[str, Embeddings]:
    if not cache.exists():
        return {}
    try:
        with cache.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            identity, names, rows = str(file["teacher"]), file["names"].tolist(), file["embeddings"]
        known = dict(zip(names, rows, strict=True))
    except Exception as error:  # noqa: BLE001 - a damaged archive raises whatever its reader stumbles over
        raise CheckpointError(cache, [f"is no cache of embeddings ({error}); remove it"]) from None
    if identity != teacher.identity:
        raise CheckpointError(cache, ["holds the embeddings of another teacher; remove it or choose another folder"])
    if rows.shape[1:] != (teacher.size,) or rows.dtype != np.float32 or not np.isfinite(rows).all():
        raise CheckpointError(cache, [f"is no cache of {teacher.size} finite numbers a face; remove it"])
    return known


def _write(cache: Path, identity: str, known: dict[str, Embeddings]) -> None:
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with whole(cache) as file:
            np.savez(file, teacher=np.array(identity), names=np.array(list(known)), embeddings=np.stack(list(known.values())))
    except OSError as error:
        raise CheckpointError(cache, [f"cannot be written ({error.strerror or error})"]) from None
