"""Fixtures for the pre-training on maps of depth: the maps of the generated set, and recipes that run in seconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from livegate.data.depth.teachers import FivePoints
from livegate.data.depth.writing import Plan, write
from livegate.data.index import Index
from livegate.training.pseudo_depth.recipe import DepthRecipe

Make = Callable[..., DepthRecipe]


@pytest.fixture(scope="session")
def maps(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the generated set's maps, by the geometric teacher; only to read."""
    folder = tmp_path_factory.mktemp("depth") / "maps"
    write(Plan.of(Index.read(generated), folder, FivePoints()), FivePoints())
    return folder


@pytest.fixture(scope="session")
def make_depth(generated: Path, maps: Path) -> Make:
    """A function: a recipe of 32 x 32 pixels, batch 8 and 2 epochs of 3 steps on the generated set, changed by table."""

    def make(**tables: Any) -> DepthRecipe:
        plain: dict[str, Any] = {
            "name": "tiny",
            "task": "depth",
            "seed": 5,
            "data": {"index": str(generated)},
            "depth": {"maps": str(maps), "teacher": "five-points"},
            "preprocessing": {"size": 32},
            "crop": {"small_size": 32},
            "sampling": {"configurations": {"": 1.0}},
            "optimiser": {"learning_rate": 1e-3, "betas": [0.5, 0.999], "batch": 8, "epochs": 2},
            "run": {"threads": 1, "loader_workers": 0, "checkpoint_every": 2},
        }
        for name, table in tables.items():
            plain[name] = {**plain.get(name, {}), **table} if isinstance(table, dict) else table
        return DepthRecipe.from_plain(plain, "tiny")

    return make
