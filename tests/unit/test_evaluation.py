"""What a score file takes over from the index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.data.index import Index
from livegate.evaluation import score
from livegate.metrics import Scores
from livegate.preprocessing import Preprocessing


class Undecided:
    """A scorer that cannot tell."""

    preprocessing = Preprocessing(size=32)

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:  # noqa: ARG002
        """Both outputs alike."""
        return np.zeros((len(images), 2))


def test_facts_of_the_index_go_along(generated: Path, tmp_path: Path) -> None:
    """Facts stand in the rows of every configuration, empty where a sample has none; a score file's own column is no fact."""
    index = Index.read(generated)
    told: list[dict[str, str]] = [{"age": "30", "score": "high"}, {"light": "dim", " ": "blank"}, {}]
    samples = tuple(replace(sample, facts=facts) for sample, facts in zip(index.samples, told, strict=False))
    scores = score(Undecided(), replace(index, samples=samples), [Configuration.parse(text) for text in ("H", "L")])
    assert {name: fact.tolist() for name, fact in scores.facts.items()} == {
        "age": ["30", "", ""] * 2,
        "light": ["", "dim", ""] * 2,
    }
    scores.write(tmp_path / "scores.csv")
    assert list(Scores.read(tmp_path / "scores.csv").facts) == ["age", "light"]
