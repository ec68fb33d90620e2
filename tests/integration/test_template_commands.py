"""``enroll``, ``identify``, ``forget`` and ``templates`` keep the contract of the command line, and admit nobody by mistake."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("cryptography", reason="the extra templates is not installed")

from livegate.cli import people
from livegate.configuration import Configuration
from livegate.decision import Decision, Status
from livegate.gate import Presented
from livegate.pictures import read
from livegate.templates.key import Key

IDENTITY = "ab" * 32
CONSENT = ("--consent", "opens door 3; form signed")


def embedded(pixels: np.ndarray) -> np.ndarray:
    """64 numbers of length 1 from a picture's own pixels: the same person is the same pattern, more or less bright or noisy."""
    small = (
        cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (8, 8), interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    )
    small -= small.mean()
    return np.float32(small / np.linalg.norm(small))


@dataclass
class FakeEye:
    """Sees an attack in a file that is called so, nobody where nobody is, and a live face in every other picture."""

    identity: str = IDENTITY
    configuration: Configuration = field(default_factory=lambda: Configuration.parse("HHH"))
    threshold: float = 0.9

    def capture(self, path: Path) -> Presented:
        """By the name of the file, and the pixels."""
        pixels = read(path)
        if path.stem.startswith("attack"):
            return Presented(Decision(Status.ATTACK, 0.1, 0.5, "HHH", 1.0, 2.0, None), None)
        if path.stem.startswith("nobody"):
            return Presented(Decision(Status.NOT_JUDGED, None, None, "", 0.0, 2.0, None, "no face was found"), None)
        return Presented(Decision(Status.BONA_FIDE, 0.9, 0.5, "HHH", 1.0, 2.0, None), embedded(pixels))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a key, pictures of two people, an attack and an empty room; the eye is the fake one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(people, "Eye", lambda _model, _verifier, threshold, _: FakeEye(threshold=threshold or 0.9))
    monkeypatch.delenv("LIVEGATE_KEY", raising=False)
    monkeypatch.setenv("LIVEGATE_KEY_FILE", "key")
    monkeypatch.setenv("LIVEGATE_STORE", "people.db")
    monkeypatch.setitem(sys.modules, "keyring", None)
    Key(bytes(32)).write("key")
    random = np.random.default_rng(0)
    faces = {name: random.integers(40, 216, (8, 8, 3)).repeat(16, 0).repeat(16, 1) for name in ("ada", "grace")}
    for name, face in faces.items():
        for number in (1, 2):
            Image.fromarray(np.uint8(face + random.integers(-20, 21, face.shape))).save(f"{name}{number}.png")
    for name in ("attack", "nobody"):
        Image.fromarray(np.uint8(faces["ada"])).save(f"{name}.png")
    return tmp_path


def test_a_person_is_enrolled_identified_and_forgotten(place: Path, run) -> None:
    """The whole way, with what is printed; the store is made where it is told to be."""
    done = run("enroll", "Ada", "ada1.png", *CONSENT)
    assert (done.code, done.err) == (0, "")
    assert "Ada: enrolled with 1 template for 365 days" in done.out
    assert (place / "people.db").stat().st_mode & 0o777 == 0o600

    known = run("identify", "ada2.png")
    assert (known.code, known.err) == (0, "")
    assert known.out.startswith("ada2.png: Ada, similarity 0.9")

    assert run("forget", "Ada").code == 0
    gone = run("identify", "ada2.png")
    assert (gone.code, gone.out) == (1, "ada2.png: nobody who is enrolled\n")
    assert run("forget", "Ada").code == 2


def test_json_says_the_same_to_a_program(place: Path, run) -> None:
    """Known, unknown, attack and not judged, each with the same fields; who came nearest is told for the known alone."""
    (enrolled,) = run("enroll", "Ada", "ada1.png", "ada2.png", *CONSENT, "--keep-days", 10, "--json").objects
    assert (enrolled["status"], enrolled["templates"], enrolled["keep_days"]) == ("enrolled", 2, 10)
    fields = ["path", "status", "name", "similarity", "threshold", "score", "reason"]
    for picture, code, status in (
        ("ada1", 0, "known"),
        ("grace1", 1, "unknown"),
        ("attack", 1, "attack"),
        ("nobody", 3, "not-judged"),
    ):
        done = run("identify", f"{picture}.png", "--json")
        (told,) = done.objects
        assert (done.code, told["status"], list(told)) == (code, status, fields)
        assert (told["name"], told["similarity"] is None) == (("Ada", False) if status == "known" else (None, True))


@pytest.mark.parametrize(
    ("picture", "code"), [("attack.png", 1), ("nobody.png", 3), ("grace1.png", 2), ("none.png", 2), ("key", 2)]
)
def test_nobody_is_enrolled_from_a_picture_that_does_not_pass(place: Path, run, picture: str, code: int) -> None:
    """An attack, an empty room, another person, no file, no picture, beside a good one: nothing is stored, not even a store."""
    done = run("enroll", "Ada", "ada1.png", picture, *CONSENT)
    assert done.code == code
    assert "enrolled with" not in done.out
    assert not (place / "people.db").exists()


@pytest.mark.parametrize("threshold", ["nan", "inf", "1.5"])
def test_a_threshold_that_nobody_reaches_admits_nobody(place: Path, run, threshold: str) -> None:
    """Nor does one that is no number."""
    run("enroll", "Ada", "ada1.png", *CONSENT)
    assert run("identify", "ada1.png").code == 0
    assert run("identify", "ada1.png", "--threshold", threshold).code == 1


def test_what_is_missing_is_told_before_a_network_is_loaded(place: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No consent, no name, no days, no key: exit code 2, one line, and how to make a key."""

    def loaded(*_: object) -> None:
        raise AssertionError("a network was loaded")

    monkeypatch.setattr(people, "Eye", loaded)
    for words in (
        ("Ada", "ada1.png"),
        ("Ada", "ada1.png", "--consent", " "),
        ("", "ada1.png", *CONSENT),
        ("Ada", "ada1.png", *CONSENT, "--keep-days", "0"),
    ):
        done = run("enroll", *words)
        assert (done.code, done.out) == (2, "")
    monkeypatch.setenv("LIVEGATE_KEY_FILE", "")
    for words in (("enroll", "Ada", "ada1.png", *CONSENT), ("identify", "ada1.png"), ("forget", "Ada"), ("templates", "list")):
        done = run(*words)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert "livegate templates new-key FILE" in done.err


def test_errors_of_the_store_are_one_line_and_code_2(place: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No store, a wrong key, another network, a name that is taken, a damaged file, a key that others can read."""
    assert "there is no template store" in run("identify", "ada1.png").err
    assert run("enroll", "Ada", "ada1.png", *CONSENT).code == 0
    assert "enrolled already" in run("enroll", "Ada", "ada2.png", *CONSENT).err
    Key.new().write("other")
    assert "sealed with key" in run("identify", "ada1.png", "--key-file", "other").err
    monkeypatch.setattr(people, "Eye", lambda *_: FakeEye(identity="cd" * 32))
    assert "cannot be compared" in run("identify", "ada1.png").err
    data = (place / "people.db").read_bytes()
    (place / "people.db").write_bytes(data[:5000])
    for words in (("identify", "ada1.png"), ("templates", "list"), ("forget", "Ada")):
        done = run(*words)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    (place / "key").chmod(0o644)
    assert "chmod 600" in run("templates", "list").err


def test_the_store_is_looked_after(place: Path, run) -> None:
    """List, sweep, rotate, and a log that is checked against a hash that was noted, with no network loaded."""
    run("enroll", "Ada", "ada1.png", *CONSENT)
    noted = run("templates", "verify-audit").out.split()[-1]
    assert len(noted) == 64
    run("enroll", "Grace", "grace1.png", *CONSENT)

    (ada, grace) = run("templates", "list", "--json").objects
    assert (ada["name"], ada["consent"], grace["name"]) == ("Ada", CONSENT[1], "Grace")
    assert "opens door 3" in run("templates", "list").out
    assert run("templates", "sweep").out == "0 deleted\n"

    assert run("templates", "new-key", "new").code == 0
    assert run("templates", "new-key", "new").code == 2
    assert run("templates", "new-key").code == 2
    assert run("templates", "rotate", "new").code == 0
    assert run("identify", "ada1.png").code == 2
    assert run("identify", "ada1.png", "--key-file", "new").code == 0

    checked = run("templates", "verify-audit", "--noted", noted, "--key-file", "new")
    assert (checked.code, "2 since the one that was noted" in checked.out) == (0, True)
    entries = run("templates", "verify-audit", "--json", "--key-file", "new").objects
    assert [entry["action"] for entry in entries] == ["created", "enrolled", "enrolled", "rotated"]
    assert "Ada" not in str(entries)
    refused = run("templates", "verify-audit", "--noted", "0" * 64, "--key-file", "new")
    assert (refused.code, refused.out) == (2, "")


def test_an_older_copy_of_the_file_is_noticed_by_the_hash_that_was_noted(place: Path, run) -> None:
    """By nothing else: the copy is sound in itself, and that is what the documentation says."""
    run("enroll", "Ada", "ada1.png", *CONSENT)
    copy = (place / "people.db").read_bytes()
    run("forget", "Ada")
    noted = run("templates", "verify-audit").out.split()[-1]
    (place / "people.db").write_bytes(copy)
    assert run("templates", "verify-audit").code == 0
    assert run("templates", "verify-audit", "--noted", noted).code == 2


class FakeVerifier:
    """Embeds pixels, as the fake eye does, behind the interface of the real one."""

    identity, manifest = IDENTITY, None

    def __init__(self, model: str, *, threshold: float | None) -> None:
        assert model == "verifier"
        self._threshold = threshold

    def choose(self, _: str | None) -> Configuration:
        """The only one."""
        return Configuration.parse("HHH")

    def threshold(self, _: Configuration) -> SimpleNamespace:
        """What was given."""
        return SimpleNamespace(value=self._threshold)

    def align(self, picture: np.ndarray, landmarks: object) -> np.ndarray:
        """The whole picture."""
        assert len(landmarks) == 5
        return cv2.resize(picture, (112, 112))

    def embed(self, crops: list[np.ndarray], _: Configuration) -> np.ndarray:
        """64 numbers of each."""
        return np.array([embedded(crop) for crop in crops])


def test_the_eye_takes_one_live_face_and_no_other(place: Path, astronaut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the real gate: an embedding exactly where it is bona fide; two faces, or none, are not judged."""
    monkeypatch.undo()
    monkeypatch.setattr("livegate.verifier.Verifier", FakeVerifier)
    eye = people.Eye("default", "verifier", 0.4)
    pixels = read(astronaut)
    pictures = {"one": pixels, "two": np.hstack([pixels, pixels]), "none": np.zeros_like(pixels)}
    for name, array in pictures.items():
        Image.fromarray(array).save(place / f"{name}.png")

    seen = {name: eye.capture(place / f"{name}.png") for name in pictures}

    assert (eye.identity, str(eye.configuration), eye.threshold) == (IDENTITY, "HHH", 0.4)
    assert seen["one"].decision.score is not None
    assert (seen["one"].embedding is not None) == seen["one"].decision.accepted
    assert (seen["two"].decision.status, seen["two"].embedding) == (Status.NOT_JUDGED, None)
    assert "2 faces" in seen["two"].decision.reason
    assert (seen["none"].decision.status, seen["none"].embedding) == (Status.NOT_JUDGED, None)
