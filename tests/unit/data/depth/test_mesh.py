"""The mesh teacher: its triangles, how a mesh is drawn, and how the model is shown a face; the model itself where it is at hand."""

from __future__ import annotations

import os
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.data.depth import Square, frame
from livegate.data.depth.mesh import MIDDLE, SIDE, SPAN, TEMPLATE, Mesh, drawn, triangles
from livegate.errors import DepthError, MissingExtraError, PictureError
from livegate.faces import FaceFinder
from livegate.pictures import read
from livegate.preprocessing import Pixels
from livegate.sample import Landmarks

MODEL = os.environ.get("LIVEGATE_FACE_MESH", "")
"""The file face_landmark.tflite."""
NOSE_TIP = 4
FRAME = Square(0, 0, 128)


def edges() -> Counter[frozenset[int]]:
    """How many triangles each edge belongs to."""
    corners = triangles()
    return Counter(frozenset(edge) for pair in ([0, 1], [1, 2], [2, 0]) for edge in corners[:, pair].tolist())


@cache
def flat() -> NDArray[np.float64]:
    """The points (468, 2) laid out in the unit circle without a fold (Tutte 1963): each inner one in the middle of its neighbours."""
    neighbours: dict[int, set[int]] = {point: set() for point in range(468)}
    for one, other in map(tuple, edges()):
        neighbours[one].add(other)
        neighbours[other].add(one)
    border = {edge for edge, times in edges().items() if times == 1}
    ring = [min(set().union(*border))]
    while len(ring) < len(border):
        ring.append(min(set().union(*(edge for edge in border if ring[-1] in edge)) - set(ring)))
    system, right = np.eye(468), np.zeros((468, 2))
    for place, point in enumerate(ring):
        right[point] = np.cos(2 * np.pi * place / len(ring)), np.sin(2 * np.pi * place / len(ring))
    for point in set(range(468)) - set(ring):
        system[point, list(neighbours[point])] = -1 / len(neighbours[point])
    return np.linalg.solve(system, right)


def face(x: float = 64, y: float = 64, radius: float = 40, lean: float = 0.0) -> NDArray[np.float64]:
    """A mesh (468, 3) over a disc: half a ball, whose top is pushed sideways."""
    height = np.sqrt(np.maximum(0, 1 - (flat() ** 2).sum(axis=1))) + lean * flat()[:, 0]
    return np.column_stack([flat() * radius + (x, y), -height * radius])


def disc(within: Square, x: float, y: float, radius: float) -> NDArray[np.bool_]:
    """Which pixels of a map lie in a disc."""
    steps = (np.arange(64) + 0.5) * within.side / 64
    return np.hypot(*np.meshgrid(within.x + steps - x, within.y + steps - y)) < radius


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((one & other).sum() / (one | other).sum())


def test_the_triangles_make_one_surface_without_a_hole() -> None:
    """898 over all 468 points; inner edges belong to two, the 36 of the rim to one; a disc by Euler's formula."""
    corners, times = triangles(), edges()
    assert corners.shape == (898, 3)
    assert np.array_equal(np.unique(corners), np.arange(468))
    assert Counter(times.values()) == {2: 1329, 1: 36}
    assert 468 - len(times) + len(corners) == 1


def test_a_mesh_is_drawn_where_it_lies() -> None:
    """As far as its rim and nothing beyond; the height of half a ball, 255 on top."""
    depth = drawn(face(70, 60, 40), FRAME)
    seen = disc(FRAME, 70, 60, 40)
    assert overlap(depth > 0, seen) > 0.97
    assert depth[~disc(FRAME, 70, 60, 40.5)].max() == 0
    steps = (np.arange(64) + 0.5) * 2
    radius = np.hypot(*np.meshgrid(steps - 70, steps - 60)) / 40
    ball = 255 * np.sqrt(np.maximum(0, 1 - radius**2))
    assert depth.max() >= 250
    assert np.abs(depth - ball)[radius < 0.7].max() < 8


def test_heights_are_spread_from_the_farthest_to_the_nearest_point_of_a_face() -> None:
    """Whatever the scale and the origin of z."""
    points = face(lean=0.5)
    other = points * (1, 1, 0.01) + (0, 0, 77)
    assert np.array_equal(drawn(points, FRAME), drawn(other, FRAME))


def test_a_mirrored_mesh_has_the_mirrored_map() -> None:
    """To a rounding."""
    points = face(50, 60, 40, lean=0.5)
    mirrored = points * (-1, 1, 1) + (128, 0, 0)
    assert np.abs(drawn(mirrored, FRAME)[:, ::-1].astype(int) - drawn(points, FRAME)).max() <= 1


def test_a_map_scales_with_its_frame() -> None:
    """A face three times as large in a frame three times as large has the same map."""
    points = face(50, 60, 40, lean=0.5)
    larger = points * (3, 3, 3) + (11, 22, 0)
    assert np.abs(drawn(larger, Square(11, 22, 384)).astype(int) - drawn(points, FRAME)).max() <= 1


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (face() * (1, 1, 0), "flat"),
        (face(x=900), "lies outside"),
        (face() * (0, 0, 1), "lies outside"),
        (np.random.default_rng(0).uniform(0, 128, (468, 3)), "folded"),
    ],
)
def test_a_mesh_that_is_no_face_fails(points: NDArray[np.float64], words: str) -> None:
    """With the reason."""
    with pytest.raises(PictureError, match=words):
        drawn(points, FRAME)


def sees_a_disc(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """A stand-in for the model: it lays its mesh over the bright disc that it is shown."""
    assert image.shape == (1, SIDE, SIDE, 3)
    assert image.dtype == np.float32
    assert 0 <= image.min() <= image.max() <= 1
    mass = image[0, :, :, 0].astype(np.float64)
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    area = mass.sum()
    return face(float((x * mass).sum() / area), float((y * mass).sum() / area), float(np.sqrt(area / np.pi))).astype(
        np.float32
    ), 5.0


def scene(size: int, x: float, y: float, radius: float) -> Pixels:
    """A bright disc on black, its edge smooth."""
    steps = np.arange(size) + 0.5
    away = np.hypot(*np.meshgrid(steps - x, steps - y))
    return np.repeat((255 * np.clip(radius - away + 0.5, 0, 1)).astype(np.uint8)[..., None], 3, axis=2)


def about(x: float, y: float, scale: float, turn: float = 0.0) -> Landmarks:
    """The five points of an upright or turned face."""
    cosine, sine = np.cos(turn), np.sin(turn)
    points = (TEMPLATE - 56) * scale @ np.array([[cosine, sine], [-sine, cosine]]) + (x, y)
    return tuple((float(a), float(b)) for a, b in points)


@pytest.mark.parametrize("turn", [0.0, 0.6, -1.2])
@pytest.mark.parametrize("size", [100, 300, 2400])
def test_the_map_lies_where_the_model_saw_the_face(size: int, turn: float) -> None:
    """Also of a turned face, and of one that is averaged down to what the model takes."""
    x, y, radius = 0.5 * size, 0.48 * size, 0.3 * size
    within = Square(0.1 * size, 0.1 * size, 0.8 * size)
    landmarks = about(x + 0.03 * size, y, size / 130, turn)
    depth = Mesh("", sees_a_disc).draw(scene(size, x, y, radius), landmarks, within)
    assert overlap(depth > 0, disc(within, x, y, radius)) > 0.96


@pytest.mark.parametrize(("size", "turn"), [(100, 0.0), (300, 0.6), (2400, 0.0), (2400, -1.2)])
def test_the_model_is_shown_the_face_where_its_five_points_say(size: int, turn: float) -> None:
    """To a twentieth of a pixel, so that no corner is taken for the middle of a pixel, also after averaging."""
    seen: list[tuple[float, float]] = []

    def middle(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        mass = image[0, :, :, 0].astype(np.float64)
        y, x = np.mgrid[:SIDE, :SIDE] + 0.5
        seen.append((float((x * mass).sum() / mass.sum()), float((y * mass).sum() / mass.sum())))
        return face(96, 96, 60).astype(np.float32), 5.0

    x, y, landmarks = 0.47 * size, 0.52 * size, about(0.5 * size, 0.5 * size, size / 130, turn)
    cosine, sine = np.cos(turn), np.sin(turn)
    back = np.array([[cosine, sine], [-sine, cosine]]) @ (x - 0.5 * size, y - 0.5 * size) * 130 / size + 56
    expected = (back - MIDDLE) * SIDE / SPAN + SIDE / 2
    Mesh("", middle).draw(scene(size, x, y, 0.1 * size), landmarks, Square(0, 0, size))
    assert np.abs(np.array(seen[0]) - expected).max() < 0.05


def test_a_face_in_a_very_wide_picture_is_shown(astronaut: Path) -> None:
    """Wider than OpenCV warps: the same pixels as of the face alone, and so the same map."""
    shown: list[NDArray[np.float32]] = []

    def sees(image: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
        shown.append(image)
        return face().astype(np.float32), 5.0

    portrait = read(astronaut)
    wide = np.zeros((512, 40_000, 3), np.uint8)
    wide[:, 35_000:35_512] = portrait
    maps = [
        Mesh("", sees).draw(picture, about(x, 170, 1.1), Square(x - 100, 70, 200))
        for picture, x in ((portrait, 230), (wide, 35_230))
    ]
    assert np.abs(shown[0] - shown[1]).max() < 1e-6
    assert np.array_equal(*maps)


def test_a_mirrored_picture_has_the_mirrored_map() -> None:
    """Of the whole way, with a face aside and turned."""
    teacher, (width, x, y) = Mesh("", sees_a_disc), (200, 80, 90)
    landmarks = about(x + 5, y - 3, 1.5, 0.4)
    picture, within = scene(width, x, y, 50), Square(10, 20, 150)
    right, left, nose, mouth_right, mouth_left = ((width - a, b) for a, b in landmarks)
    mirrored = np.ascontiguousarray(picture[:, ::-1])
    found = teacher.draw(mirrored, (left, right, nose, mouth_left, mouth_right), Square(width - 160, 20, 150))
    expected = teacher.draw(picture, landmarks, within)
    # Heights of the stand-in do not mirror; where it lies does.
    assert overlap(found[:, ::-1] > 0, expected > 0) > 0.98


@pytest.mark.parametrize("logit", [-3.0, 0.0, float("nan")])
def test_a_low_score_fails(logit: float) -> None:
    """Of one half or less, or none at all; the score is told."""
    teacher = Mesh("", lambda _: (face().astype(np.float32), logit))
    with pytest.raises(PictureError, match=r"the mesh sees no face \(score (0.05|0.50|nan)\)"):
        teacher.draw(scene(128, 64, 64, 40), about(64, 64, 1), FRAME)


def test_points_that_are_no_numbers_fail() -> None:
    """The model's answer is not trusted."""
    teacher = Mesh("", lambda _: (np.full((468, 3), np.nan, np.float32), 5.0))
    with pytest.raises(PictureError, match="no numbers"):
        teacher.draw(scene(128, 64, 64, 40), about(64, 64, 1), FRAME)


@pytest.mark.parametrize("landmarks", [((5.0, 5.0),) * 5, about(64, 64, 1e-4), about(64, 64, 9000), about(900, 64, 1)])
def test_landmarks_that_are_no_face_fail(landmarks: Landmarks) -> None:
    """Before any picture of absurd size is made."""
    with pytest.raises(PictureError, match=r"fall together|do not lie as those of a face|outside the picture"):
        Mesh("", sees_a_disc).draw(scene(128, 64, 64, 40), landmarks, FRAME)


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    """Missing, a folder, empty, a picture; before LiteRT sees them."""
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "picture.tflite").write_bytes(b"\x89PNG\r\n\x1a\n" * 100)
    for name, words in (
        ("none.tflite", "cannot be read"),
        (".", "cannot be read"),
        ("empty.tflite", "is no TensorFlow Lite model"),
        ("picture.tflite", "is no TensorFlow Lite model"),
    ):
        with pytest.raises(DepthError, match=words):
            Mesh.open(tmp_path / name)


def test_without_litert_the_install_line_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra by its name."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    (tmp_path / "mesh.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    with pytest.raises(
        MissingExtraError,
        match=r"the mesh teacher needs the extra 'litert'; install with, in a clone of Livegate: pip install '\.\[litert\]'",
    ):
        Mesh.open(tmp_path / "mesh.tflite")


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    """What begins as one and is none."""
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "mesh.tflite").write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    with pytest.raises(DepthError, match=r"cannot be loaded by LiteRT|is no face mesh"):
        Mesh.open(tmp_path / "mesh.tflite")


@pytest.mark.skipif(not MODEL, reason="LIVEGATE_FACE_MESH does not name face_landmark.tflite")
def test_the_real_model_on_a_real_face(astronaut: Path) -> None:
    """The nose is nearest, the border empty; mirrored the map is mirrored, and half as large it is nearly the same."""
    pytest.importorskip("ai_edge_litert")
    teacher, picture = Mesh.open(MODEL), read(astronaut)
    found = FaceFinder().find(picture)[0]
    within, points = frame(512, 512, found.box), np.array(found.landmarks)
    depth = teacher.draw(picture, found.landmarks, within)
    nearest = np.argwhere(depth == depth.max()).mean(axis=0)[::-1] + 0.5
    eyes = np.hypot(*(points[0] - points[1]))
    assert np.hypot(*(nearest - (points[2] - within[:2]) * 64 / within.side)) < 0.3 * eyes * 64 / within.side
    assert 0.2 < (depth > 0).mean() < 0.7
    assert not np.concatenate([depth[:2].ravel(), depth[:, 0], depth[:, -1]]).any()

    mirrored = np.ascontiguousarray(picture[:, ::-1])
    points_mirrored = (points * (-1, 1) + (512, 0))[[1, 0, 2, 4, 3]]
    smaller = np.asarray(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA), np.uint8)
    others = (
        teacher.draw(mirrored, points_mirrored, Square(512 - within.x - within.side, within.y, within.side))[:, ::-1],
        teacher.draw(smaller, points / 2, Square(*np.array(within) / 2)),
    )
    for other in others:
        assert overlap(other > 0, depth > 0) > 0.93
        both = (other > 0) & (depth > 0)
        assert np.abs(other.astype(int) - depth)[both].mean() < 10
    with pytest.raises(PictureError, match="the mesh sees no face"):
        teacher.draw(np.full((128, 128, 3), 90, np.uint8), about(64, 64, 1), FRAME)
