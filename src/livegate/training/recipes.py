"""Recipes of every task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from livegate.training.pseudo_depth.recipe import DepthRecipe
from livegate.training.recipe import AnyRecipe, Recipe, read_plain
from livegate.training.verification.recipe import VerificationRecipe

KINDS: Mapping[str, type[AnyRecipe]] = {"verification": VerificationRecipe, "depth": DepthRecipe}


def read_recipe(path: str | Path, overrides: Sequence[str] = ()) -> AnyRecipe:
    """A recipe of the task that it names: liveness, unless ``task`` says another. Takes and raises what `AnyRecipe.read` does."""
    plain = read_plain(path, overrides)
    return KINDS.get(str(plain.get("task")), Recipe).from_plain(plain, path)
