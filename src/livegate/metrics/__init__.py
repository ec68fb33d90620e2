"""Figures with their counts, from arrays of scores; numpy only."""

from livegate.metrics.pad import (
    REJECT_ALL,
    OperatingPoint,
    PadReport,
    Rule,
    Threshold,
    at_apcer,
    at_bpcer,
    at_equal_error,
    auc,
    d_eer,
    measure,
)
from livegate.metrics.rate import Rate
from livegate.metrics.scores import COLUMNS, Scores
from livegate.metrics.thresholds import ARGMAX

__all__ = [
    "ARGMAX",
    "COLUMNS",
    "REJECT_ALL",
    "OperatingPoint",
    "PadReport",
    "Rate",
    "Rule",
    "Scores",
    "Threshold",
    "at_apcer",
    "at_bpcer",
    "at_equal_error",
    "auc",
    "d_eer",
    "measure",
]
