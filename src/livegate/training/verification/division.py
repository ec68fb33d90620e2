"""The faces of a recipe, and who of them is learned from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from livegate.data.identities import UNKNOWN, FaceFiles, Faces
from livegate.data.index import Index
from livegate.data.records import Records
from livegate.errors import RecipeError
from livegate.training.chance import Stream, drawing
from livegate.training.verification.recipe import Distillation, VerificationRecipe

MAX_DEV = 4096
"""Pictures of dev: each is compared with each."""
Places = NDArray[np.int64]


class Division(NamedTuple):
    """Places among the faces, rising: what is learned from, and dev. Nobody is in both."""

    training: Places
    dev: Places


def open_faces(path: Path) -> Faces:
    """Faces by what the path is: a folder with one for each person, a ``.rec`` file, or else an index.

    Raises:
        DataSetError: if the folder or the records have faults.
        IndexFileError: if the index has.
    """
    if path.is_dir():
        return FaceFiles.of_folder(path)
    return Records(path) if path.suffix == ".rec" else FaceFiles.of_index(Index.read(path))


def divided(faces: Faces, recipe: VerificationRecipe) -> Division:
    """What is learned from, and dev: people drawn by the seed from those of the source for dev who have two pictures or more.

    Raises:
        RecipeError: if there are too few of them, they have too many pictures, or too few pictures are left to learn from.
    """
    data, persons = recipe.data, [faces.person(label) for label in range(faces.people)]
    of_source = np.array([data.dev_source in {"", person.source} for person in persons], bool)
    # One entry more than there are people, for the label of the unknown.
    left_out = np.array([*(person.subject in data.leave_out for person in persons), False])
    pictures = np.bincount(faces.labels[faces.labels != UNKNOWN], minlength=faces.people)
    able = np.flatnonzero((pictures > 1) & of_source & ~left_out[:-1])
    if able.size < data.dev_subjects:
        fault = f"has {able.size} people with two pictures or more in {data.dev_source or data.index!r}, fewer than data.dev_subjects"
        raise RecipeError(recipe.name, [f"{fault}; data.dev_source says where they are drawn from, empty for all"])
    chosen = np.zeros_like(left_out)
    chosen[drawing(recipe.seed, Stream.DEV).choice(able, data.dev_subjects, replace=False)] = True
    learned = ~(chosen | left_out)
    learned[UNKNOWN] = isinstance(recipe.loss, Distillation)
    found = Division(np.flatnonzero(learned[faces.labels]), np.flatnonzero(chosen[faces.labels]))
    if found.dev.size > MAX_DEV:
        raise RecipeError(recipe.name, [f"dev has {found.dev.size:,} pictures, more than {MAX_DEV:,}; lower data.dev_subjects"])
    if found.training.size < recipe.optimiser.batch:
        raise RecipeError(recipe.name, [f"has {found.training.size} pictures to learn from, fewer than one batch"])
    return found
