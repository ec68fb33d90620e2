"""The figures of a report as SVG: readable in print and without colours, light or dark as the page around them.

Colours are those of Okabe and Ito, each with a line style of its own; text stays text. Ink and lines take the colours of the page by
its variables ``--ink``, ``--soft`` and ``--line``. Needs the extra ``report`` (matplotlib).
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import log
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from livegate.errors import MissingExtraError
from livegate.report.document import Curve, RateFigure, Report, Result
from livegate.report.names import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#0072b2", "linestyle": "-"},
    {"color": "#d55e00", "linestyle": "--"},
    {"color": "#009e73", "linestyle": "-."},
    {"color": "#cc79a7", "linestyle": (0, (1, 1.2))},
    {"color": "#e69f00", "linestyle": (0, (6, 2, 1, 2, 1, 2))},
    {"color": "#56b4e9", "linestyle": (0, (9, 2))},
)
"""How each thing in a figure is drawn; what comes after the sixth stays in the tables."""
INK, SOFT, LINE = "#010203", "#040506", "#070809"
"""Stand for the colours of the page until the SVG is written."""
NARROW = 24
"""Letters of a name in a figure."""
ROWS = 20
"""Most species that one figure shows."""
_PAGE = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)"}
_SETTINGS: dict[Any, Any] = {
    "font.size": 10,
    "text.parse_math": False,  # a name is no formula
    "svg.fonttype": "none",
    "svg.hashsalt": "livegate",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.6,
    "hatch.linewidth": 0.5,
}
_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)
_SCORES = (1e-6, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.99, 1 - 1e-4, 1 - 1e-6)
_MANY = 2_000
"""From so many trials on, the axes of DET curves reach down to 0.01 %."""


def draw(report: Report) -> dict[str, str]:
    """Every figure by its name.

    Raises:
        MissingExtraError: when matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise MissingExtraError("a figure", "report") from error
    figures = {
        "species": _species,
        "det": _det,
        "det-species": _det_species,
        "roc": _roc,
        "scores": _scores,
        "reliability": _reliability,
    }
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # the browser has other fonts
        return {name: _svg(name, draw_on, report) for name, draw_on in figures.items()}


def _svg(name: str, draw_on: Callable[[Axes, Report], None], report: Report) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.9, 4.1), layout="constrained")
    draw_on(figure.subplots(), report)
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = file.getvalue()
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg[svg.index("<svg") :], count=1, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # only paths are referred to
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{name}" ', 1)
    for stand_in, variable in _PAGE.items():
        svg = svg.replace(stand_in, variable)
    return svg


def _species(axes: Axes, report: Report) -> None:
    """BPCER and the APCER of each species with both intervals, the worst first."""
    found = report.results[0].presentation
    apcer = sorted(found.apcer.items(), key=lambda item: -item[1].value)[:ROWS]
    rows = [("bona fide: BPCER", found.bpcer), *((f"{shown(name, NARROW)}: APCER", rate) for name, rate in apcer)]
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.set_figheight(1.1 + 0.42 * len(rows))
    for place, (_, rate) in enumerate(rows):
        style = STYLES[0 if place == 0 else 1]["color"]
        _interval(axes, place, rate, style)
    axes.set_yticks(range(len(rows)), [f"{name}\n{rate.errors} of {rate.trials}" for name, rate in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(left=0, right=max(5.0, *(105 * _highest(rate) for _, rate in rows)))
    axes.set_xlabel("error rate, %")
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0, labelsize=9)


def _interval(axes: Axes, place: int, rate: RateFigure, colour: str) -> None:
    axes.plot([100 * rate.low, 100 * rate.high], [place - 0.1] * 2, color=colour, linewidth=3, solid_capstyle="butt")
    if rate.bootstrap:
        ends = [100 * rate.bootstrap.low, 100 * rate.bootstrap.high]
        axes.plot(ends, [place + 0.16] * 2, color=colour, linewidth=1.2, marker="|", markersize=6)
    axes.plot(100 * rate.value, place - 0.1, marker="o", markersize=6.5, color=colour, markeredgecolor=INK, clip_on=False)


def _highest(rate: RateFigure) -> float:
    return max(rate.high, rate.bootstrap.high if rate.bootstrap else 0.0)


def _det(axes: Axes, report: Report) -> None:
    """APCER of all species in one pot against BPCER, each configuration a line; the dot is the threshold."""
    lowest = _probit_axes(axes, report, "APCER, all species in one pot")
    for result in (result for result in report.results if result.configuration not in report.headline):
        _trace(axes, result.curve, lowest, {"color": SOFT, "linewidth": 0.5, "alpha": 0.6})
    for style, result in zip(STYLES, _headline(report), strict=False):
        found = result.presentation
        _trace(axes, result.curve, lowest, {"label": _name(result), **style})
        _dot(axes, found.not_iso.apcer_pooled, found.bpcer, lowest, style["color"])
    if len(report.results) > len(report.headline):
        axes.plot([], [], color=SOFT, linewidth=0.5, alpha=0.6, label="other configurations")
    _legend(axes)


def _det_species(axes: Axes, report: Report) -> None:
    """APCER of each species, the worst six, against BPCER; the dot is the threshold."""
    lowest = _probit_axes(axes, report, "APCER of the species")
    result = report.results[0]
    found = result.presentation
    curves = result.detail.species if result.detail else {}
    worst = sorted(curves, key=lambda name: -found.apcer[name].value)
    for style, name in zip(STYLES, worst, strict=False):
        _trace(axes, curves[name], lowest, {"label": shown(name, NARROW), **style})
        _dot(axes, found.apcer[name], found.bpcer, lowest, style["color"])
    _legend(axes)


def _probit_axes(axes: Axes, report: Report, label: str) -> float:
    """Both axes as normal deviates with ticks in percent; gives the lowest share that they show."""
    found = report.results[0].presentation
    lowest = 0.0001 if min(found.bpcer.trials, found.not_iso.apcer_pooled.trials) >= _MANY else 0.001
    ticks = [tick for tick in _TICKS if tick >= lowest]
    places, labels = [_probit(tick) for tick in ticks], [f"{100 * tick:g}" for tick in ticks]
    axes.set_xticks(places, labels)
    axes.set_yticks(places, labels)
    axes.set_xlim(_probit(lowest), _probit(_TICKS[-1]))
    axes.set_ylim(_probit(lowest), _probit(_TICKS[-1]))
    axes.axline((0, 0), slope=1, color=SOFT, linewidth=0.7, linestyle=":")
    axes.set_xlabel(f"{label}, %")
    axes.set_ylabel("BPCER, %")
    axes.set_aspect("equal")
    return lowest


def _legend(axes: Axes) -> None:
    """Above the axes, where no curve is; in as many columns as there is room for."""
    handles, labels = axes.get_legend_handles_labels()
    longest = max(map(len, labels), default=0)
    columns = 3 if longest <= 8 else 2 if longest <= NARROW else 1
    axes.legend(handles, labels, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns)


def _probit(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _trace(axes: Axes, curve: Curve, lowest: float, style: Mapping[str, Any]) -> None:
    """A curve on probit axes; what lies beyond them runs off their edge. One that lies beyond them altogether runs along it."""
    inside = any(lowest <= min(shares) <= max(shares) <= _TICKS[-1] for shares in zip(curve.apcer, curve.bpcer, strict=True))
    low, high = (lowest / 2, 1 - lowest / 2) if inside else (lowest, _TICKS[-1])
    points = ([_probit(min(max(share, low), high)) for share in side] for side in (curve.apcer, curve.bpcer))
    axes.plot(*points, clip_on=inside, **style)


def _dot(axes: Axes, apcer: RateFigure, bpcer: RateFigure, lowest: float, colour: str) -> None:
    x, y = (_probit(min(max(rate.value, lowest), _TICKS[-1])) for rate in (apcer, bpcer))
    axes.plot(x, y, marker="o", markersize=6.5, color=colour, markeredgecolor=INK, clip_on=False, zorder=5)


def _roc(axes: Axes, report: Report) -> None:
    """Bona fide accepted against attacks accepted."""
    for style, result in zip(STYLES, _headline(report), strict=False):
        found, curve = result.presentation, result.curve
        accepted = [100 * (1 - share) for share in curve.bpcer]
        label = f"{_name(result)}, AUC {found.auc:.4f}"
        axes.plot([100 * share for share in curve.apcer], accepted, label=label, clip_on=False, **style)
        dot = 100 * found.not_iso.apcer_pooled.value, 100 * (1 - found.bpcer.value)
        axes.plot(*dot, marker="o", markersize=6.5, color=style["color"], markeredgecolor=INK, clip_on=False, zorder=5)
    axes.plot([0, 100], [0, 100], color=SOFT, linewidth=0.7, linestyle=":")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_xlabel("attacks accepted (APCER, all species in one pot), %")
    axes.set_ylabel("bona fide accepted (1 - BPCER), %")
    axes.set_aspect("equal")
    _legend(axes)


def _scores(axes: Axes, report: Report) -> None:
    """How the scores of bona fide and of attacks lie about the threshold."""
    result = report.results[0]
    if not result.detail:
        return
    histogram = result.detail.histogram
    attacks = [sum(counts) for counts in zip(*histogram.attacks.values(), strict=True)]
    looks: tuple[dict[str, Any], ...] = (
        {"facecolor": f"{STYLES[0]['color']}40"},
        {"facecolor": "none", "hatch": "/////"},
    )
    for style, look, label, counts in zip(
        STYLES, looks, ("bona fide", "attacks"), (histogram.bona_fide, attacks), strict=False
    ):
        shares = [100 * count / max(sum(counts), 1) for count in counts]
        axes.stairs(shares, histogram.edges, label=label, fill=True, edgecolor=style["color"], linewidth=1.3, **look)
    threshold = result.presentation.threshold.value
    if 0 < threshold < 1:
        axes.axvline(_logit(threshold), color=INK, linewidth=1.2, label=f"threshold {threshold:.4g}")
    ticks = [score for score in _SCORES if histogram.edges[0] <= _logit(score) <= histogram.edges[-1]]
    axes.set_xticks([_logit(score) for score in ticks], [_score(score) for score in ticks])
    axes.set_xlim(histogram.edges[0], histogram.edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("score, on the logit scale; higher = more bona fide")
    axes.set_ylabel("presentations, % of their class")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=2)


def _logit(score: float) -> float:
    return log(score) - log(1 - score)


def _score(score: float) -> str:
    return f"{score:g}" if score <= 0.99 else f"1-{1 - score:.0e}".replace("e-0", "e-")


def _reliability(axes: Axes, report: Report) -> None:
    """Share of bona fide among presentations of about the same score, with exact intervals."""
    axes.plot([0, 1], [0, 1], color=SOFT, linewidth=0.7, linestyle=":")
    for style, result in zip(STYLES, _headline(report), strict=False):
        bins = result.detail.reliability.bins if result.detail and result.detail.reliability else ()
        shares = [part.bona_fide.value for part in bins]
        ends = [
            [part.bona_fide.value - part.bona_fide.low for part in bins],
            [part.bona_fide.high - part.bona_fide.value for part in bins],
        ]
        axes.errorbar(
            [part.score for part in bins],
            shares,
            yerr=ends,
            marker="o",
            markersize=4.5,
            elinewidth=0.8,
            label=_name(result),
            **style,
        )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("mean score of the presentations in a bin")
    axes.set_ylabel("share of bona fide among them")
    axes.set_aspect("equal")
    _legend(axes)


def _headline(report: Report) -> Sequence[Result]:
    return [result for result in report.results if result.configuration in report.headline]


def _name(result: Result) -> str:
    return shown(result.configuration, NARROW) or "the network"
