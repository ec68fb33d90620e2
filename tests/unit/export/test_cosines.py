"""Thresholds of verification: from all pairs of the people who are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.errors import LivegateError
from livegate.export.thresholds import Cosines
from livegate.preprocessing import aligned

TONES = (0, 60, 120, 180, 240)
"""Red of five pictures; green is what is missing to 240."""


class Tone:
    """An embedding that is the direction of red and green."""

    preprocessing = aligned(32)

    def run(self, images: NDArray[np.float32], _: Configuration) -> NDArray[Any]:
        """(N, 3, 32, 32) to (N, 2) of unit length."""
        means = images.mean((2, 3))[:, :2]
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True))


def index_of(folder: Path, subjects: str) -> Index:
    """An index of five pictures; ``-`` stands for somebody unknown."""
    lines = ["path,subject"]
    for number, (tone, subject) in enumerate(zip(TONES, subjects, strict=True)):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((8, 8, 3), (0, 240 - tone, tone), np.uint8))
        lines.append(f"{number}.png,{subject.strip('-')}")
    (folder / "index.csv").write_text("\n".join(lines), "utf-8")
    return Index.read(folder / "index.csv")


def test_the_unknown_make_no_pair(tmp_path: Path) -> None:
    """By hand: a, a, b, b and one unknown have 2 mated pairs and 4 others, the most alike of which are 60 and 120 of red."""
    done: list[int] = []
    found = Cosines(index_of(tmp_path, "aa-bb"), fmr=0.25, advance=done.append).facts(Tone(), [Configuration(())])
    threshold, quality = found[""]
    assert quality is not None
    assert (quality.mated, quality.non_mated) == (2, 4)
    # Of the non-mated 0-180, 0-240, 60-180, 60-240 one may be accepted: 60-180, so that the next, 0-180, must not be.
    cosine = 60 / np.hypot(60, 180)
    assert threshold.value == pytest.approx(cosine, abs=1e-6)
    assert quality.fnmr == 0
    assert sum(done) == 5


def test_nobody_is_known(tmp_path: Path) -> None:
    """Without a subject there is no pair to set a threshold on."""
    with pytest.raises(LivegateError, match=r"index\.csv: names no subject"):
        Cosines(index_of(tmp_path, "-----"), fmr=0.25, advance=lambda _: None).check()
