"""A teacher is asked once for each picture, and what it said is kept."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from livegate.data.identities import FaceFiles
from livegate.errors import ArtifactError, CheckpointError, PictureError
from livegate.pictures import read
from livegate.preprocessing import Pixels
from livegate.training.verification import teacher as module
from livegate.training.verification.recipe import VerificationRecipe
from livegate.training.verification.teacher import embeddings, open_teacher

Make = Callable[..., VerificationRecipe]
ALL = np.arange(20)


class Counting:
    """A teacher that counts: an embedding is (mean of the left half, of the right half, 50)."""

    size = 3

    def __init__(self, identity: str = "f" * 64) -> None:
        self.identity, self.asked = identity, 0

    def embed(self, face: Pixels) -> NDArray[np.float32]:
        """(S, S, 3) uint8 to (3,)."""
        assert face.flags.c_contiguous
        self.asked += 1
        half = face.shape[1] // 2
        return np.array([face[:, :half].mean(), face[:, half:].mean(), 50], np.float32)


def test_the_picture_and_its_mirror_image_together(make_recipe: Make, tmp_path: Path) -> None:
    """By hand: both at unit length, added, at unit length again; so what tells left from right is gone."""
    drawn = FaceFiles.of_folder(make_recipe().data.folder)
    places = np.array([40, 3, 17])
    found = embeddings(Counting(), drawn, places, tmp_path / "cache.npz", quiet=True)
    assert found.shape == (3, 3)
    assert found.dtype == np.float32
    for row, place in zip(found, places.tolist(), strict=True):
        left, right, _ = Counting().embed(read(drawn.source(place)))
        assert left != right
        sides = np.array([[left, right, 50], [right, left, 50]])
        total = (sides / np.linalg.norm(sides, axis=1, keepdims=True)).sum(0)
        assert row == pytest.approx(total / np.linalg.norm(total), abs=1e-6)


def test_what_is_known_is_not_asked_again(greys: FaceFiles, tmp_path: Path) -> None:
    """Seven pictures, then all: only the other thirteen, two sides of each; then none; and all are what they would be at once."""
    cache, teacher = tmp_path / "deep" / "cache.npz", Counting()
    embeddings(teacher, greys, np.arange(7), cache, quiet=True)
    assert teacher.asked == 14
    found = embeddings(teacher, greys, ALL, cache, quiet=True)
    assert teacher.asked == 40
    assert np.array_equal(embeddings(teacher, greys, ALL, cache, quiet=True), found)
    assert teacher.asked == 40
    assert np.array_equal(embeddings(Counting(), greys, ALL, tmp_path / "other.npz", quiet=True), found)


def test_a_run_that_is_stopped_goes_on(greys: FaceFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that is damaged stops it after 13; the 12 that were saved by then are not asked for again, and nothing else lies about."""
    monkeypatch.setattr(module, "SAVED_EVERY", 4)
    cache, teacher, damaged = tmp_path / "cache" / "cache.npz", Counting(), Path(greys.source(13))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:40])
    with pytest.raises(PictureError, match=r"13\.png"):
        embeddings(teacher, greys, ALL, cache, quiet=True)
    damaged.write_bytes(whole)
    assert [path.name for path in cache.parent.iterdir()] == ["cache.npz"]
    teacher.asked = 0
    embeddings(teacher, greys, ALL, cache, quiet=True)
    assert teacher.asked == 2 * 8


def test_a_cache_of_names_is_what_is_kept(greys: FaceFiles, tmp_path: Path) -> None:
    """An archive of ``teacher``, ``names`` and ``embeddings``, in any order and with names that nobody asks for."""
    rows = np.eye(3, dtype=np.float32)[[2, 0, 1]]
    np.savez(
        tmp_path / "cache.npz", teacher=np.array("f" * 64), names=np.array(["05.png", "gone.png", "02.png"]), embeddings=rows
    )
    teacher = Counting()
    found = embeddings(teacher, greys, np.array([2, 5]), tmp_path / "cache.npz", quiet=True)
    assert np.array_equal(found, rows[[2, 0]])
    assert teacher.asked == 0


def test_another_teachers_words_are_refused(greys: FaceFiles, tmp_path: Path) -> None:
    """Also where nothing is missing; the file stays as it is."""
    cache = tmp_path / "cache.npz"
    embeddings(Counting(), greys, ALL, cache, quiet=True)
    before = cache.read_bytes()
    with pytest.raises(CheckpointError, match="holds the embeddings of another teacher; remove it"):
        embeddings(Counting("e" * 64), greys, ALL, cache, quiet=True)
    assert cache.read_bytes() == before


def _saved(path: Path, **changed: object) -> None:
    whole: dict[str, object] = {
        "teacher": "f" * 64,
        "names": ["00.png", "01.png"],
        "embeddings": np.eye(3, dtype=np.float32)[:2],
    }
    np.savez(path, **{name: np.asarray(value) for name, value in (whole | changed).items()})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"no archive at all"),
        lambda path: path.write_bytes(path.read_bytes()[:-60]),
        lambda path: zipfile.ZipFile(path, "w").close(),
        lambda path: _saved(path, names=["00.png"]),
        lambda path: _saved(path, names=np.array([{}, {}], object)),
        lambda path: _saved(path, embeddings=np.eye(4, dtype=np.float32)[:2]),
        lambda path: _saved(path, embeddings=np.array([[1, 0, 0], [np.nan, 0, 0]], np.float32)),
        lambda path: _saved(path, embeddings=np.eye(3)[:2]),
    ],
    ids=["empty", "text", "cut", "nothing-in-it", "a-name-missing", "objects", "too-wide", "not-finite", "double"],
)
def test_a_damaged_cache_is_refused(greys: FaceFiles, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """It is named, with what to do; nothing of it is taken."""
    cache = tmp_path / "cache.npz"
    _saved(cache)
    assert embeddings(Counting(), greys, np.array([0, 1]), cache, quiet=True).shape == (2, 3)
    damage(cache)
    with pytest.raises(CheckpointError, match=r"cache\.npz: is no cache of .*; remove it"):
        embeddings(Counting(), greys, np.array([0, 1]), cache, quiet=True)


def test_a_failed_write_leaves_what_was_there(greys: FaceFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk fills up in the middle: the older cache is whole, and no part of the newer one is left."""
    cache = tmp_path / "cache" / "cache.npz"
    embeddings(Counting(), greys, np.arange(5), cache, quiet=True)
    before = cache.read_bytes()

    def full(file: object, **_: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(CheckpointError, match=r"cache\.npz: cannot be written \(No space left on device\)"):
        embeddings(Counting(), greys, ALL, cache, quiet=True)
    assert cache.read_bytes() == before
    assert [path.name for path in cache.parent.iterdir()] == ["cache.npz"]


def test_a_teacher_that_says_nothing_is_refused(greys: FaceFiles, tmp_path: Path) -> None:
    """An embedding of no length has no direction."""
    teacher = Counting()
    teacher.embed = lambda _: np.zeros(3, np.float32)  # type: ignore[method-assign, assignment]
    with pytest.raises(PictureError, match=r"04\.png: the teacher gives no finite embedding of it"):
        embeddings(teacher, greys, np.array([4]), tmp_path / "cache.npz", quiet=True)


def test_an_onnx_file_is_a_teacher(make_recipe: Make, tmp_path: Path) -> None:
    """A file of one layer, 32 numbers of 32 x 32 pixels, found below the folder; another file is another teacher."""
    drawn = FaceFiles.of_folder(make_recipe().data.folder)
    for seed in (0, 1):
        weights = np.random.default_rng(seed).normal(size=(3072, 32)).astype(np.float32)
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("Flatten", ["x"], ["flat"]), onnx.helper.make_node("MatMul", ["flat", "w"], ["y"])],
            "teacher",
            [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 3, 32, 32])],
            [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 32])],
            [onnx.numpy_helper.from_array(weights, "w")],
        )
        file = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
        (tmp_path / f"{seed}.onnx").write_bytes(file.SerializeToString())
    one, other = open_teacher("0.onnx", tmp_path), open_teacher("1.onnx", tmp_path)
    found = embeddings(one, drawn, np.arange(4), tmp_path / "cache.npz", quiet=True)
    assert found.shape == (4, 32)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-6)
    with pytest.raises(CheckpointError, match="another teacher"):
        embeddings(other, drawn, np.arange(4), tmp_path / "cache.npz", quiet=True)
    with pytest.raises(ArtifactError, match=r"none\.onnx: cannot be read"):
        open_teacher("none.onnx", tmp_path)
