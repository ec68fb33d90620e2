"""Figure 2 of Khabarlak 2022, drawn from the logs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from livegate.errors import MissingExtraError
from livegate.report.plots import STYLES
from livegate.reproduce.pta_published import FIGURE_2

NAME = "figure_2.svg"


def figure_2(curves: Mapping[str, Sequence[Sequence[float]]]) -> str:
    """ACER on dev by epoch as SVG: a thin line for each seed, a thick one for their mean, and the two values that the paper gives.

    Args:
        curves: row → seeds → epochs, shares.

    Raises:
        MissingExtraError: when matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("a figure", "report") from error
    with rc_context({"svg.hashsalt": "livegate", "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        for (row, seeds), style in zip(curves.items(), STYLES, strict=False):
            epochs = range(1, len(seeds[0]) + 1)
            means = [100 * sum(values) / len(values) for values in zip(*seeds, strict=True)]
            for seed in seeds:
                axes.plot(epochs, [100 * value for value in seed], color=style["color"], linewidth=0.7, alpha=0.5)
            axes.plot(epochs, means, **style, linewidth=2, label=f"{row}, mean of {len(seeds)} seed(s)")
            axes.plot([1, epochs[-1]], FIGURE_2[row], "x", color=style["color"], label=f"{row}, printed: first and last epoch")
        axes.set(xlabel="epoch", ylabel="ACER on dev, %", ylim=(0, None))
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()
