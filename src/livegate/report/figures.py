"""From what the metrics found to the figures of a report."""

from __future__ import annotations

from typing import Any

from livegate.metrics import OperatingPoint, PadReport, Scores, pad
from livegate.metrics.bootstrap import Intervals
from livegate.metrics.intervals import Interval
from livegate.metrics.literature import hter, model_zoo, tpr_at_fpr
from livegate.report.document import (
    Brief,
    BriefOracle,
    Figures,
    FixedBpcer,
    Limits,
    ModelZoo,
    NotIso,
    Oracle,
    PointFigure,
    RateFigure,
    Rates,
    ThresholdFigure,
    TprFigure,
    WorstFigure,
)

FPR = (0.01, 0.005, 0.001)
"""Where CelebA-Spoof tells its TPR."""


def mixed(scores: Scores) -> bool:
    """Whether there are both bona fide and attacks."""
    return bool(0 < scores.bona_fide.sum() < len(scores))


def rates(found: pad.Rates, drawn: Intervals | None = None) -> Rates:
    """The rates at one threshold, with their bootstrap intervals where there are any."""
    return Rates(**_rates(found, drawn))


def figures(found: PadReport, test: Scores, dev: Scores | None, drawn: Intervals | None = None) -> Figures:
    """All figures of one configuration.

    Args:
        found: what ``measure`` told of ``test``.
        test: the trials.
        dev: trials of the same kind that the equal error threshold of HTER is set on; without both classes there is no HTER.
        drawn: bootstrap intervals.
    """
    limits = (
        {name: _limits(getattr(drawn, name)) for name in ("threshold", "auc", "d_eer", "acer", "acer_pooled")} if drawn else {}
    )
    return Figures(
        **_rates(found, drawn),
        **_answers(found),
        oracle=_oracle(found, drawn),
        not_iso=NotIso(
            apcer_mean=found.mean_apcer,
            apcer_pooled=RateFigure.of(found.apcer_pooled, _limits(drawn.apcer_pooled if drawn else None)),
            acer=found.acer,
            acer_pooled=found.acer_pooled,
            hter=hter(dev, test) if dev is not None and mixed(dev) else None,
            tpr_at_fpr=tuple(_tpr(test, fpr) for fpr in FPR),
        ),
        bootstrap={name: limit for name, limit in limits.items() if limit},
    )


def brief(found: PadReport) -> Brief:
    """The figures of a part of the trials."""
    return Brief(
        **_rates(found, None),
        **_answers(found),
        oracle=BriefOracle(d_eer=found.d_eer, d_eer_worst=found.d_eer_worst),
    )


def zoo(pictures: Scores) -> ModelZoo:
    """What the Open Model Zoo would print of pictures of one configuration."""
    found = model_zoo(pictures)
    return ModelZoo(bpcer=RateFigure.of(found.bpcer), apcer_pooled=RateFigure.of(found.apcer_pooled), acer=found.acer_pooled)


def _answers(found: PadReport) -> dict[str, Any]:
    return {
        "unit": found.unit,
        "apnrr": RateFigure.of(found.apnrr),
        "bpnrr": RateFigure.of(found.bpnrr),
        "auc": found.auc,
    }


def _rates(found: pad.Rates, drawn: Intervals | None) -> dict[str, Any]:
    apcer = drawn.apcer if drawn else {}
    return {
        "threshold": ThresholdFigure.of(found.threshold),
        "apcer": {name: RateFigure.of(rate, _limits(apcer.get(name))) for name, rate in found.apcer.items()},
        "worst_apcer": WorstFigure.of_rates(found, _limits(drawn.worst_apcer if drawn else None)),
        "bpcer": RateFigure.of(found.bpcer, _limits(drawn.bpcer if drawn else None)),
    }


def _oracle(found: PadReport, drawn: Intervals | None) -> Oracle:
    def point(name: str) -> PointFigure | None:
        return _point(getattr(found, name), getattr(drawn, name, None))

    return Oracle(
        d_eer=found.d_eer,
        d_eer_worst=found.d_eer_worst,
        bpcer10=point("bpcer10"),
        bpcer20=point("bpcer20"),
        bpcer100=point("bpcer100"),
        fixed_bpcer=tuple(
            FixedBpcer(target=target, worst_apcer=WorstFigure.of_rates(at) if at else None, bpcer=_point(at))
            for target, at in found.at_bpcer.items()
        ),
    )


def _point(found: OperatingPoint | None, drawn: Interval | None = None) -> PointFigure | None:
    return PointFigure.at(found.threshold, found.bpcer, _limits(drawn)) if found else None


def _tpr(test: Scores, fpr: float) -> TprFigure:
    found = tpr_at_fpr(test.values, test.species, fpr)
    return TprFigure(fpr=fpr, detected=RateFigure.of(found.tpr), attained=RateFigure.of(found.attained))


def _limits(interval: Interval | None) -> Limits | None:
    return Limits(low=interval.low, high=interval.high) if interval else None
