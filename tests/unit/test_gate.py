"""The whole way from a picture to a decision, from Python."""

from __future__ import annotations

import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from livegate import Configuration, Decision, Gate, Status
from livegate.capture import QualityLimits
from livegate.errors import ArtifactError, ConfigurationError, LivegateError, PictureError
from livegate.gate import clip_decision
from livegate.pictures import read
from livegate.sample import Box


@pytest.fixture(scope="module")
def gate() -> Gate:
    """The default gate."""
    return Gate()


@pytest.fixture(scope="module")
def portrait(astronaut: Path) -> NDArray[np.uint8]:
    """The astronaut's pixels."""
    return read(astronaut)


def facts(decision: Decision) -> dict[str, Any]:
    """A decision without its times."""
    return {key: value for key, value in dataclasses.asdict(decision).items() if not key.endswith("_ms")}


def with_thresholds(folder: Path, value: float) -> Path:
    """Set the threshold of every configuration of an artifact."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    for configuration in manifest["configurations"].values():
        configuration["threshold"]["value"] = value
    path.write_text(json.dumps(manifest), "utf-8")
    return folder


def test_a_decision_states_all_its_facts(gate: Gate, astronaut: Path) -> None:
    """Score, threshold, configuration, face and times; bona fide exactly when score >= threshold."""
    decision = gate.check(astronaut)
    assert decision.score is not None
    assert decision.threshold == gate.engine.manifest.configurations["HHH"].threshold.value
    assert decision.status is (Status.BONA_FIDE if decision.score >= decision.threshold else Status.ATTACK)
    assert decision.configuration == "HHH"
    assert decision.face is not None
    assert 180 < decision.face.x + decision.face.width / 2 < 270
    assert 0 < decision.latency_ms < decision.total_ms
    assert decision.reason == ""


def test_a_path_its_bytes_and_its_pixels_are_one_picture(gate: Gate, portrait: NDArray[np.uint8], tmp_path: Path) -> None:
    """A PNG as a path, as text, as bytes and as an array gives one decision to the bit."""
    stream = io.BytesIO()
    Image.fromarray(portrait).save(stream, "PNG")
    path = tmp_path / "face.png"
    path.write_bytes(stream.getvalue())
    given_as = (path, str(path), stream.getvalue(), portrait)
    first, *others = [facts(gate.check(picture)) for picture in given_as]
    assert first["score"] is not None
    assert len(others) == 3
    assert all(other == first for other in others)


def test_every_configuration_decides(gate: Gate, portrait: NDArray[np.uint8]) -> None:
    """Twenty-seven answers from one gate, each told with its configuration; words choose the ends."""
    texts = [str(configuration) for configuration in gate.engine.configurations]
    assert len(texts) == 27
    scores = {text: gate.check(portrait, text).score for text in texts}
    assert len(set(scores.values())) == 27
    assert facts(gate.check(portrait, "lightest")) == facts(gate.check(portrait, "LLL"))
    assert gate.check(portrait, "heaviest").configuration == "BBB"
    assert gate.check(portrait).score == scores["HHH"]
    assert gate.check(portrait, Configuration.parse("LLL")).score == scores["LLL"]


@pytest.mark.parametrize("text", ["HXH", "hh", "HHHH", "", "auto"])
def test_a_bad_configuration_is_refused_before_the_picture(gate: Gate, text: str) -> None:
    """Even where the picture is missing."""
    for use in (gate.check, gate.check_all):
        with pytest.raises(ConfigurationError):
            use("missing.jpg", text)


@pytest.mark.parametrize(
    "picture",
    ["missing.jpg", b"", b"no picture", np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3)), None, Image.new("RGB", (9, 9))],
    ids=str,
)
def test_what_is_no_picture_is_an_error_never_a_decision(gate: Gate, picture: Any) -> None:
    """A `PictureError` from both doors."""
    for use in (gate.check, gate.check_all):
        with pytest.raises(PictureError):
            use(picture)


def test_the_threshold_decides(tampered: Path, portrait: NDArray[np.uint8]) -> None:
    """At 0 every face passes, above 1 none, and at the score itself it passes: accepted when score >= threshold."""
    score = Gate(with_thresholds(tampered, 0.0)).check(portrait).score
    assert score is not None
    above = float(np.nextafter(score, 2))
    outcomes = [Gate(with_thresholds(tampered, value)).check(portrait) for value in (0.0, score, above, 1 + 2**-52)]
    assert [str(outcome.status) for outcome in outcomes] == ["bona-fide", "bona-fide", "attack", "attack"]
    assert [outcome.accepted for outcome in outcomes] == [True, True, False, False]


@pytest.mark.parametrize("threshold", [0.0, 1 + 2**-52])
def test_a_poor_picture_is_not_judged_whatever_the_threshold(
    tampered: Path, portrait: NDArray[np.uint8], threshold: float
) -> None:
    """No face, a small one, a dark one, a blurred one: no score, a reason, the face where there is one; never a silent pass."""
    gate = Gate(with_thresholds(tampered, threshold))
    poor = {
        "no face": np.full((300, 300, 3), 100, np.uint8),
        "smaller than": np.asarray(cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA), np.uint8),
        "too dark": (portrait // 7).astype(np.uint8),
        "too blurred": np.asarray(cv2.GaussianBlur(portrait, (0, 0), 6), np.uint8),
        "no face was": np.zeros((1, 1, 3), np.uint8),
    }
    for words, picture in poor.items():
        for decision in (gate.check(picture), *gate.check_all(picture)):
            assert decision.status is Status.NOT_JUDGED
            assert not decision.accepted
            assert words in decision.reason
            assert (decision.score, decision.threshold, decision.configuration) == (None, None, "")
            assert decision.latency_ms == 0 < decision.total_ms
            assert (decision.face is None) == ("no face" in words)


def test_the_limits_are_the_callers(portrait: NDArray[np.uint8]) -> None:
    """A gate with a larger smallest face does not judge this one."""
    assert "smaller than 200" in Gate(limits=QualityLimits(face=200)).check(portrait).reason


def test_every_face_is_judged_the_largest_first(gate: Gate, portrait: NDArray[np.uint8]) -> None:
    """Two faces, one of them too small: the large one is what `check` says, the small one is told too."""
    scene = np.full((512, 1024, 3), 128, np.uint8)
    scene[:, :512] = portrait
    scene[100:356, 600:856] = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
    large, small = gate.check_all(scene)
    assert facts(large) == facts(gate.check(scene))
    assert large.score is not None
    assert small.status is Status.NOT_JUDGED
    assert "smaller than 64" in small.reason
    assert small.face is not None
    assert small.face.x > 512


THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from livegate import Gate

gate = Gate()
with ThreadPoolExecutor(4) as threads:
    print({decision.score for decision in threads.map(gate.check, sys.argv[1:] * 20)})
"""


def test_threads_share_a_gate(gate: Gate, astronaut: Path) -> None:
    """Each gets the right answer. In a process of its own: two of them in one detector of OpenCV would end it."""
    done = subprocess.run([sys.executable, "-c", THREADS, astronaut], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, f"{ {gate.check(astronaut).score} }\n")


def test_a_gate_remembers_nothing(gate: Gate, portrait: NDArray[np.uint8]) -> None:
    """Other pictures and configurations in between change no bit."""
    before = facts(gate.check(portrait))
    gate.check(np.zeros((50, 400, 3), np.uint8))
    gate.check(portrait, "LBL")
    gate.warm_up()
    assert facts(gate.check(portrait)) == before


def test_a_model_that_is_none_is_refused(tmp_path: Path) -> None:
    """Neither a name nor a folder, and a folder that is no artifact."""
    with pytest.raises(LivegateError, match="neither a shipped model"):
        Gate(tmp_path / "none")
    with pytest.raises(ArtifactError, match="no artifact"):
        Gate(tmp_path)


def frame(score: float | None, threshold: float = 0.5, reason: str = "") -> Decision:
    """The decision of one frame: 2 ms of network, 10 ms in all."""
    box = Box(1, 2, 3, 4)
    if score is None:
        return Decision(Status.NOT_JUDGED, None, None, "", 0.0, 10.0, None, reason)
    status = Status.BONA_FIDE if score >= threshold else Status.ATTACK
    return Decision(status, score, threshold, "HLH", 2.0, 10.0, box)


def test_a_clip_counted_by_hand() -> None:
    """Logits of ln 9, 0 and ln 9 have the mean 2/3 ln 9; what was not judged does not count; times are sums."""
    clip = clip_decision([frame(0.9), frame(None, reason="no face was found"), frame(0.5), frame(0.9)])
    assert clip.score == pytest.approx(9 ** (2 / 3) / (1 + 9 ** (2 / 3)), rel=1e-12)
    assert (clip.status, clip.threshold, clip.configuration) == (Status.BONA_FIDE, 0.5, "HLH")
    assert (clip.latency_ms, clip.total_ms) == (6.0, 40.0)
    assert (clip.face, clip.reason) == (None, "")


def test_a_clip_of_attacks_is_an_attack() -> None:
    """One frame that passes does not carry nine that do not."""
    clip = clip_decision([frame(0.6)] + [frame(0.1)] * 9)
    assert clip.status is Status.ATTACK


def test_a_clip_without_a_judged_frame_is_not_judged() -> None:
    """With the reason of the last one."""
    clip = clip_decision([frame(None, reason="no face was found"), frame(None, reason="the face is too dark")])
    assert clip.status is Status.NOT_JUDGED
    assert (clip.score, clip.threshold, clip.configuration, clip.total_ms) == (None, None, "", 20.0)
    assert clip.reason == "no frame was judged: the face is too dark"


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_clip_of_one_frame_is_that_frame(score: float, threshold: float) -> None:
    """Its score to the bit, hence its decision, also at the threshold itself."""
    for limit in (threshold, score):
        clip = clip_decision([frame(score, limit)])
        assert (clip.score, clip.status) == (score, frame(score, limit).status)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_a_clip_lies_between_its_frames(scores: list[float]) -> None:
    """Never below the lowest or above the highest."""
    clip = clip_decision([frame(score) for score in scores])
    assert clip.score is not None
    assert min(scores) <= clip.score <= max(scores)
