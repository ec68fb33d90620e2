"""Liveness and identity as one decision, which fails closed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.decision import Decision, Match, Status, Verdict
from livegate.errors import ArtifactError, ConfigurationError, LivegateError, PictureError
from livegate.gate import Gate
from livegate.pictures import read
from livegate.verifier import Verifier

Picture = NDArray[np.uint8]


def judging(artifact: Path, folder: Path, threshold: float) -> Path:
    """A copy of the shipped model that accepts from that score."""
    shutil.copytree(artifact, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for facts in manifest["configurations"].values():
        facts["threshold"]["value"] = threshold
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


@pytest.fixture(scope="module")
def gate(artifact: Path, face_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Takes every good face for bona fide, and two for one person's from a cosine of 0.9999."""
    model = judging(artifact, tmp_path_factory.mktemp("gate") / "lenient", 0.0)
    return Gate(model, verifier=Verifier(face_artifact, threshold=0.9999))


@pytest.fixture(scope="module")
def strict(artifact: Path, face_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Gate:
    """Takes every face for an attack."""
    model = judging(artifact, tmp_path_factory.mktemp("gate") / "strict", 1.0)
    return Gate(model, verifier=Verifier(face_artifact, threshold=0.0))


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> Picture:
    """One good face."""
    return read(astronaut)


@pytest.fixture(scope="module")
def mirrored(portrait: Picture) -> Picture:
    """Another good face, to a network that knows nothing."""
    return np.ascontiguousarray(portrait[:, ::-1])


def spoiled(portrait: Picture) -> dict[str, tuple[Picture, str]]:
    """Pictures that show nobody well enough, and what is said of them."""
    return {
        "two": (np.hstack([portrait, portrait]), "2 faces were found; show one person alone"),
        "none": (np.full((200, 200, 3), 128, np.uint8), "no face was found"),
        "dark": ((portrait // 8).astype(np.uint8), "the face is too dark"),
        "blurred": (np.asarray(cv2.GaussianBlur(portrait, (0, 0), 6), np.uint8), "the face is too blurred"),
        "small": (np.asarray(cv2.resize(portrait, (160, 160), interpolation=cv2.INTER_AREA), np.uint8), "smaller than 64"),
    }


BAD = ("two", "none", "dark", "blurred", "small")


def test_the_same_face_twice_is_a_match(gate: Gate, portrait: Picture) -> None:
    """Every fact is told: similarity 1, the threshold, both configurations, no reason."""
    found = gate.verify(portrait, portrait, "LLL", match="LH")
    assert (found.accepted, found.verdict, found.reason) == (True, Verdict.MATCH, "")
    assert found.similarity == pytest.approx(1, abs=1e-6)
    assert found.similarity <= 1
    assert (found.threshold, found.configuration, found.liveness.configuration) == (0.9999, "LH", "LLL")
    assert found.liveness.accepted


def test_another_face_is_no_match(gate: Gate, portrait: Picture, mirrored: Picture) -> None:
    """Live, compared, and not accepted, with the reason; the comparison is symmetric."""
    found, back = gate.verify(portrait, mirrored), gate.verify(mirrored, portrait)
    assert (found.accepted, found.verdict) == (False, Verdict.NO_MATCH)
    assert found.liveness.accepted
    assert found.similarity < found.threshold
    assert found.similarity == pytest.approx(back.similarity, abs=1e-6)
    assert found.reason == "the faces are not alike enough to be one person's"


def test_the_similarity_is_the_cosine_of_the_embeddings(gate: Gate, portrait: Picture, mirrored: Picture) -> None:
    """Of both faces, aligned by their own points, in one configuration; that of the probe is what `present` gives."""
    one, two = (gate.present(picture, match="LL").embedding for picture in (portrait, mirrored))
    assert gate.verify(portrait, mirrored, match="LL").similarity == pytest.approx(float(one @ two), abs=1e-6)
    assert gate.verify(portrait, mirrored, match="HH").similarity != pytest.approx(float(one @ two), abs=1e-4)


def test_an_attack_is_never_compared(strict: Gate, portrait: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is embedded, not even the reference, however low the threshold."""
    calls: list[object] = []
    monkeypatch.setattr(strict.verifier, "embed", lambda *_: calls.append(_))
    presented = strict.present(portrait)
    assert (presented.decision.status, presented.embedding) == (Status.ATTACK, None)
    found = strict.verify(portrait, portrait)
    assert (found.accepted, found.verdict) == (False, Verdict.ATTACK)
    assert (found.similarity, found.threshold, found.configuration) == (None, None, "")
    assert found.reason == "the probe is a presentation attack"
    assert not calls


@pytest.mark.parametrize("name", BAD)
def test_a_probe_that_is_not_good_enough_is_not_judged(
    gate: Gate, portrait: Picture, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two faces, none, dark, blurred, small: no embedding, no similarity, the reason."""
    picture, words = spoiled(portrait)[name]
    calls: list[object] = []
    monkeypatch.setattr(gate.verifier, "embed", lambda *_: calls.append(_))
    presented, found = gate.present(picture), gate.verify(portrait, picture)
    assert (presented.decision.status, presented.embedding) == (Status.NOT_JUDGED, None)
    assert (found.accepted, found.verdict, found.similarity) == (False, Verdict.NOT_JUDGED, None)
    assert words in presented.decision.reason
    assert found.reason == presented.decision.reason
    assert not calls


@pytest.mark.parametrize("name", BAD)
def test_a_reference_that_is_not_good_enough_admits_nobody(gate: Gate, portrait: Picture, name: str) -> None:
    """The probe is live, but there is nothing to compare it with; the reason says that it is the reference's."""
    picture, words = spoiled(portrait)[name]
    found = gate.verify(picture, portrait)
    assert found.liveness.accepted
    assert (found.accepted, found.verdict, found.similarity) == (False, Verdict.NOT_JUDGED, None)
    assert found.reason.startswith("reference: ")
    assert words in found.reason


def test_a_reference_need_not_be_live(gate: Gate, portrait: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The photograph of a document is none: only the probe is asked."""
    judged: list[int] = []
    scores = gate.engine.scores
    monkeypatch.setattr(gate.engine, "scores", lambda crops, c: judged.append(len(crops)) or scores(crops, c))
    assert gate.verify(portrait, portrait).accepted
    assert judged == [1]


def test_a_face_without_an_embedding_is_an_error(gate: Gate, portrait: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither `present` nor `verify` answers."""

    def fail(*_: object) -> None:
        raise PictureError("the network gives no embedding")

    monkeypatch.setattr(gate.verifier, "embed", fail)
    for call in (lambda: gate.present(portrait), lambda: gate.verify(portrait, portrait)):
        with pytest.raises(PictureError, match="gives no embedding"):
            call()


def test_what_cannot_be_read_is_an_error(gate: Gate, portrait: Picture, tmp_path: Path) -> None:
    """On either side; so is a configuration that one of the networks does not have."""
    (tmp_path / "text.jpg").write_text("no picture")
    for reference, probe in (
        (portrait, tmp_path / "text.jpg"),
        (tmp_path / "text.jpg", portrait),
        (portrait, tmp_path / "none.jpg"),
    ):
        with pytest.raises(PictureError):
            gate.verify(reference, probe)
    for choice in ({"match": "HHH"}, {"configuration": "HH"}):
        with pytest.raises(ConfigurationError):
            gate.verify(portrait, portrait, **choice)


def test_a_gate_without_a_verifier_compares_nothing(artifact: Path, portrait: Picture) -> None:
    """It says how to get one."""
    plain = Gate(artifact)
    for call in (lambda: plain.present(portrait), lambda: plain.verify(portrait, portrait)):
        with pytest.raises(LivegateError, match="give it a verifier"):
            call()


def test_a_network_for_verification_does_not_judge_liveness(face_artifact: Path) -> None:
    """Refused at the door, with what it serves."""
    with pytest.raises(
        ArtifactError, match="is for verification, not for liveness: it serves livegate verify, enroll and identify"
    ):
        Gate(face_artifact)


NUMBER = st.none() | st.floats(-1, 1) | st.sampled_from([float("nan"), float("inf"), -float("inf")])
LIVENESS = st.builds(
    Decision,
    st.sampled_from(Status),
    NUMBER,
    NUMBER,
    st.just(""),
    st.just(0.0),
    st.just(0.0),
    st.none(),
    st.sampled_from(["", "dark"]),
)


@given(st.builds(Match, LIVENESS, NUMBER, NUMBER, st.just(""), st.sampled_from(["", "another person"])))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_nobody_is_accepted_whose_liveness_or_likeness_is_not_known(match: Match) -> None:
    """Whatever the fields say together: accepted only if bona fide and compared, the cosine at the threshold or above, and nothing against it."""
    allowed = (
        match.liveness.status is Status.BONA_FIDE
        and match.similarity is not None
        and match.threshold is not None
        and match.similarity >= match.threshold
        and match.reason == ""
    )
    assert match.accepted == allowed
    assert (match.verdict is Verdict.MATCH) == allowed
    if match.liveness.status is not Status.BONA_FIDE:
        assert match.verdict.value == match.liveness.status.value
