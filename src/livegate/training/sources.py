"""What a run learns from, by content: one that is taken up must find what it had, or it would mix two data sets."""

from __future__ import annotations

import hashlib
from pathlib import Path

from livegate.data.depth.maps import FACTS, sha256
from livegate.data.identities import FaceFiles
from livegate.models.checkpoint import WEIGHTS
from livegate.training.lesson import initial_weights
from livegate.training.pseudo_depth.recipe import DepthRecipe
from livegate.training.recipe import AnyRecipe, PresentationRecipe, Recipe
from livegate.training.verification.recipe import VerificationRecipe


def digests(recipe: AnyRecipe) -> dict[str, str]:
    """The SHA-256 of each source, by what names it in the recipe: the index, initial weights, maps of depth. No picture is read.

    A teacher of verification is not among them: the cache of what it said knows whose that is.

    Args:
        recipe: whose sources were found to be there.
    """
    if isinstance(recipe, VerificationRecipe):
        return {"data.index": _of_faces(recipe.data.path)}
    paths = dict[str, Path]()
    if isinstance(recipe, PresentationRecipe):
        paths["data.index"] = recipe.data.path
        for name, path in initial_weights(recipe).items():
            paths[f"initial {name}"] = path / WEIGHTS if path.is_dir() else path
    if isinstance(recipe, DepthRecipe) or (isinstance(recipe, Recipe) and recipe.depth.weight):
        paths["depth.maps"] = recipe.data.folder / recipe.depth.maps / FACTS  # it holds the digest of the maps
    return {name: sha256(path) for name, path in paths.items()}


def _of_faces(path: Path) -> str:
    """Of an index; of a folder by the names of its pictures, of a ``.rec`` file, which may have a hundred gigabytes, by where its records start."""
    if path.is_dir():
        faces = FaceFiles.of_folder(path)
        names = "\n".join(faces.name(place) for place in range(len(faces)))
        return hashlib.sha256(names.encode("utf-8", "surrogateescape")).hexdigest()
    return sha256(path.with_suffix(".idx") if path.suffix == ".rec" else path)
