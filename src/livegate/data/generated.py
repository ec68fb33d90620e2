"""A small set of drawn faces, with simulated prints and replays of them: no real people, so every flow can run anywhere."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from livegate.data.simulate import (
    PRINT,
    REPLAY,
    CameraSettings,
    Light,
    encoding,
    photograph,
    print_light,
    recapture,
    screen_light,
    tinted,
    to_light,
)
from livegate.files import replacing
from livegate.pictures import encoded
from livegate.preprocessing import Pixels
from livegate.sample import Box, Landmarks, Split

Colour = tuple[int, int, int]
Point = tuple[float, float]

SPECIES = ("print", "replay")
"""PAI species of the generated set."""

COLUMNS = ("path", "source", "split", "subject", "species", "clip", "box", "landmarks")
"""Columns of the index of the generated set."""

_FRAMES = 2
_KINDS = ("", *SPECIES)
# Pairs of subjects, one a source, are dealt out so: half of them to train.
_DEAL = (Split.TRAIN, Split.DEV, Split.TEST, Split.TRAIN)
_CAMERAS = {
    "generated-phone": CameraSettings(blur=(0.3, 0.5), well=(4000, 8000), sharpening=(0.2, 0.6), quality=(90, 97)),
    "generated-webcam": CameraSettings(
        blur=(0.7, 1.0), balance=(0.9, 1.1), well=(900, 2000), read=(4, 8), contrast=(0.1, 0.4), quality=(70, 85)
    ),
}

_SKINS: tuple[Colour, ...] = ((241, 205, 182), (228, 184, 152), (206, 155, 118), (168, 116, 80), (122, 80, 56), (86, 56, 42))
_HAIRS: tuple[Colour, ...] = ((26, 22, 20), (58, 38, 26), (104, 70, 42), (172, 132, 78), (140, 136, 132), (112, 48, 26))
_EYES: tuple[Colour, ...] = ((52, 34, 24), (84, 58, 34), (78, 104, 120), (80, 96, 62))
_EYE, _NOSE, _MOUTH = (0.38, -0.18), 0.22, (0.3, 0.62)


class _Person(NamedTuple):
    """What stays the same from picture to picture of a subject; lengths over half the width of the face."""

    skin: Colour
    hair: Colour
    iris: Colour
    cloth: Colour
    length: float
    spacing: float
    eye: float
    brow: float
    nose: float
    mouth: float
    hairline: float
    long_hair: bool
    beard: bool


class _Pose(NamedTuple):
    """What changes from frame to frame: middle of the face and half its width in pixels, turn, roll, direction of the light."""

    x: float
    y: float
    half: float
    yaw: float
    roll: float
    light: tuple[float, float, float]

    def at(self, x: float, y: float, depth: float = 0.0) -> tuple[float, float]:
        """A point of the face in pixels; what stands out of the face moves with the yaw."""
        x += self.yaw * depth
        cosine, sine = float(np.cos(self.roll)), float(np.sin(self.roll))
        return self.x + self.half * (cosine * x - sine * y), self.y + self.half * (sine * x + cosine * y)


class _Face(NamedTuple):
    """A generated face."""

    picture: Pixels
    box: Box
    landmarks: Landmarks


def generated_set(
    folder: str | os.PathLike[str], *, subjects: int = 16, pictures: int = 12, size: int = 144, seed: int = 0
) -> Path:
    """Write a small labelled set of drawn faces and of their simulated prints and replays: no real people.

    Two sources (a phone and a webcam, one a subject), subject-disjoint splits, clips of two frames; a third of the pictures
    bona fide, a third prints, a third replays. The index is written last, in one step: a folder with an index is whole.

    Args:
        folder: where to; made if missing. An earlier generated set in it is overwritten.
        subjects: how many people; at least 6, so that each split has both sources.
        pictures: how many pictures of each; a multiple of 6 (two frames each of bona fide, print, replay).
        size: height and width of a picture, in pixels; at least 64.
        seed: the same seed gives the same pixels.

    Returns:
        The path of ``index.csv``.

    Raises:
        ValueError: a number out of its range.
    """
    clips, rest = divmod(pictures, _FRAMES * len(_KINDS))
    if subjects < 6 or rest or clips < 1 or size < 64 or seed < 0:
        raise ValueError(
            "generated_set takes subjects >= 6, pictures a positive multiple of 6, size >= 64 and seed >= 0; "
            f"got subjects={subjects}, pictures={pictures}, size={size}, seed={seed}"
        )
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    index = root / "index.csv"
    index.unlink(missing_ok=True)
    rows = [row for number in range(subjects) for row in _write_subject(root, number, clips, size, seed)]
    _write_index(index, rows)
    return index


def _write_subject(root: Path, number: int, clips: int, size: int, seed: int) -> list[dict[str, str]]:
    subject, source, split = f"s{number:03d}", list(_CAMERAS)[number % 2], _DEAL[number // 2 % len(_DEAL)]
    person = _person(np.random.default_rng([seed, number]))
    (root / split / subject).mkdir(parents=True, exist_ok=True)
    rows = []
    for kind, species in enumerate(_KINDS):
        for clip in range(clips):
            name = f"{species or 'bona-fide'}-{clip}"
            for frame, face in enumerate(_clip(person, source, species, size, (seed, number, kind, clip))):
                path = f"{split}/{subject}/{name}-{frame}.png"
                _write_picture(root / path, face.picture)
                box = " ".join(f"{value:.1f}" for value in face.box)
                landmarks = " ".join(f"{value:.1f}" for point in face.landmarks for value in point)
                cells = (path, source, str(split), subject, species, f"{subject}-{name}", box, landmarks)
                rows.append(dict(zip(COLUMNS, cells, strict=True)))
    return rows


def _clip(person: _Person, source: str, species: str, size: int, seed: tuple[int, ...]) -> list[_Face]:
    """The frames of one presentation: one print or screen, seen twice with fresh noise."""
    camera = _CAMERAS[source]
    posing = np.random.default_rng([*seed, 0])
    pose, room = _pose(size, posing), int(posing.integers(2**31))
    faces = []
    for frame in range(_FRAMES):
        rng = np.random.default_rng([*seed, 1, frame])
        # A print holds still; a person and a replayed video move.
        face = _face(person, pose if species == "print" else _moved(pose, rng), size, room)
        taken = face._replace(picture=recapture(face.picture, rng, camera))
        faces.append(_attack(taken, species, camera, np.random.default_rng([*seed, 2]), rng) if species else taken)
    return faces


def _attack(face: _Face, species: str, camera: CameraSettings, medium: np.random.Generator, rng: np.random.Generator) -> _Face:
    if species == "print":
        light, view = print_light(face.picture, medium, PRINT)
    else:
        light, view = screen_light(face.picture, medium, REPLAY)
    x, y, width, height = face.box
    middle = ((x + width / 2, y), (x + width, y + height / 2), (x + width / 2, y + height), (x, y + height / 2))
    (_, top), (right, _), (_, bottom), (left, _) = view.seen(middle)
    return _Face(photograph(light, rng, camera), Box(left, top, right - left, bottom - top), view.seen(face.landmarks))


def _person(rng: np.random.Generator) -> _Person:
    def pick(colours: tuple[Colour, ...]) -> Colour:
        red, green, blue = np.clip(colours[rng.integers(len(colours))] + rng.normal(0, 6, 3), 0, 255).astype(int).tolist()
        return red, green, blue

    cloth = (int(rng.integers(20, 220)), int(rng.integers(20, 220)), int(rng.integers(20, 220)))
    lengths = rng.uniform((1.22, 0.92, 0.15, 0.05, 0.12, 0.85, 0.62), (1.42, 1.08, 0.19, 0.09, 0.18, 1.15, 0.82)).tolist()
    length, spacing, eye, brow, nose, mouth, hairline = lengths
    long_hair, beard = (rng.random(2) < (0.45, 0.25)).tolist()
    looks = pick(_SKINS), pick(_HAIRS), pick(_EYES), cloth
    return _Person(*looks, length, spacing, eye, brow, nose, mouth, hairline, long_hair, beard)


def _pose(size: int, rng: np.random.Generator) -> _Pose:
    x, y, half = (size * rng.uniform((0.45, 0.47, 0.24), (0.55, 0.55, 0.3))).tolist()
    yaw, roll = float(rng.uniform(-0.25, 0.25)), float(rng.normal(0, 0.06))
    across, down, ahead = rng.uniform((-0.7, -0.6, 0.6), (0.7, 0.0, 1.0)).tolist()
    return _Pose(x, y, half, yaw, roll, (across, down, ahead))


def _moved(pose: _Pose, rng: np.random.Generator) -> _Pose:
    dx, dy, yaw, roll = rng.normal(0, (0.04 * pose.half, 0.04 * pose.half, 0.04, 0.02)).tolist()
    return pose._replace(x=pose.x + dx, y=pose.y + dy, yaw=pose.yaw + yaw, roll=pose.roll + roll)


class _Canvas:
    """Draws shapes given in lengths of the face, at twice the size of the picture."""

    def __init__(self, size: int, pose: _Pose, ground: Pixels) -> None:
        self.pose = pose
        self.pixels = np.ascontiguousarray(cv2.resize(ground, (2 * size, 2 * size), interpolation=cv2.INTER_CUBIC))

    def _place(self, x: float, y: float, depth: float) -> tuple[int, int]:
        across, down = self.pose.at(x, y, depth)
        return round(32 * across), round(32 * down)  # twice the size, in sixteenths of a pixel

    def ellipse(self, centre: Point, radii: Point, colour: Colour, depth: float = 0.0, arc: tuple[int, int] = (0, 360)) -> None:
        axes = (round(32 * radii[0] * self.pose.half), round(32 * radii[1] * self.pose.half))
        angle = float(np.degrees(self.pose.roll))
        cv2.ellipse(self.pixels, self._place(*centre, depth), axes, angle, *arc, colour, -1, cv2.LINE_AA, 4)

    def line(self, points: tuple[Point, ...], width: float, colour: Colour, depth: float = 0.0) -> None:
        places = np.array([self._place(x, y, depth) for x, y in points], dtype=np.int32)
        thick = max(1, round(2 * width * self.pose.half))
        cv2.polylines(self.pixels, [places], isClosed=False, color=colour, thickness=thick, lineType=cv2.LINE_AA, shift=4)


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue


def _face(person: _Person, pose: _Pose, size: int, room: int) -> _Face:
    """Draw the person in that pose, before a background that ``room`` seeds, in the light of the pose."""
    canvas = _Canvas(size, pose, _ground(room))
    _draw_head(canvas, person)
    for side in (-1, 1):
        _draw_eye(canvas, person, side)
    _draw_nose_and_mouth(canvas, person)
    drawn = np.asarray(cv2.resize(canvas.pixels, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    lit = to_light(drawn) * tinted(_relief(person, pose, size))
    picture = encoding(0.0)[np.clip(65535 * lit, 0, 65535).astype(np.uint16)]
    eye, depth = _EYE[0] * person.spacing, 0.9
    lip, low = _MOUTH[0] * person.mouth, _MOUTH[1]
    points = ((-eye, _EYE[1], depth), (eye, _EYE[1], depth), (0, _NOSE, 1.2), (-lip, low, depth), (lip, low, depth))
    top, height = -0.95 * person.length, 1.95 * person.length
    box = Box(pose.x - pose.half, pose.y + top * pose.half, 2 * pose.half, height * pose.half)
    return _Face(picture, box, tuple(pose.at(*point) for point in points))


def _ground(room: int) -> Pixels:
    """A blurred room of a few soft patches; 5 by 5 pixels, to be enlarged."""
    rng = np.random.default_rng(room)
    colour = rng.uniform(70, 200) + rng.normal(0, 14, 3)
    return np.clip(colour + rng.normal(0, 24, (5, 5, 1)) + rng.normal(0, 7, (5, 5, 3)), 0, 255).astype(np.uint8)


def _draw_head(canvas: _Canvas, person: _Person) -> None:
    length, skin, hair = person.length, person.skin, person.hair
    if person.long_hair:
        canvas.ellipse((0, 0.25), (1.28, length + 0.35), hair)
    canvas.ellipse((0, 2.75), (2.3, 1.25), person.cloth)
    canvas.ellipse((0, 1.3), (0.52, 0.62), _shade(skin, 0.78))
    canvas.ellipse((0, -0.25), (1.1, length - 0.02), hair)
    for side in (-1, 1):
        canvas.ellipse((0.98 * side, 0.02), (0.13, 0.26), _shade(skin, 0.88), -0.3)
    canvas.ellipse((0, 0), (0.97, length), skin)
    if person.beard:
        canvas.ellipse((0, 0), (0.97, length), _shade(hair, 1.2), 0.0, (15, 165))
        canvas.ellipse((0, 0.3), (0.76, 0.38), skin, 0.4)
    # The hair over the forehead is what the face does not cover of a cap.
    canvas.ellipse((0, -0.12), (1.02, length + 0.02), hair, 0.0, (180, 360))
    canvas.ellipse((0, -0.1), (0.88, person.hairline + 0.08), skin, 0.2, (180, 360))
    canvas.ellipse((0, -0.12), (0.88, 0.12), skin, 0.2)


def _draw_eye(canvas: _Canvas, person: _Person, side: int) -> None:
    x, y, eye = side * _EYE[0] * person.spacing, _EYE[1], person.eye
    canvas.ellipse((x, y - 0.02), (eye * 1.35, eye * 0.95), _shade(person.skin, 0.86), 0.9)
    canvas.ellipse((x, y), (eye, eye * 0.5), (232, 228, 222), 0.9)
    canvas.ellipse((x, y), (eye * 0.46, eye * 0.48), person.iris, 0.95)
    canvas.ellipse((x, y), (eye * 0.2, eye * 0.2), (12, 10, 10), 0.95)
    canvas.ellipse((x + 0.04, y - 0.04), (eye * 0.1, eye * 0.1), (250, 250, 250), 0.95)
    lid = tuple((x + eye * step, y - eye * 0.55 * (1 - step * step)) for step in (-1.05, -0.5, 0.0, 0.5, 1.05))
    canvas.line(lid, 0.03, _shade(person.skin, 0.35), 0.9)
    brow = tuple((x + side * 0.24 * step, y - 0.25 - 0.05 * (1 - step * step) + 0.03 * step) for step in (-1.0, -0.3, 0.3, 1.0))
    canvas.line(brow, person.brow, _shade(person.hair, 0.9), 0.9)


def _draw_nose_and_mouth(canvas: _Canvas, person: _Person) -> None:
    skin, wing = person.skin, person.nose
    canvas.line(((-wing * 0.5, -0.1), (-wing * 0.6, 0.1), (-wing * 1.1, _NOSE + 0.03)), 0.035, _shade(skin, 0.88), 1.1)
    canvas.ellipse((0, _NOSE + 0.02), (wing * 1.1, 0.1), _shade(skin, 0.93), 1.15)
    canvas.ellipse((0, _NOSE - 0.04), (wing * 0.55, 0.09), _shade(skin, 1.06), 1.2)
    for side in (-1, 1):
        canvas.ellipse((side * wing * 0.5, _NOSE + 0.08), (wing * 0.28, 0.03), _shade(skin, 0.45), 1.15)
    half, (red, green, blue) = _MOUTH[0] * person.mouth, skin
    lips = (min(255, round(red * 0.85)), round(green * 0.6), round(blue * 0.62))
    canvas.ellipse((0, _MOUTH[1] - 0.01), (half, 0.07), _shade(lips, 0.92), 0.95, (180, 360))
    canvas.ellipse((0, _MOUTH[1] - 0.01), (half, 0.1), lips, 0.95, (0, 180))
    canvas.line(((-half, _MOUTH[1] - 0.01), (0, _MOUTH[1] + 0.005), (half, _MOUTH[1] - 0.01)), 0.025, _shade(lips, 0.5), 0.95)


def _relief(person: _Person, pose: _Pose, size: int) -> Light:
    """Light on the scene: the head as an ellipsoid with a nose and sockets, skin texture, a gradient elsewhere."""
    row, column = np.mgrid[0:size, 0:size].astype(np.float32)
    cosine, sine = float(np.cos(pose.roll)), float(np.sin(pose.roll))
    right, down = (column - pose.x) / pose.half, (row - pose.y) / pose.half
    u, v = cosine * right + sine * down, (cosine * down - sine * right) / person.length
    away = u * u + v * v
    out = np.sqrt(np.maximum(1 - 0.9 * away, 0.02))
    ridge = u - pose.yaw * 1.1  # the flanks of the nose face sideways
    u = u + 0.5 * ridge / 0.12 * np.exp(-((ridge / 0.14) ** 2) - ((v - 0.02) / 0.2) ** 2)
    x, y, z = (part / float(np.linalg.norm(pose.light)) for part in pose.light)
    head = 0.45 + 0.62 * np.maximum(x * u + y * v + z * out, 0)
    for side in (-1, 1):
        head -= 0.14 * np.exp(-(((ridge - side * _EYE[0]) / 0.22) ** 2) - ((v + 0.16) / 0.1) ** 2)
    share = np.clip((1.04 - away) / 0.1, 0, 1)
    grain = np.random.default_rng(0).normal(0, 0.015, (size, size))
    return np.asarray(share * head + (1 - share) * (0.75 + 0.15 * x * right) + grain, dtype=np.float32)


def _write_picture(path: Path, picture: Pixels) -> None:
    path.write_bytes(encoded(picture, ".png", cv2.IMWRITE_PNG_COMPRESSION, 1))


def _write_index(index: Path, rows: list[dict[str, str]]) -> None:
    with replacing(index) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
