"""``livegate calibrate``: from pictures of one's own camera to decisions by their thresholds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.integration.conftest import Run

from livegate.cli import people
from livegate.data.generated import generated_set
from livegate.runtime.artifact import Artifact

PICTURES = 24


@pytest.fixture(scope="module")
def camera(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of bona fide pictures from one camera, some lighter and some darker, one of an empty wall, and a file that is no picture."""
    folder = tmp_path_factory.mktemp("camera")
    face = np.asarray(Image.open(astronaut).crop((96, 0, 352, 256)), np.float32)
    for number in range(PICTURES):
        day = folder / f"day-{number % 2}"
        day.mkdir(exist_ok=True)
        light = (face * (0.6 + 0.03 * number)).clip(0, 255).astype(np.uint8)
        Image.fromarray(light).save(day / f"{number:02}.jpg", quality=95)
    Image.new("RGB", (256, 256), (90, 90, 90)).save(folder / "wall.jpg")
    (folder / "notes.txt").write_text("Tuesday", "utf-8")
    return folder


def lowered(artifact: Path, folder: Path) -> Path:
    """A copy of the model that allows any threshold."""
    copy = Path(shutil.copytree(artifact, folder))
    plain = Artifact.open(copy).manifest.model_dump(mode="json")
    for quality in plain["provenance"]["quality"].values():
        quality["floor"] = 0.0
    (copy / "manifest.json").write_text(json.dumps(plain), "utf-8")
    return copy


def test_a_folder_of_bona_fide_pictures_sets_the_thresholds(run: Run, camera: Path, artifact: Path, tmp_path: Path) -> None:
    """One of 24 pictures may be rejected; `check` then rejects as many, and the empty wall is told of."""
    model, out = lowered(artifact, tmp_path / "model"), tmp_path / "calibration.json"
    outcome = run("calibrate", camera, "--model", model, "--out", out)
    assert (outcome.code, outcome.err) == (0, "")
    assert "1/24 = 4.17%" in outcome.out
    assert "1 pictures set nothing: they were not judged or could not be read, the first 'wall.jpg'" in outcome.out
    assert f"livegate check … --calibration {out}" in outcome.out
    decisions = run("check", camera, "--model", model, "--calibration", out, "--configuration", "LLL", "--json").objects
    assert [decision["status"] for decision in decisions].count("attack") == 1
    assert [decision["status"] for decision in decisions].count("bona-fide") == PICTURES - 1
    threshold = json.loads(out.read_text("utf-8"))["configurations"]["LLL"]["here"]["threshold"]["value"]
    assert {decision["threshold"] for decision in decisions if decision["score"] is not None} == {threshold}


def test_the_floor_is_told_and_ends_with_one(run: Run, camera: Path, artifact: Path, tmp_path: Path) -> None:
    """A model of which no camera may be less strict: where it rejects more than asked for, that is said."""
    strict = Path(shutil.copytree(artifact, tmp_path / "strict"))
    plain = Artifact.open(strict).manifest.model_dump(mode="json")
    for facts in plain["configurations"].values():
        facts["threshold"]["value"] = 1.0
    for quality in plain["provenance"]["quality"].values():
        quality["floor"] = 1.0
    (strict / "manifest.json").write_text(json.dumps(plain), "utf-8")
    outcome = run("calibrate", camera, "--model", strict, "--out", tmp_path / "calibration.json")
    assert outcome.code == 1
    assert "the model's floor keeps 27 of 27 thresholds above what bpcer=0.05 asks for" in outcome.out
    assert run("check", camera, "--model", strict, "--calibration", tmp_path / "calibration.json").code == 1


def test_an_index_may_name_attacks(run: Run, tmp_path: Path) -> None:
    """Then a rule may be about them, and their APCER is told."""
    index = generated_set(tmp_path / "pictures", subjects=10, pictures=6, size=96)
    out = tmp_path / "calibration.json"
    outcome = run("calibrate", index, "--rule", "apcer=0.1", "--out", out)
    assert outcome.code in {0, 1}
    assert re.search(r"(print|replay)\S* \d+/\d+ = ", outcome.out)
    assert "10 people set these thresholds: of others more may be turned away; 20 people or more make them hold" in outcome.out
    scores = tmp_path / "scores.csv"
    assert run("score", "--index", index, "--calibration", out, "--out", scores).code == 0
    found = json.loads(out.read_text("utf-8"))["configurations"]["HHH"]
    assert scores.read_text("utf-8").count(",attack,") == found["here"]["rejected"] + sum(found["attacks"].values()) - sum(
        found["here"]["accepted"].values()
    )


def test_the_verbs_about_people_take_the_thresholds(run: Run, camera: Path, astronaut: Path, tmp_path: Path) -> None:
    """Liveness of a probe, of whom is enrolled and of whom is identified is asked by them: a threshold that nobody reaches lets nobody in."""
    out = tmp_path / "calibration.json"
    assert run("calibrate", camera, "--rule", "fixed=1", "--out", out).code == 0
    verified = run("verify", astronaut, astronaut, "--calibration", out, "--json")
    assert (verified.code, verified.objects[0]["liveness"]["threshold"]) == (1, 1.0)
    eye = people.Eye("default", "verifier", None, out)
    assert eye.capture(astronaut).decision.threshold == 1.0
    assert eye.capture(astronaut).embedding is None
    assert people.Eye("default", "verifier", None).capture(astronaut).embedding is not None
    pytest.importorskip("cryptography")
    assert run("templates", "new-key", tmp_path / "key").code == 0
    place = ("--store", tmp_path / "people.db", "--key-file", tmp_path / "key")
    enrol = ("enroll", "Ada", astronaut, "--consent", "a test", *place)
    assert [run(*enrol, "--calibration", out).code, run(*enrol).code] == [1, 0]
    identify = ("identify", astronaut, *place)
    assert [run(*identify, "--calibration", out).code, run(*identify).code] == [1, 0]


def test_what_is_explained_was_decided_by_it(run: Run, camera: Path, artifact: Path, astronaut: Path, tmp_path: Path) -> None:
    """Of the same picture `explain` tells the threshold and the verdict that `check` does."""
    pytest.importorskip("onnx")
    model, out = lowered(artifact, tmp_path / "model"), tmp_path / "calibration.json"
    assert run("calibrate", camera, "--model", model, "--out", out).code == 0
    explain = ("explain", astronaut, "--method", "gradcam", "--configuration", "HLB", "--out", tmp_path, "--model", model)
    words = {given: run(*explain, *given).out.split(";")[0] for given in [(), ("--calibration", out)]}
    assert words["--calibration", out] != words[()]
    check = run("check", astronaut, "--configuration", "HLB", "--calibration", out, "--model", model).out
    assert check.startswith(words["--calibration", out])
    assert "was made for another network" in run(*explain[:-1], "default", "--calibration", altered(out)).err


def test_what_is_reported_was_decided_by_it(run: Run, artifact: Path, tmp_path: Path) -> None:
    """`evaluate` counts the verdicts that `score` gave, and says which file set the thresholds."""
    model, out = lowered(artifact, tmp_path / "model"), tmp_path / "calibration.json"
    index = generated_set(tmp_path / "pictures", subjects=10, pictures=6, size=96)
    assert run("calibrate", index, "--rule", "d-eer", "--model", model, "--out", out).code == 0
    scores = tmp_path / "scores.csv"
    assert run("score", "--index", index, "--model", model, "--calibration", out, "--out", scores).code == 0
    report = ("evaluate", "--test", scores, "--thresholds", model, "--replicates", "0", "--out", tmp_path / "report")
    assert run(*report, "--calibration", out).code == 0
    told = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    found = json.loads(out.read_text("utf-8"))["configurations"]["HHH"]["here"]
    (here,) = told["results"]
    assert told["set_on"] == "calibration"
    assert here["picture"]["threshold"] == here["presentation"]["threshold"] == found["threshold"]
    assert here["picture"]["bpcer"]["errors"] == found["rejected"]
    assert "on pictures of one's own camera" in (tmp_path / "report" / "report.md").read_text("utf-8")
    assert told["sha256"]["calibration"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert "was made for another network" in run(*report, "--thresholds", "default", "--calibration", altered(out)).err
    without = run("evaluate", "--test", scores, "--dev", scores, "--calibration", out, "--out", tmp_path / "report")
    assert "--calibration is of the model of --thresholds" in without.err


def altered(calibration: Path) -> Path:
    """The same thresholds, for a network of another hash."""
    plain = json.loads(calibration.read_text("utf-8"))
    plain["files"] = dict.fromkeys(plain["files"], "0" * 64)
    calibration.write_text(json.dumps(plain), "utf-8")
    return calibration


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "dev"], "is a folder, which has no splits; leave out --split"),
        (["--rule", "apcer=0.1"], "the rule apcer=0.1 needs attacks, and there are none; give an index that names some"),
        (["--rule", "best"], "unknown rule 'best'"),
        (["--model", "verifier"], "is for verification, not for liveness"),
    ],
)
def test_what_cannot_be_done_is_refused(run: Run, camera: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    """In one line, and nothing is written."""
    outcome = run("calibrate", camera, "--out", tmp_path / "calibration.json", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert message in outcome.err
    assert not (tmp_path / "calibration.json").exists()


def test_a_folder_with_attacks_in_it_is_refused(run: Run, camera: Path, tmp_path: Path) -> None:
    """In the layout that `livegate index folder` reads, attacks would pass for bona fide pictures."""
    shutil.copytree(camera, tmp_path / "mine" / "bona-fide")
    shutil.copytree(camera / "day-0", tmp_path / "mine" / "attack" / "print")
    for given in ("mine", "mine/attack", "mine/attack/print"):
        outcome = run("calibrate", tmp_path / given, "--out", tmp_path / "calibration.json")
        assert (outcome.code, (tmp_path / "calibration.json").exists()) == (2, False)
        assert "lies in a folder of attacks, and all pictures of a folder count as bona fide" in outcome.err
    outcome = run("calibrate", tmp_path / "none", "--out", tmp_path / "calibration.json")
    assert "none does not exist; give a folder of bona fide pictures, or an index" in outcome.err


def test_a_picture_that_is_read_is_never_written(run: Run, camera: Path, tmp_path: Path) -> None:
    """By `calibrate` and by `score`, under whatever name it is reached."""
    folder = shutil.copytree(camera, tmp_path / "camera")
    face = folder / "day-0" / "00.jpg"
    index = tmp_path / "index.csv"
    index.write_text("path,species\ncamera/day-0/00.jpg,\n", "utf-8")
    before = face.read_bytes()
    for command in (("calibrate", folder), ("score", "--index", index)):
        outcome = run(*command, "--out", folder / "day-1" / ".." / "day-0" / "00.jpg")
        assert (outcome.code, face.read_bytes() == before) == (2, True)
        assert "is what is read; writing would destroy it" in outcome.err


def test_what_must_fail_fails_before_a_picture_is_scored(run: Run, camera: Path, tmp_path: Path) -> None:
    """A place where nothing can be written, too few pictures, a name that no file of text can hold."""
    for out in (tmp_path, tmp_path / "no" / "c.json"):
        assert "cannot be written" in run("calibrate", camera, "--out", out).err
    assert "12 bona fide pictures are there, at least 20" in run("calibrate", camera / "day-0", "--out", tmp_path / "c").err
    odd = shutil.copytree(camera, tmp_path / "odd")
    (odd / "wall.jpg").rename(odd / os.fsdecode(b"wall\xff.jpg"))
    assert "its name is no text in UTF-8; rename it" in run("calibrate", odd, "--out", tmp_path / "c").err


def test_an_empty_folder_and_an_unlabelled_index_are_refused(run: Run, camera: Path, tmp_path: Path) -> None:
    """Nobody guesses which pictures are bona fide."""
    (tmp_path / "empty").mkdir()
    assert "the folder holds no picture" in run("calibrate", tmp_path / "empty", "--out", tmp_path / "c.json").err
    index = tmp_path / "index.csv"
    index.write_text(f"path\n{camera / 'wall.jpg'}\n", "utf-8")
    assert "has no column 'species'" in run("calibrate", index, "--out", tmp_path / "c.json").err
    index.write_text(f"path,species\n{camera / 'wall.jpg'},\n", "utf-8")
    assert "writing would destroy it" in run("calibrate", index, "--out", index).err


def test_a_checkpoint_takes_no_calibration(run: Run, tmp_path: Path) -> None:
    """It runs in torch, and is another network than any artifact."""
    (tmp_path / "model.safetensors").write_bytes(b"")
    index = tmp_path / "index.csv"
    index.write_text("path\na.jpg\n", "utf-8")
    outcome = run("score", "--index", index, "--model", tmp_path, "--calibration", index, "--out", tmp_path / "s.csv")
    assert "leave out --runtime, --precision, --contract and --calibration" in outcome.err
