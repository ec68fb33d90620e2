"""The generated set keeps the contract of an index and shows no real people."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.data.generated import COLUMNS, generated_set


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The index of a small generated set."""
    return generated_set(tmp_path_factory.mktemp("generated"), subjects=6, pictures=6, size=96, seed=4)


def read(index: Path) -> list[dict[str, str]]:
    """The rows of an index."""
    with index.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_generated_index_keeps_the_contract(generated: Path) -> None:
    """Columns, counts, files, boxes and landmarks are what an index promises, and nothing else lies beside it."""
    rows = read(generated)
    assert tuple(rows[0]) == COLUMNS == ("path", "source", "split", "subject", "species", "clip", "box", "landmarks")
    assert len(rows) == len({row["path"] for row in rows}) == 36
    assert [sum(row["species"] == species for row in rows) for species in ("", "print", "replay")] == [12, 12, 12]
    for row in rows:
        picture = cv2.imread(str(generated.parent / row["path"]))
        assert picture is not None
        assert picture.shape == (96, 96, 3)
        x, y, width, height = (float(value) for value in row["box"].split(" "))
        assert 30 < width < 96
        assert 30 < height < 96
        points = np.array([float(value) for value in row["landmarks"].split(" ")]).reshape(5, 2)
        assert ((points >= (x, y)) & (points <= (x + width, y + height))).all()
    assert sorted(entry.name for entry in generated.parent.iterdir()) == ["dev", "index.csv", "test", "train"]


def test_the_generated_splits_share_no_subject(generated: Path) -> None:
    """A subject has one split and one source; each split has all sources and species; a clip is two frames of one thing."""
    rows = read(generated)
    for split in ("train", "dev", "test"):
        part = [row for row in rows if row["split"] == split]
        others = {row["subject"] for row in rows if row["split"] != split}
        assert not others & {row["subject"] for row in part}
        assert len({(row["source"], row["species"]) for row in part}) == 6
    for clip in {row["clip"] for row in rows}:
        frames = [row for row in rows if row["clip"] == clip]
        assert len(frames) == 2
        assert len({(row["subject"], row["species"], row["source"]) for row in frames}) == 1
    assert len({(row["subject"], row["source"]) for row in rows}) == 6


def test_the_generated_set_is_the_same_every_time(generated: Path, tmp_path: Path) -> None:
    """The same arguments give the same files, also over an earlier set; another seed gives other pixels."""
    generated_set(tmp_path, subjects=6, pictures=6, size=96, seed=5)
    name = read(generated)[0]["path"]
    assert (tmp_path / name).read_bytes() != (generated.parent / name).read_bytes()
    again = generated_set(tmp_path, subjects=6, pictures=6, size=96, seed=4)
    assert again.read_bytes() == generated.read_bytes()
    for row in read(again):
        assert (tmp_path / row["path"]).read_bytes() == (generated.parent / row["path"]).read_bytes()


def test_a_generated_set_that_fails_leaves_no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault half way takes an old index away with it, so that no index names pictures of two sets."""
    (tmp_path / "index.csv").write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("livegate.data.generated._write_picture", fail)
    with pytest.raises(OSError, match="disk full"):
        generated_set(tmp_path, subjects=6, pictures=6, size=64)
    assert not (tmp_path / "index.csv").exists()


@pytest.mark.parametrize("wrong", [{"subjects": 5}, {"pictures": 8}, {"pictures": 0}, {"size": 40}, {"seed": -1}])
def test_the_generated_set_refuses_numbers_out_of_range(wrong: dict[str, int], tmp_path: Path) -> None:
    """Too few subjects, pictures that make no whole clips and tiny sizes are refused before anything is written."""
    with pytest.raises(ValueError, match="generated_set"):
        generated_set(tmp_path / "set", **wrong)
    assert not (tmp_path / "set").exists()
