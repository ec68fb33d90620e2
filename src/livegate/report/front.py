"""Error against latency: what a user chooses a configuration and a runtime by, as an SVG picture. Needs matplotlib (extra ``report``)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple

from livegate.errors import LivegateError, MissingExtraError
from livegate.report.plots import STYLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = "os^Dv<>P"
_SETTINGS: dict[Any, Any] = {
    "text.parse_math": False,  # a name is no formula
    "svg.fonttype": "none",
    "svg.hashsalt": "livegate",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


class Point(NamedTuple):
    """One configuration in one runtime: its latency in milliseconds, and its error, 0..1."""

    series: str
    label: str
    latency: float
    error: float


def require() -> None:
    """Check that a picture can be drawn, before the points of it are measured.

    Raises:
        MissingExtraError: when matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise MissingExtraError("a figure", "report")


def drawn(points: Sequence[Point], title: str) -> str:
    """A picture of points, one series a colour and a mark; a line joins those of each series that no other of it beats in both.

    Raises:
        LivegateError: if there is nothing to draw.
        MissingExtraError: when matplotlib is not installed.
    """
    if not points:
        raise LivegateError("there is no configuration whose error is known; export with --dev to measure it")
    require()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(_SETTINGS):
        figure = Figure(figsize=(9, 5.5), layout="constrained")
        axes = figure.subplots()
        for number, name in enumerate(dict.fromkeys(point.series for point in points)):
            _series(axes, [point for point in points if point.series == name], number)
        _labels(axes, points)
        axes.set(xlabel="median latency of the network, ms", ylabel="D-EER on the split that set the threshold, %")
        axes.set_title(title, fontsize=10)
        axes.margins(0.08)
        axes.grid(alpha=0.3)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return file.getvalue()


def front(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats in latency and error at once, fastest first."""
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (point.latency, point.error)):
        if not best or point.error < best[-1].error:
            best.append(point)
    return best


def _series(axes: Axes, points: Sequence[Point], number: int) -> None:
    look = {"color": STYLES[number % len(STYLES)]["color"], "marker": MARKERS[number % len(MARKERS)]}
    best = front(points)
    axes.plot([point.latency for point in best], [100 * point.error for point in best], linewidth=1, alpha=0.5, **look)
    axes.plot(
        [point.latency for point in points],
        [100 * point.error for point in points],
        linestyle="",
        markersize=6,
        label=points[0].series,
        **look,
    )


def _labels(axes: Axes, points: Sequence[Point]) -> None:
    """The letters of a configuration, once to the right of all runtimes in which its error is about the same."""
    series = dict.fromkeys(point.series for point in points)
    best = {_name(point) for name in series for point in front([p for p in points if p.series == name])}
    for name in sorted(best):
        last = max((point for point in points if _name(point) == name), key=lambda point: point.latency)
        at = last.latency, 100 * last.error
        axes.annotate(last.label, at, (7, 0), textcoords="offset points", va="center", fontsize=8)


def _name(point: Point) -> tuple[str, float]:
    """What one label stands for: its letters, and the error to a tenth of a percent, or labels would lie on each other."""
    return point.label, round(point.error, 3)
