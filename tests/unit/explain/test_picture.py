"""The saved picture shows the crop, the map with both its sides, and writes nothing by halves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livegate.decision import Decision, Status
from livegate.errors import LivegateError
from livegate.explain.heat import HeatMap
from livegate.explain.picture import ATTACK, BONA_FIDE, EDGE, SIDE, TITLE, drawn, drawn_depth, save
from livegate.pictures import read
from livegate.preprocessing import Pixels
from livegate.sample import Box

TOP = EDGE + TITLE
ACCEPTED = Decision(Status.BONA_FIDE, 0.75, 0.5, "HHH", 0, 0, Box(0, 0, 1, 1))
REJECTED = Decision(Status.ATTACK, 0.25, 0.5, "HHH", 0, 0, Box(0, 0, 1, 1))


@pytest.fixture
def halves() -> HeatMap:
    """The left half speaks for bona fide, the right one for an attack."""
    values = np.full((SIDE, SIDE), 2.0)
    values[:, SIDE // 2 :] = -2.0
    return HeatMap(values, 1.5, "occlusion", "something", 8)


@pytest.fixture
def grey() -> Pixels:
    """A crop without any colour, as large as a panel."""
    return np.random.default_rng(0).integers(90, 110, (SIDE, SIDE, 1), dtype=np.uint8).repeat(3, axis=2)


def panels(page: Pixels) -> tuple[Pixels, Pixels]:
    """The crop and the map over it."""
    left, right = EDGE, 2 * EDGE + SIDE
    return page[TOP : TOP + SIDE, left : left + SIDE], page[TOP : TOP + SIDE, right : right + SIDE]


def test_the_crop_stands_beside_the_map(grey: Pixels, halves: HeatMap) -> None:
    """To the pixel where it is large enough; the map is blue where it speaks for bona fide and orange where for an attack."""
    crop, heat = panels(drawn(grey, halves, ACCEPTED))
    assert (crop == grey).all()
    red, _, blue = heat[:, : SIDE // 2 - 1].reshape(-1, 3).T.astype(int)
    assert (blue - red > 80).all()
    red, _, blue = heat[:, SIDE // 2 + 1 :].reshape(-1, 3).T.astype(int)
    assert (red - blue > 80).all()


@pytest.mark.parametrize("size", [32, 128, 500])
def test_any_crop_fills_its_panel(size: int) -> None:
    """A small one is enlarged, a large one stays; the page grows with it."""
    side = max(SIDE, size)
    page = drawn(np.full((size, size, 3), 77, np.uint8), HeatMap(np.zeros((size, size)), 1.5, "gradcam", "x", 4), REJECTED)
    assert page.dtype == np.uint8
    assert (page[TOP : TOP + side, EDGE : EDGE + side] == 77).all()
    assert (page[TOP : TOP + side, EDGE + side + 1 : 2 * EDGE + side - 1] == 255).all()
    assert page.shape[0] > TOP + side
    assert page.shape[1] > 2 * side


def test_next_to_nothing_is_not_painted_as_if_it_were_much(grey: Pixels) -> None:
    """The scale has a least length; a map of zeros has no colour at all."""
    heat = HeatMap(np.full((SIDE, SIDE), 1e-3), 1.5, "gradcam", "x", 4)
    _, faint = panels(drawn(grey, heat, ACCEPTED))
    assert 0 < np.ptp(faint.astype(int), axis=2).max() <= 3
    _, none = panels(drawn(grey, HeatMap(np.zeros((SIDE, SIDE)), 1.5, "gradcam", "x", 4), ACCEPTED))
    assert np.ptp(none.astype(int), axis=2).max() == 0


def test_the_title_has_the_colour_of_the_decision(grey: Pixels, halves: HeatMap) -> None:
    """Nothing else stands there."""
    for decision, colour, other in ((ACCEPTED, BONA_FIDE, ATTACK), (REJECTED, ATTACK, BONA_FIDE)):
        title = drawn(grey, halves, decision)[:TOP].reshape(-1, 3)
        assert (title == colour).all(axis=1).any()
        assert not (title == other).all(axis=1).any()


def test_no_word_is_cut_off(grey: Pixels) -> None:
    """With long numbers and a long configuration the margins stay white."""
    values = np.full((SIDE, SIDE), -1234.5)
    heat = HeatMap(values, 1.5, "occlusion", "its fall when a patch of 512 x 512 pixels is blurred", 512)
    page = drawn(grey, heat, Decision(Status.ATTACK, 0.25, 0.5, "HLB" * 5, 0, 0, None))
    for margin in (page[:, -8:], page[-8:], page[:, :8], page[:8]):
        assert (margin == 255).all()


def test_a_picture_is_written_whole(tmp_path: Path, grey: Pixels) -> None:
    """As PNG, without loss, in a folder that is made for it; what was there before is replaced, and nothing else is left."""
    path = tmp_path / "new" / "heat.png"
    save(255 - grey, path)
    save(grey, path)
    assert (read(path) == grey).all()
    assert [file.name for file in path.parent.iterdir()] == ["heat.png"]


def test_a_failure_leaves_what_was_there(tmp_path: Path, grey: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, and without a part of a file."""
    path = tmp_path / "heat.png"
    path.write_bytes(b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(LivegateError, match=r"heat\.png cannot be written \(No space left on device\)"):
        save(grey, path)
    assert path.read_bytes() == b"before"
    assert [file.name for file in tmp_path.iterdir()] == ["heat.png"]
    with pytest.raises(LivegateError, match="cannot be written"):
        save(grey, path / "below" / "heat.png")


def test_depth_has_one_scale_for_every_picture(grey: Pixels) -> None:
    """A flat map stays flat, however little it varies, and a high one is not brighter than it is; the crop stands beside it."""
    for low, high in ((0.0, 0.02), (0.3, 0.6), (0.0, 1.0)):
        depth = np.full((SIDE, SIDE), low)
        depth[:, SIDE // 2 :] = high
        crop, shown = panels(drawn_depth(grey, depth, REJECTED))
        assert (crop == grey).all()
        assert (shown[:, : SIDE // 2] == int(low * 255 + 0.5)).all()
        assert (shown[:, SIDE // 2 :] == int(high * 255 + 0.5)).all()


def test_a_small_depth_map_fills_its_panel(grey: Pixels) -> None:
    """Row 0 on top, left on the left."""
    depth = np.zeros((64, 64))
    depth[:16, :16] = 1
    _, shown = panels(drawn_depth(grey, depth, ACCEPTED))
    assert (shown[:90, :90] == 255).all()
    assert not shown[:, 100:].any()
    assert not shown[100:].any()
