"""Figures: a curve is seen wherever it lies, and no legend lies over one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from livegate.metrics import Scores
from livegate.report import Report, Resample, evaluate, plots

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Make = Callable[..., Scores]
Draw = Callable[["Axes", Report], None]
WITH_LEGEND = (plots._det, plots._det_species, plots._roc, plots._scores, plots._reliability)


def drawn_axes(draw_on: Draw, report: Report) -> Axes:
    """The axes of one figure, laid out."""
    figure = Figure(figsize=(4.9, 4.1), layout="constrained")
    axes = figure.subplots()
    draw_on(axes, report)
    FigureCanvasAgg(figure).draw()  # type: ignore[no-untyped-call]
    return axes


@pytest.mark.parametrize("draw_on", [plots._det, plots._det_species])
@pytest.mark.parametrize("turned", [False, True])
def test_curves_beyond_the_axes_run_along_their_edge(made: Make, draw_on: Draw, *, turned: bool) -> None:
    """Perfect separation, or the wrong way round: every corner lies within the axes, on one of their edges, and is not cut off."""
    test = made("test", configurations=("HHH",))
    test = replace(test, values=1 - test.values) if turned else test
    axes = drawn_axes(draw_on, evaluate(made("dev"), test, resample=Resample(replicates=0)))
    (curve,) = (line for line in axes.lines if not str(line.get_label()).startswith("_"))
    low, high = axes.get_xlim()
    corners = list(zip(curve.get_xdata(), curve.get_ydata(), strict=True))
    assert len(corners) >= 3
    assert all(low <= place <= high for corner in corners for place in corner)
    assert all({low, high} & set(corner) for corner in corners)
    assert not curve.get_clip_on()


def test_curves_within_the_axes_run_off_them(drawn: Make) -> None:
    """They end beyond the edge, where they are cut off, and do not turn along it."""
    axes = drawn_axes(plots._det, evaluate(drawn("dev"), drawn("test"), resample=Resample(replicates=0)))
    (curve,) = (line for line in axes.lines if not str(line.get_label()).startswith("_"))
    assert curve.get_clip_on()
    assert min(curve.get_xdata()) < axes.get_xlim()[0]


@pytest.mark.parametrize("draw_on", WITH_LEGEND)
def test_legends_stand_above_the_axes(reported: Callable[..., Report], draw_on: Draw) -> None:
    """Within the figure, long names of many configurations and species included."""
    names = ("print on glossy paper", "mask", "replay on a telephone with glare", "d", "e", "f")
    report = reported(names, ("HHH", "LHH", "LLL", "BBB", "one long configuration name"))
    axes = drawn_axes(draw_on, report)
    legend = axes.get_legend()
    assert legend is not None
    box = legend.get_window_extent()
    figure = axes.get_figure(root=True)
    assert figure is not None
    assert box.y0 >= axes.get_window_extent().y1
    assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert box.y1 <= figure.bbox.y1
