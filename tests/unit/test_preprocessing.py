"""From a picture and a box to the input: one specification, fixed to the pixel."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from livegate.errors import PictureError
from livegate.preprocessing import TEMPLATE, Detection, Preprocessing, aligned, inside, resize, similarity, square, to_input
from livegate.sample import Box, Landmarks

PLACE = st.floats(-1e6, 1e6)
LENGTH = st.floats(0.001, 1e6)
SIDE = st.integers(1, 10_000)


@given(st.builds(Box, PLACE, PLACE, LENGTH, LENGTH), SIDE, SIDE, st.floats(0.5, 4))
def test_the_square_stays_inside_for_any_box(box: Box, width: int, height: int, margin: float) -> None:
    """Whatever a detector or an index says, the crop is at least one pixel of the picture and nothing beside it."""
    x, y, side = square(box, width, height, margin)
    assert side >= 1
    assert 0 <= x <= width - side
    assert 0 <= y <= height - side


@given(st.floats(200, 300), st.floats(200, 300), st.floats(1, 90), st.floats(1, 90))
def test_the_square_is_centred_on_the_box_when_there_is_room(x: float, y: float, width: float, height: float) -> None:
    """Away from the border its side is the longer side of the box and its centre that of the box, each to half a pixel."""
    left, top, side = square(Box(x, y, width, height), 600, 600, 1.0)
    assert side == pytest.approx(max(width, height), abs=0.5)
    assert left + side / 2 == pytest.approx(x + width / 2, abs=0.5)
    assert top + side / 2 == pytest.approx(y + height / 2, abs=0.5)


@pytest.mark.parametrize(
    ("box", "margin", "expected"),
    [
        (Box(10, 20, 30, 40), 1.0, (5, 20, 40)),  # centre 25, 40; side 40
        (Box(10, 20, 40, 30), 1.0, (10, 15, 40)),  # centre 30, 35
        (Box(40, 40, 20, 20), 2.0, (30, 30, 40)),
        (Box(-10, -10, 30, 30), 1.0, (0, 0, 30)),  # shifted inside
        (Box(90, 60, 30, 30), 1.0, (70, 50, 30)),  # shifted inside at the other corner of 100 x 80
        (Box(0, 0, 100, 100), 4.0, (10, 0, 80)),  # as large as the shorter side, centred on 50
        (Box(10, 10, 11, 11), 1.0, (10, 10, 11)),
        (Box(10, 10, 11, 10), 1.0, (10, 10, 11)),  # y centre 15, left corner 9.5: halves round up
        (Box(10, 10, 10.5, 10.5), 1.0, (10, 10, 11)),  # side 10.5 rounds up to 11, corner 9.75 to 10
    ],
)
def test_squares_counted_by_hand(box: Box, margin: float, expected: tuple[int, int, int]) -> None:
    """In a picture of 100 x 80: left, top, side."""
    assert square(box, 100, 80, margin) == expected


def test_shrinking_averages_areas() -> None:
    """Half the size: each pixel is the mean of a block of 2 x 2, channel by channel."""
    picture = np.random.default_rng(0).integers(0, 64, (6, 8, 3)).astype(np.uint8) * 4  # blocks of 4 x 4 k average exactly
    assert np.array_equal(resize(picture, 4, 3), picture.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3)).astype(np.uint8))


def test_shrinking_by_a_broken_factor_weighs_parts_of_pixels() -> None:
    """Three pixels to two: the middle one counts half to each side, (0 + 30/2) / 1.5 = 10 and (30/2 + 90) / 1.5 = 70."""
    picture = np.repeat(np.array([[[0], [30], [90]]] * 3, np.uint8), 3, axis=2)
    assert resize(picture, 2, 2)[..., 0].tolist() == [[10, 70], [10, 70]]


def test_growing_is_bilinear_and_stays_within_its_neighbours() -> None:
    """Two pixels to four about their centres: the outer ones keep their value, the inner ones stand at one and three quarters."""
    picture = np.repeat(np.array([[[0], [100]]] * 2, np.uint8), 3, axis=2)
    assert resize(picture, 4, 4)[0, :, 0].tolist() == [0, 25, 75, 100]


def cubic(values: list[float], size: int) -> list[int]:
    """A line resized by the cubic of Keys (1981) with a = -0.75, four neighbours each, those beyond the ends repeated."""

    def weight(t: float) -> float:
        t, a = abs(t), -0.75
        near = (a + 2) * t**3 - (a + 3) * t**2 + 1
        return near if t <= 1 else a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0

    def at(place: float) -> float:
        first = math.floor(place) - 1
        return sum(weight(place - x) * values[min(max(x, 0), len(values) - 1)] for x in range(first, first + 4))

    ratio = len(values) / size
    return [round(min(max(at((x + 0.5) * ratio - 0.5), 0), 255)) for x in range(size)]


@pytest.mark.parametrize("size", [5, 13, 16, 40])
def test_cubic_is_the_cubic_of_four_neighbours(size: int) -> None:
    """Whether it grows or shrinks: no antialiasing, so that shrinking looks at four pixels and no more; to one grey level."""
    values = [0.0, 200, 30, 180, 180, 10, 255, 90, 90, 91, 20, 250, 120]
    picture = np.repeat(np.tile(np.array(values, np.uint8), (13, 1))[..., None], 3, axis=2)
    across, down = resize(picture, size, size, "cubic"), resize(picture.transpose(1, 0, 2), size, size, "cubic")
    np.testing.assert_allclose(across[0, :, 0].astype(int), cubic(values, size), rtol=0, atol=1)
    assert np.array_equal(across, down.transpose(1, 0, 2))


def test_cubic_is_opencvs_own() -> None:
    """Pixel by pixel what the reference calls, on noise, in both directions; area is another thing."""
    picture = np.random.default_rng(3).integers(0, 256, (97, 211, 3), dtype=np.uint8)
    crop = Preprocessing(shape="box", interpolation="cubic").crop(picture, Box(0, 0, 211, 97))
    assert np.array_equal(crop, cv2.resize(picture, (128, 128), interpolation=cv2.INTER_CUBIC))
    assert not np.array_equal(crop, Preprocessing(shape="box").crop(picture, Box(0, 0, 211, 97)))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (Box(10, 20, 30, 40), (10, 20, 40, 60)),
        (Box(10.9, 20.2, 30.2, 40.9), (10, 20, 41, 61)),  # int(41.1), int(61.1)
        (Box(-10, -5, 30, 30), (0, 0, 20, 25)),  # cut off, not shifted
        (Box(90, 60, 30, 30), (90, 60, 100, 80)),
        (Box(500, 500, 30, 30), (99, 79, 100, 80)),  # one pixel, as for any box
    ],
)
def test_boxes_inside_counted_by_hand(box: Box, expected: tuple[int, int, int, int]) -> None:
    """In a picture of 100 x 80: left, top, right, bottom."""
    assert inside(box, 100, 80) == expected


@given(st.builds(Box, PLACE, PLACE, LENGTH, LENGTH), SIDE, SIDE)
def test_the_part_of_a_box_is_inside_for_any_box(box: Box, width: int, height: int) -> None:
    """At least one pixel of the picture and nothing beside it."""
    left, top, right, bottom = inside(box, width, height)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_a_found_box_is_widened_about_its_centre() -> None:
    """1.1 times as wide and 1.05 times as high; not at all by default."""
    assert Detection(widened=(1.1, 1.05)).cut(Box(100, 200, 40, 80)) == pytest.approx((98, 198, 44, 84))
    assert Detection().cut(Box(100, 200, 40, 80)) == Box(100, 200, 40, 80)


def test_a_picture_of_the_right_size_is_untouched() -> None:
    """No pixel changes where there is nothing to resize."""
    picture = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    assert np.array_equal(resize(picture, 7, 5), picture)


def test_the_crop_is_the_square_of_the_picture() -> None:
    """A box of the input's size is cut out pixel by pixel; the margin enlarges what is cut."""
    picture = np.random.default_rng(2).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    crop = Preprocessing(size=32).crop(picture, Box(50, 60, 32, 32))
    assert np.array_equal(crop, picture[60:92, 50:82])
    wide = Preprocessing(size=32, margin=2.0).crop(picture, Box(66, 76, 32, 32))
    assert np.array_equal(wide, resize(picture[60:124, 50:114], 32, 32))
    assert not np.array_equal(wide, crop)


@settings(deadline=None, max_examples=30)
@given(st.builds(Box, PLACE, PLACE, LENGTH, LENGTH), st.integers(1, 90), st.integers(1, 90))
def test_any_box_of_any_picture_gives_an_input(box: Box, width: int, height: int) -> None:
    """The crop has the input's size and the colour of a picture of one colour."""
    crop = Preprocessing().crop(np.full((height, width, 3), (10, 20, 30), np.uint8), box)
    assert crop.shape == (128, 128, 3)
    assert (crop == (10, 20, 30)).all()


def test_the_input_of_the_network_keeps_numbers_and_order() -> None:
    """(N, 3, size, size) float32, RGB, 0..255: channels move to the front, no value changes."""
    one, two = (np.full((4, 4, 3), colour, np.uint8) for colour in ((255, 128, 0), (1, 2, 3)))
    stacked = to_input([one, two])
    assert stacked.shape == (2, 3, 4, 4)
    assert stacked.dtype == np.float32
    assert stacked.flags.c_contiguous
    assert stacked[:, :, 3, 0].tolist() == [[255, 128, 0], [1, 2, 3]]


def test_the_defaults_are_those_of_the_contract() -> None:
    """YuNet at 0.6 with NMS 0.3 on at most 480 pixels, widths 1, 1.5 and 2; a margin that every source can give."""
    spec = Preprocessing()
    assert spec.detection == Detection(score=0.6, nms=0.3, longest_side=480, stretches=(1.0, 1.5, 2.0))
    assert spec.margin <= 1.05


@pytest.mark.parametrize(
    "fields",
    [
        {"size": 31},
        {"size": 1025},
        {"margin": 0.49},
        {"margin": 4.01},
        {"margin": math.nan},
        {"margin": 1.05, "shape": "box"},
        {"std": (1.0, 0.0, 1.0)},
        {"std": (1.0, math.nan, 1.0)},
        {"std": (1.0, 1.0, -1.0)},
        {"mean": (0.0, math.inf, 0.0)},
    ],
)
def test_bad_fields_are_refused(fields: dict[str, Any]) -> None:
    """A specification that cannot be meant does not come to be; the message names the field."""
    with pytest.raises(ValueError, match=next(iter(fields))):
        Preprocessing(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"score": 0.0},
        {"score": 1.0},
        {"score": math.nan},
        {"nms": 0.0},
        {"nms": 1.5},
        {"longest_side": 63},
        {"stretches": ()},
        {"stretches": (1.0,) * 9},
        {"stretches": (1.0, 0.9)},
        {"stretches": (math.nan,)},
        {"stretches": (1.0, 1e9)},
        {"widened": (0.9, 1.0)},
        {"widened": (1.0, math.nan)},
    ],
)
def test_bad_detector_settings_are_refused(fields: dict[str, Any]) -> None:
    """Neither nonsense nor a stretch that would ask for all memory; the message names the field."""
    with pytest.raises(ValueError, match=next(iter(fields))):
        Detection(**fields)


def placed(degrees: float, scale: float, x: float, y: float) -> NDArray[np.float64]:
    """The template, turned, scaled and moved."""
    turn = np.radians(degrees)
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return TEMPLATE @ matrix.T + (x, y)


def points(array: NDArray[np.float64]) -> Landmarks:
    """Five points, as a detector gives them."""
    return tuple((float(x), float(y)) for x, y in array)


def test_the_template_is_that_of_arcface() -> None:
    """As in its code: 112 pixels, the eyes of the picture's left first."""
    stated = "38.2946 51.6963 73.5318 51.5014 56.0252 71.7366 41.5493 92.3655 70.7299 92.2041"
    assert TEMPLATE.ravel().tolist() == [float(number) for number in stated.split()]


def test_points_on_the_template_leave_the_picture_as_it_is() -> None:
    """To the pixel: the similarity is the identity."""
    picture = np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8)
    assert similarity(TEMPLATE, TEMPLATE) == pytest.approx(np.eye(2, 3), abs=1e-12)
    assert np.array_equal(aligned().align(picture, points(TEMPLATE)), picture)


@given(st.floats(-180, 180), st.floats(0.05, 20), st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_a_turn_a_scale_and_a_shift_are_found_again(degrees: float, scale: float, x: float, y: float) -> None:
    """Exactly: the points come to lie on the template."""
    there = placed(degrees, scale, x, y)
    matrix = similarity(there, TEMPLATE)
    assert there @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(TEMPLATE, abs=1e-6)
    assert np.hypot(*matrix[0, :2]) == pytest.approx(1 / scale)


def test_points_that_do_not_fit_are_brought_as_near_as_scikit_image_brings_them() -> None:
    """Umeyama's least squares, as InsightFace uses it, for faces that are not the template's."""
    from skimage.transform import SimilarityTransform

    rng = np.random.default_rng(0)
    for _ in range(20):
        there = placed(rng.uniform(-60, 60), rng.uniform(0.3, 8), *rng.uniform(0, 500, 2)) + rng.normal(0, 4, (5, 2))
        expected = SimilarityTransform.from_estimate(there, TEMPLATE).params[:2]
        assert similarity(there, TEMPLATE) == pytest.approx(expected, abs=1e-8)


def test_a_turned_face_is_turned_back() -> None:
    """By a quarter, pixel by pixel: what was at (x, y) of the template's picture is there again."""
    upright = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8), (0, 0), 3)
    turned = np.rot90(upright, -1)  # clockwise: (x, y) goes to (111 - y, x)
    there = np.stack([111 - TEMPLATE[:, 1], TEMPLATE[:, 0]], axis=1)
    back = aligned().align(np.ascontiguousarray(turned), points(there))
    assert np.abs(back.astype(int) - upright).max() <= 1


@pytest.mark.parametrize("size", [64, 112, 224])
def test_the_template_grows_with_the_input(size: int) -> None:
    """A face that lies as the scaled template does comes out as it is."""
    picture = np.random.default_rng(0).integers(0, 256, (size, size, 3)).astype(np.uint8)
    assert np.array_equal(aligned(size).align(picture, points(TEMPLATE * (size / 112))), picture)


def test_a_large_face_is_averaged_before_it_is_sampled() -> None:
    """Ten times as large, fine stripes of black and white become grey and no pattern."""
    stripes = np.zeros((1120, 1120, 3), np.uint8)
    stripes[:, ::2] = 255
    small = aligned().align(stripes, points(TEMPLATE * 10 + 4.5))
    assert small.shape == (112, 112, 3)
    assert small.min() >= 127
    assert small.max() <= 128


def test_a_large_face_lies_where_a_small_one_does() -> None:
    """Averaging moves nothing: ten times the picture gives the picture, but for what is lost between its pixels."""
    small = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (112, 112, 3)).astype(np.uint8), (0, 0), 4)
    large = small.repeat(10, axis=0).repeat(10, axis=1)
    again = aligned().align(large, points(TEMPLATE * 10 + 4.5))
    assert np.abs(again.astype(int) - small)[2:-2, 2:-2].max() <= 3


def test_what_lies_beside_the_picture_is_black() -> None:
    """A face at the edge loses what was not seen."""
    small = aligned().align(np.full((112, 56, 3), 200, np.uint8), points(TEMPLATE))
    assert (small[:, :56] == 200).all()
    assert (small[:, 56:] == 0).all()


HOSTILE = {
    "none": (),
    "four": points(TEMPLATE[:4]),
    "six": (*points(TEMPLATE), (1.0, 1.0)),
    "three numbers": ((1.0, 2.0, 3.0), *points(TEMPLATE)[1:]),
    "one number": ((1.0,), *points(TEMPLATE)[1:]),
    "no number": ((math.nan, 1.0), *points(TEMPLATE)[1:]),
    "infinite": ((math.inf, 1.0), *points(TEMPLATE)[1:]),
    "far": ((1e7, 1.0), *points(TEMPLATE)[1:]),
    "very far": ((1e300, -1e300), *points(TEMPLATE)[1:]),
    "one place": ((50.0, 50.0),) * 5,
    "nearly one place": tuple((50 + 1e-5 * number, 50.0) for number in range(5)),
    "no face at all": points(np.linalg.svd(np.c_[TEMPLATE - TEMPLATE.mean(axis=0), np.ones(5)].T)[2][3:5].T * 1000),
}
"""The last lie across the template, so that no turn and no scale brings them nearer to it than a single point would be."""


@pytest.mark.parametrize("name", HOSTILE)
def test_points_that_are_no_face_are_refused(name: str) -> None:
    """With a clear line, and without a warning of numpy."""
    with pytest.raises(PictureError, match=r"five points of a face|points of the face"):
        aligned().align(np.zeros((120, 100, 3), np.uint8), HOSTILE[name])


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=5, max_size=5))
@settings(max_examples=60, deadline=1000)
def test_any_five_points_give_a_face_or_a_clear_line(there: list[tuple[float, float]]) -> None:
    """Of the size of the input, whatever their scale: nothing grows with it."""
    try:
        found = aligned().align(np.full((60, 80, 3), 9, np.uint8), tuple(there))
    except PictureError:
        return
    assert (found.shape, found.dtype) == ((112, 112, 3), np.uint8)


@pytest.mark.parametrize("transposed", [False, True], ids=["wide", "tall"])
@pytest.mark.parametrize("place", [0, 20_000, 39_800])
def test_a_face_in_a_very_long_picture_is_the_same_face(place: int, transposed: bool) -> None:  # noqa: FBT001 - pytest's
    """At its start, in its middle, at its end: as from the picture around it alone."""
    rng = np.random.default_rng(4)
    near = rng.integers(0, 256, (200, 200, 3)).astype(np.uint8)
    long = np.zeros((200, 40_000, 3), np.uint8)
    long[:, place : place + 200] = near
    expected = aligned().align(near, points(TEMPLATE + 40))
    there = TEMPLATE + 40 + (place, 0)
    if transposed:
        long, there = np.ascontiguousarray(long.transpose(1, 0, 2)), TEMPLATE + 40 + (0, place)
        long[place : place + 200] = near
    assert np.array_equal(aligned().align(long, points(there)), expected)


def test_an_aligned_face_has_no_box() -> None:
    """It is brought to its place by its points, and no margin belongs to it."""
    with pytest.raises(PictureError, match="takes a face by its five points, not by its box; use align"):
        aligned().crop(np.zeros((100, 100, 3), np.uint8), Box(0, 0, 50, 50))
    with pytest.raises(ValueError, match="margin must be 1 where the shape is 'aligned'"):
        Preprocessing(margin=1.2, shape="aligned")
