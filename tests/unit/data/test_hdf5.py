"""HDF5 files that nobody has vouched for: frames of the file itself, or one clear error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegate.data.hdf5 import frames
from livegate.errors import MissingExtraError, PictureError

h5py = pytest.importorskip("h5py", reason="h5py, of the extra data, is not installed")


def array(value: int = 0) -> np.ndarray[Any, Any]:
    """A frame of 8 x 6 pixels whose red is ``value``, green 100 and blue 50."""
    return np.stack([np.full((8, 6), channel, np.uint8) for channel in (value, 100, 50)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Frames 0 to 11 without 3, red by their number; and a group that is none."""
    path = tmp_path / "recording.hdf5"
    with h5py.File(path, "w") as file:
        for number in (10, 11, 0, 1, 2, 4, 5, 6, 7, 8, 9):
            file[f"Frame_{number}/array"] = array(number)
        file["FrameIndexes"] = [1, 2, 3]
    return path


@pytest.mark.parametrize(
    ("count", "first", "expected"),
    [
        (1, None, [0]),
        (2, None, [0, 11]),
        (3, None, [0, 6, 11]),
        (99, None, [0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11]),
        (2, 4, [0, 4]),
    ],
)
def test_frames_are_spread_over_those_that_are_there(path: Path, count: int, first: int | None, expected: list[int]) -> None:
    """By number, not by name (10 follows 9); each with its own pixels, in RGB."""
    found = list(frames(path, count, first))
    assert [number for number, _ in found] == expected
    for number, pixels in found:
        assert pixels.shape == (8, 6, 3)
        assert pixels.dtype == np.uint8
        assert pixels[0, 0].tolist() == [number, 100, 50]


def external(file: Any, path: Path) -> None:
    """The group lies in another file."""
    with h5py.File(path.with_name("other.hdf5"), "w") as other:
        other["Frame_0/array"] = array()
    file["Frame_0"] = h5py.ExternalLink("other.hdf5", "/Frame_0")


def external_array(file: Any, path: Path) -> None:
    """The array lies in another file."""
    with h5py.File(path.with_name("other.hdf5"), "w") as other:
        other["array"] = array()
    file.create_group("Frame_0")["array"] = h5py.ExternalLink("other.hdf5", "/array")


def raw(file: Any, path: Path) -> None:
    """The bytes of the array are those of any file."""
    path.with_name("secret").write_bytes(bytes(144))
    file.create_dataset("Frame_0/array", (3, 8, 6), np.uint8, external=[(str(path.with_name("secret")), 0, 144)])


def virtual(file: Any, path: Path) -> None:
    """The array is put together from others."""
    with h5py.File(path.with_name("other.hdf5"), "w") as other:
        other["array"] = array()
    layout = h5py.VirtualLayout((3, 8, 6), np.uint8)
    layout[:] = h5py.VirtualSource(str(path.with_name("other.hdf5")), "array", (3, 8, 6))
    file.create_virtual_dataset("Frame_0/array", layout)


def soft(file: Any, path: Path) -> None:
    """A name for another place of the file."""
    file["elsewhere"] = array()
    file.create_group("Frame_0")["array"] = h5py.SoftLink("/elsewhere")


def group(file: Any, path: Path) -> None:
    """A group in the place of an array."""
    file.create_group("Frame_0/array")


def missing(file: Any, path: Path) -> None:
    """No array."""
    file.create_group("Frame_0")


def large(file: Any, path: Path) -> None:
    """More pixels than are read, in hardly any bytes."""
    file.create_dataset("Frame_0/array", (3, 10_000, 10_000), np.uint8, chunks=(1, 1000, 1000), compression="gzip")


def chunky(file: Any, path: Path) -> None:
    """One small array in a chunk that would unpack to 400 million bytes."""
    size = {"chunks": (4, 10_000, 10_000), "maxshape": (None, None, None)}
    file.create_dataset("Frame_0/array", (3, 8, 6), np.uint8, compression="gzip", **size)


TRICKS = [external, external_array, raw, virtual, soft, group, missing, large, chunky]


def test_no_trick_is_forgotten() -> None:
    """Nine are tried below."""
    assert len(TRICKS) == 9


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__)
def test_a_frame_that_is_no_small_array_of_this_file_is_refused(tmp_path: Path, trick: Callable[[Any, Path], None]) -> None:
    """One line that begins with the file."""
    path = tmp_path / "trick.hdf5"
    with h5py.File(path, "w") as file:
        trick(file, path)
    with pytest.raises(PictureError) as caught:
        list(frames(path, 1))
    assert str(caught.value).startswith(f"{path}: is no HDF5 file of frames that can be read (Frame_0/array ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        array().astype(np.uint16),
        array().astype(np.float32),
        array()[0],
        array()[:2],
        array().transpose(1, 2, 0),
        array()[:, :0],
    ],
)
def test_another_kind_of_array_is_refused(tmp_path: Path, data: np.ndarray[Any, Any]) -> None:
    """Shape and dtype that came and those that are taken stand in the message."""
    with h5py.File(tmp_path / "kind.hdf5", "w") as file:
        file["Frame_0/array"] = data
    with pytest.raises(PictureError) as caught:
        list(frames(tmp_path / "kind.hdf5", 1))
    assert f"Frame_0/array must be (3, height, width) uint8, got {data.shape} {data.dtype}" in str(caught.value)


def test_every_cut_of_a_file_is_read_or_refused(path: Path, tmp_path: Path) -> None:
    """Wherever it breaks off, and whichever byte is flipped, there are frames or a `PictureError`."""
    data = path.read_bytes()
    step = len(data) // 60
    broken = [data[:end] for end in range(0, len(data), step)]
    broken += [data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :] for at in range(0, 2000, 25)]
    refused = 0
    for attempt in broken:
        (tmp_path / "broken.hdf5").write_bytes(attempt)
        try:
            assert all(pixels.shape[2] == 3 for _, pixels in frames(tmp_path / "broken.hdf5", 3))
        except PictureError:
            refused += 1
    assert len(broken) > 100
    assert refused > 60


def test_a_file_without_frames_has_none(tmp_path: Path) -> None:
    """What to make of that is the caller's matter."""
    with h5py.File(tmp_path / "empty.hdf5", "w"):
        pass
    assert list(frames(tmp_path / "empty.hdf5", 3)) == []


def test_without_h5py_the_install_line_is_given(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no broken file but a missing extra."""
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"h5py.*pip install '\.\[data\]'"):
        list(frames(path, 1))
