"""Figures that others published, with their sources: for orientation, since they were measured on other pictures by other rules.

Two of the sources print APCER and BPCER under each other's name: both take the attack as the positive class and call FP / (FP + TN), the
share of bona fide rejected, "APCER". Here the rates stand under their ISO names. That Khabarlak's columns are swapped follows from his
accuracy: with 19,923 bona fide and 47,247 attacks it comes out to 0.01 in all seven rows, and the other way round in none.
"""

from __future__ import annotations

from dataclasses import dataclass

PTA, MN3, AENET = "Khabarlak 2022", "kprokofi 2021", "Zhang 2020"
SOURCES = (
    f"{PTA}: O. Khabarlak, Post-Train Adaptive MobileNet for Fast Anti-Spoofing, CEUR-WS vol. 3156, Table 3.",
    f"{MN3}: kprokofi/light-weight-face-anti-spoofing, README; the model is anti-spoof-mn3 of the Open Model Zoo, which prints ACER 3.81 %.",
    (
        f"{AENET}: Y. Zhang et al., CelebA-Spoof, arXiv 2007.12342. TPR@FPR of the authors' checkpoint: 98.87 % at 1 %, 97.29 % at 0.5 %, "
        "86.42 % at 0.1 %."
    ),
)
SWAPPED = (
    f"{PTA} and {MN3} print the two rates under each other's name: what they call APCER is the share of bona fide rejected, the BPCER of "
    "ISO/IEC 30107-3, and the other way round; the accuracies that Khabarlak prints come out in no other way. Here they stand under their "
    "ISO names. ACER is the same either way."
)


@dataclass(frozen=True, slots=True)
class Published:
    """One row; attacks of all species in one pot, picture by picture.

    Attributes:
        system: what was measured.
        source: where it is printed.
        pictures: on which.
        threshold: how it was set.
        rates: in percent, the share of bona fide rejected, the share of attacks accepted, and ACER as printed; None where a rate is not
            told under that name.
    """

    system: str
    source: str
    pictures: str
    threshold: str
    rates: tuple[float | None, float | None, float]


_CELEBA, _LCC, _ARGMAX = "CelebA-Spoof, intra test", "LCC_FASD, all of it", "0.5 (argmax)"

PUBLISHED = (
    Published("MobileNetV2 (No PTA)", PTA, _CELEBA, _ARGMAX, (1.07, 4.18, 2.63)),
    Published("PTA HHH", PTA, _CELEBA, _ARGMAX, (0.72, 4.12, 2.42)),
    Published("PTA LHH", PTA, _CELEBA, _ARGMAX, (0.70, 4.20, 2.45)),
    Published("PTA HLH", PTA, _CELEBA, _ARGMAX, (0.80, 3.88, 2.34)),
    Published("PTA HHL", PTA, _CELEBA, _ARGMAX, (2.30, 2.11, 2.21)),
    Published("PTA LLL", PTA, _CELEBA, _ARGMAX, (2.53, 1.98, 2.26)),
    Published("PTA BBB", PTA, _CELEBA, _ARGMAX, (1.21, 3.05, 2.13)),
    Published("anti-spoof-mn3 (chosen on that test set)", MN3, _CELEBA, _ARGMAX, (0.69, 6.92, 3.81)),
    Published("anti-spoof-mn3", MN3, _LCC, _ARGMAX, (17.26, 15.40, 16.33)),
    Published("AENet, measured by others", MN3, _CELEBA, _ARGMAX, (0.23, 6.27, 3.25)),
    Published("AENet, as its authors print it", AENET, _CELEBA, "not told", (None, None, 1.63)),
)
