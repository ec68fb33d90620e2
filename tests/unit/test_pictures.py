"""Pictures and videos that nobody has vouched for: the odd ones are read as they are meant, the bad ones give one clear line."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from livegate.errors import LivegateError, PictureError
from livegate.pictures import MAX_BYTES, MAX_PIXELS, MAX_SIDE, MAX_VIDEO_BYTES, encoded, frames, from_array, read, spaced

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
PROBE = """
import resource, sys, time
from livegate.errors import PictureError
from livegate.pictures import read
before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
try:
    print("read", *read(sys.argv[1]).shape)
except PictureError as error:
    print("refused", error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, time.perf_counter() - begun)
"""
"""Reads a picture and prints the outcome, then by how many MiB the peak memory rose and the seconds it took."""


def png(width: int, height: int, depth: int = 8) -> bytes:
    """A black grey PNG of any size, written by hand, without ever holding its pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    # One row, flushed so that its bytes can be repeated: a bomb is written as fast as it is small.
    row = bytes(1 + width * depth // 8)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(row) + packer.flush(zlib.Z_FULL_FLUSH)
    total = 1
    for _ in range(height):
        total = zlib.adler32(row, total)
    data = b"\x78\xda" + packed * height + b"\x03\x00" + struct.pack(">I", total)
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def packed(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture in that format."""
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def corners() -> Image.Image:
    """A picture of 32 x 48 pixels with a colour in each quarter: red, green, blue, white."""
    pixels = np.empty((48, 32, 3), np.uint8)
    pixels[:24, :16], pixels[:24, 16:], pixels[24:, :16], pixels[24:, 16:] = RED, GREEN, BLUE, WHITE
    return Image.fromarray(pixels)


def quarters(pixels: np.ndarray[Any, Any]) -> list[tuple[int, ...]]:
    """The colours in the middle of the four quarters, rounded to 0 or 255: upper left, upper right, lower left, lower right."""
    height, width = pixels.shape[:2]
    places = ((height // 4, width // 4), (height // 4, -width // 4), (-height // 4, width // 4), (-height // 4, -width // 4))
    return [tuple((pixels[place] > 127).astype(int) * 255) for place in places]


def probe(path: Path) -> tuple[str, float, float]:
    """Read a picture in a process of its own: what came of it, by how many MiB the peak memory rose, seconds."""
    done = subprocess.run([sys.executable, "-c", PROBE, str(path)], capture_output=True, text=True, timeout=60, check=True)
    outcome, numbers = done.stdout.splitlines()
    megabytes, seconds = (float(number) for number in numbers.split())
    return outcome, megabytes, seconds


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_every_format_is_read_from_a_path_and_from_bytes(tmp_path: Path, kind: str) -> None:
    """The same pixels either way: (height, width, 3) uint8 in RGB order, red is red; the name's ending does not matter."""
    data = packed(corners(), kind)
    path = tmp_path / "picture.dat"
    path.write_bytes(data)
    pixels = read(path)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (48, 32, 3)
    assert quarters(pixels) == [RED, GREEN, BLUE, WHITE]
    assert np.array_equal(pixels, read(data))
    assert np.array_equal(pixels, read(str(path)))


def test_one_pixel_is_a_picture() -> None:
    """The smallest picture is read."""
    assert read(packed(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG")).tolist() == [[[9, 8, 7]]]


def test_sixteen_bit_grey_keeps_its_tones() -> None:
    """0..65535 is mapped to 0..255, to the nearest: 257 is one step, 65535 white; nothing is clipped to white."""
    values = np.array([[0, 128, 129, 257, 32896, 65278, 65535]], np.uint16)
    pixels = read(packed(Image.fromarray(values), "PNG"))
    assert pixels[0, :, 0].tolist() == [0, 0, 1, 1, 128, 254, 255]
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize(("mode", "kind"), [("L", "JPEG"), ("L", "PNG"), ("1", "PNG"), ("LA", "PNG"), ("L", "WEBP")])
def test_grey_becomes_three_equal_channels(mode: str, kind: str) -> None:
    """Grey, black and white, and grey with transparency are pictures too."""
    pixels = read(packed(Image.new("L", (20, 10), 255).convert(mode), kind))
    assert pixels.shape == (10, 20, 3)
    assert (pixels == 255).all()


def test_a_cmyk_jpeg_has_its_colours() -> None:
    """Ink is turned into light, not taken for it."""
    pixels = read(packed(corners().convert("CMYK"), "JPEG", quality=95))
    assert quarters(pixels) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_dropped(kind: str) -> None:
    """The colour stays what it is below whatever transparency."""
    image = corners()
    image.putalpha(128)
    assert quarters(read(packed(image, kind, lossless=True))) == [RED, GREEN, BLUE, WHITE]


def test_a_palette_is_looked_up_with_and_without_transparency() -> None:
    """Numbers of colours are turned into colours, and a table of transparencies brings no warning."""
    image = corners().quantize(4)
    assert quarters(read(packed(image, "PNG"))) == [RED, GREEN, BLUE, WHITE]
    assert quarters(read(packed(image, "PNG", transparency=bytes([255, 128, 64, 0])))) == [RED, GREEN, BLUE, WHITE]
    assert quarters(read(packed(image, "GIF"))) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    """The other frames are not looked at."""
    others = [Image.new("RGB", (32, 48), colour) for colour in ((0, 0, 0), WHITE)]
    data = packed(corners(), kind, save_all=True, append_images=others)
    assert Image.open(io.BytesIO(data)).n_frames == 3  # type: ignore[attr-defined]
    assert quarters(read(data)) == [RED, GREEN, BLUE, WHITE]


UPRIGHT: dict[int, Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90,
}
"""How a viewer turns what is stored, by the EXIF standard's value of Orientation."""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_every_orientation_is_turned_upright(orientation: int, kind: str) -> None:
    """All eight values of EXIF, in each format that carries them: the picture is what a viewer shows."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = read(packed(corners(), kind, exif=exif))
    assert quarters(pixels) == quarters(UPRIGHT[orientation](np.array(corners())))
    assert pixels.shape == ((48, 32, 3) if orientation < 5 else (32, 48, 3))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_none(orientation: int) -> None:
    """The picture is read as it is stored."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert quarters(read(packed(corners(), "PNG", exif=exif))) == [RED, GREEN, BLUE, WHITE]


def test_damaged_metadata_costs_nothing() -> None:
    """EXIF that is rubbish neither warns nor keeps a good picture from being read."""
    assert quarters(read(packed(corners(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"))) == [RED, GREEN, BLUE, WHITE]


def test_any_file_name_will_do(tmp_path: Path) -> None:
    """Spaces, emoji, quotes, a line break, a leading dash."""
    names = ["two words.png", "😀 Gesicht.png", 'it\'s "it".png', "two\nlines.png", "-v.png", "é́.png"]
    for name in names:
        (tmp_path / name).write_bytes(packed(corners(), "PNG"))
    assert len(list(tmp_path.iterdir())) == len(names) == 6
    for name in names:
        assert read(tmp_path / name).shape == (48, 32, 3)


BAD: dict[str, tuple[bytes, str]] = {
    "empty.jpg": (b"", "is empty"),
    "text.jpg": (b"this is no picture\n" * 50, "is not a picture that can be read; formats are JPEG, PNG, WEBP, GIF, BMP"),
    "zeros.png": (bytes(5000), "is not a picture that can be read"),
    "half.jpg": (packed(corners().resize((400, 600)), "JPEG")[:3000], "is damaged"),
    "header.jpg": (b"\xff\xd8\xff\xe0", "picture"),
    "half.png": (packed(corners(), "PNG")[:60], "is damaged"),
    "half.webp": (packed(corners(), "WEBP")[:40], "picture"),
    "half.gif": (packed(corners(), "GIF")[:14], "picture"),
    "flipped.png": (png(40, 40).replace(b"IDAT", b"IDAT\0", 1), "is damaged"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is not a picture that can be read"),
    "scan.tiff": (packed(corners(), "TIFF"), "is not a picture that can be read"),
    "print.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is not a picture that can be read"),
    "no-pixels.bmp": (b"BM" + bytes(60), "picture"),
}


def test_no_damaged_picture_is_forgotten() -> None:
    """Thirteen kinds of damage are tried below."""
    assert len(BAD) == 13


@pytest.mark.parametrize("name", BAD)
def test_a_damaged_picture_gives_one_clear_line(tmp_path: Path, name: str) -> None:
    """The line begins with the file, says what is wrong, and no other exception comes out; from bytes it is the same."""
    data, words = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(PictureError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(PictureError, match="picture: "):
        read(data)


def test_every_cut_of_a_picture_is_read_or_refused() -> None:
    """Wherever a file breaks off, and whichever byte is flipped, there are pixels of a picture or a `PictureError`."""
    refused = 0
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        data = packed(corners(), kind)
        broken = [data[:end] for end in range(0, len(data), max(1, len(data) // 40))]
        broken += [data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :] for at in range(0, len(data), max(1, len(data) // 40))]
        assert len(broken) >= 80
        for attempt in broken:
            try:
                assert read(attempt).shape[2] == 3
            except PictureError:
                refused += 1
    assert refused > 100


def test_a_missing_file_a_folder_and_a_device_are_told_apart(tmp_path: Path) -> None:
    """Each line says what is there instead of a picture."""
    for path, words in (
        (tmp_path / "none.jpg", "does not exist"),
        (tmp_path, "is a folder"),
        (Path(os.devnull), "is no regular file"),
        (tmp_path / "none" / "none.jpg", "does not exist"),
        (tmp_path / ("x" * 300), "cannot be opened"),
    ):
        with pytest.raises(PictureError, match=words) as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    """A FIFO that nobody writes to is refused at once, as picture and as video."""
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    messages: list[str] = []

    def attempt() -> None:
        for reader in (read, lambda path: list(frames(path, 2))):
            with pytest.raises(PictureError) as caught:
                reader(pipe)
            messages.append(str(caught.value))

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert [message.startswith(f"{pipe}: is no regular file") for message in messages] == [True, True]


def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own words are passed on, and what to look at."""
    path = tmp_path / "mine.jpg"
    path.write_bytes(b"secret")

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(PictureError, match=r"cannot be read \(Permission denied\); check its permissions"):
        read(path)


def test_a_pixel_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """30,000 x 30,000 pixels in a file of two megabytes: refused by its header, at once and with little memory."""
    path = tmp_path / "bomb.png"
    path.write_bytes(png(30_000, 30_000, depth=8))
    assert path.stat().st_size < 2_000_000
    outcome, megabytes, seconds = probe(path)
    assert outcome.startswith(f"refused {path}: has 900,000,000 pixels")
    assert "64,000,000" in outcome
    assert megabytes < 40
    assert seconds < 2


def test_a_jpeg_of_many_scans_is_refused() -> None:
    """Each costs a few bytes and a look at the whole picture. What follows the end of the picture is none of it."""
    out = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data[data.rindex(b"\xff\xda") : -2]
    assert read(data[:-2] + last * 80 + data[-2:] + b"\xff\xda" * 1000).shape == (64, 64, 3)
    with pytest.raises(PictureError, match="is a JPEG of more than 100 scans"):
        read(data[:-2] + last * 100 + data[-2:])


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (64_000_001, 1), (9_000, 9_000)])
def test_one_pixel_too_many_is_refused_with_both_sizes(width: int, height: int) -> None:
    """What is there and what is allowed, in numbers."""
    header = png(1, 1)
    data = header.replace(header[16:24], struct.pack(">II", width, height), 1)
    data = data.replace(data[29:33], struct.pack(">I", zlib.crc32(data[12:29])), 1)
    with pytest.raises(PictureError, match=f"has {width} x {height} pixels; at most 64,000,000"):
        read(data)


@pytest.mark.parametrize("shape", [(1, MAX_SIDE + 1, 3), (MAX_SIDE + 1, 1, 3)])
def test_a_strip_that_is_too_long_is_refused_as_a_file_and_as_an_array(shape: tuple[int, int, int]) -> None:
    """Few pixels, but a side beyond what any JPEG has; one less is read."""
    strip = np.zeros(shape, np.uint8)
    stream = cv2.imencode(".png", strip)[1].tobytes()
    for taken in (lambda: read(stream), lambda: from_array(strip)):
        with pytest.raises(
            PictureError, match=r"has .* x .* pixels; a side of at most 65,535 is taken; cut it or make it smaller"
        ):
            taken()
    assert max(read(cv2.imencode(".png", strip[:MAX_SIDE, :MAX_SIDE])[1].tobytes()).shape) == MAX_SIDE


def test_the_largest_picture_is_read_in_bounded_memory(tmp_path: Path) -> None:
    """64 million pixels of 16-bit grey, the kind that costs most, stay below a gigabyte."""
    assert MAX_PIXELS == 64_000_000
    path = tmp_path / "large.png"
    path.write_bytes(png(8000, 8000, depth=16))
    outcome, megabytes, _ = probe(path)
    assert outcome == "read 8000 8000 3"
    assert megabytes < 1024


def test_too_many_bytes_are_refused_unread(tmp_path: Path) -> None:
    """A sparse file of more than the limit is refused by its size; so are as many bytes."""
    path = tmp_path / "long.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PictureError, match=f"has {MAX_BYTES + 1:,} bytes; at most {MAX_BYTES:,} are read"):
        read(path)
    with pytest.raises(PictureError, match=f"has {MAX_BYTES + 1:,} bytes"):
        read(bytes(MAX_BYTES + 1))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 1), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((3, 10, 10), np.uint8),
        np.zeros((1, 10, 10, 3), np.uint8),
        np.zeros((0, 10, 3), np.uint8),
        np.zeros((10, 0, 3), np.uint8),
        np.zeros((10, 10, 3), np.float32),
        np.zeros((10, 10, 3), np.uint16),
        np.zeros((10, 10, 3), np.int8),
        np.zeros((10, 10, 3), bool),
        np.zeros((10, 10, 3), object),
        np.array(5, np.uint8),
    ],
    ids=lambda array: f"{array.shape} {array.dtype}",
)
def test_an_array_that_is_no_picture_is_refused(array: np.ndarray[Any, Any]) -> None:
    """Shape and dtype that came and those that are taken stand in the message; nothing is converted by guess."""
    with pytest.raises(PictureError) as caught:
        from_array(array)
    assert str(array.shape) in str(caught.value)
    assert str(array.dtype) in str(caught.value)
    assert "(height, width, 3) uint8" in str(caught.value)


def test_an_array_is_taken_as_it_is() -> None:
    """Pixels are neither reordered nor scaled, also when they are a view of another array."""
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    assert np.array_equal(from_array(pixels), pixels)
    turned = from_array(pixels[:, ::-1])
    assert np.array_equal(turned, pixels[:, ::-1])
    assert turned.flags.c_contiguous


def test_an_array_of_too_many_pixels_is_refused() -> None:
    """The limit of files holds for arrays; the one here costs no memory."""
    vast = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (8001, 8000, 3))
    with pytest.raises(PictureError, match="8000 x 8001 pixels; at most 64,000,000"):
        from_array(vast)


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        (12, 1, [0]),
        (12, 2, [0, 11]),
        (12, 4, [0, 3, 7, 11]),
        (3, 9, [0, 1, 2]),
        (1, 5, [0]),
        (5, 0, []),
        (0, 4, []),
        (-7, 4, []),
    ],
)
def test_numbers_are_spaced_evenly_with_both_ends(total: int, count: int, expected: list[int]) -> None:
    """Never more than there are, none of nothing; a length below zero, which headers can tell, is none."""
    assert spaced(total, count) == expected


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames of 96 x 64 pixels, frame n red with a value of 20 n."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (96, 64))
    assert writer.isOpened()
    for number in range(12):
        writer.write(np.full((64, 96, 3), (0, 0, 20 * number), np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [0]), (2, [0, 11]), (3, [0, 5, 11]), (12, list(range(12))), (1000, list(range(12)))],
)
def test_frames_are_spread_evenly_and_come_in_order(video: Path, count: int, expected: list[int]) -> None:
    """First and last among them, each the frame that its number says, in RGB."""
    found = list(frames(video, count))
    assert [number for number, _ in found] == expected
    for number, pixels in found:
        assert pixels.shape == (64, 96, 3)
        assert pixels.dtype == np.uint8
        assert pixels[..., 0].mean() == pytest.approx(20 * number, abs=6)
        assert pixels[..., 2].mean() < 12


def test_a_video_that_is_none_is_refused(tmp_path: Path, video: Path) -> None:
    """A text named .mp4, an empty one, half of one, a missing one, a folder: one line each, no other exception."""
    (tmp_path / "text.mp4").write_text("this is no video\n" * 100)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "half.mp4").write_bytes(video.read_bytes()[: video.stat().st_size // 2])
    (tmp_path / "folder.mp4").mkdir()
    names = ["text.mp4", "empty.mp4", "half.mp4", "folder.mp4", "missing.mp4"]
    assert len(list(tmp_path.iterdir())) == len(names) - 1 == 4
    for name in names:
        with pytest.raises(LivegateError) as caught:
            list(frames(tmp_path / name, 4))
        assert str(caught.value).startswith(str(tmp_path / name))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "BMP", "WEBP"])
def test_a_picture_named_as_a_video_meets_no_decoder(tmp_path: Path, kind: str) -> None:
    """FFmpeg goes by content and would decode it, past the list of formats that are read."""
    path = tmp_path / "picture.mp4"
    path.write_bytes(packed(corners(), kind))
    assert cv2.VideoCapture(str(path), cv2.CAP_FFMPEG).isOpened() or kind == "WEBP"
    with pytest.raises(
        PictureError, match=r"picture\.mp4: is not a video that can be read; containers are MP4 or QuickTime, AVI, "
    ):
        list(frames(path, 1))


def test_a_playlist_leads_to_no_other_file(tmp_path: Path, video: Path) -> None:
    """A list of files named as a video is none."""
    path = tmp_path / "list.mp4"
    path.write_text(f"ffconcat version 1.0\nfile '{video}'\n")
    with pytest.raises(PictureError, match="is not a video that can be read"):
        list(frames(path, 1))


@pytest.mark.parametrize(
    ("name", "code"),
    [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.m4v", "mp4v"), ("a.mov", "mp4v"), ("a.mkv", "mp4v"), ("a.webm", "VP80")],
)
def test_every_container_is_read(tmp_path: Path, name: str, code: str) -> None:
    """Whatever the name of a video may end in."""
    path = tmp_path / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 25, (64, 48))
    for _ in range(3):
        writer.write(np.full((48, 64, 3), 200, np.uint8))
    writer.release()
    assert [pixels.shape for _, pixels in frames(path, 1)] == [(48, 64, 3)]


def test_a_video_of_too_many_bytes_is_refused_unread(tmp_path: Path, video: Path) -> None:
    """By its size alone."""
    path = tmp_path / "long.mp4"
    path.write_bytes(video.read_bytes())
    os.truncate(path, MAX_VIDEO_BYTES + 1)
    with pytest.raises(PictureError, match=r"long\.mp4: has 2,147,483,649 bytes; of a video at most 2,147,483,648 are read"):
        list(frames(path, 1))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_what_is_encoded_is_read_again(suffix: str) -> None:
    """Red stays red; PNG keeps every pixel."""
    pixels = np.asarray(corners())
    again = read(encoded(pixels, suffix))
    assert quarters(again) == [RED, GREEN, BLUE, WHITE]
    assert suffix != ".png" or np.array_equal(again, pixels)
    assert len(encoded(pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 10)) < len(
        encoded(pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95)
    )


@pytest.mark.parametrize("shape", [(2, 65_501, 3), (65_501, 2, 3), (0, 4, 3)])
def test_a_picture_that_its_format_cannot_hold_is_refused(shape: tuple[int, ...]) -> None:
    """OpenCV says so in one way or another; here it is one."""
    with pytest.raises(
        PictureError, match=rf"^a picture of {shape[1]} x {shape[0]} pixels cannot be written as jpg; make it smaller$"
    ):
        encoded(np.zeros(shape, np.uint8), ".jpg")
