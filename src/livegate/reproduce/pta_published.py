"""What Khabarlak printed in "Post-Train Adaptive MobileNet for Fast Anti-Spoofing", 2022 (arXiv 2207.13410).

The paper's formulas for APCER and BPCER are swapped with respect to ISO/IEC 30107-3: with its own counts of live and spoof pictures only
the swapped reading gives its accuracies (all seven rows to 0.01). Here everything has its ISO name; APCER is pooled over all attacks.
"""

from __future__ import annotations

from typing import NamedTuple

NO_PTA = "No PTA"
CONFIGURATIONS = ("HHH", "LHH", "HLH", "HHL", "LLL", "BBB")
ROWS = (NO_PTA, *CONFIGURATIONS)
"""The rows of Tables 3 and 4: the plain MobileNetV2, then configurations of the one adaptive network."""


class Errors(NamedTuple):
    """A row of Table 3, in percent: printed as Accuracy, "APCER", "BPCER", ACER."""

    accuracy: float
    bpcer: float
    apcer: float
    acer: float


class Cost(NamedTuple):
    """A row of Table 4: millions of parameters and multiply-adds, milliseconds on two phones, relative to the first row."""

    parameters: float
    multiply_adds: float
    sd845_ms: float
    sd800_ms: float
    relative: float


class Training(NamedTuple):
    """A row of Table 5: the best of Table 3 in percent, minutes of an epoch, hours of 20 epochs."""

    accuracy: float
    acer: float
    epoch_minutes: float
    hours: float


TABLE_3 = {
    NO_PTA: Errors(96.74, 1.07, 4.18, 2.63),
    "HHH": Errors(96.89, 0.72, 4.12, 2.42),
    "LHH": Errors(96.84, 0.70, 4.20, 2.45),
    "HLH": Errors(97.04, 0.80, 3.88, 2.34),
    "HHL": Errors(97.83, 2.30, 2.11, 2.21),
    "LLL": Errors(97.85, 2.53, 1.98, 2.26),
    "BBB": Errors(97.49, 1.21, 3.05, 2.13),
}
TABLE_4 = {
    NO_PTA: Cost(2.23, 104.15, 21.32, 94.23, 1.00),
    "HHH": Cost(2.23, 104.15, 21.27, 94.12, 1.00),
    "LHH": Cost(2.17, 100.63, 18.61, 82.24, 0.87),
    "HLH": Cost(2.11, 96.50, 19.67, 86.96, 0.92),
    "HHL": Cost(1.91, 99.00, 19.27, 85.15, 0.90),
    "LLL": Cost(1.73, 87.84, 17.08, 75.44, 0.80),
    "BBB": Cost(2.73, 120.47, 22.72, 100.47, 1.07),
}
TABLE_5 = {NO_PTA: Training(96.74, 2.63, 49.28, 16.43), "PTA": Training(97.85, 2.13, 43.11, 14.37)}
FIGURE_2 = {NO_PTA: (9.3, 1.0), "HHH": (6.46, 0.53)}
"""ACER on the validation part in percent, after the first epoch and at the end: the numbers that the text gives of the curves."""

CLAIMS = (
    "HHH, trained with sampling, beats the plain network of the same architecture in every figure of Table 3",
    "every configuration beats the plain network in ACER and accuracy",
    "BBB, which is never trained, has the best ACER",
    "LLL is the fastest, beats the plain network in ACER, and has the best accuracy",
    "switching needs neither training nor loading anew",
    "an epoch of adaptive training takes less time than one of the plain network",
    "HHH has the latency of the plain network: the switch costs nothing",
    "HHH has a lower ACER than the plain network on validation, from the first epoch to the last",
    "latency does not follow multiply-adds: HLH has fewer than LHH and HHL, yet is slower than both",
)
"""What the paper says of its own tables, in the order of the text."""
