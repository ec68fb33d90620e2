"""The command line keeps its contract: names, exit codes, columns, one line for each error."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from PIL import Image

from livegate import __version__
from livegate.errors import LivegateError
from livegate.files import replacing
from livegate.pictures import read
from livegate.runtime.artifact import Artifact
from livegate.runtime.backends.base import RUNTIMES
from livegate.runtime.entry import NamedEntry
from livegate.runtime.manifest import File, Variant
from livegate.weights import shipped

SCORE_COLUMNS = ["name", "score", "status", "reason", "species", "clip", "subject", "source", "split", "configuration"]
JSON_FIELDS = ["path", "status", "score", "threshold", "configuration", "latency_ms", "total_ms", "face", "reason"]


class Outcome(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Outcome]


def script(*arguments: object, cwd: Path | None = None) -> Outcome:
    """Run the installed ``livegate`` in a process of its own."""
    tool = shutil.which("livegate", path=str(Path(sys.executable).parent))
    assert tool is not None
    words = [tool, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=cwd, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def with_threshold(folder: Path, source: Path, value: float) -> Path:
    """A copy of an artifact in which every configuration has this threshold."""
    shutil.copytree(source, folder)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    for configuration in manifest["configurations"].values():
        configuration["threshold"]["value"] = value
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return folder


@pytest.fixture(scope="module")
def accepting(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes every face for bona fide."""
    return with_threshold(tmp_path_factory.mktemp("accepting") / "model", artifact, 0.0)


@pytest.fixture(scope="module")
def rejecting(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes every face for an attack."""
    return with_threshold(tmp_path_factory.mktemp("rejecting") / "model", artifact, 1 + 2**-52)


@pytest.fixture(scope="module")
def splitting(artifact: Path, astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A model between two pictures: the model, the picture that it accepts, the one that it rejects."""
    from livegate import Gate

    folder = tmp_path_factory.mktemp("splitting")
    mirrored = folder / "mirrored.png"
    Image.fromarray(read(astronaut)[:, ::-1]).save(mirrored)
    scores = {path: Gate().check(path).score or 0.0 for path in (astronaut, mirrored)}
    low, high = sorted(scores, key=lambda path: scores[path])
    assert scores[low] < scores[high]
    return with_threshold(folder / "model", artifact, scores[high]), high, low


@pytest.fixture(scope="module")
def several(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default model with two more variants: OpenVINO from the same file, and a package that cannot run here."""
    folder = Path(shutil.copytree(artifact, tmp_path_factory.mktemp("several") / "model"))
    manifest = Artifact.open(folder).manifest
    onnx = manifest.variants["onnx"]
    package = folder / "model.mlpackage" / "model"
    package.parent.mkdir()
    package.write_bytes(b"package")
    stated = File(sha256=hashlib.sha256(b"package").hexdigest(), bytes=7)
    coreml = Variant(
        runtime="coreml",
        precision="fp32",
        files={"model.mlpackage/model": stated},
        entry=NamedEntry(kind="function", names={"HHH": "hhh", "LLL": "lll"}),
        parity=None,
        versions={},
    )
    variants = {"onnx": onnx, "openvino": onnx.model_copy(update={"runtime": "openvino"}), "coreml": coreml}
    (folder / "manifest.json").write_text(manifest.model_copy(update={"variants": variants}).model_dump_json(), "utf-8")
    return folder


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture without a face."""
    path = tmp_path_factory.mktemp("blank") / "blank.png"
    Image.new("RGB", (300, 200), (120, 120, 120)).save(path)
    return path


@pytest.fixture(scope="module")
def two_faces(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A large face, and a small one beside it that is not judged."""
    portrait = read(astronaut)
    scene = np.full((512, 1024, 3), 128, np.uint8)
    scene[:, :512] = portrait
    scene[100:356, 600:856] = cv2.resize(portrait, (256, 256), interpolation=cv2.INTER_AREA)
    path = tmp_path_factory.mktemp("two") / "two.png"
    Image.fromarray(scene).save(path)
    return path


@pytest.fixture(scope="module")
def video(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine frames: the astronaut, the middle three blank."""
    portrait = np.ascontiguousarray(read(astronaut)[..., ::-1])
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (512, 512))
    assert writer.isOpened()
    for number in range(9):
        writer.write(np.full_like(portrait, 110) if number in {3, 4, 5} else portrait)
    writer.release()
    return path


def one_line(outcome: Outcome, *words: str) -> None:
    """The command failed with exit 2, nothing on stdout and one line on stderr that holds these words; no trace."""
    assert outcome.code == 2
    assert outcome.out == ""
    assert len(outcome.err.splitlines()) == 1, outcome.err
    assert outcome.err.startswith("livegate: ")
    for word in words:
        assert word in outcome.err


# ------------------------------------------------------------------------------------------------ the installed command


def test_the_installed_command_decides_and_its_exit_code_says_it(astronaut: Path, rejecting: Path, accepting: Path) -> None:
    """One line on stdout with score, threshold, configuration and milliseconds; nothing on stderr."""
    for model, code, words in ((accepting, 0, "bona fide, score 0."), (rejecting, 1, "attack, score 0.")):
        outcome = script("check", astronaut, "--model", model)
        assert outcome.code == code
        assert outcome.err == ""
        (line,) = outcome.out.splitlines()
        assert line.startswith(f"{astronaut}: {words}")
        for part in ("threshold ", "configuration HHH", "ms network", "ms in all"):
            assert part in line


def test_a_bad_batch_in_the_installed_command(tmp_path: Path, blank: Path) -> None:
    """Bad pictures and a text named .mp4: one line each on stderr, none from the decoders; the blank one is still judged."""
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.png").write_bytes(b"")
    names = ["text.mp4", "text.jpg", "empty.png", "missing.jpg"]
    outcome = script("check", *names, blank, cwd=tmp_path)
    assert outcome.code == 2
    assert [line.split(":")[:2] for line in outcome.err.splitlines()] == [["livegate", f" {name}"] for name in names]
    (line,) = outcome.out.splitlines()
    assert line.startswith(f"{blank}: not judged (no face was found)")


def test_help_and_usage_of_the_installed_command() -> None:
    """Help lists every verb and exits 0; no command at all is a usage error: exit 2 and nothing on stdout."""
    helped = script("--help")
    assert helped.code == 0
    for verb in ("check", "score", "evaluate", "train", "export", "inspect", "models", "doctor"):
        assert f" {verb} " in helped.out
    bare = script()
    assert (bare.code, bare.out) == (2, "")
    assert "--help" in bare.err


@pytest.mark.parametrize("verb", ["check", "verify", "inspect"])
def test_a_closed_pipe_is_an_error_and_no_attack(blank: Path, verb: str) -> None:
    """Nobody reads the output: exit 2 and one line, not the 1 that means an attack."""
    words = [sys.executable, "-m", "livegate", verb, *([] if verb == "inspect" else [str(blank), str(blank)])]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(60) == 2
    *_, last = told.splitlines()
    assert last == "livegate: standard output was closed before everything was told"


def test_python_dash_m_is_the_same_command(blank: Path) -> None:
    """``python -m livegate`` says what ``livegate`` says."""
    words = [sys.executable, "-m", "livegate", "check", str(blank)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stdout.startswith(f"{blank}: not judged (no face was found)")


# ------------------------------------------------------------------------------------------------------------- check


def test_the_first_of_error_attack_not_judged_bona_fide_decides(
    run: Run, splitting: tuple[Path, Path, Path], blank: Path
) -> None:
    """In a batch: 2 before 1 before 3 before 0, whatever the order of the pictures."""
    model, passes, fails = splitting
    missing = blank.with_name("missing.jpg")
    batches = [
        ([passes], 0),
        ([fails], 1),
        ([missing], 2),
        ([blank], 3),
        ([passes, passes], 0),
        ([passes, blank], 3),
        ([blank, fails, passes], 1),
        ([fails, passes], 1),
        ([missing, fails, blank, passes], 2),
        ([passes, blank, fails, missing], 2),
        ([blank, missing], 2),
    ]
    for pictures, code in batches:
        outcome = run("check", *pictures, "--model", model)
        assert outcome.code == code, pictures
        assert len(outcome.out.splitlines()) == len(pictures) - pictures.count(missing)
        assert len(outcome.err.splitlines()) == pictures.count(missing)


def test_json_has_the_fields_of_the_contract(run: Run, splitting: tuple[Path, Path, Path], blank: Path) -> None:
    """One object a picture, in order, each with all nine fields, whatever became of it; stderr stays empty."""
    model, passes, fails = splitting
    missing = blank.with_name("missing.jpg")
    outcome = run("check", passes, fails, blank, missing, "--model", model, "--json")
    assert (outcome.code, outcome.err) == (2, "")
    assert [list(one) for one in outcome.objects] == [JSON_FIELDS] * 4
    assert [one["status"] for one in outcome.objects] == ["bona-fide", "attack", "not-judged", "error"]
    assert [one["path"] for one in outcome.objects] == [str(path) for path in (passes, fails, blank, missing)]
    good, attack, nobody, error = outcome.objects
    assert good["score"] >= good["threshold"] == attack["threshold"] > attack["score"]
    assert good["configuration"] == "HHH"
    assert 0 < good["latency_ms"] < good["total_ms"]
    assert len(good["face"]) == 4
    assert good["reason"] == ""
    for one in (nobody, error):
        assert (one["score"], one["threshold"], one["configuration"], one["face"]) == (None, None, "", None)
    assert nobody["reason"] == "no face was found"
    assert "does not exist" in error["reason"]


@pytest.mark.parametrize(("text", "used"), [("HLB", "HLB"), ("LLL", "LLL"), ("lightest", "LLL"), ("heaviest", "BBB")])
def test_the_configuration_is_chosen_and_told(run: Run, astronaut: Path, text: str, used: str) -> None:
    """From the same file."""
    (found,) = run("check", astronaut, "--configuration", text, "--json").objects
    assert found["configuration"] == used


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("HXH", ("'HXH'", "'X' at position 1", "H, L, B")),
        ("hh", ("'h' at position 0", "H, L, B")),
        ("HHHH", ("length 4", "has 3", "HHH")),
        ("", ("length 0", "has 3")),
        ("auto", ("--configuration auto", "cannot do yet", "--configuration LLL")),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(run: Run, astronaut: Path, text: str, words: tuple[str, ...]) -> None:
    """Exit 2, one line that says what, got, allowed and next; nothing on stdout, also with --json."""
    one_line(run("check", astronaut, "--configuration", text), *words)
    one_line(run("check", astronaut, "--configuration", text, "--json"), *words)


def test_a_budget_is_refused_until_it_can_be_kept(run: Run, astronaut: Path) -> None:
    """With the reason; never silently ignored."""
    one_line(run("check", astronaut, "--budget-ms", "5"), "--budget-ms", "cannot do yet")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "--nonsense", "x.jpg"],
        ["check", "x.jpg", "--frames", "0"],
        ["check", "x.jpg", "--frames", "many"],
        ["check", "x.jpg", "--budget-ms", "soon"],
        ["check", "x.jpg", "--model"],
        ["score", "--index", "x.csv"],
        ["evaluate", "--dev", "x.csv"],
        ["nonsense"],
        [],
    ],
    ids=" ".join,
)
def test_a_wrong_usage_exits_2_and_writes_nothing_to_stdout(run: Run, arguments: list[str]) -> None:
    """The reason stands on stderr, without a trace."""
    outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert "Error" in outcome.err
    assert "Traceback" not in outcome.err


def test_every_bad_picture_gives_one_line_and_stops_nothing(run: Run, tmp_path: Path, blank: Path) -> None:
    """Exit 2, a line for each, no trace; the picture after them is still looked at."""
    good = tmp_path / "good.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)).save(good)
    contents = {
        "empty.jpg": b"",
        "text.jpg": b"hello",
        "cut.jpg": good.read_bytes()[:4000],
        "two words 😀.png": b"\x89PNG\r\n\x1a\n",
        "line\nbreak.jpg": b"x",
        "text.mp4": b"hello",
        "cut.mp4": b"\0\0\0 ftypisom" + bytes(200),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    bad = [*contents, "folder", "pipe.jpg", "missing.jpg", "x" * 300 + ".jpg"]
    assert len(bad) == 11
    for name in bad:
        one_line(run("check", tmp_path / name), "livegate: ")
    outcome = run("check", *(tmp_path / name for name in bad), blank, "--json")
    assert outcome.code == 2
    assert [one["status"] for one in outcome.objects] == ["error"] * 11 + ["not-judged"]
    assert all(one["reason"] and "\n" not in one["reason"] for one in outcome.objects)


def test_odd_names_are_told_as_they_are(run: Run, astronaut: Path, tmp_path: Path) -> None:
    """Spaces and emoji are printed, control characters cannot play tricks on a terminal; JSON keeps the name."""
    for name, shown in (("two words 😀.jpg", "two words 😀.jpg"), ("red\x1b[31m\n.jpg", "red\\x1b[31m\\n.jpg")):
        path = tmp_path / name
        shutil.copy(astronaut, path)
        (line,) = run("check", path).out.splitlines()
        assert line.startswith(f"{tmp_path}/{shown}: ")
        assert run("check", path, "--json").objects[0]["path"] == str(path)


def test_a_folder_is_its_pictures(run: Run, accepting: Path, astronaut: Path, blank: Path, tmp_path: Path) -> None:
    """In order of their names, folders within it too, files of other kinds left alone."""
    (tmp_path / "sub").mkdir()
    for source, name in ((astronaut, "b.JPG"), (blank, "a.png"), (astronaut, "sub/c.jpeg"), (blank, "notes.txt")):
        shutil.copy(source, tmp_path / name)
    outcome = run("check", tmp_path, "--model", accepting, "--json")
    assert outcome.code == 3
    assert [Path(one["path"]).relative_to(tmp_path).as_posix() for one in outcome.objects] == ["a.png", "b.JPG", "sub/c.jpeg"]
    assert [one["status"] for one in outcome.objects] == ["not-judged", "bona-fide", "bona-fide"]


def test_what_a_folder_holds_beside_pictures_is_told(run: Run, accepting: Path, astronaut: Path, tmp_path: Path) -> None:
    """An iPhone's pictures end in .heic: who is not told believes that they were judged."""
    for name in ("a.jpg", "b.HEIC", "c.heic", "d.tiff", "notes"):
        shutil.copy(astronaut, tmp_path / name)
    outcome = run("check", tmp_path, "--model", accepting)
    assert (outcome.code, outcome.out.count("\n")) == (0, 1)
    assert f"livegate: {tmp_path}: 4 other files were not looked at (.heic, .tiff, no ending)\n" in outcome.err


def test_the_version_is_told(run: Run) -> None:
    """For a report of a fault."""
    assert run("--version")[:2] == (0, f"livegate {__version__}\n")


def test_a_folder_that_cannot_be_entered_is_an_error(
    run: Run, astronaut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies in it was not judged."""
    (tmp_path / "closed").mkdir()
    shutil.copy(astronaut, tmp_path)
    scandir = os.scandir

    def refused(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    one_line(run("check", tmp_path), f"{tmp_path}/closed: the folder cannot be read (Permission denied); check its permissions")


def test_a_folder_without_pictures_is_an_error(run: Run, tmp_path: Path) -> None:
    """Nothing to judge is not a pass."""
    one_line(run("check", tmp_path), str(tmp_path), "holds no picture", ".jpg")


def test_a_video_has_a_decision_a_frame_and_one_for_the_clip(run: Run, accepting: Path, rejecting: Path, video: Path) -> None:
    """Nine frames of which three have no face; the clip alone decides the exit code."""
    for model, code, status in ((accepting, 0, "bona-fide"), (rejecting, 1, "attack")):
        outcome = run("check", video, "--model", model, "--json")
        assert (outcome.code, outcome.err) == (code, "")
        *frames, clip = outcome.objects
        assert [one["path"] for one in frames] == [f"{video}#{number}" for number in range(9)]
        assert [one["status"] for one in frames] == [status] * 3 + ["not-judged"] * 3 + [status] * 3
        scores = [one["score"] for one in frames if one["score"] is not None]
        assert (clip["path"], clip["status"]) == (str(video), status)
        assert min(scores) <= clip["score"] <= max(scores)


def test_the_frames_of_a_video_are_counted(run: Run, accepting: Path, video: Path) -> None:
    """--frames 3: first, middle, last, and the clip."""
    outcome = run("check", video, "--model", accepting, "--frames", 3, "--json")
    assert [one["path"] for one in outcome.objects] == [f"{video}#0", f"{video}#4", f"{video}#8", str(video)]


def test_all_faces_are_judged_on_request(run: Run, accepting: Path, two_faces: Path) -> None:
    """By default the largest; with --all-faces each, numbered, and each counts for the exit code."""
    (largest,) = run("check", two_faces, "--model", accepting, "--json").objects
    outcome = run("check", two_faces, "--model", accepting, "--json", "--all-faces")
    assert [one["path"] for one in outcome.objects] == [f"{two_faces}#face0", f"{two_faces}#face1"]
    assert [one["status"] for one in outcome.objects] == ["bona-fide", "not-judged"]
    assert outcome.objects[0]["score"] == largest["score"]
    assert outcome.code == 3


def test_several_people_in_a_video_are_not_one_decision(run: Run, accepting: Path, video: Path) -> None:
    """--all-faces with a video is an error: nobody vouches for another."""
    outcome = run("check", video, "--model", accepting, "--json", "--all-faces")
    assert [one["status"] for one in outcome.objects] == ["error"]
    assert "--all-faces" in outcome.objects[0]["reason"]
    assert outcome.code == 2


def test_annotated_pictures_are_written(run: Run, accepting: Path, two_faces: Path, video: Path, tmp_path: Path) -> None:
    """One JPEG a picture and frame, with the box drawn and a band of text below for each face; nothing else lies there."""
    folder = tmp_path / "new" / "annotated"
    run("check", video, "--model", accepting, "--frames", 2, "--save-annotated", folder)
    outcome = run("check", two_faces, "--model", accepting, "--all-faces", "--save-annotated", folder)
    assert outcome.code == 3
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 3
    assert [name.split("-")[0] for name in names] == ["clip.mp4", "clip.mp4", "two.png"]
    assert {Path(name).suffix for name in names} == {".jpg"}
    drawn, original = read(folder / names[2]), read(two_faces)
    assert drawn.shape[1] == original.shape[1]
    assert drawn.shape[0] > original.shape[0] + 40
    changed = np.abs(drawn[: original.shape[0]].astype(int) - original).max(axis=2) > 60
    rows, columns = np.nonzero(changed[:, :512])
    assert 170 < columns.min() < 195
    assert 255 < columns.max() < 280
    assert 50 < rows.min() < 75
    assert 170 < rows.max() < 190


def test_two_pictures_of_one_name_are_both_annotated(run: Run, blank: Path, tmp_path: Path) -> None:
    """Neither overwrites the other."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(blank, tmp_path / folder / "same.png")
    run("check", tmp_path / "a" / "same.png", tmp_path / "b" / "same.png", "--save-annotated", tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_annotated_pictures_that_cannot_be_written_are_errors(run: Run, blank: Path, tmp_path: Path) -> None:
    """A file stands where the folder should be: one line, exit 2."""
    (tmp_path / "file").write_text("here")
    one_line(run("check", blank, "--save-annotated", tmp_path / "file"), "cannot be written")
    assert (tmp_path / "file").read_text() == "here"


def test_a_damaged_model_is_refused(run: Run, astronaut: Path, tampered: Path) -> None:
    """A flipped byte, no artifact, no such model: one line each, and no picture is judged."""
    one_line(run("check", astronaut, "--model", tampered.parent), "is no artifact")
    one_line(run("check", astronaut, "--model", "nonsense"), "'nonsense'", "default")
    data = bytearray((tampered / "model.onnx").read_bytes())
    data[1000] ^= 1
    (tampered / "model.onnx").write_bytes(data)
    one_line(run("check", astronaut, "--model", tampered), "model.onnx", "SHA-256")


def test_debug_shows_the_trace(blank: Path) -> None:
    """--debug may stand anywhere and changes no exit code; without it there is none."""
    bad = ("check", blank, "--configuration", "HXH")
    assert "Traceback" not in script(*bad).err
    for words in (("--debug", *bad), (*bad, "--debug")):
        outcome = script(*words)
        assert "Traceback" in outcome.err
        assert "ConfigurationError" in outcome.err
        assert (outcome.code, outcome.out) == (2, "")


# ------------------------------------------------------------------------------------------------------------- score


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_index(path: Path, header: str, *lines: str) -> Path:
    """Write an index."""
    path.write_text("\n".join([header, *lines, ""]), "utf-8")
    return path


def test_scores_have_exactly_the_columns_of_the_contract(run: Run, generated: Path, tmp_path: Path) -> None:
    """One row a picture of the index, in its order, names verbatim, labels passed on, every score a number within 0..1."""
    out = tmp_path / "scores.csv"
    outcome = run("score", "--index", generated, "--out", out)
    assert (outcome.code, outcome.err) == (0, "")
    assert out.read_text("utf-8").splitlines()[0] == ",".join(SCORE_COLUMNS)
    written, given = rows(out), rows(generated)
    assert len(written) == 48
    assert [row["name"] for row in written] == [row["path"] for row in given]
    for key in ("species", "clip", "subject", "source", "split"):
        assert [row[key] for row in written] == [row[key] for row in given]
    assert {row["configuration"] for row in written} == {"HHH"}
    assert all(0 <= float(row["score"]) <= 1 for row in written)
    assert {row["status"] for row in written} <= {"bona-fide", "attack"}
    assert {row["reason"] for row in written} == {""}
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]


def test_scores_keep_every_bit(run: Run, generated: Path, tmp_path: Path) -> None:
    """Seventeen digits: what is read back is what the engine gives for the same crop."""
    from livegate import Gate
    from livegate.sample import Box

    out = tmp_path / "scores.csv"
    assert run("score", "--index", generated, "--out", out, "--configuration", "LHB").code == 0
    engine = Gate().engine
    for written, given in list(zip(rows(out), rows(generated), strict=True))[:6]:
        box = Box(*map(float, given["box"].split()))
        crop = engine.preprocessing.crop(read(generated.parent / given["path"]), box)
        score = float(engine.scores([crop], engine.manifest.choose("LHB"))[0])
        assert float(written["score"]) == pytest.approx(score, abs=1e-5)  # it was computed in a batch
        assert format(float(written["score"]), ".17g") == written["score"]


def test_the_status_follows_the_threshold(run: Run, generated: Path, accepting: Path, rejecting: Path, tmp_path: Path) -> None:
    """The model's own, one a configuration."""
    for model, status in ((accepting, "bona-fide"), (rejecting, "attack")):
        run("score", "--index", generated, "--out", tmp_path / "scores.csv", "--model", model, "--split", "dev")
        written = rows(tmp_path / "scores.csv")
        assert len(written) == 12
        assert {row["status"] for row in written} == {status}


def test_with_a_box_column_every_readable_picture_gets_a_score(run: Run, astronaut: Path, blank: Path, tmp_path: Path) -> None:
    """No detector, no quality gate: a blank picture is scored, an empty box means the whole picture, a small face is no matter."""
    whole = "0 0 512 512"
    index = write_index(
        tmp_path / "index.csv",
        "path,box",
        f"{astronaut},{whole}",
        f"{blank},",
        f"{astronaut.parent}/./astronaut.jpg,",
        f"{blank.parent}/./blank.png,5 5 9 9",
    )
    assert run("score", "--index", index, "--out", tmp_path / "scores.csv").code == 0
    boxed, nobody, unboxed, small = rows(tmp_path / "scores.csv")
    assert "" not in {row["score"] for row in (boxed, nobody, unboxed, small)}
    assert boxed["score"] == unboxed["score"]
    assert nobody["score"] != boxed["score"]


def test_without_a_box_column_the_detector_runs(run: Run, astronaut: Path, blank: Path, tmp_path: Path) -> None:
    """The face gets the score that `check` gives it; what is not judged has an empty score and a reason, and is no error."""
    index = write_index(tmp_path / "index.csv", "path", str(astronaut), str(blank))
    assert run("score", "--index", index, "--out", tmp_path / "scores.csv").code == 0
    face, nobody = rows(tmp_path / "scores.csv")
    (checked,) = run("check", astronaut, "--json").objects
    assert float(face["score"]) == pytest.approx(checked["score"], abs=1e-12)
    assert face["status"] == checked["status"]
    assert (nobody["score"], nobody["status"], nobody["reason"]) == ("", "not-judged", "no face was found")


def test_an_unlabelled_index_has_no_species_in_its_scores(run: Run, astronaut: Path, generated: Path, tmp_path: Path) -> None:
    """Nobody said which are attacks, so no file says it; evaluate refuses it."""
    index = write_index(tmp_path / "index.csv", "path,box", f"{astronaut},")
    out = tmp_path / "scores.csv"
    assert run("score", "--index", index, "--out", out).code == 0
    assert out.read_text("utf-8").splitlines()[0].split(",") == [name for name in SCORE_COLUMNS if name != "species"]
    one_line(run("evaluate", "--dev", out, "--test", out, "--out", tmp_path / "report"), "species")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("header", ["path,box", "path"])
def test_a_missing_picture_costs_only_its_own_row(run: Run, astronaut: Path, tmp_path: Path, header: str) -> None:
    """The others are scored and the file is written; its row says why; exit 2 with one line that names it."""
    commas = "," * header.count(",")
    (tmp_path / "text.jpg").write_text("no picture")
    lines = [f"{name}{commas}" for name in (astronaut, "none.jpg", "text.jpg")]
    index = write_index(tmp_path / "index.csv", header, *lines)
    out = tmp_path / "scores.csv"
    one_line(run("score", "--index", index, "--out", out), "2 pictures", "'none.jpg'")
    good, missing, text = rows(out)
    assert float(good["score"]) > 0
    for row, words in ((missing, "does not exist"), (text, "is not a picture")):
        assert (row["score"], row["status"]) == ("", "error")
        assert words in row["reason"]


def test_all_lists_every_configuration(run: Run, astronaut: Path, tmp_path: Path) -> None:
    """27 times each picture, unique by name and configuration, each what that configuration alone gives."""
    index = write_index(tmp_path / "index.csv", "path,species,box", f"{astronaut},,")
    assert run("score", "--index", index, "--out", tmp_path / "all.csv", "--all").code == 0
    written = {row["configuration"]: row["score"] for row in rows(tmp_path / "all.csv")}
    assert len(written) == len(rows(tmp_path / "all.csv")) == 27
    assert len(set(written.values())) == 27
    run("score", "--index", index, "--out", tmp_path / "one.csv", "--configuration", "LBH")
    assert [row["score"] for row in rows(tmp_path / "one.csv")] == [written["LBH"]]


def test_a_split_is_scored_alone(run: Run, generated: Path, tmp_path: Path) -> None:
    """Twelve pictures of dev; a split that is not there is refused, with those that are, and nothing is written."""
    out = tmp_path / "scores.csv"
    assert run("score", "--index", generated, "--out", out, "--split", "dev").code == 0
    assert [row["split"] for row in rows(out)] == ["dev"] * 12
    out.unlink()
    one_line(run("score", "--index", generated, "--out", out, "--split", "eval"), "'eval'", "dev, test, train")
    assert list(tmp_path.iterdir()) == []


def test_bad_input_of_score_gives_one_line_and_no_file(run: Run, generated: Path, tmp_path: Path, tampered: Path) -> None:
    """A missing or faulty index, a bad configuration, two that exclude each other, a bad model, a folder that is not there."""
    out = tampered.parent / "none-yet" / "scores.csv"
    faulty = write_index(tampered.parent / "faulty.csv", "path,box", "a.png,1 2 3", "a.png,", ",")
    one_line(run("score", "--index", generated, "--out", out), "there is no folder")
    out.parent.mkdir()
    one_line(run("score", "--index", tmp_path / "none.csv", "--out", out), "none.csv", "No such file")
    one_line(run("score", "--index", faulty, "--out", out), "line 2", "line 4")
    one_line(run("score", "--index", generated, "--out", out, "--configuration", "HXH"), "'X' at position 1")
    one_line(run("score", "--index", generated, "--out", out, "--configuration", "HHH", "--all"), "exclude each other")
    one_line(run("score", "--index", generated, "--out", out, "--model", "nonsense"), "'nonsense'")
    (tampered / "LICENSE").write_text("free for all")
    one_line(run("score", "--index", generated, "--out", out, "--model", tampered), "LICENSE", "SHA-256")
    assert list(out.parent.iterdir()) == []


# ---------------------------------------------------------------------------------------- evaluate and what tells facts


def scores_file(path: Path, split: str, configurations: tuple[str, ...] = ("HHH",)) -> Path:
    """Twenty bona fide pictures at 0.51 .. 0.70, ten prints at 0.1 and ten replays at 0.6, under each configuration."""
    lines = [",".join(SCORE_COLUMNS)]
    for configuration in configurations:
        end = f"phone,{split},{configuration}"
        lines += [f"b{number},{0.51 + number / 100:.17g},bona-fide,,,,,{end}" for number in range(20)]
        lines += [f"p{number},0.1,attack,,print,,,{end}" for number in range(10)]
        lines += [f"r{number},0.6,bona-fide,,replay,,,{end}" for number in range(10)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_evaluate_reports_two_score_files(run: Run, tmp_path: Path) -> None:
    """Threshold on dev at BPCER 5 % (0.52: one of twenty below), then every replay passes on test and no print does."""
    dev, test = (scores_file(tmp_path / f"{split}.csv", split, ("HHH", "LLL")) for split in ("dev", "test"))
    outcome = run("evaluate", "--dev", dev, "--test", test, "--out", tmp_path / "report")
    assert (outcome.code, outcome.err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == ["report.html", "report.json", "report.md"]
    text = (tmp_path / "report" / "report.md").read_text("utf-8")
    for word in ("HHH", "LLL", "print", "replay", "0.52", "10/10", "0/10", "1/20"):
        assert word in text
    assert "10/10" in outcome.out
    assert json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))


def test_score_writes_over_nothing_that_it_reads(run: Run, generated: Path, tmp_path: Path) -> None:
    """The index stays; a pipe or a device is no file to be replaced."""
    before = generated.read_bytes()
    outcome = run("score", "--index", generated, "--out", generated)
    assert outcome.code == 2
    assert "is what is read" in outcome.err
    assert generated.read_bytes() == before
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LivegateError, match="it is no regular file"), replacing(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()


def test_evaluate_takes_what_score_writes(run: Run, generated: Path, tmp_path: Path) -> None:
    """From an index to a report, without a model in the second step."""
    for split in ("dev", "test"):
        assert run("score", "--index", generated, "--out", tmp_path / f"{split}.csv", "--split", split, "--all").code == 0
    assert len(rows(tmp_path / "dev.csv")) == 12 * 27
    outcome = run("evaluate", "--dev", tmp_path / "dev.csv", "--test", tmp_path / "test.csv", "--out", tmp_path / "report")
    assert outcome.code == 0
    assert "LLL" in (tmp_path / "report" / "report.md").read_text("utf-8")


def test_bad_input_of_evaluate_gives_one_line_and_no_report(run: Run, tmp_path: Path) -> None:
    """A missing file, one that is no score file, an unknown rule."""
    good = scores_file(tmp_path / "good.csv", "dev")
    bad = tmp_path / "bad.csv"
    bad.write_text("name,score\nx,2\n")
    out = tmp_path / "report"
    one_line(run("evaluate", "--dev", tmp_path / "none.csv", "--test", good, "--out", out), "none.csv")
    one_line(run("evaluate", "--dev", good, "--test", bad, "--out", out), "bad.csv", "lacks")
    one_line(run("evaluate", "--dev", good, "--test", good, "--out", out, "--rule", "best"), "best", "bpcer=")
    assert not out.exists()


@pytest.mark.parametrize("verb", ["models", "doctor", "inspect"])
def test_the_licence_line_is_printed(run: Run, verb: str) -> None:
    """Where the weights are shown it is said, on one line, what one may do with them."""
    outcome = run(verb)
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line for line in outcome.out.splitlines() if "LicenseRef-Livegate-Weights-NonCommercial" in line]
    assert len(lines) == (1 if verb == "inspect" else len(shipped())) >= 1
    assert all("non-commercial research" in line.lower() for line in lines)


@pytest.mark.parametrize("verb", [("inspect",), ("doctor", "--artifact")])
def test_text_of_an_artifact_plays_no_tricks_on_a_terminal(run: Run, tampered: Path, verb: tuple[str, ...]) -> None:
    """Control characters are shown, not obeyed, and brackets are no markup."""
    path = tampered / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["licence"]["summary"] = "Free \x1b[2J[bold]beer[/]"
    manifest["configurations"]["HHH"]["threshold"] |= {"rule": "bpcer\x1b[2J[/]", "split": "[bold]dev"}
    path.write_text(json.dumps(manifest), "utf-8")
    outcome = run(*verb, tampered)
    assert (outcome.code, outcome.err) == (0, "")
    assert r"Free \x1b[2J[bold]beer[/]" in outcome.out
    assert (r"bpcer\x1b[2J[/]" in outcome.out) == ("[bold]dev" in outcome.out) == (verb == ("inspect",))
    assert "\x1b" not in outcome.out


def test_an_error_plays_no_tricks_on_a_terminal(run: Run, tampered: Path) -> None:
    """What an artifact says is shown in the line of an error, not obeyed."""
    path = tampered / "manifest.json"
    path.write_text(path.read_text("utf-8").replace('"default_configuration":', '"default\\u001b[2J":'), "utf-8")
    outcome = run("inspect", tampered)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert r"default\x1b[2J" in outcome.err


def test_models_tell_configurations_and_size(run: Run) -> None:
    """One row a shipped model."""
    out = run("models").out
    (line,) = [line for line in out.splitlines() if " default " in line]
    assert " 27 " in line
    assert " MB" in line


def test_doctor_tells_what_a_report_of_a_fault_needs(run: Run) -> None:
    """Versions, processor, runtimes, and whether this machine computes what it should."""
    out = run("doctor").out
    for word in (
        "livegate 0",
        "Python 3",
        "processor:",
        "onnxruntime",
        "opencv",
        "extra: torch",
        "extra: cryptography",
        "extra: keyring",
        "extra: dlib-bin",
        "golden vectors differ by",
    ):
        assert word in out
    assert "NOT as it should be" not in out


def test_doctor_fails_on_a_machine_that_computes_something_else(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Golden vectors that disagree are an error, not a remark."""
    monkeypatch.setattr("livegate.runtime.golden.replay", lambda _: 1.0)
    outcome = run("doctor")
    assert outcome.code == 2
    assert "onnx: this machine computes other outputs than the golden vectors; do not use it here" in outcome.err


def test_doctor_takes_the_name_of_a_shipped_model(run: Run) -> None:
    """As the other commands do; what is neither name nor folder is an error."""
    outcome = run("doctor", "--artifact", "default", "--runtime", "onnx")
    assert (outcome.code, outcome.err) == (0, "")
    assert "model: default, files intact\n" in outcome.out
    assert "onnx: golden vectors differ by" in outcome.out
    outcome = run("doctor", "--artifact", "nothing")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "model 'nothing' is neither a shipped model" in outcome.err


def test_doctor_replays_a_variant_in_every_runtime_that_is_here(run: Run, several: Path) -> None:
    """ONNX Runtime and OpenVINO from the same file; of one that cannot run here it says so; a named runtime is the only one."""
    out = run("doctor", "--artifact", several).out
    assert "onnx: golden vectors differ by" in out
    assert "coreml: not run, Livegate cannot run Core ML\n" in out
    assert ("openvino: golden vectors differ by" in out) == RUNTIMES["openvino"].installed
    out = run("doctor", "--artifact", several, "--runtime", "onnx").out
    assert "onnx: golden vectors differ by" in out
    assert "openvino:" not in out


def test_doctor_tells_what_installs_a_runtime_that_is_missing(run: Run, several: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a variant is passed over, with the line; one that nothing installs is refused when it is asked for."""
    monkeypatch.setattr("livegate.runtime.backends.base.find_spec", lambda name: name if name == "onnxruntime" else None)
    outcome = run("doctor", "--artifact", several)
    assert outcome.code == 0
    assert (
        "openvino: not run, OpenVINO is not installed; install with, in a clone of Livegate: pip install '.[openvino]'\n"
        in outcome.out
    )
    outcome = run("doctor", "--artifact", several, "--runtime", "coreml")
    assert outcome.code == 2
    assert "Livegate cannot run Core ML; it runs onnx, openvino, litert, executorch, ncnn" in outcome.err


def test_doctor_refuses_what_it_cannot_replay(run: Run, tampered: Path) -> None:
    """An unknown runtime, one that the artifact has nothing for, a damaged artifact."""
    one_line(run("doctor", "--runtime", "tensorrt"), "unknown runtime 'tensorrt'; runtimes are onnx, openvino")
    outcome = run("doctor", "--artifact", tampered, "--runtime", "ncnn")
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "has nothing for ncnn; it has onnx" in outcome.err
    (tampered / "model.onnx").unlink()
    outcome = run("doctor", "--artifact", tampered)
    assert (outcome.code, outcome.err.count("\n")) == (2, 1)
    assert "model.onnx is missing" in outcome.err


def test_another_runtime_decides_the_same(run: Run, astronaut: Path, several: Path, generated: Path, tmp_path: Path) -> None:
    """``check`` and ``score`` in OpenVINO: the same status, and the same scores but for rounding."""
    pytest.importorskip("openvino")
    answers = [
        run("check", astronaut, "--model", several, "--runtime", name, "--json").objects[0] for name in ("onnx", "openvino")
    ]
    assert answers[0]["status"] == answers[1]["status"]
    assert answers[0]["score"] == pytest.approx(answers[1]["score"], abs=1e-4)
    scores = []
    for name in ("onnx", "openvino"):
        out = tmp_path / f"{name}.csv"
        assert (
            run("score", "--index", generated, "--split", "dev", "--model", several, "--runtime", name, "--out", out).code == 0
        )
        with out.open(encoding="utf-8", newline="") as file:
            scores.append([float(row["score"]) for row in csv.DictReader(file)])
    assert scores[0] == pytest.approx(scores[1], abs=1e-4)
    assert scores[0] != scores[1]


@pytest.mark.parametrize("verb", ["check", "score", "bench"])
def test_a_runtime_without_a_file_is_refused(run: Run, verb: str, astronaut: Path, generated: Path, tmp_path: Path) -> None:
    """In one line that says what there is."""
    rest = {"check": [astronaut], "score": ["--index", generated, "--out", tmp_path / "scores.csv"], "bench": []}[verb]
    one_line(run(verb, *rest, "--runtime", "ncnn"), "ncnn", "it has onnx")
    assert not list(tmp_path.iterdir())


def test_inspect_tells_every_variant(run: Run, several: Path) -> None:
    """What runs it, its file, how a configuration is chosen, how far it is from torch, and what was never run."""
    lines = run("inspect", several).out.splitlines()
    (openvino,) = [line for line in lines if "OpenVINO" in line]
    assert all(word in openvino for word in ("model.onnx", "10.82 MB", "all", "input", "0.0001 allowed"))
    (coreml,) = [line for line in lines if "Core ML" in line]
    assert all(word in coreml for word in ("model.mlpackage", "HHH LLL", "function", "not run"))


def test_bench_prints_tables_or_one_object_and_draws(run: Run, tmp_path: Path) -> None:
    """A round of two configurations; the picture names the better one."""
    plot = tmp_path / "front.svg"
    some = ("--runtime", "onnx", "--configuration", "lightest,HHH", "--rounds", "1")
    outcome = run("bench", "default", *some, "--json", "--plot", plot)
    (found,) = [json.loads(outcome.out)]
    assert [row["configuration"] for row in found["rows"]] == ["LLL", "HHH"]
    assert found["variants"][0]["bytes"] > 10_000_000
    assert ">HHH<" in plot.read_text("utf-8")  # it has the lower error, so that no other one beats it


def test_bad_input_of_bench_gives_one_line(run: Run, tampered: Path, tmp_path: Path, blank: Path) -> None:
    """Told before anything is measured."""
    one_line(run("bench", "nonsense"), "neither a shipped model")
    one_line(run("bench", "--all", "--configuration", "HHH"), "exclude each other")
    one_line(run("bench", "--configuration", "HXH"), "unknown branch 'X'")
    one_line(run("bench", "--threads", "0", "--runtime", "onnx"), "threads must lie between 1 and 256")
    one_line(run("bench", "--static", tmp_path, "--runtime", "onnx"), "or the like; make it with livegate export … --fixed")
    one_line(run("bench", "--against", blank, "--runtime", "onnx"), "ONNX Runtime cannot load it")
    one_line(run("bench", "--against", tmp_path), "is a folder; --against takes an ONNX file, such as a model.onnx in it")
    manifest = json.loads((tampered / "manifest.json").read_text("utf-8"))
    manifest["provenance"]["quality"] = {}
    (tampered / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    one_line(run("bench", tampered, "--plot", tmp_path / "front.svg"), "does not tell how good it is")
    assert not list(tmp_path.glob("*.svg"))


def test_inspect_tells_every_configuration(run: Run, tampered: Path) -> None:
    """27 rows with the parameters of the paper's HHH and LLL; a damaged artifact is refused."""
    out = run("inspect", tampered).out
    assert sum(line.count("fixed=") + line.count("bpcer=") for line in out.splitlines()) == 27
    (tampered / "CARD.md").unlink()
    one_line(run("inspect", tampered), "CARD.md is missing")


def test_inspect_tells_thresholds_of_a_variants_own_and_floors(run: Run, tampered: Path) -> None:
    """A variant whose precision moves the scores has a table of its own; a floor stands beside its threshold."""
    path = tampered / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    own = {"value": 0.3125, "rule": "bpcer=0.05", "split": "dev"}
    manifest["variants"]["onnx"]["thresholds"] = dict.fromkeys(manifest["configurations"], own)
    manifest["variants"]["onnx"]["quality"] = {}
    manifest["provenance"]["quality"]["HHH"]["floor"] = 0.0625
    path.write_text(json.dumps(manifest), "utf-8")
    out = run("inspect", tampered).out
    assert out.count("0.312500") == 27
    assert out.count("0.062500") == 1
    assert "onnx: configuration" in out


def test_a_box_outside_its_picture_is_an_error(run: Run, astronaut: Path, tmp_path: Path) -> None:
    """A face that lies nowhere in the picture gets no score."""
    index, out = tmp_path / "index.csv", tmp_path / "scores.csv"
    index.write_text(f"path,box\n{astronaut},9000 66 86 113\n", encoding="utf-8")
    assert run("score", "--index", index, "--out", out).code == 2
    assert "lies outside the 512 x 512 picture" in out.read_text("utf-8")


def test_tables_that_go_to_a_pipe_are_whole(run: Run) -> None:
    """No number is cut where no terminal sets the width."""
    out = run("inspect").out
    assert "97,796,610" in out
    assert "…" not in out
