"""What a map covers, how a part of it is taken, and which folders are opened."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from livegate.data.depth import SIZE, DepthMaps, Square, cut, frame
from livegate.data.index import Index
from livegate.errors import DepthError, IndexFileError
from livegate.preprocessing import Preprocessing
from livegate.sample import Box


def copied(maps: DepthMaps, folder: Path) -> Path:
    """A copy of the folder to damage."""
    return Path(shutil.copytree(maps.folder, folder / "depth"))


@pytest.mark.parametrize("box", [Box(30, 20, 40, 50), Box(-10, -10, 30, 40), Box(100, 50, 80, 90), Box(5, 5, 2, 2)])
def test_the_frame_is_the_square_that_a_crop_of_margin_1_3_shows(box: Box) -> None:
    """To the pixel, also where the face lies at the edge or is larger than the picture."""
    picture = np.random.default_rng(0).integers(0, 256, (100, 140, 3), np.uint8)
    x, y, side = map(int, frame(140, 100, box))
    shown = Preprocessing(size=64, margin=1.3).crop(picture, box)
    across = cv2.resize(
        picture[y : y + side, x : x + side], (64, 64), interpolation=cv2.INTER_AREA if side >= 64 else cv2.INTER_LINEAR
    )
    assert np.array_equal(shown, across)


def test_without_a_box_the_frame_is_the_middle_of_the_picture() -> None:
    """As high as it can be."""
    assert frame(140, 100, None) == (20, 0, 100)


def test_the_whole_frame_shows_the_map_itself() -> None:
    """Byte by byte."""
    depth = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    where = Square(13, 7, 91)
    assert np.array_equal(cut(depth, where, where), depth)


def test_a_quarter_of_the_frame_shows_a_quarter_of_the_map() -> None:
    """At the same resolution, byte by byte; at a quarter of it, the mean of each sixteen."""
    depth = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    quarter = depth[32:, :32]
    assert np.array_equal(cut(depth, Square(10, 20, 128), (10, 84, 64), size=32), quarter)
    means = quarter.reshape(8, 4, 8, 4).mean(axis=(1, 3))
    assert np.abs(cut(depth, Square(10, 20, 128), (10, 84, 64), size=8) - means).max() <= 0.5


def test_beyond_the_frame_there_is_nothing() -> None:
    """Twice as wide about the same middle: a full map fills the inner half alone, to its very edge."""
    seen = cut(np.full((SIZE, SIZE), 200, np.uint8), Square(50, 50, 64), Square(18, 18, 128))
    expected = np.zeros((SIZE, SIZE), np.uint8)
    expected[16:48, 16:48] = 200
    assert np.array_equal(seen, expected)


def test_a_mirrored_square_shows_the_mirrored_part() -> None:
    """Flipping picture and map together changes nothing else."""
    depth = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE), np.uint8)
    width, where, crop = 200, Square(40, 30, 100), Square(47.25, 35, 80.5)
    mirrored = [Square(width - one.x - one.side, one.y, one.side) for one in (where, crop)]
    flipped = cut(np.ascontiguousarray(depth[:, ::-1]), *mirrored)[:, ::-1]
    assert np.abs(flipped.astype(int) - cut(depth, where, crop)).max() <= 5  # the remap's places are multiples of a 32nd


def test_every_bona_fide_picture_has_its_map(maps: DepthMaps, generated: Path) -> None:
    """By its name in the index; the teacher is named, and the map is at the reader's disposal."""
    opened = DepthMaps.open(maps.folder, generated)
    names = [sample.name for sample in Index.read(generated).samples if sample.bona_fide]
    assert (opened.teacher, opened.made, opened.failed, len(names)) == ("five-points", 16, 0, 16)
    found = [opened.of(name) for name in names]
    assert all(one is not None and one.shape == (64, 64) and one.dtype == np.uint8 for one in found)
    found[0][:] = 0  # type: ignore[index]
    assert opened.of(names[0]) is not None


def test_an_attack_or_a_stranger_has_no_map_to_ask_for(maps: DepthMaps, generated: Path) -> None:
    """Its target is zero by the label, so asking for it is a mistake, not a failure of the teacher."""
    attack = next(sample.name for sample in Index.read(generated).samples if not sample.bona_fide)
    for name in (attack, "nobody.png"):
        with pytest.raises(
            DepthError, match=f"has no picture {re.escape(repr(name))}: it holds the bona fide ones of the index"
        ):
            maps.of(name)


def test_another_index_is_refused(maps: DepthMaps, generated: Path, tmp_path: Path) -> None:
    """Even one that differs in a single letter, and one that names the same pictures."""
    other = tmp_path / "index.csv"
    other.write_bytes(generated.read_bytes() + b"\n")
    with pytest.raises(DepthError, match=r"is of another index than .*index.csv: the SHA-256 differs"):
        DepthMaps.open(maps.folder, other)
    with pytest.raises(IndexFileError, match="cannot be read"):
        DepthMaps.open(maps.folder, tmp_path / "none.csv")


def test_a_folder_without_facts_is_none(generated: Path, tmp_path: Path) -> None:
    """Missing, empty, or a file."""
    (tmp_path / "file").touch()
    for name in ("none", ".", "file"):
        with pytest.raises(DepthError, match=r"is no folder of depth maps: depth.json cannot be read"):
            DepthMaps.open(tmp_path / name, generated)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema_version": 2}, "depth.json: schema_version"),
        ({"size": 32}, "depth.json: size"),
        ({"teacher": None}, "depth.json: teacher"),
        ({"more": 1}, "depth.json: more"),
        ({"maps_sha256": "00" * 32}, "maps.bin is not what livegate depth wrote"),
        ({"maps_sha256": ""}, "is not finished: 16 of 16 maps; run the same livegate depth again to go on"),
    ],
)
def test_damaged_facts_are_told(
    maps: DepthMaps, generated: Path, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """Which, in one line."""
    folder = copied(maps, tmp_path)
    facts = json.loads((folder / "depth.json").read_text("utf-8"))
    (folder / "depth.json").write_text(json.dumps(facts | change), "utf-8")
    with pytest.raises(DepthError, match=words):
        DepthMaps.open(folder, generated)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_facts_that_are_no_json_are_told(maps: DepthMaps, generated: Path, tmp_path: Path, content: bytes) -> None:
    """Also where they nest without end."""
    folder = copied(maps, tmp_path)
    (folder / "depth.json").write_bytes(content)
    with pytest.raises(DepthError, match=r"depth.json: whole: Invalid JSON"):
        DepthMaps.open(folder, generated)


def test_damaged_maps_are_told(maps: DepthMaps, generated: Path, tmp_path: Path) -> None:
    """Cut off, lengthened, of another byte, or gone."""
    path = copied(maps, tmp_path) / "maps.bin"
    whole = path.read_bytes()
    for content in (whole[:-1], whole + b"\0", b"\1" + whole[1:], None):
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(DepthError, match=r"maps.bin is not what livegate depth wrote"):
            DepthMaps.open(path.parent, generated)
