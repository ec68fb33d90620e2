"""Reading pictures and videos that nobody has vouched for, bounded and with one clear error each; and pictures as bytes to write.

The size of a picture is known before a pixel of it is decoded. That of a video is not: `video` says what of it is bounded.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from livegate.errors import PictureError
from livegate.preprocessing import Pixels

PLUGINS = (JpegImagePlugin, PngImagePlugin, WebPImagePlugin, GifImagePlugin, BmpImagePlugin)
"""Pillow knows a format once its plugin is imported; no others are, so that hostile bytes meet few decoders."""
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})
VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm"})
CONTAINERS = {
    "MP4 or QuickTime": re.compile(rb"....(ftyp|moov|mdat|wide|free)", re.DOTALL),
    "AVI": re.compile(rb"RIFF....AVI ", re.DOTALL),
    "Matroska or WebM": re.compile(rb"\x1aE\xdf\xa3"),
}
"""How the files of videos begin. FFmpeg goes by content, whatever the name, and knows hundreds of formats, some of which lead to other files."""
MAX_PIXELS = 64_000_000
MAX_SIDE = 65_535
"""What a JPEG can have; to find no face in a strip of one by 64 million takes half a minute and 2 GB."""
MAX_SCANS = 100
"""Of a JPEG. Each goes over the whole picture, in as few as 95 bytes, so that a small file could keep a reader busy for hours; a camera writes 1 to 10."""
MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")
"""Of a JPEG, and what follows it has a length; among compressed data there are none of these."""
SCAN, END = 0xDA, 0xD9
MAX_BYTES = 128 * 1024 * 1024
MAX_VIDEO_BYTES = 2 * 1024**3


def read(source: str | Path | bytes) -> Pixels:
    """Read a picture as it is meant to be seen.

    The size is read from the header before any pixel is decoded. EXIF orientation is applied; grey, palette, CMYK and 16-bit
    pictures are brought to 8-bit RGB; transparency is dropped; of an animation the first frame is taken.

    Args:
        source: a path, or the bytes of an encoded picture (JPEG, PNG, WebP, GIF or BMP).

    Returns:
        (height, width, 3) uint8, RGB.

    Raises:
        PictureError: if it is missing, empty, too large, damaged or in no format that is read here.
    """
    name, data = ("picture", source) if isinstance(source, bytes) else (str(source), _file_bytes(Path(source)))
    if not data:
        raise PictureError(f"{name}: the file is empty; give a picture ({', '.join(FORMATS)})")
    if len(data) > MAX_BYTES:
        raise PictureError(f"{name}: has {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        with warnings.catch_warnings():
            # The size is checked below, against our own limit; odd but readable metadata is no matter of the caller's.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise PictureError(f"{name}: is not a picture that can be read; formats are {', '.join(FORMATS)}") from None
    except Image.DecompressionBombError as error:
        # Pillow refuses the largest ones itself; the first number of its message is how many pixels there are.
        pixels = int(next(iter(re.findall(r"\d+", str(error))), "0"))
        raise PictureError(f"{name}: has {pixels:,} pixels; at most {MAX_PIXELS:,} are taken; make it smaller") from None
    except Exception as error:  # noqa: BLE001 - decoders answer hostile bytes with every kind of exception
        raise PictureError(f"{name}: the picture is damaged ({_one_line(error)}); save it again") from None
    if isinstance(image, JpegImagePlugin.JpegImageFile) and _scans(data) > MAX_SCANS:
        raise PictureError(f"{name}: is a JPEG of more than {MAX_SCANS} scans; save it again")
    return _decode(image, name)


def from_array(array: NDArray[Any]) -> Pixels:
    """Check that an array is a picture.

    Args:
        array: (height, width, 3) uint8, RGB, 0..255; OpenCV's own reader gives BGR: reverse the last axis first.

    Raises:
        PictureError: for another shape or dtype, or no pixels.
    """
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8 or array.size == 0:
        raise PictureError(
            f"a picture array must be (height, width, 3) uint8 in RGB order, got {array.shape} {array.dtype}; "
            "convert it, for example with array[..., :3].astype('uint8')"
        )
    _require_size(array.shape[1], array.shape[0], "the picture array")
    return np.ascontiguousarray(array)


def frames(path: str | Path, count: int) -> Iterator[tuple[int, Pixels]]:
    """Evenly spaced frames of a video, decoded one at a time.

    It jumps to each, which is quick and as right as the video's own frame count and index; `livegate.data.frames` trusts neither.

    Args:
        path: a video file.
        count: at most this many frames.

    Yields:
        The number of the frame, from 0, and its pixels: (height, width, 3) uint8, RGB.

    Raises:
        PictureError: if the file is missing, too large in pixels, or no frame can be decoded.
    """
    with video(path) as capture:
        read_any = False
        total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        for number in spaced(total, count) if total > 0 else [0]:
            capture.set(cv2.CAP_PROP_POS_FRAMES, number)
            decoded, frame = capture.read()
            if decoded:
                read_any = True
                yield number, from_array(frame[..., ::-1])
        if not read_any:
            raise PictureError(f"{path}: no frame of the video can be decoded")


@contextmanager
def video(path: str | Path) -> Iterator[cv2.VideoCapture]:
    """A video at its first frame; frames are turned as the file says.

    Bounded are the bytes of the file, its container (see `CONTAINERS`) and the pixels of a frame. Not bounded: the codecs within a
    container, which are all of FFmpeg's; the memory for one frame, since FFmpeg may decode the first to find out how large it is, and
    refuses none below some 250 megapixels; and the time for a frame.

    Raises:
        PictureError: if the file is missing, too large, no video, or its frames are too large.
    """
    _require_container(Path(path))
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        width, height = (int(capture.get(key)) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not capture.isOpened() or width <= 0 or height <= 0:
            raise PictureError(f"{path}: is not a video that can be read")
        _require_size(width, height, f"{path}: a frame")
        yield capture
    finally:
        capture.release()


def spaced(total: int, count: int) -> list[int]:
    """At most ``count`` numbers from 0 to ``total`` - 1, evenly spaced, with the first and the last of them; in order, each once."""
    return sorted({int(number) for number in np.linspace(0, total - 1, min(count, total))}) if total > 0 else []


def encoded(picture: Pixels, suffix: str, *settings: int) -> bytes:
    """A picture as the bytes of a file.

    Args:
        picture: (height, width, 3) uint8, RGB.
        suffix: of the format, such as ``.png``.
        settings: OpenCV's for the format, each a key and its value, such as ``cv2.IMWRITE_JPEG_QUALITY, 92``.

    Raises:
        PictureError: if the format cannot hold it; a side of a JPEG has at most 65,500 pixels.
    """
    try:
        done, data = cv2.imencode(suffix, picture[..., ::-1], settings)
    except cv2.error:
        done = False
    if not done:
        size = " x ".join(map(str, picture.shape[1::-1]))
        raise PictureError(f"a picture of {size} pixels cannot be written as {suffix[1:]}; make it smaller")
    return data.tobytes()


def _file_bytes(path: Path) -> bytes:
    _require_file(path)
    if path.stat().st_size > MAX_BYTES:
        raise PictureError(f"{path}: has {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read")
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None


def _require_container(path: Path) -> None:
    _require_file(path)
    if path.stat().st_size > MAX_VIDEO_BYTES:
        raise PictureError(f"{path}: has {path.stat().st_size:,} bytes; of a video at most {MAX_VIDEO_BYTES:,} are read")
    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise PictureError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if not any(begins.match(start) for begins in CONTAINERS.values()):
        raise PictureError(f"{path}: is not a video that can be read; containers are {', '.join(CONTAINERS)}")


def _require_file(path: Path) -> None:
    try:
        if path.is_file():
            return
        kind = "is a folder, not a picture" if path.is_dir() else "is no regular file" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:
        kind = f"cannot be opened ({_one_line(error)})"
    raise PictureError(f"{path}: {kind}; give the path of a picture")


def _scans(data: bytes) -> int:
    """How many scans a JPEG has, as far as one too many. What follows its end, such as a film or a second picture, is not read."""
    found, place = 0, 0
    while found <= MAX_SCANS and (marker := MARKER.search(data, place)) and marker[0][1] != END:
        found += marker[0][1] == SCAN
        place = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
    return found


def _require_size(width: int, height: int, what: str) -> None:
    if width * height > MAX_PIXELS:
        raise PictureError(f"{what} has {width} x {height} pixels; at most {MAX_PIXELS:,} are taken; make it smaller")
    if max(width, height) > MAX_SIDE:
        raise PictureError(
            f"{what} has {width} x {height} pixels; a side of at most {MAX_SIDE:,} is taken; cut it or make it smaller"
        )


def _decode(image: Image.Image, name: str) -> Pixels:
    width, height = image.size
    _require_size(width, height, f"{name}:")
    try:
        with warnings.catch_warnings():
            # Odd but readable metadata is no matter of the caller's.
            warnings.simplefilter("ignore")
            image.load()
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith(("I", "F")):
                return _from_deep_grey(np.asarray(upright))
            return np.array(upright.convert("RGB"))
    except Exception as error:  # noqa: BLE001 - decoders answer hostile bytes with every kind of exception
        raise PictureError(f"{name}: the picture is damaged ({_one_line(error)}); save it again") from None


def _from_deep_grey(values: NDArray[Any]) -> Pixels:
    """16-bit grey to 8-bit RGB; Pillow's own conversion would clip it to white."""
    grey = ((np.clip(values, 0, 65535).astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
