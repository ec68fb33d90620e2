"""Fixtures for training tests: a recipe that runs in seconds, and pictures whose pixels tell where they came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from livegate.sample import Sample
from livegate.training.recipe import Recipe

Make = Callable[..., Recipe]


@pytest.fixture(scope="session")
def make_recipe() -> Make:
    """A function: a recipe of 32 x 32 pixels, batch 8 and 3 epochs on one thread, changed by table."""

    def make(**tables: Any) -> Recipe:
        plain: dict[str, Any] = {
            "name": "tiny",
            "seed": 5,
            "preprocessing": {"size": 32},
            "crop": {"small_size": 32},
            "augment": {"jitter": 0.5, "noise": 0.5, "blur": 0.3, "grey": 0.1, "jpeg": 0.3, "resolution": 0.3},
            "sampling": {"configurations": {"HHH": 0.4, "LHH": 0.2, "HLH": 0.2, "LLL": 0.2}},
            "optimiser": {"learning_rate": 1e-3, "batch": 8, "epochs": 3, "weight_decay": 0.01},
            "run": {"threads": 1, "loader_workers": 0, "checkpoint_every": 1},
        }
        for name, table in tables.items():
            plain[name] = {**plain.get(name, {}), **table} if isinstance(table, dict) else table
        return Recipe.from_plain(plain, "tiny")

    return make


@pytest.fixture(scope="session")
def plain_pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    """20 samples of 40 x 40 pixels, each of one grey of its own: sample ``n`` is 5 + 10 n; every fourth is bona fide."""
    folder, samples = tmp_path_factory.mktemp("plain"), []
    for number in range(20):
        path = folder / f"{number}.png"
        cv2.imwrite(str(path), np.full((40, 40, 3), 5 + 10 * number, np.uint8))
        samples.append(Sample(path.name, folder, species="print" if number % 4 else None, source="a"))
    return samples
