"""What dev and test share, and should not."""

from __future__ import annotations

import math

from livegate.metrics import Scores
from livegate.metrics.overlap import shared_rows, shared_subjects, unseen_species


def test_subjects_count_per_source() -> None:
    """The same name is the same person within one source only, and nobody is nobody."""
    dev = Scores.build(["a", "b", "c"], [0.5] * 3, subject=["p", "q", ""], source=["x", "x", "x"])
    test = Scores.build(["d", "e", "f"], [0.5] * 3, subject=["q", "p", ""], source=["x", "y", "x"])
    assert shared_subjects(dev, test) == (("x", "q"),)
    assert shared_subjects(dev, dev.where(dev.subject == "")) == ()


def test_a_row_is_shared_with_its_score() -> None:
    """Name, source, configuration and score must agree to the bit; no response agrees with no response."""
    dev = Scores.build(["a", "b", "c", "d"], [0.5, 0.5, math.nan, 0.1 + 0.2], configuration="H")
    test = Scores.build(["a", "b", "c", "d"], [0.5, 0.25, math.nan, 0.3], configuration="H")
    assert shared_rows(dev, test) == ("a", "c")
    assert shared_rows(dev, Scores.build(["a"], [0.5], configuration="L")) == ()
    assert shared_rows(dev, Scores.build(["a"], [0.5], configuration="H", source="x")) == ()


def test_species_that_dev_has_not_seen() -> None:
    """Bona fide is no species; turned round, the species that test lacks are told."""
    dev = Scores.build(["a", "b", "c"], [0.5] * 3, species=["", "print", "mask"])
    test = Scores.build(["d", "e", "f"], [0.5] * 3, species=["print", "video", "bowl"])
    assert unseen_species(dev, test) == ("bowl", "video")
    assert unseen_species(test, dev) == ("mask",)
