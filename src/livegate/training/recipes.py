"""Recipes of every task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from livegate.training.recipe import AnyRecipe, Recipe, read_plain
from livegate.training.verification.recipe import VerificationRecipe


def read_recipe(path: str | Path, overrides: Sequence[str] = ()) -> AnyRecipe:
    """A recipe of the task that it names: liveness, unless ``task`` says verification. Takes and raises what `AnyRecipe.read` does."""
    plain = read_plain(path, overrides)
    kind = VerificationRecipe if plain.get("task") == "verification" else Recipe
    return kind.from_plain(plain, path)
