"""The paper's table decides which of its columns is which: accuracy follows from both errors and the mix of the set.

K. Khabarlak, Post-Train Adaptive MobileNet for Fast Anti-Spoofing (2022), Table 3, on the CelebA-Spoof intra test set of 19,923
bona fide and 47,247 attack pictures. Its formulas make the printed "APCER" the share of bona fide rejected, ISO's BPCER, and the
printed "BPCER" the share of attacks accepted, ISO's APCER; its text says the reverse.
"""

from __future__ import annotations

import pytest

from livegate.metrics import Rate, Threshold
from livegate.metrics.pad import Rates

BONA_FIDE, ATTACKS = 19_923, 47_247
PRINTED = {
    "No PTA": (96.74, 1.07, 4.18, 2.63),
    "HHH": (96.89, 0.72, 4.12, 2.42),
    "LHH": (96.84, 0.70, 4.20, 2.45),
    "HLH": (97.04, 0.80, 3.88, 2.34),
    "HHL": (97.83, 2.30, 2.11, 2.21),
    "LLL": (97.85, 2.53, 1.98, 2.26),
    "BBB": (97.49, 1.21, 3.05, 2.13),
}
"""Accuracy, "APCER", "BPCER" and ACER in %, by configuration."""


def rates(bona_fide: float, attacks: float) -> Rates:
    """The rates of a classifier that is wrong about these shares, in %."""
    apcer = Rate(round(attacks / 100 * ATTACKS), ATTACKS)
    bpcer = Rate(round(bona_fide / 100 * BONA_FIDE), BONA_FIDE)
    return Rates(threshold=Threshold(0.5, "argmax", ""), apcer={"all": apcer}, bpcer=bpcer)


@pytest.mark.parametrize(("accuracy", "apcer", "bpcer", "acer"), PRINTED.values(), ids=PRINTED)
def test_swapped_columns_give_the_printed_accuracy(accuracy: float, apcer: float, bpcer: float, acer: float) -> None:
    """With the printed APCER as the error on bona fide, accuracy and ACER come out to 0.01."""
    found = rates(bona_fide=apcer, attacks=bpcer)
    assert round(100 * found.accuracy, 2) == pytest.approx(accuracy, abs=0.01 + 1e-9)
    assert 100 * found.acer_pooled == pytest.approx(acer, abs=0.0101)


@pytest.mark.parametrize(("accuracy", "apcer", "bpcer", "acer"), PRINTED.values(), ids=PRINTED)
def test_the_text_does_not(accuracy: float, apcer: float, bpcer: float, acer: float) -> None:
    """With the printed APCER as the error on attacks, no row comes out nearer than 0.05."""
    assert abs(100 * rates(bona_fide=bpcer, attacks=apcer).accuracy - accuracy) > 0.05
