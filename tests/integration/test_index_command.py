"""``livegate index`` and ``livegate protocol``: from folders to indexes that the other verbs read."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from livegate.data.index import Index
from livegate.data.sets import SETS
from livegate.pictures import read

Run = Callable[..., Any]


def one_line(outcome: Any, *words: str) -> None:
    """An error: exit 2, nothing on standard output, one line that says these words."""
    assert (outcome.code, outcome.out) == (2, "")
    assert len(outcome.err.splitlines()) == 1, outcome.err
    for word in words:
        assert word in outcome.err


@pytest.fixture(scope="module")
def celeba(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six people of CelebA-Spoof, the last also in test; one picture of test has no box."""
    root = tmp_path_factory.mktemp("CelebA_Spoof")
    labels: dict[str, dict[str, list[int]]] = {"train": {}, "test": {}}
    for person in range(6):
        for part in ("train", "test")[: 2 if person == 5 else 1]:
            for kind, label in (("live", [0] * 44), ("spoof", [0] * 40 + [9, 1, 1, 1])):
                name = f"Data/{part}/{person}/{kind}/{person:06d}.jpg"
                (root / name).parent.mkdir(parents=True)
                Image.new("RGB", (64, 64), (40 * person, 90, 90)).save(root / name)
                text = "" if part == "test" and kind == "spoof" else "20 20 150 180 0.9"
                (root / name).with_name(f"{person:06d}_BB.txt").write_text(text)
                labels[part][name] = label
    (root / "metas" / "intra_test").mkdir(parents=True)
    for part, found in labels.items():
        (root / "metas" / "intra_test" / f"{part}_label.json").write_text(json.dumps(found))
    return root


@pytest.fixture(scope="module")
def folder(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain folder: in each split a bona fide face and a print; one print shows no face."""
    root = tmp_path_factory.mktemp("pictures")
    small = cv2.resize(read(astronaut), (128, 128), interpolation=cv2.INTER_AREA)
    for person in ("person 0", "person 7", "person 2"):  # train, dev, test
        for kind in ("bona-fide", "attack/print"):
            (root / kind / person).mkdir(parents=True)
            blank = (kind, person) == ("attack/print", "person 2")
            Image.fromarray(np.full_like(small, 120) if blank else small).save(root / kind / person / "1.png")
    return root


def test_a_set_becomes_an_index(run: Run, celeba: Path, tmp_path: Path) -> None:
    """With counts beside the published ones, what was odd, and who is in two splits; the index opens every picture."""
    out = tmp_path / "index.csv"
    outcome = run("index", "celeba-spoof", celeba, "--out", out, "--protocol", "intra-by-subject")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Warning: train has 6 bona fide; published are 162,462" in outcome.out
    assert "Warning: test has 1 attacks; published are 47,247" in outcome.out
    assert "Note: 1 picture(s) of test have no usable face box and are taken whole" in outcome.out
    assert "Warning: 1 of 6 subjects are in more than one split, such as '5' in " in outcome.out
    assert outcome.out.endswith(f"Index: {out}, 14 pictures\n")
    index = Index.read(out)
    assert (index.labelled, index.boxed, len(index.samples)) == (True, True, 14)
    assert all(sample.path.is_file() for sample in index.samples)
    assert {sample.species for sample in index.samples} == {None, "phone"}
    assert {sample.facts["environment"] for sample in index.samples} == {"", "indoor"}


def test_published_counts_that_match_are_said_to(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """In one sentence, and so is that nobody is in two splits."""
    counts = {(split, bona_fide): 1 for split in ("train", "dev", "test") for bona_fide in (True, False)}
    monkeypatch.setattr(
        "livegate.data.sets.SETS", {"folder": type(SETS["folder"])(**_fields("folder") | {"expected": {"by-name": counts}})}
    )
    outcome = run("index", "folder", folder, "--out", tmp_path / "index.csv")
    assert "The counts are the published ones.\n" in outcome.out
    assert "No subject of 3 is in two splits.\n" in outcome.out
    assert "Warning" not in outcome.out


def _fields(name: str) -> dict[str, object]:
    data_set = SETS[name]
    return {field: getattr(data_set, field) for field in type(data_set).__slots__}


def test_faces_are_found_once(run: Run, folder: Path, tmp_path: Path) -> None:
    """Boxes and landmarks in the index; what shows no face is counted; without --find-faces nothing is looked for."""
    outcome = run("index", "folder", folder, "--find-faces", "--out", tmp_path / "faces.csv")
    assert outcome.code == 0
    assert (
        "Note: 1 picture(s) of test show no face that was found; each is taken whole, such as 'attack/print/person 2/1.png'"
        in outcome.out
    )
    index = Index.read(tmp_path / "faces.csv")
    assert index.boxed
    assert sum(sample.box is not None and sample.landmarks is not None for sample in index.samples) == 5
    run("index", "folder", folder, "--out", tmp_path / "bare.csv")
    assert not Index.read(tmp_path / "bare.csv").boxed


def test_a_split_that_lacks_a_class_is_told(run: Run, folder: Path, tmp_path: Path) -> None:
    """With all that lack one, and what to do; where each has both there is no such line."""
    root = tmp_path / "few"
    for kind, person in (("bona-fide", "person 0"), ("attack/print", "person 0"), ("bona-fide", "person 7")):  # train, dev
        shutil.copytree(folder / kind / person, root / kind / person)
    outcome = run("index", "folder", root, "--out", tmp_path / "index.csv")
    assert outcome.code == 0
    assert "Warning: dev has no attacks, test has no bona fide and no attacks. Training (train), " in outcome.out
    assert "add people, or change the column split of the index\n" in outcome.out
    assert "want both" not in run("index", "folder", folder, "--out", tmp_path / "whole.csv").out


def test_an_index_can_be_scored(run: Run, folder: Path, tmp_path: Path) -> None:
    """What one verb writes the next one reads."""
    run("index", "folder", folder, "--find-faces", "--out", tmp_path / "index.csv")
    assert run("score", "--index", tmp_path / "index.csv", "--split", "test", "--out", tmp_path / "scores.csv").code == 0
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 3


def test_videos_become_pictures_beside_the_index(run: Run, astronaut: Path, tmp_path: Path) -> None:
    """Ten frames of each or as many as asked for; counts are those of videos; the same command takes what is there."""
    root = tmp_path / "casia"
    video = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 64))
    for number in range(12):
        writer.write(np.full((64, 64, 3), 20 * number, np.uint8))
    writer.release()
    for part, person in (("train", 1), ("train", 16), ("test", 1)):
        for clip in ("1", "3"):
            path = root / f"{part}_release" / str(person) / f"{clip}.avi"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(video, path)
    out = tmp_path / "index.csv"
    outcome = run("index", "casia-fasd", root, "--out", out)
    assert outcome.code == 0
    assert "Warning: train has 1 bona fide; published are 45" in outcome.out
    assert f"Index: {out}, 60 pictures" in outcome.out
    index = Index.read(out)
    assert all(sample.path.is_file() for sample in index.samples)
    assert {sample.name.split("/")[0] for sample in index.samples} == {"casia-fasd-frames"}
    assert len({sample.clip for sample in index.samples}) == 6
    first = {sample.path: sample.path.stat().st_mtime_ns for sample in index.samples}
    run("index", "casia-fasd", root, "--out", out)
    assert {path: path.stat().st_mtime_ns for path in first} == first
    run("index", "casia-fasd", root, "--out", out, "--frames", 2)
    assert len(Index.read(out).samples) == 12


def test_sets_are_listed_and_described(run: Run) -> None:
    """All twelve, with where to ask, nothing cut off; one in full."""
    listed = run("index", "--list")
    assert listed.code == 0
    flat = "".join(listed.out.split())
    assert len(SETS) == 12
    for data_set in SETS.values():
        assert data_set.name in listed.out
        assert "…" not in listed.out
        assert all(protocol in flat for protocol in data_set.protocols)
    described = run("index", "oulu-npu", "--about").out
    oulu = SETS["oulu-npu"]
    assert all(text in described for text in (oulu.title, oulu.description, oulu.licence, oulu.request, oulu.citation))
    assert all(f"  {name}: {what}\n" in described for name, what in oulu.protocols.items())


def test_index_errors_are_one_line(run: Run, celeba: Path, folder: Path, tmp_path: Path) -> None:
    """They name what is missing and what to give; nothing is written."""
    out = tmp_path / "index.csv"
    one_line(run("index"), "livegate index SET DIR --out index.csv", "--list")
    one_line(run("index", "celeba", celeba, "--out", out), "'celeba'", "celeba-spoof")
    one_line(run("index", "nuaa"), "give the folder of the data set", "--about")
    one_line(run("index", "nuaa", celeba), "give where to write the index")
    one_line(run("index", "nuaa", celeba, "--out", out), f"{celeba}: has no raw/client_train_raw.txt", "expected: raw/")
    one_line(run("index", "nuaa", tmp_path / "none", "--out", out), "is no folder")
    one_line(run("index", "celeba-spoof", celeba, "--out", out, "--protocol", "x"), "'x'", "intra, intra-by-subject, protocol1")
    one_line(run("index", "celeba-spoof", celeba, "--out", out, "--protocol", "protocol1"), "has no metas/protocol1")
    one_line(run("index", "celeba-spoof", celeba, "--out", out, "--frames", 3), "--frames is for videos")
    one_line(run("index", "celeba-spoof", celeba, "--out", out, "--find-faces"), "brings its faces")
    one_line(run("index", "folder", folder, "--out", tmp_path / "no" / "index.csv"), "there is no folder")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------------------------- protocol


def source(folder: Path, name: str) -> Path:
    """An index of one source: in each split two people, each with a bona fide picture, a print and a replay."""
    (folder / name).mkdir()
    rows = [
        f"{split}-{person}-{species}.png,{name},{split},{split}-{person},{species}"
        for split in ("train", "dev", "test")
        for person in (1, 2)
        for species in ("", "print", "replay")
    ]
    path = folder / name / "index.csv"
    path.write_text("\n".join(["path,source,split,subject,species", *rows, ""]))
    return path


def test_cross_writes_one_index(run: Run, tmp_path: Path) -> None:
    """Train and dev of the first, test of the second; and says so."""
    one, two, out = source(tmp_path, "a"), source(tmp_path, "b"), tmp_path / "cross.csv"
    outcome = run("protocol", "cross", one, two, "--out", out)
    assert (outcome.code, outcome.err) == (0, "")
    assert f"Index: {out}\nNo subject of 6 is in two splits.\n" in outcome.out
    assert "2 + 4" in outcome.out
    assert {(s.source, s.split) for s in Index.read(out).samples} == {("a", "train"), ("a", "dev"), ("b", "test")}
    run("protocol", "cross", one, two, "--whole", "--out", out)
    assert sum(sample.split == "test" for sample in Index.read(out).samples) == 18


def test_rounds_are_files_of_a_folder(run: Run, tmp_path: Path) -> None:
    """Named after what is held out, in characters that every file system takes."""
    paths = [source(tmp_path, name) for name in "abc"]
    text = paths[2].read_text()
    paths[2].write_text(text.replace(",c,", ",../c d/é,"))
    outcome = run("protocol", "leave-one-out", *paths, "--out", tmp_path / "new" / "rounds")
    assert outcome.code == 0
    assert sorted(path.name for path in (tmp_path / "new" / "rounds").iterdir()) == ["a.csv", "b.csv", "c-d-é.csv"]
    held_out = Index.read(tmp_path / "new" / "rounds" / "a.csv")
    assert {s.source for s in held_out.samples if s.split == "test"} == {"a"}
    assert run("protocol", "leave-one-species-out", paths[0], "--out", tmp_path / "species").code == 0
    assert sorted(path.name for path in (tmp_path / "species").iterdir()) == ["print.csv", "replay.csv"]


def test_intra_and_resplit(run: Run, tmp_path: Path) -> None:
    """The leak is told when dev is drawn by picture."""
    path, out = source(tmp_path, "a"), tmp_path / "out.csv"
    assert run("protocol", "intra", path, "--out", out).code == 0
    assert Index.read(out).counts() == Index.read(path).counts()
    assert "No subject of 6 is in two splits." in run("protocol", "resplit", path, "--out", out, "--dev-share", 0.5).out
    leaky = run("protocol", "resplit", path, "--out", out, "--by", "picture", "--dev-share", 0.5, "--seed", 3)
    assert " of 6 subjects are in more than one split, such as " in leaky.out


def test_protocol_errors_are_one_line(run: Run, tmp_path: Path) -> None:
    """With the index and the reason; nothing is written."""
    one, out = source(tmp_path, "a"), tmp_path / "out"
    one_line(run("protocol", "cross", one, one, "--whole", "--out", out), str(one), "train or set the threshold, too")
    one_line(run("protocol", "leave-one-out", one, "--out", out), "two indexes or more")
    one_line(run("protocol", "resplit", one, "--by", "clip", "--out", out), "--by takes subject or picture")
    one_line(run("protocol", "resplit", one, "--dev-share", 2, "--out", out), "between 0 and 1")
    one_line(run("protocol", "intra", tmp_path / "none.csv", "--out", out), "No such file")
    one_line(run("protocol", "resplit", one, "--out", one), str(one), "is what is read")
    twins = one.read_text().replace("print", "a/b").replace("replay", "a-b")
    one.write_text(twins)
    one_line(run("protocol", "leave-one-species-out", one, "--out", out), "files of one name")
    assert not out.exists()
    out.write_text("here")
    one.write_text(twins.replace("a/b", "print"))
    one_line(run("protocol", "leave-one-species-out", one, "--out", out), "cannot be made")
