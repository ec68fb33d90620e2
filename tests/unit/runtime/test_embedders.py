"""Networks of other makers: what their files say is checked, and what they give is what numpy gives."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.errors import ArtifactError, LivegateError, MissingExtraError, PictureError
from livegate.metrics.pad import Threshold
from livegate.runtime import embedders
from livegate.runtime.embedders import ArcFaceFile, Dlib, open_embedder, unit
from livegate.verifier import Verifier

onnx = pytest.importorskip("onnx")
FLOAT, DOUBLE = 1, 11


def pooling(
    path: Path,
    image: tuple[Any, ...] = ("N", 3, 56, 56),
    given: tuple[Any, ...] = ("N", 48),
    kind: int = FLOAT,
    nodes: tuple[tuple[Any, ...], ...] = (("Flatten", ["pooled"], ["embedding"]),),
) -> Path:
    """A file whose embedding is the means of 4 x 4 parts of the picture, channel after channel."""
    helper = onnx.helper
    pool = helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=[14, 14], strides=[14, 14])
    inputs = [helper.make_tensor_value_info("image", kind, image)]
    outputs = [helper.make_tensor_value_info("embedding", kind, given)]
    graph = helper.make_graph([pool, *(helper.make_node(*node) for node in nodes)], "faces", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def face() -> NDArray[np.uint8]:
    """An aligned face of noise, more red than blue."""
    return (np.random.default_rng(0).integers(0, 156, (112, 112, 3)) + np.array([100, 50, 0])).astype(np.uint8)


def test_an_embedding_is_what_numpy_says(tmp_path: Path, face: NDArray[np.uint8]) -> None:
    """Red before green before blue, (x - 127.5) / 127.5, area-averaged to the side of the file: exact but for its rounding to whole numbers."""
    embedder = ArcFaceFile(pooling(tmp_path / "pool.onnx"))
    expected = face.reshape(4, 28, 4, 28, 3).mean(axis=(1, 3)).transpose(2, 0, 1).ravel() / 127.5 - 1
    assert embedder.size == 48
    assert embedder.embed(face) == pytest.approx(expected, abs=0.5 / 127.5)
    assert embedder.identity == hashlib.sha256((tmp_path / "pool.onnx").read_bytes()).hexdigest()


def test_behind_the_verifier_it_has_unit_length(tmp_path: Path, face: NDArray[np.uint8]) -> None:
    """And its one configuration, that of a network without adaptive blocks."""
    verifier = Verifier(pooling(tmp_path / "pool.onnx"), threshold=0.5)
    (found,) = verifier.embed([face], verifier.choose(None))
    raw = ArcFaceFile(tmp_path / "pool.onnx").embed(face)
    assert found == pytest.approx(raw / np.sqrt((raw.astype(np.float64) ** 2).sum()), abs=1e-6)
    assert [str(verifier.choose(text)) for text in (None, "heaviest", "lightest")] == ["", "", ""]
    with pytest.raises(LivegateError):
        verifier.choose("H")


def test_the_threshold_of_a_known_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its SHA-256; an unknown file needs one, and a given one goes before."""
    path = pooling(tmp_path / "pool.onnx")
    with pytest.raises(ArtifactError, match="no threshold of it is known; give one with --threshold"):
        Verifier(path)
    known = Threshold(0.25, "fmr=0.001", "dev")
    monkeypatch.setattr("livegate.verifier.KNOWN", {hashlib.sha256(path.read_bytes()).hexdigest(): known})
    verifier = Verifier(path)
    assert verifier.threshold(verifier.choose(None)) == known
    assert Verifier(path, threshold=0.5).threshold(verifier.choose(None)).value == 0.5


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runtime": "openvino"}, "pool.onnx is of another maker and takes no runtime; leave it out"),
        ({"calibration": "c.json"}, "pool.onnx is of another maker and takes no calibration; leave it out"),
        ({"precision": "int8", "cache": True}, "takes no precision and no cache; leave"),
        ({"threads": 0}, "threads must lie between 1 and 256, got 0"),
        ({"threads": 257}, "threads must lie between 1 and 256, got 257"),
    ],
)
def test_options_that_a_file_cannot_follow_are_refused(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    """Rather than forgotten; threads within the limits of every runtime, and what is the default, it takes."""
    path = pooling(tmp_path / "pool.onnx")
    Verifier(path, threshold=0.5, runtime=None, precision="fp32", cache=False, threads=2)
    with pytest.raises(LivegateError, match=words):
        Verifier(path, threshold=0.5, **options)


def test_known_thresholds_are_cosines_of_files() -> None:
    """Each by a SHA-256, with the rule and the split that set it."""
    assert embedders.KNOWN
    for identity, threshold in embedders.KNOWN.items():
        assert len(identity) == 64
        assert 0 < threshold.value < 1
        assert threshold.rule.startswith("fmr=")
        assert threshold.split


@pytest.mark.parametrize(
    "form",
    [
        {"image": ("N", 1, 56, 56)},
        {"image": ("N", 3, 56, 58)},
        {"image": ("N", 3, "H", "W")},
        {"image": ("N", 3, 16, 16), "given": ("N", 3)},
        {"image": ("N", 3, 100_000, 100_000), "given": ("N", "D")},
        {"image": (2, 3, 56, 56), "given": (2, 48)},
        {"given": ("N", 3, 4, 4), "nodes": (("Identity", ["pooled"], ["embedding"]),)},
        {"kind": DOUBLE},
        {"nodes": (("NoSuchLayer", ["pooled"], ["embedding"]),)},
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, form: dict[str, Any]) -> None:
    """One line that begins with the path, and nothing is run.

    One channel, no square, sides without numbers, too small, too large, two at a time, a map, float64, a layer that is none.
    """
    with pytest.raises(ArtifactError, match="is no network for verification") as caught:
        ArcFaceFile(pooling(tmp_path / "odd.onnx", **form))
    assert str(caught.value).startswith(f"{tmp_path / 'odd.onnx'}: ")
    assert "\n" not in str(caught.value)


def test_a_file_of_two_inputs_is_refused(tmp_path: Path) -> None:
    """It would ask for more than a face."""
    model = onnx.load_model(pooling(tmp_path / "two.onnx"))
    model.graph.input.append(onnx.helper.make_tensor_value_info("more", FLOAT, ["N", 3, 56, 56]))
    (tmp_path / "two.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError, match="must have one input"):
        ArcFaceFile(tmp_path / "two.onnx")


def test_a_file_that_breaks_its_word_is_an_error(tmp_path: Path, face: NDArray[np.uint8]) -> None:
    """Of one face it makes two embeddings."""
    nodes = (("Flatten", ["pooled"], ["flat"]), ("Gather", ["flat", "twice"], ["embedding"]))
    model = onnx.load_model(pooling(tmp_path / "liar.onnx", nodes=nodes))
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, 0]), "twice"))
    (tmp_path / "liar.onnx").write_bytes(model.SerializeToString())
    embedder = ArcFaceFile(tmp_path / "liar.onnx")
    with pytest.raises(ArtifactError, match=r"gives an array of the shape \(2, 48\), not \(1, 48\)"):
        embedder.embed(face)


@pytest.mark.parametrize("data", [b"", b"not a network", b"\x08\x09" + bytes(100), np.random.default_rng(0).bytes(5000)])
def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path, data: bytes) -> None:
    """Nothing, text, zeros, noise."""
    (tmp_path / "odd.onnx").write_bytes(data)
    with pytest.raises(ArtifactError, match="is no network for verification"):
        ArcFaceFile(tmp_path / "odd.onnx")


def test_weights_in_another_file_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where they lie in the current folder: they would be no part of the identity."""
    monkeypatch.chdir(tmp_path)
    weight = onnx.numpy_helper.from_array(np.ones((48, 48), np.float32), "weight")
    nodes = (("Flatten", ["pooled"], ["flat"]), ("MatMul", ["flat", "weight"], ["embedding"]))
    model = onnx.load_model(pooling(tmp_path / "apart.onnx", nodes=nodes))
    model.graph.initializer.append(weight)
    (tmp_path / "whole.onnx").write_bytes(model.SerializeToString())
    assert ArcFaceFile(tmp_path / "whole.onnx").size == 48
    onnx.save_model(model, tmp_path / "apart.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").stat().st_size == 48 * 48 * 4
    for path in (tmp_path / "apart.onnx", Path("apart.onnx")):
        with pytest.raises(ArtifactError, match="External data path"):
            ArcFaceFile(path)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more of it is read than is allowed."""
    monkeypatch.setattr(embedders, "MAX_BYTES", 100)
    with pytest.raises(ArtifactError, match="has more than 100 bytes"):
        ArcFaceFile(pooling(tmp_path / "pool.onnx"))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Missing, or a folder."""
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ArtifactError, match="cannot be read"):
            ArcFaceFile(path)


def test_a_face_of_which_nothing_is_known_has_no_embedding(tmp_path: Path) -> None:
    """All zeros have no direction: refused behind the verifier, without a warning."""
    nodes = (("Flatten", ["pooled"], ["flat"]), ("Sub", ["flat", "flat"], ["embedding"]))
    verifier = Verifier(pooling(tmp_path / "zeros.onnx", nodes=nodes), threshold=0.0)
    with pytest.raises(PictureError, match="no embedding of unit length"):
        verifier.embed([np.zeros((112, 112, 3), np.uint8)], verifier.choose(None))
    assert not np.isfinite(unit(np.zeros((1, 4), np.float32))).any()


def test_without_dlib_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of its two packages may be missing."""
    found = embedders.find_spec
    for missing in ("dlib", "face_recognition_models"):
        monkeypatch.setattr(embedders, "find_spec", lambda name, gone=missing: None if name == gone else found(name))
        with pytest.raises(MissingExtraError, match=r"\.\[dlib\]"):
            open_embedder("dlib")


def test_dlib_embeds_a_face(face: NDArray[np.uint8]) -> None:
    """128 numbers; more alike for a slightly brighter picture than for another one."""
    pytest.importorskip("dlib")
    pytest.importorskip("face_recognition_models")
    embedder = Dlib()
    smooth = cv2.GaussianBlur(face, (0, 0), 6)
    mine, brighter, other = (unit(embedder.embed(one)) for one in (smooth, smooth + np.uint8(5), face[::-1].copy()))
    assert mine.shape == (128,)
    assert mine @ brighter > mine @ other
