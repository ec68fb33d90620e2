"""``livegate verify`` says in one line and one exit code whether this is the person of that picture, and there."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from livegate.cli.app import main

Run = Callable[..., tuple[int, str, str]]
KEYS = ["reference", "probe", "status", "similarity", "threshold", "configuration", "liveness", "reason"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``livegate``; gives exit code, standard output and standard error."""

    def runner(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["livegate", *map(str, arguments)])
        code: object = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        assert isinstance(code, int)
        return (code, *capsys.readouterr())

    return runner


@pytest.fixture(scope="module")
def pictures(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A face, the same mirrored, and nobody."""
    folder = tmp_path_factory.mktemp("pictures")
    with Image.open(astronaut) as picture:
        pixels = np.asarray(picture)
    Image.fromarray(pixels[:, ::-1]).save(folder / "mirrored.png")
    Image.fromarray(np.full((200, 200, 3), 128, np.uint8)).save(folder / "grey.png")
    return {"face": astronaut, "mirrored": folder / "mirrored.png", "nobody": folder / "grey.png"}


@pytest.fixture(scope="module")
def models(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[float, Path]:
    """Copies of the shipped model that take every face for bona fide, or for an attack, by the threshold."""
    folders = {}
    for threshold in (0.0, 1.0):
        folders[threshold] = folder = Path(shutil.copytree(artifact, tmp_path_factory.mktemp("models") / "model"))
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        for facts in manifest["configurations"].values():
            facts["threshold"]["value"] = threshold
        (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folders


@pytest.mark.parametrize(
    ("reference", "probe", "model", "code", "words"),
    [
        ("face", "face", 0.0, 0, "astronaut.jpg: the same person, live, similarity 1.0000 >= threshold 0.9999\n"),
        ("face", "mirrored", 0.0, 1, "mirrored.png: another person, similarity 0."),
        ("face", "face", 1.0, 1, "astronaut.jpg: attack"),
        ("face", "nobody", 0.0, 3, "grey.png: not judged (no face was found)\n"),
        ("nobody", "face", 0.0, 3, "grey.png: reference: no face was found\n"),
    ],
)
def test_the_outcome_is_a_line_and_an_exit_code(
    run: Run,
    pictures: dict[str, Path],
    models: dict[float, Path],
    face_artifact: Path,
    reference: str,
    probe: str,
    model: float,
    code: int,
    words: str,
) -> None:
    """0 the same person and live, 1 another one or an attack, 3 not judged."""
    options = "--model", models[model], "--verifier", face_artifact, "--threshold", 0.9999
    exited, out, err = run("verify", pictures[reference], pictures[probe], *options)
    assert (exited, err) == (code, "")
    assert words in out
    assert out.count("\n") == 1


def test_json_has_the_same_keys_whatever_comes_out(
    run: Run, pictures: dict[str, Path], models: dict[float, Path], face_artifact: Path
) -> None:
    """One object; what is not known is null, never left out."""
    found = []
    for reference, probe, model in (
        ("face", "face", 0.0),
        ("face", "face", 1.0),
        ("nobody", "face", 0.0),
        ("face", "nobody", 0.0),
    ):
        options = "--model", models[model], "--verifier", face_artifact, "--threshold", 0.9999, "--match", "LL", "--json"
        _, out, err = run("verify", pictures[reference], pictures[probe], *options)
        assert err == ""
        found.append(json.loads(out))
    assert [list(one) for one in found] == [KEYS] * 4
    assert {tuple(one["liveness"]) for one in found} == {("status", "score", "threshold", "configuration")}
    assert [one["status"] for one in found] == ["match", "attack", "not-judged", "not-judged"]
    assert (found[0]["configuration"], found[0]["threshold"], found[0]["reason"]) == ("LL", 0.9999, "")
    assert found[0]["similarity"] == pytest.approx(1, abs=1e-6)
    assert [(one["similarity"], one["threshold"]) for one in found[1:]] == [(None, None)] * 3
    assert all(one["reason"] for one in found[1:])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--threshold", "2"), "the threshold is a cosine from 0 to 1, got 2.0"),
        (("--threshold", "nan"), "the threshold is a cosine from 0 to 1, got nan"),
        (("--threshold", "high"), "--threshold"),
        (("--match", "HHH"), "HHH"),
        (("--configuration", "HX"), "HX"),
        (("--verifier", "default"), "is for liveness, not for verification"),
        (("--verifier", "nothing"), "nothing"),
        (("--verifier", "README.md"), "is no network for verification"),
        (("--model", "FACES"), "is for verification, not for liveness"),
        (("--unknown",), "--unknown"),
    ],
)
def test_a_usage_error_says_nothing_on_standard_output(
    run: Run, pictures: dict[str, Path], face_artifact: Path, options: tuple[str, ...], words: str
) -> None:
    """Exit code 2, and the reason on standard error."""
    given = [str(face_artifact) if option == "FACES" else option for option in options]
    command = "verify", pictures["face"], pictures["face"], "--verifier", face_artifact, "--threshold", "0.5"
    code, out, err = run(*command, *given)
    assert (code, out) == (2, "")
    assert words in err


def test_a_picture_that_is_not_there_is_an_error(
    run: Run, pictures: dict[str, Path], face_artifact: Path, tmp_path: Path
) -> None:
    """One line, exit code 2."""
    code, out, err = run("verify", pictures["face"], tmp_path / "none.jpg", "--verifier", face_artifact, "--threshold", "0.5")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "none.jpg" in err


def test_a_verifier_without_a_measured_threshold_needs_one(run: Run, pictures: dict[str, Path], face_artifact: Path) -> None:
    """It was exported without dev: nobody is let in by the 0.5 that stands in its manifest."""
    code, out, err = run("verify", pictures["face"], pictures["face"], "--verifier", face_artifact)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no threshold of it is known; give one with --threshold" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "FACE"), "is for verification, not for liveness: it serves livegate verify, enroll and identify"),
        (("score", "--index", "INDEX", "--out", "OUT"), "is for verification, not for liveness"),
        (("evaluate", "--test", "INDEX", "--out", "OUT", "--thresholds", "MODEL"), "is for verification, not for liveness"),
        (("explain", "FACE", "--out", "OUT"), "is for verification, not for liveness"),
        (("explain", "FACE", "--out", "OUT", "--model", "CHECKPOINT"), "is for verification, not for liveness"),
        (("score", "--index", "INDEX", "--out", "OUT", "--model", "CHECKPOINT"), "is for verification, not for liveness"),
    ],
)
def test_verbs_of_liveness_refuse_a_network_for_verification(
    run: Run,
    pictures: dict[str, Path],
    generated: Path,
    face_checkpoint: Callable[[int], Path],
    face_artifact: Path,
    tmp_path: Path,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    """In one line, with what it serves; nothing is written."""
    meant = {"FACE": pictures["face"], "INDEX": generated, "OUT": tmp_path / "out", "MODEL": face_artifact}
    meant["CHECKPOINT"] = face_checkpoint(0)
    named = () if {"evaluate", "CHECKPOINT"} & set(arguments) else ("--model", face_artifact)
    code, out, err = run(*(meant.get(word, word) for word in arguments), *named)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not (tmp_path / "out").exists()


def test_inspect_tells_of_a_network_for_verification(run: Run, face_artifact: Path) -> None:
    """What it is for, how the face comes in, both files, all nine configurations."""
    code, out, err = run("inspect", face_artifact)
    assert (code, err) == (0, "")
    assert "small: verification, input 112 x 112 RGB, aligned by five points, files as the manifest says" in out
    assert "onnx-fp16" in out
    assert sum(line.startswith(("│ H", "│ L", "│ B")) for line in out.splitlines()) == 9


def test_bench_measures_a_network_for_verification(run: Run, face_artifact: Path) -> None:
    """Like any other."""
    code, out, err = run("bench", face_artifact, "--runtime", "onnx", "--configuration", "HH,LL", "--rounds", "1", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)
