"""What Zhang printed in "SeesawFaceNets", 2019 (arXiv 1908.09124), Tables 4 and 5, and the counts of its networks.

The figures are k-fold accuracies (literature) in percent. The author's code uses 5 folds and no flip averaging while it trains; which of both
the tables used is not established. None: not printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Row(NamedTuple):
    """A line of Table 4 or 5.

    Attributes:
        method: as it is named here.
        epochs: of training.
        parameters: as printed, such as ``1.3 M``.
        multiply_adds: as printed.
        batch: pictures a step.
        accuracy: pack → percent.
    """

    method: str
    epochs: str
    parameters: str
    multiply_adds: str
    batch: str
    accuracy: Mapping[str, float]


class Counts(NamedTuple):
    """What a network has, to the digit: recomputed from the author's code.

    Attributes:
        parameters: those that are used, batch normalisation included.
        macs: of convolutions and linear layers without bias.
        printed: in the paper, truncated.
    """

    parameters: int
    macs: int
    printed: str


TABLE_4_PACKS = ("lfw", "cfp_fp", "agedb_30")
TABLE_5_PACKS = ("lfw", "cfp_fp", "agedb_30", "cplfw", "calfw")


def _row(method: str, facts: tuple[str, str, str, str], packs: tuple[str, ...], *accuracy: float | None) -> Row:
    found = {pack: value for pack, value in zip(packs, accuracy, strict=True) if value is not None}
    return Row(method, *facts, found)


TABLE_4 = (
    _row("MobiFace", ("1024 (sic)", "2.4 M", "462 M", "1024"), TABLE_4_PACKS, 99.70, None, None),
    _row("LMobileNetE", ("27", "26.7 M", "-", "512"), TABLE_4_PACKS, 99.50, 88.50, 96.06),
    _row("MobileFaceNet (CASIA-WebFace)", ("8", "1.0 M", "221 M", "512"), TABLE_4_PACKS, 99.28, None, 93.05),
    _row("MobileFaceNet (cleaned MS1M)", ("8", "1.0 M", "221 M", "512"), TABLE_4_PACKS, 99.55, None, 96.07),
    _row("MobileFaceNet, 512 numbers", ("16", "1.2 M", "221 M", "160"), TABLE_4_PACKS, 99.52, 91.64, 95.92),
    _row("MobileFaceNet, 512 numbers", ("16", "1.2 M", "221 M", "192"), TABLE_4_PACKS, 99.57, 91.39, 96.03),
    _row("MobileFaceNet, 512 numbers", ("16", "1.2 M", "221 M", "256"), TABLE_4_PACKS, 99.57, 91.81, 96.32),
    _row("MobileFaceNet, 512 numbers", ("24", "1.2 M", "221 M", "256"), TABLE_4_PACKS, 99.57, 91.81, 96.32),
    _row("Seesaw-share", ("16", "1.3 M", "146 M", "160"), TABLE_4_PACKS, 99.55, 93.09, 96.42),
    _row("Seesaw-shuffle", ("16", "1.3 M", "146 M", "160"), TABLE_4_PACKS, 99.70, 92.03, 96.30),
    _row("Seesaw-shuffle", ("16", "1.3 M", "146 M", "192"), TABLE_4_PACKS, 99.60, 92.90, 96.85),
    _row("Seesaw-shuffle(mobi)", ("16", "2.8 M", "154 M", "224"), TABLE_4_PACKS, 99.65, 93.07, 96.48),
)
"""The two lines of MobileFaceNet with batch 256 are alike in the source."""
TABLE_5 = (
    _row("human, individual", ("-", "-", "-", "-"), TABLE_5_PACKS, 97.27, None, None, 81.21, 82.32),
    _row("human, fusion", ("-", "-", "-", "-"), TABLE_5_PACKS, 99.85, None, None, 85.24, 86.50),
    _row("ArcFace R100", ("16", "65 M", "12.1 G", "512"), TABLE_5_PACKS, 99.83, 98.37, 98.15, 92.08, 95.45),
    _row("AirFace (CASIA-WebFace)", ("61", "-", "1 G", "1024"), TABLE_5_PACKS, 99.267, 94.514, None, None, None),
    _row("ShrinkTeaNet-MFNR", ("-", "3.73 M", "-", "512"), TABLE_5_PACKS, 99.77, 95.14, None, None, None),
    _row("DW-Seesaw V1", ("16", "4.2 M", "526 M", "128"), TABLE_5_PACKS, 99.80, 97.07, 97.38, 91.57, 95.88),
    _row("DW-Seesaw V2", ("16", "4.2 M", "526 M", "128"), TABLE_5_PACKS, 99.80, 97.24, 97.55, 91.98, 95.98),
)
COUNTS = {
    "seesaw-share": Counts(1_370_176, 145_762_816, "1.3 M / 146 M"),
    "seesaw-shuffle": Counts(1_370_176, 145_762_816, "1.3 M / 146 M"),
    "seesaw-shuffle-mobi": Counts(2_864_704, 153_569_280, "2.8 M / 154 M"),
    "dw-seesaw-v1": Counts(4_246_944, 526_478_592, "4.2 M / 526 M"),
    "dw-seesaw-v2": Counts(4_246_944, 526_478_592, "4.2 M / 526 M"),
    "mobilefacenet-512": Counts(1_200_512, 221_161_984, "1.2 M / 221 M"),
    "mobilefacenet-128": Counts(1_003_136, 220_965_376, "0.99 M / 221 M"),
}
"""By the name of a network here. The layout of ``seesaw-shuffle-mobi`` was not published: its counts are those of the reconstruction."""
