"""Frames of videos as files: the right ones, lossless, once; whatever happens on the way, a folder is whole or not there."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from livegate import pictures
from livegate.data import frames as module
from livegate.data.frames import extract
from livegate.data.sets.dataset import Listing
from livegate.errors import LivegateError, PictureError
from livegate.sample import Sample

Pixels = np.ndarray[Any, Any]
KILLED = """
import os, signal, sys
from pathlib import Path
import cv2
from livegate.data.frames import extract
from livegate.data.sets.dataset import Listing
from livegate.sample import Sample

root, cache, count, call, after = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
owner, name = {"imencode": (cv2, "imencode"), "rename": (Path, "rename"), "write_text": (Path, "write_text")}[call]
function, calls = getattr(owner, name), 0

def die(*arguments, **options):
    global calls
    calls += 1
    if calls > after:
        os.kill(os.getpid(), signal.SIGKILL)
    return function(*arguments, **options)

setattr(owner, name, die)
names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))
extract(Listing(tuple(Sample(name, root) for name in names)), cache, count, lambda _: None)
"""
"""Extracts frames of all videos of a folder and kills itself at the given call of a function."""


def picture(number: int, size: tuple[int, int] = (64, 48)) -> Pixels:
    """A frame that tells its number: a bar that moves by 4 pixels, in BGR; its left upper corner is blue."""
    pixels = np.full((size[1], size[0], 3), 30, np.uint8)
    pixels[:, 4 * number : 4 * number + 4] = (0, 160, 240)
    pixels[:8, :8] = (240, 0, 0)
    return pixels


def make(path: Path, length: int = 12, code: str = "MJPG") -> Path:
    """A video of frames that tell their numbers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 25, (64, 48))
    assert writer.isOpened()
    for number in range(length):
        writer.write(picture(number))
    writer.release()
    return path


def decoded(path: Path) -> list[Pixels]:
    """All frames of a video from first to last, in RGB."""
    capture = cv2.VideoCapture(str(path))
    found = []
    while (frame := capture.read())[0]:
        found.append(frame[1][..., ::-1])
    return found


def listing(root: Path, names: list[str], **facts: str) -> Listing:
    """Videos as a reader lists them."""
    return Listing(tuple(Sample(name, root, "print", "set", "train", "ann", name, facts=facts) for name in names))


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, with their content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def silent(_: int) -> None:
    """Takes no notice of progress."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of three videos of 12, 12 and 5 frames."""
    root = tmp_path / "set"
    make(root / "train" / "a.avi")
    make(root / "train" / "b.mp4", code="mp4v")
    make(root / "test" / "c.avi", 5)
    return root


NAMES = ["train/a.avi", "train/b.mp4", "test/c.avi"]


def test_frames_are_spread_evenly_and_lossless(root: Path, tmp_path: Path) -> None:
    """First, last and what lies between; each the very pixels that the decoder gave; a short video gives all it has."""
    found = extract(listing(root, NAMES), tmp_path / "cache", 6, silent)
    numbers = {name: [int(Path(s.name).stem) for s in found.samples if s.clip == name] for name in NAMES}
    assert numbers == {"train/a.avi": [0, 2, 4, 6, 8, 11], "train/b.mp4": [0, 2, 4, 6, 8, 11], "test/c.avi": [0, 1, 2, 3, 4]}
    for name in NAMES:
        truth = decoded(root / name)
        for number in numbers[name]:
            path = tmp_path / "cache" / name / f"{number:06d}.png"
            assert np.array_equal(pictures.read(path), truth[number])
    assert found.notes == ()


def test_a_frame_is_a_sample_of_its_video(root: Path, tmp_path: Path) -> None:
    """All that the reader said is carried; the clip is the video, the name leads to the file below the cache."""
    videos = listing(root, NAMES, light="adverse")
    videos = Listing(videos.samples, boxed=True, notes=("said before",))
    calls: list[int] = []
    found = extract(videos, tmp_path / "cache", 2, calls.append)
    assert calls == [1, 1, 1]
    assert (found.boxed, found.notes) == (True, ("said before",))
    assert [sample.clip for sample in found.samples] == [name for name in NAMES for _ in range(2)]
    one = found.samples[1]
    assert (one.name, one.path) == ("train/a.avi/000011.png", tmp_path / "cache" / "train/a.avi/000011.png")
    assert (one.species, one.source, one.split, one.subject, one.facts) == (
        "print",
        "set",
        "train",
        "ann",
        {"light": "adverse"},
    )


def claim(path: Path, frames: int) -> None:
    """Let the header of an AVI say that it has so many frames."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.find(b"avih") + 24, frames)
    struct.pack_into("<I", data, data.find(b"strh") + 40, frames)
    path.write_bytes(data)


@pytest.mark.parametrize("told", [0, 3, 11, 13, 1000, 2**31 - 1])
def test_what_a_header_says_of_the_length_is_not_believed(root: Path, tmp_path: Path, told: int) -> None:
    """The same frames as of the honest file, also when they come from the cache, and a note that tells the difference."""
    honest = extract(listing(root, ["train/a.avi"]), tmp_path / "honest", 4, silent)
    claim(root / "train/a.avi", told)
    assert int(cv2.VideoCapture(str(root / "train/a.avi")).get(cv2.CAP_PROP_FRAME_COUNT)) == told
    for _ in range(2):
        found = extract(listing(root, ["train/a.avi"]), tmp_path / "cache", 4, silent)
        assert [sample.name for sample in found.samples] == [sample.name for sample in honest.samples]
        assert [s.path.read_bytes() for s in found.samples] == [s.path.read_bytes() for s in honest.samples]
        shown = min(told, module.MAX_FRAMES + 1)
        assert found.notes == (
            f"1 video(s) have another number of frames than they say, such as train/a.avi (12 instead of {shown})",
        )


def test_a_video_that_breaks_off_is_spread_over_what_is_there(root: Path, tmp_path: Path) -> None:
    """And a note says so."""
    path = root / "train/a.avi"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    truth = decoded(path)
    assert 2 < len(truth) < 12
    found = extract(listing(root, ["train/a.avi"]), tmp_path / "cache", 2, silent)
    assert [sample.name for sample in found.samples] == ["train/a.avi/000000.png", f"train/a.avi/{len(truth) - 1:06d}.png"]
    assert np.array_equal(pictures.read(found.samples[1].path), truth[-1])
    assert f"({len(truth)} instead of 12)" in found.notes[0]


@pytest.mark.parametrize(("first", "expected"), [("5", [0, 2, 4]), ("1", [0]), ("60", [0, 5, 11])])
def test_only_the_first_frames_are_taken_where_a_protocol_says_so(
    root: Path, tmp_path: Path, first: str, expected: list[int]
) -> None:
    """Evenly among them; a video that is shorter gives frames of all its length."""
    found = extract(listing(root, ["train/a.avi"], first_frames=first), tmp_path / "cache", 3, silent)
    assert [int(sample.path.stem) for sample in found.samples] == expected
    assert found.notes == ()


def test_a_video_is_turned_as_it_says(root: Path, tmp_path: Path) -> None:
    """A quarter turn in the header of an MP4 is done on the frames: height and width change places, blue stands right above."""
    path = root / "train/b.mp4"
    data = bytearray(path.read_bytes())
    matrix = data.find(b"tkhd") + 44
    assert struct.unpack_from(">9i", data, matrix) == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    struct.pack_into(">9i", data, matrix, 0, 65536, 0, -65536, 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(data)
    found = extract(listing(root, ["train/b.mp4"]), tmp_path / "cache", 1, silent)
    pixels = pictures.read(found.samples[0].path)
    assert pixels.shape == (64, 48, 3)
    assert np.allclose(pixels[:6, -6:].mean((0, 1)), (0, 0, 240), atol=40)


def test_nothing_is_done_for_no_videos(tmp_path: Path) -> None:
    """An empty listing stays one."""
    assert extract(Listing(()), tmp_path / "cache", 3, silent) == Listing(())


def test_finished_videos_are_not_decoded_again(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run gives the same listing and leaves the files alone, but counts every video as progress."""
    first = extract(listing(root, NAMES), tmp_path / "cache", 4, silent)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}

    def refuse(_: Path) -> None:
        raise AssertionError("a video was opened")

    monkeypatch.setattr(pictures, "video", refuse)
    calls: list[int] = []
    assert extract(listing(root, NAMES), tmp_path / "cache", 4, calls.append) == first
    assert calls == [1, 1, 1]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == times


def touch(root: Path, cache: Path) -> None:
    """The video is another one of the same length, written later."""
    path = root / "train/a.avi"
    facts = path.stat()
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1))


def grow(root: Path, cache: Path) -> None:
    """The video has another size, though its time is what it was."""
    path = root / "train/a.avi"
    facts = path.stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def lose(root: Path, cache: Path) -> None:
    """A frame was deleted."""
    (cache / "train/a.avi/000007.png").unlink()


def cut(root: Path, cache: Path) -> None:
    """A frame was written in part, as after a loss of power."""
    path = cache / "train/a.avi/000007.png"
    path.write_bytes(path.read_bytes()[:-10])


def unmark(root: Path, cache: Path) -> None:
    """The marker is gone."""
    (cache / "train/a.avi/frames.json").unlink()


def spoil(root: Path, cache: Path) -> None:
    """The marker is no JSON."""
    (cache / "train/a.avi/frames.json").write_bytes(b"\xff{")


def empty(root: Path, cache: Path) -> None:
    """The marker names no file."""
    path = cache / "train/a.avi/frames.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {}}))


HARMS = [touch, grow, lose, cut, unmark, spoil, empty]


def test_no_harm_is_forgotten() -> None:
    """Seven are done below."""
    assert len(HARMS) == 7


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
def test_a_cache_that_is_not_of_this_video_is_made_anew(root: Path, tmp_path: Path, harm: Callable[[Path, Path], None]) -> None:
    """What stood there before is gone, the other videos are left alone, and the cache is whole again."""
    cache = tmp_path / "cache"
    first = extract(listing(root, NAMES), cache, 4, silent)
    (cache / "train/a.avi/old.png").touch()
    other = (cache / "train/b.mp4").stat().st_mtime_ns
    harm(root, cache)
    assert extract(listing(root, NAMES), cache, 4, silent) == first
    assert (cache / "train/b.mp4").stat().st_mtime_ns == other
    extract(listing(root, NAMES), tmp_path / "fresh", 4, silent)
    assert tree(cache) == tree(tmp_path / "fresh")


@pytest.mark.parametrize(("count", "first"), [(3, ""), (9, ""), (4, "6")])
def test_another_choice_of_frames_is_never_mixed_with_an_earlier_one(
    root: Path, tmp_path: Path, count: int, first: str
) -> None:
    """The folder holds what was asked for last, and nothing else."""
    extract(listing(root, NAMES), tmp_path / "cache", 4, silent)
    facts = {"first_frames": first} if first else {}
    found = extract(listing(root, NAMES, **facts), tmp_path / "cache", count, silent)
    assert found == extract(listing(root, NAMES, **facts), tmp_path / "cache", count, silent)
    extract(listing(root, NAMES, **facts), tmp_path / "fresh", count, silent)
    assert tree(tmp_path / "cache") == tree(tmp_path / "fresh")
    assert len(list((tmp_path / "cache").rglob("*.png"))) == len(found.samples)


def test_broken_videos_are_counted_and_the_others_stand(root: Path, tmp_path: Path) -> None:
    """No video, an empty file, a missing one, a folder; each is told apart from the set, and nothing of them is left."""
    (root / "train/text.avi").write_text("this is no video\n" * 100)
    (root / "train/empty.avi").touch()
    (root / "train/folder.avi").mkdir()
    names = ["train/text.avi", "train/a.avi", "train/empty.avi", "train/none.avi", "train/folder.avi", "train/b.mp4"]
    calls: list[int] = []
    found = extract(listing(root, names), tmp_path / "cache", 2, calls.append)
    assert calls == [1] * 6
    assert [sample.clip for sample in found.samples] == ["train/a.avi"] * 2 + ["train/b.mp4"] * 2
    assert found.notes == (
        f"4 video(s) left out that cannot be decoded, such as {root}/train/text.avi: is not a video that can be read; containers are MP4 or QuickTime, AVI, Matroska or WebM",
    )
    assert sorted(path.name for path in (tmp_path / "cache/train").iterdir()) == ["a.avi", "b.mp4"]


def test_a_video_that_broke_takes_its_old_frames_along(root: Path, tmp_path: Path) -> None:
    """Frames of a video that is no longer one are not kept beside those that are listed."""
    extract(listing(root, NAMES), tmp_path / "cache", 2, silent)
    (root / "train/a.avi").write_bytes(b"gone")
    extract(listing(root, NAMES), tmp_path / "cache", 2, silent)
    assert not (tmp_path / "cache/train/a.avi").exists()


def test_a_set_of_broken_videos_only_is_an_error(root: Path, tmp_path: Path) -> None:
    """An index without a sample is of no use to anybody."""
    (root / "train/a.avi").write_bytes(b"gone")
    with pytest.raises(PictureError, match=r"none of 1 video\(s\) can be decoded; the first: .*a.avi: is not a video"):
        extract(listing(root, ["train/a.avi"]), tmp_path / "cache", 2, silent)


def test_an_endless_video_is_not_decoded_for_ever(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit it is left out; one of just as many frames is not."""
    monkeypatch.setattr(module, "MAX_FRAMES", 12)
    assert len(extract(listing(root, ["train/a.avi"]), tmp_path / "cache", 2, silent).samples) == 2
    monkeypatch.setattr(module, "MAX_FRAMES", 11)
    with pytest.raises(PictureError, match=r"a.avi: has more than 11 frames; cut it into shorter videos"):
        extract(listing(root, ["train/a.avi"]), tmp_path / "other", 2, silent)


@pytest.mark.parametrize(
    "name", ["../escaped.avi", "{}/escaped.avi", "train/../../escaped.avi", "", ".", "..", "a/..", "a\0b", "link/a"]
)
def test_a_name_that_leads_out_of_the_folder_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    """By dots, from the root, or through a link that lies there already; nothing is written, nothing deleted."""
    (tmp_path / "away" / "a").mkdir(parents=True)
    (tmp_path / "away" / "a" / "mine.txt").write_text("keep")
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "link").symlink_to(tmp_path / "away", target_is_directory=True)
    before = tree(tmp_path)
    sample = Sample(name.format(tmp_path), root)
    with pytest.raises(LivegateError, match="would not lie in") as caught:
        extract(Listing((sample,)), cache, 2, silent)
    assert not isinstance(caught.value, PictureError)
    assert "\n" not in str(caught.value)
    assert tree(tmp_path) == before


def test_any_plain_name_will_do(root: Path, tmp_path: Path) -> None:
    """Spaces, emoji, quotes, a leading dash, brackets; the frames lie below the same name."""
    names = ["two words.avi", "😀 Gesicht.avi", 'it\'s "it".avi', "-v.avi", "[a]*.avi", "é́.avi"]
    for name in names:
        (root / name).hardlink_to(root / "train/a.avi")
    found = extract(listing(root, names), tmp_path / "cache", 1, silent)
    assert [sample.name for sample in found.samples] == [f"{name}/000000.png" for name in names]
    assert all(sample.path.is_file() for sample in found.samples)


def test_a_folder_that_cannot_be_written_says_so(root: Path, tmp_path: Path) -> None:
    """A file where the cache, or the folder of a video, should be."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(LivegateError, match="cannot be written: Not a directory"):
        extract(listing(root, NAMES), tmp_path / "file", 2, silent)
    (tmp_path / "cache" / "train").mkdir(parents=True)
    (tmp_path / "cache" / "train" / "a.avi").write_text("mine")
    with pytest.raises(LivegateError, match=r"a\.avi cannot be written: "):
        extract(listing(root, NAMES), tmp_path / "cache", 2, silent)
    assert (tmp_path / "cache" / "train" / "a.avi").read_text() == "mine"


def test_a_full_disk_is_no_broken_video(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run ends with the system's word, and what was begun is cleared away."""

    def fail(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(LivegateError, match=r"a\.avi cannot be written: No space left on device"):
        extract(listing(root, NAMES), tmp_path / "cache", 2, silent)
    assert tree(tmp_path / "cache") == {}


@pytest.mark.parametrize(
    ("call", "after", "finished"),
    [("imencode", 2, 0), ("imencode", 4, 1), ("imencode", 7, 1), ("write_text", 1, 1), ("rename", 2, 2)],
)
def test_a_run_that_was_killed_goes_on_where_it_stopped(
    root: Path, tmp_path: Path, call: str, after: int, finished: int
) -> None:
    """SIGKILL in the middle of a video, before its marker, before it takes its name: the end is as if nothing had been."""
    cache, fresh = tmp_path / "cache", tmp_path / "fresh"
    command = [sys.executable, "-c", KILLED, str(root), str(cache), "4", call, str(after)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    done = sorted(path.parent for path in cache.rglob("frames.json") if not path.parent.name.startswith("."))
    assert len(done) == finished
    assert len([path for path in cache.rglob(".*.part") if path.is_dir()]) == 1
    times = {path: path.stat().st_mtime_ns for folder in done for path in folder.iterdir()}
    names = sorted(NAMES)
    found = extract(listing(root, names), cache, 4, silent)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    again = extract(listing(root, names), fresh, 4, silent)
    assert [sample.name for sample in found.samples] == [sample.name for sample in again.samples]
    assert tree(cache) == tree(fresh)
    assert not list(cache.rglob("*.part"))


def test_a_run_that_was_killed_while_it_replaced_frames_leaves_no_old_ones(root: Path, tmp_path: Path) -> None:
    """The frames of another choice are gone, or whole; the next run makes them what was asked for."""
    cache, fresh = tmp_path / "cache", tmp_path / "fresh"
    extract(listing(root, NAMES), cache, 4, silent)
    command = [sys.executable, "-c", KILLED, str(root), str(cache), "3", "rename", "1"]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    found = extract(listing(root, NAMES), cache, 3, silent)
    extract(listing(root, NAMES), fresh, 3, silent)
    assert len(found.samples) == 9
    assert tree(cache) == tree(fresh)
