"""The maps of depth that a training aims at: a teacher's for bona fide pictures, flat ones for attacks, by their label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from livegate.data.depth import DepthMaps, Square, cut
from livegate.data.index import Index
from livegate.errors import RecipeError
from livegate.sample import Sample
from livegate.training.chance import Stream, drawing
from livegate.training.recipe import Data, Depth, PresentationRecipe


def opened(recipe: PresentationRecipe) -> tuple[Index, Index]:
    """The pictures that are learned from, and those of dev, without the sources that are left out.

    Raises:
        IndexFileError: if the index has faults, no labels, no boxes or lacks a split.
        RecipeError: if a source that the recipe names is not there.
    """
    data = recipe.data
    index = Index.read(data.path)
    index.require_labels()
    index.require_boxes()  # dev would be judged about a face that was found, and train taken whole
    sources = {sample.source for sample in index.samples}
    jittered = recipe.augment.jittered if recipe.augment.jitter else ()
    named = {"data.leave_out": data.leave_out, "augment.jittered": jittered}
    strange = {option: ", ".join(sorted(set(names) - sources)) for option, names in named.items()}
    there = ", ".join(sorted(sources))
    faults = [
        f"{option} names sources without samples: {names}; sources are {there}" for option, names in strange.items() if names
    ]
    if faults:
        raise RecipeError(data.path, faults)
    kept = replace(index, samples=tuple(sample for sample in index.samples if sample.source not in data.leave_out))
    return kept.split(data.train), kept.split(data.dev)


@dataclass(frozen=True, slots=True)
class Targets:
    """The map of each sample.

    Attributes:
        maps: the teacher's.
        donors: whose map a bona fide sample takes instead of its own, by their names; nobody's by default.
    """

    maps: DepthMaps
    donors: Mapping[str, str]

    @classmethod
    def open(cls, settings: Depth, data: Data, samples: Sequence[Sample] = (), shuffled: int | None = None) -> Self:
        """Open the folder of a recipe.

        Args:
            settings: which maps.
            data: where they lie, and of which index they must be.
            samples: whose maps are shuffled.
            shuffled: the seed by which they are; None to leave each with its own.

        Raises:
            RecipeError: if they are another teacher's.
            DepthError: if the folder is missing, damaged or of another index.
        """
        maps = DepthMaps.open(data.folder / settings.maps, data.path)
        if maps.teacher != settings.teacher:
            fault = f"are by the teacher {maps.teacher!r}, depth.teacher asks for {settings.teacher!r}"
            raise RecipeError(data.folder / settings.maps, [f"its maps {fault}"])
        names = [sample.name for sample in samples if sample.bona_fide and maps.of(sample.name) is not None]
        if shuffled is None:
            return cls(maps, {})
        order = drawing(shuffled, Stream.OTHERS).permutation(len(names))
        return cls(maps, {name: names[place] for name, place in zip(names, order, strict=True)})

    def known(self, sample: Sample) -> bool:
        """Whether there is a map: of every attack, and of bona fide pictures in which the teacher found the face."""
        return not sample.bona_fide or self.maps.of(sample.name) is not None

    def seen(self, sample: Sample, frame: Square, square: Square, size: int) -> NDArray[np.float32]:
        """The part of a sample's map that a crop shows.

        Args:
            sample: whose.
            frame: what its map covers of its picture.
            square: what the crop covers.
            size: height and width of the result.

        Returns:
            (size, size) float32, 0..1; NaN where there is no map.
        """
        if not sample.bona_fide:
            return np.zeros((size, size), np.float32)
        depth = self.maps.of(self.donors.get(sample.name, sample.name))
        if depth is None:
            return np.full((size, size), np.nan, np.float32)
        return np.asarray(cut(depth, frame, square, size) / 255, np.float32)
