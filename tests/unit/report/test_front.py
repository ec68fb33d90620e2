"""The picture of error against latency shows every point, and joins those that no other one beats."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from livegate.errors import LivegateError
from livegate.report import front as plot
from livegate.report.front import Point, drawn, front

NAMESPACE = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"
FAST, GOOD, BOTH, WORSE = (
    Point("onnx", "LLL", 1.0, 0.06),
    Point("onnx", "BBB", 1.5, 0.04),
    Point("onnx", "HHH", 1.2, 0.05),
    Point("onnx", "HLH", 1.3, 0.055),
)


def test_the_front_is_what_no_other_point_beats() -> None:
    """Fastest first; of two as fast the better one, of two as good the faster one."""
    assert front([WORSE, GOOD, BOTH, FAST]) == [FAST, BOTH, GOOD]
    assert front([FAST, FAST._replace(error=0.07), FAST._replace(latency=2.0)]) == [FAST]
    assert front([]) == []


def test_every_point_is_drawn_and_those_of_the_front_have_names() -> None:
    """Two series with their names; a configuration that is as good in both has its letters once, a beaten one none."""
    other = [Point("openvino", point.label, point.latency * 0.8, point.error) for point in (FAST, GOOD)]
    words = texts(drawn([FAST, GOOD, BOTH, WORSE, *other], "A model on a machine"))
    assert {"A model on a machine", "onnx", "openvino", "median latency of the network, ms"} <= set(words)
    assert [words.count(name) for name in ("LLL", "HHH", "BBB", "HLH")] == [1, 1, 1, 0]


def test_every_point_has_a_mark() -> None:
    """One more point of a series that no other beats is one more mark and one more name."""
    few, more = (drawn(points, "title") for points in ([FAST, GOOD], [FAST, BOTH, GOOD]))
    # A mark of the front belongs to the line and to the points; the legend has one of its own.
    assert marks(more) - marks(few) == 2
    assert texts(more).count("HHH") == 1


@pytest.mark.parametrize(
    "points",
    [
        [FAST],
        [FAST, FAST],
        [Point("a", "H", 1e-4, 0.0), Point("a", "L", 1e4, 1.0)],
        [Point("a", "H", 5.0, 0.0), Point("a", "L", 5.0, 0.0)],
        [Point(str(number), "H", number + 1.0, 0.1) for number in range(20)],
    ],
)
def test_strange_points_are_drawn_too(points: list[Point]) -> None:
    """One point, equal points, numbers of all sizes, more series than colours."""
    assert marks(drawn(points, "title")) >= len(set(points))


def test_names_cannot_write_into_the_picture() -> None:
    """What stands in a manifest is text, and no formula."""
    picture = drawn([Point("<script>$x$", "H&L", 1.0, 0.1)], "<b>")
    assert "<script>" not in picture
    assert "<script>$x$" in texts(picture)


def test_nothing_to_draw_is_an_error() -> None:
    """An empty picture would look like an answer."""
    with pytest.raises(LivegateError, match="no configuration whose error is known"):
        drawn([], "title")


def test_the_same_points_give_the_same_picture() -> None:
    """Byte for byte, so that a figure in a repository changes only when its numbers do."""
    assert drawn([FAST, GOOD], "title") == drawn([FAST, GOOD], "title")
    assert plot.MARKERS[0] != plot.MARKERS[1]


def texts(picture: str) -> list[str]:
    """All words of a picture."""
    return [text.text or "" for text in ET.fromstring(picture).iter(f"{NAMESPACE}text")]  # noqa: S314 - our own


def marks(picture: str) -> int:
    """How many marks are placed, those of the axes' ticks left out."""
    root = ET.fromstring(picture)  # noqa: S314 - our own
    axes = [group for group in root.iter(f"{NAMESPACE}g") if (group.get("id") or "").startswith(("line2d", "legend"))]
    ticks = sum(
        1 for group in root.iter(f"{NAMESPACE}g") if "tick" in (group.get("id") or "") for _ in group.iter(f"{NAMESPACE}use")
    )
    assert axes
    return sum(1 for _ in root.iter(f"{NAMESPACE}use")) - ticks
