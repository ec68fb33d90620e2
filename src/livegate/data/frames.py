"""The frames of a video set as pictures in a folder: a cache that may be killed at any moment and goes on where it stopped.

    folder/<name of the video>/000000.png      lossless, for compression would cost evidence
                               000074.png
                               frames.json     of which video, and which frames

The folder of a video takes its name once it is complete: it is there whole or not at all. A video is decoded from its first frame
to its last: what its header says of its length, and jumps into its middle, are often wrong (OpenCV's issues 4890 and 9053).
Frames are turned as the file says, which is what OpenCV does.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from livegate import pictures
from livegate.data import hdf5
from livegate.data.sets.dataset import Listing
from livegate.data.sets.videos import FIRST_FRAMES
from livegate.errors import LivegateError, PictureError
from livegate.preprocessing import Pixels
from livegate.sample import Sample

MARKER = "frames.json"
MAX_FRAMES = 200_000
"""An hour and more at 50 a second: longer videos are not decoded."""


class _Order(BaseModel):
    """Which frames of which video are wanted; if any of it differs, what the cache holds is of no use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int
    modified: int
    count: int
    first: int | None


class _Done(BaseModel):
    """The marker: the order, the length of the video as it says and as it is, and the size of the file of each frame."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: _Order
    told: int
    found: int
    files: dict[int, int]


@dataclass
class _Writer:
    """Writes frames and remembers their files' sizes."""

    folder: Path
    files: dict[int, int] = field(default_factory=dict)

    def write(self, number: int, frame: Pixels) -> None:
        data = pictures.encoded(frame, ".png")
        (self.folder / _file(number)).write_bytes(data)
        self.files[number] = len(data)

    def clear(self) -> None:
        for number in self.files:
            (self.folder / _file(number)).unlink()
        self.files.clear()


def extract(listing: Listing, folder: Path, frames: int, advance: Callable[[int], None]) -> Listing:
    """Write evenly spaced frames of each video as PNG files; what an earlier run finished is taken as it is.

    A video that has changed since (its size or its time of change), or of which another number of frames was taken, is done anew.
    One run at a time may write to a folder.

    Args:
        listing: samples that are videos; the fact ``first_frames`` of one says that only so many from its start may be taken.
        folder: the cache; made if missing.
        frames: how many of each video, at least 1; from 2 on, its first and last are among them.
        advance: told 1 after each video.

    Returns:
        A sample for each frame, in order: the clip is the name of the video, the name is the path below ``folder``, all else is
        the video's. Notes count videos that cannot be decoded, and those that are not as long as they say.

    Raises:
        PictureError: if no video can be decoded.
        MissingExtraError: if a video is an HDF5 file and h5py is not installed.
        LivegateError: if the folder cannot be written, or the name of a video leads out of it.
    """
    samples: list[Sample] = []
    broken: list[str] = []
    unlike: list[str] = []
    for video in listing.samples:
        try:
            done = _take(video, folder, frames)
        except PictureError as error:
            broken.append(str(error))
        else:
            samples += (_frame(video, folder, number) for number in sorted(done.files))
            if done.told != done.found:
                unlike.append(f"{video.name} ({done.found} instead of {done.told})")
        advance(1)
    if broken and not samples:
        raise PictureError(f"none of {len(broken)} video(s) can be decoded; the first: {broken[0]}")
    notes = list(listing.notes)
    if broken:
        notes.append(f"{len(broken)} video(s) left out that cannot be decoded, such as {broken[0]}")
    if unlike:
        notes.append(f"{len(unlike)} video(s) have another number of frames than they say, such as {unlike[0]}")
    return replace(listing, samples=tuple(samples), notes=tuple(notes))


def _frame(video: Sample, folder: Path, number: int) -> Sample:
    name = f"{video.name}/{_file(number)}"
    return replace(video, name=name, folder=folder, clip=video.name)


def _file(number: int) -> str:
    return f"{number:06d}.png"


def _take(video: Sample, folder: Path, count: int) -> _Done:
    """The frames of one video, as the cache has them or made anew."""
    home = _home(folder, video.name)
    first = video.facts.get(FIRST_FRAMES)
    try:
        facts = video.path.stat()
    except OSError as error:
        raise PictureError(f"{video.path}: cannot be read ({error.strerror})") from None
    order = _Order(size=facts.st_size, modified=facts.st_mtime_ns, count=count, first=int(first) if first else None)
    done = _finished(home, order)
    if done is None:
        try:
            done = _make(video.path, home, order)
        except OSError as error:
            raise LivegateError(f"{home} cannot be written: {error.strerror or error}") from error
    return done


def _home(folder: Path, name: str) -> Path:
    """The folder of a video: below the cache, whatever the name is and whatever links lie there."""
    root = folder.resolve()
    home = root / name
    try:
        inside = home != root and home.is_relative_to(root) and home.resolve() == home
    except (OSError, ValueError):
        inside = False
    if not inside:
        raise LivegateError(
            f"the frames of {name!a} would not lie in {folder}; give an empty folder, and videos by plain names"
        )
    return home


def _finished(home: Path, order: _Order) -> _Done | None:
    """What the marker says, if it is of this order and its files are there and whole."""
    try:
        done = _Done.model_validate_json((home / MARKER).read_bytes())
        whole = all((home / _file(number)).stat().st_size == size for number, size in done.files.items())
    except (OSError, ValidationError):
        return None
    return done if whole and done.files and done.order == order else None


def _make(path: Path, home: Path, order: _Order) -> _Done:
    """Decode a video beside its folder, then give the folder its name."""
    part = home.with_name(f".{home.name}.part")
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        writer = _Writer(part)
        write = _write_hdf5 if path.suffix.lower() == hdf5.SUFFIX else _write_video
        told, found = write(path, order, writer)
        if not writer.files:
            raise PictureError(f"{path}: no frame of the video can be decoded")
        done = _Done(order=order, told=told, found=found, files=writer.files)
        (part / MARKER).write_text(done.model_dump_json(), encoding="utf-8")
        part.rename(home)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return done


def _write_video(path: Path, order: _Order, writer: _Writer) -> tuple[int, int]:
    """Write the chosen frames; gives how many the video says it has and how many it has, of those that may be taken."""
    told, found = _decode(path, order, None, writer)
    if found != told:
        # Only now is the length known: once more, to spread the frames over all of it.
        writer.clear()
        _decode(path, order, found, writer)
    return told, found


def _decode(path: Path, order: _Order, length: int | None, writer: _Writer) -> tuple[int, int]:
    """Decode a video and write frames spread over its length; if that is not known, over the length that it says it has."""
    limit = order.first or MAX_FRAMES + 1
    found = 0
    with pictures.video(path) as capture:
        told = min(max(int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0), limit)
        chosen = set(pictures.spaced(told if length is None else length, order.count))
        while found < limit and capture.grab():
            if found in chosen:
                decoded, frame = capture.retrieve()
                if decoded:
                    writer.write(found, np.asarray(frame[..., ::-1], np.uint8))
            found += 1
    if found > MAX_FRAMES:
        raise PictureError(f"{path}: has more than {MAX_FRAMES:,} frames; cut it into shorter videos")
    return told, found


def _write_hdf5(path: Path, order: _Order, writer: _Writer) -> tuple[int, int]:
    for number, pixels in hdf5.frames(path, order.count, order.first):
        writer.write(number, pixels)
    return len(writer.files), len(writer.files)
