"""``livegate depth``: what is told, how it ends, and what it refuses before it works for hours."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import cv2
import pytest

from livegate.cli import main
from livegate.data.depth import DepthMaps
from livegate.data.depth.teachers import FivePoints
from livegate.errors import DepthError


class Ended(NamedTuple):
    """How a command ended."""

    code: object
    out: str
    err: str


@pytest.fixture
def depth(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Runs the command in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["livegate", "depth", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return Ended(stop.value.code, *capsys.readouterr())

    return run


def refused(ended: Ended, *words: str) -> None:
    """An error: exit 2, nothing on standard output, its line says these words."""
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("livegate: ")
    for word in words:
        assert word in ended.err


def test_maps_are_made_and_counted(depth: Callable[..., Ended], generated: Path, tmp_path: Path) -> None:
    """All bona fide pictures, by the geometric teacher, which is told twice; the attacks are counted, not drawn."""
    ended = depth(generated, "--out", tmp_path / "depth")
    assert ended.code == 0
    assert (
        ended.out.split() == f"Depth maps: {tmp_path / 'depth'}, 16 made by five-points, 0 failed, 32 attacks skipped".split()
    )
    assert "the teacher is five-points, an ellipsoid over the face; --mesh FILE gives real shapes" in ended.err
    assert DepthMaps.open(tmp_path / "depth", generated).made == 16


def test_splits_are_chosen(depth: Callable[..., Ended], generated: Path, tmp_path: Path) -> None:
    """In any order; an unknown one is refused."""
    first = depth(generated, "--out", tmp_path / "depth", "--split", "train", "--split", "dev")
    assert ", 12 made by five-points, 0 failed, 24 attacks skipped" in first.out
    again = depth(generated, "--out", tmp_path / "depth", "--split", "dev", "--split", "train")
    assert (again.code, again.out) == (0, first.out)
    refused(depth(generated, "--out", tmp_path / "depth"), "is of other splits: dev, train instead of all")
    refused(depth(generated, "--out", tmp_path / "none", "--split", "nowhere"), "has no sample of split 'nowhere'")
    assert not (tmp_path / "none").exists()


def test_an_interrupt_says_how_to_go_on(
    depth: Callable[..., Ended], generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 130; the same command then finishes."""

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(FivePoints, "draw", stop)
        ended = depth(generated, "--out", tmp_path / "depth")
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.endswith("livegate: interrupted; run it again to go on\n")
    assert depth(generated, "--out", tmp_path / "depth").code == 0


def test_the_sheet_shows_pictures_beside_their_maps(depth: Callable[..., Ended], generated: Path, tmp_path: Path) -> None:
    """16 pairs of 96 pixels in two rows; a map is grey, its picture is not; also of maps that are there already."""
    for _ in range(2):
        assert depth(generated, "--out", tmp_path / "depth", "--sheet", tmp_path / "sheet.png").code == 0
        page = cv2.imread(str(tmp_path / "sheet.png"))
        assert page.shape == (192, 1536, 3)
        tiles = page.reshape(2, 96, 16, 96, 3).swapaxes(1, 2).reshape(32, 96, 96, 3).astype(int)
        colourful = (tiles.max(axis=-1) - tiles.min(axis=-1)).max(axis=(1, 2))
        assert (colourful[::2] > 20).all()
        assert not colourful[1::2].any()
        assert (tiles[1::2].max(axis=(1, 2, 3)) > 230).all()
        (tmp_path / "sheet.png").unlink()


def test_failures_are_counted_and_the_rest_is_made(depth: Callable[..., Ended], astronaut: Path, tmp_path: Path) -> None:
    """Exit 0 with a count and where they are listed; the sheet leaves them out."""
    shutil.copy(astronaut, tmp_path / "face.jpg")
    (tmp_path / "index.csv").write_text("path,species,box\nface.jpg,,\ngone.png,,\n")
    ended = depth(tmp_path / "index.csv", "--out", tmp_path / "depth", "--sheet", tmp_path / "sheet.png")
    assert ended.code == 0
    assert f"1 made by five-points, 1 failed (listed in {tmp_path / 'depth' / 'failed.csv'}), 0 attacks skipped" in ended.out
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (96, 1536, 3)


def test_failures_are_final_and_how_to_try_again_is_told(depth: Callable[..., Ended], astronaut: Path, tmp_path: Path) -> None:
    """At once, and by each later run; a list that is gone is not named; where nothing failed, nothing is told."""
    shutil.copy(astronaut, tmp_path / "face.jpg")
    (tmp_path / "index.csv").write_text("path,species,box\nface.jpg,,\nlate.jpg,,\n")
    first = depth(tmp_path / "index.csv", "--out", tmp_path / "depth")
    shutil.copy(astronaut, tmp_path / "late.jpg")
    again = depth(tmp_path / "index.csv", "--out", tmp_path / "depth")
    (tmp_path / "depth" / "failed.csv").unlink()
    unlisted = depth(tmp_path / "index.csv", "--out", tmp_path / "depth")
    remark = "livegate: what failed is not tried again in this folder; to try it again, make the maps anew in another one\n"
    assert [ended.err.endswith(remark) for ended in (first, again, unlisted)] == [True] * 3
    assert first.out == again.out
    assert ", 1 made by five-points, 1 failed, 0 attacks skipped" in unlisted.out
    anew = depth(tmp_path / "index.csv", "--out", tmp_path / "anew")
    assert ", 2 made by five-points, 0 failed, 0 attacks skipped" in anew.out
    assert "tried again" not in anew.err


def test_no_map_at_all_is_an_error(depth: Callable[..., Ended], astronaut: Path, tmp_path: Path) -> None:
    """Every picture failed: that is told with the remedy, the folder is none to train from, and the next run tries again."""
    (tmp_path / "index.csv").write_text("path,species,box\ngone.png,,\n")
    for _ in range(2):
        ended = depth(tmp_path / "index.csv", "--out", tmp_path / "depth")
        refused(
            ended, f"holds no map: all pictures failed, 1 of them (listed in {tmp_path / 'depth' / 'failed.csv'}); mend that"
        )
        assert (tmp_path / "depth" / "failed.csv").read_text().count("gone.png") == 1
    with pytest.raises(DepthError, match="is not finished: 0 of 1 maps"):
        DepthMaps.open(tmp_path / "depth", tmp_path / "index.csv")
    shutil.copy(astronaut, tmp_path / "gone.png")
    assert (
        ", 1 made by five-points, 0 failed, 0 attacks skipped" in depth(tmp_path / "index.csv", "--out", tmp_path / "depth").out
    )


@pytest.mark.parametrize("read", ["face.png", "print.png", "linked.png"])
def test_a_sheet_never_overwrites_what_is_read(depth: Callable[..., Ended], tmp_path: Path, read: str) -> None:
    """A picture of the index, bona fide or not, of whatever split and by whatever name; nothing is made."""
    index, out = tmp_path / "index.csv", tmp_path / "depth"
    index.write_text("path,species,split,box\nface.png,,train,\nprint.png,print,test,\n")
    for name in ("face.png", "print.png"):
        (tmp_path / name).write_text(name)
    (tmp_path / "linked.png").hardlink_to(tmp_path / "face.png")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    refused(
        depth(index, "--out", out, "--split", "train", "--sheet", tmp_path / read),
        f"{read} is what is read; writing would destroy it",
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_bad_input_is_refused_before_anything_is_written(depth: Callable[..., Ended], generated: Path, tmp_path: Path) -> None:
    """Index, model, sheet."""
    (tmp_path / "unlabelled.csv").write_text("path\na.png\n")
    (tmp_path / "bare.csv").write_text("path,species\na.png,\n")
    (tmp_path / "no.tflite").write_text("no model")
    (tmp_path / "mesh.png").write_text("a model")
    out = tmp_path / "depth"
    for arguments, words in (
        ([tmp_path / "none.csv"], "none.csv: cannot be read"),
        ([tmp_path / "unlabelled.csv"], "has no column 'species'"),
        ([tmp_path / "bare.csv"], "has no column 'box', and training looks for no faces"),
        ([generated, "--mesh", tmp_path / "none.tflite"], "none.tflite: cannot be read"),
        ([generated, "--mesh", tmp_path / "no.tflite"], "is no TensorFlow Lite model"),
        ([generated, "--sheet", tmp_path / "sheet.jpg"], "is written as PNG"),
        ([generated, "--sheet", tmp_path / "nowhere" / "sheet.png"], "give a file in a folder that there is"),
        ([generated, "--mesh", tmp_path / "mesh.png", "--sheet", tmp_path / "mesh.png"], "mesh.png is what is read"),
    ):
        refused(depth(*arguments, "--out", out), words)
        assert not out.exists()
