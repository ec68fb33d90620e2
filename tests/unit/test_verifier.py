"""Embeddings behind one face, whoever made the network: their form, their identity, and from which cosine two are one person's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.errors import ArtifactError, ConfigurationError, LivegateError, PictureError
from livegate.export.source import Source
from livegate.models.checkpoint import Checkpoint
from livegate.runtime.engine import Engine
from livegate.runtime.golden import replay
from livegate.verifier import Verifier


@pytest.fixture(scope="module")
def verifier(face_artifact: Path) -> Verifier:
    """The small network in fp32, of which nobody measured a threshold."""
    return Verifier(face_artifact, threshold=0.5)


@pytest.fixture(scope="module")
def faces() -> list[NDArray[np.uint8]]:
    """Three aligned faces of noise."""
    return list(np.random.default_rng(0).integers(0, 256, (3, 112, 112, 3)).astype(np.uint8))


def test_embeddings_are_what_torch_says(verifier: Verifier, face_artifact: Path, faces: list[NDArray[np.uint8]]) -> None:
    """Of unit length, in every configuration, and each as if it were alone; the golden vectors of the artifact replay."""
    assert replay(Engine(face_artifact)) < 1e-5
    assert [str(configuration) for configuration in verifier.configurations] == [a + b for a in "HLB" for b in "HLB"]
    assert (verifier.size, verifier.side) == (32, 112)
    for configuration in verifier.configurations:
        found = verifier.embed(faces, configuration)
        assert (found.shape, found.dtype) == ((3, 32), np.float32)
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
        assert verifier.embed(faces[1:2], configuration)[0] == pytest.approx(found[1], abs=1e-5)
    assert not np.allclose(*(verifier.embed(faces, verifier.choose(text)) for text in ("HH", "LL")), atol=0.01)


def test_the_identity_is_that_of_the_weights(
    verifier: Verifier,
    face_artifact: Path,
    face_checkpoint: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Equal in both precisions, whose embeddings differ but little; another one for other weights, the same for the same weights again."""
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 4)
    half = Verifier(face_artifact, precision="fp16", threshold=0.5)
    assert half.identity == verifier.identity
    assert len(verifier.identity) == 64
    written = [tmp_path / f"{place}.npz" for place in range(3)]
    for seed, path in zip((0, 0, 1), written, strict=True):
        Source(Checkpoint.load(face_checkpoint(seed))).write_golden(path)
    first, again, other = (path.read_bytes() for path in written)
    assert first == again == (face_artifact / "golden.npz").read_bytes()
    assert first != other


def test_half_precision_gives_nearly_the_same(face_artifact: Path, verifier: Verifier, faces: list[NDArray[np.uint8]]) -> None:
    """Cosines of one face in both precisions are above 0.999, and not 1 throughout: the file is really another one."""
    half = Verifier(face_artifact, precision="fp16", threshold=0.5)
    pairs = [verifier.embed(faces, c) * half.embed(faces, c) for c in verifier.configurations]
    cosines = np.array(pairs).sum(axis=-1)
    assert cosines.min() > 0.999
    assert cosines.min() < 1 - 1e-7


@pytest.mark.parametrize("text", ["HHH", "H", "", "hh", "HX"])
def test_a_configuration_of_another_network_is_refused(verifier: Verifier, text: str) -> None:
    """No nearest match."""
    with pytest.raises(ConfigurationError):
        verifier.choose(text)


def test_words_choose_a_configuration(verifier: Verifier) -> None:
    """The default, the heaviest and the lightest."""
    assert [str(verifier.choose(text)) for text in (None, "heaviest", "lightest", "LB")] == ["HH", "BB", "LL", "LB"]


@pytest.mark.parametrize(
    "crop",
    [
        np.zeros((111, 112, 3), np.uint8),
        np.zeros((112, 112), np.uint8),
        np.zeros((3, 112, 112), np.uint8),
        np.zeros((112, 112, 3), np.float32),
    ],
)
def test_a_face_that_is_not_aligned_is_refused(verifier: Verifier, crop: NDArray[np.uint8]) -> None:
    """Another size, shape or type, also behind a good one; by another error than a face of which there is no embedding."""
    with pytest.raises(LivegateError, match=r"an aligned face is an array \(112, 112, 3\) uint8, got .*; use align") as caught:
        verifier.embed([np.zeros((112, 112, 3), np.uint8), crop], verifier.choose(None))
    assert not isinstance(caught.value, PictureError)


def test_no_face_at_all_is_refused(verifier: Verifier) -> None:
    """In words."""
    with pytest.raises(LivegateError, match="give at least one"):
        verifier.embed([], verifier.choose(None))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.98 / 32**0.5, 1e18, np.nan, np.inf])
def test_an_output_that_is_no_embedding_is_refused(face_artifact: Path, monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    """Zeros, no numbers, what is shorter, and what is longer than one, which would be alike to everybody."""
    monkeypatch.setattr(Engine, "embeddings", lambda _, crops, __: np.full((len(crops), 32), value, np.float32))
    verifier = Verifier(face_artifact, threshold=0.5)
    with pytest.raises(PictureError, match="no embedding of unit length"):
        verifier.embed([np.zeros((112, 112, 3), np.uint8)], verifier.choose(None))


def test_a_network_for_liveness_is_refused(artifact: Path) -> None:
    """By name and by folder; the message says what it serves."""
    for model in ("default", artifact):
        with pytest.raises(ArtifactError, match="is for liveness, not for verification: it serves livegate check, score"):
            Verifier(model)


def test_a_threshold_is_the_artifacts_or_the_one_given(face_artifact: Path, tmp_path: Path) -> None:
    """One a configuration, with the rule that set it; a given one holds for all and says that it is fixed."""
    folder = Path(shutil.copytree(face_artifact, tmp_path / "own"))
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for text, value in (("LL", 0.31), ("HH", 0.42)):
        manifest["configurations"][text]["threshold"] = {"value": value, "rule": "fmr=0.001", "split": "dev"}
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    own, given = Verifier(folder), Verifier(folder, threshold=0.4)
    assert (own.threshold(own.choose("LL")).value, own.threshold(own.choose("LL")).rule) == (0.31, "fmr=0.001")
    assert own.threshold(own.choose("HH")).value == 0.42
    with pytest.raises(ArtifactError, match="no threshold of it is known"):
        own.threshold(own.choose("BB"))
    assert {given.threshold(configuration).value for configuration in given.configurations} == {0.4}
    assert given.threshold(given.choose(None)).rule == "fixed=0.4"


def test_a_threshold_that_nobody_measured_lets_nobody_in(face_artifact: Path) -> None:
    """An artifact that was exported without dev says 0.5 of every configuration: refused, as a file of another maker without one is."""
    with pytest.raises(ArtifactError, match="small: no threshold of it is known; give one with --threshold"):
        Verifier(face_artifact)


@pytest.mark.parametrize("length", [0.991, 1.009, 1 + 1e-4])
def test_what_is_nearly_of_unit_length_is_brought_to_it(
    face_artifact: Path, monkeypatch: pytest.MonkeyPatch, length: float
) -> None:
    """So that the product of two is a cosine, and never above 1 but for rounding."""
    made = np.random.default_rng(0).standard_normal((3, 32))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    monkeypatch.setattr(Engine, "embeddings", lambda _, crops, __: (made[: len(crops)] * length).astype(np.float32))
    verifier = Verifier(face_artifact, threshold=0.5)
    found = verifier.embed([np.zeros((112, 112, 3), np.uint8)] * 3, verifier.choose(None))
    assert found.dtype == np.float32
    assert np.linalg.norm(found.astype(np.float64), axis=1) == pytest.approx(1, abs=1e-7)
    assert found == pytest.approx(made, abs=1e-6)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_threshold_that_is_no_cosine_is_refused(face_artifact: Path, threshold: float) -> None:
    """Below 0 everybody would pass, and what is no number decides nothing."""
    with pytest.raises(LivegateError, match="the threshold is a cosine from 0 to 1"):
        Verifier(face_artifact, threshold=threshold)


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Neither a shipped model nor a path."""
    with pytest.raises(LivegateError, match="is neither a shipped model"):
        Verifier(tmp_path / "nothing")
