"""The labels of what is learned beside: attack species, illumination and the attributes of the face, as CelebA-Spoof tells them.

The index has them in the columns ``species``, ``illumination`` and ``attributes``; `livegate.data.sets.celeba_spoof` writes all three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from livegate.data.sets.celeba_spoof import ATTRIBUTES, LIGHTS, SPECIES
from livegate.errors import RecipeError
from livegate.sample import Sample
from livegate.training.recipe import Tasks

OUTPUTS: Mapping[str, int] = {"species": len(SPECIES), "illumination": len(LIGHTS), "attributes": ATTRIBUTES}
"""How many outputs each head has; of species and illumination the first is bona fide."""
COLUMNS = {"species": slice(0, 1), "illumination": slice(1, 2), "attributes": slice(2, 2 + ATTRIBUTES)}
"""Where the labels of a task lie in a row of `labels`."""
UNKNOWN = -1


def weights(settings: Tasks) -> dict[str, float]:
    """The weight of each task that is on."""
    return {name: weight for name, weight in settings if weight}


def labels(samples: Iterable[Sample]) -> Tensor:
    """(N, 42) int64: species, illumination, 40 attributes; -1 where a label is unknown. Attributes of an attack are 0."""
    return torch.tensor([_row(sample) for sample in samples], dtype=torch.int64)


def require(samples: Sequence[Sample], settings: Tasks, recipe: str) -> None:
    """Check that the labels are there. A task is learned from the samples that have its label; it is a fault if none has.

    Raises:
        RecipeError: with every column that is missing.
    """
    on = weights(settings)
    if not on:
        return
    told = {
        "species": any(sample.species in SPECIES[1:] for sample in samples),
        "illumination": any(sample.facts.get("illumination") in LIGHTS[1:] for sample in samples),
        "attributes": any(_attributes(sample) for sample in samples),
    }
    lacking = {
        "species": f"no attack has one of the species {', '.join(SPECIES[1:])}",
        "illumination": f"no attack has one of {', '.join(LIGHTS[1:])} in the column 'illumination'",
        "attributes": f"no bona fide sample has {ATTRIBUTES} digits, 0 or 1, in the column 'attributes'",
    }
    faults = [f"{name} cannot be learned: {lacking[name]}; set it to 0" for name in on if not told[name]]
    if faults:
        raise RecipeError(f"recipe {recipe}: tasks", faults)


def task_losses(outputs: Mapping[str, Tensor], rows: Tensor, *, everywhere: bool) -> dict[str, Tensor]:
    """The loss of each task: cross entropy, and for the attributes binary cross entropy.

    Args:
        outputs: logits by the name of the task.
        rows: the labels, (N, 42), as `labels` gives them.
        everywhere: attributes of attacks count too, as 40 zeros: pictures are mixed, so that none is an attack alone.
    """
    return {name: _loss(name, logits, rows, everywhere=everywhere) for name, logits in outputs.items()}


def _loss(name: str, logits: Tensor, rows: Tensor, *, everywhere: bool) -> Tensor:
    truth = rows[:, COLUMNS[name]]
    known = truth[:, 0] != UNKNOWN
    if name != "attributes":
        return known_mean(cross_entropy(logits, truth[:, 0], ignore_index=UNKNOWN, reduction="none"), known)
    live = rows[:, 0] == 0
    each = binary_cross_entropy_with_logits(logits, truth.to(logits), reduction="none").mean(1)
    return known_mean(each, known if everywhere else known & live)


def known_mean(values: Tensor, known: Tensor) -> Tensor:
    """The mean of the values (N,) that are known; 0 where none is."""
    return (values * known).sum() / known.sum().clamp(min=1)


def _row(sample: Sample) -> list[int]:
    attributes = [int(digit) for digit in _attributes(sample)]
    if sample.bona_fide:
        return [0, 0, *(attributes or [UNKNOWN] * ATTRIBUTES)]
    species, light = sample.species or "", sample.facts.get("illumination", "")
    return [_place(species, SPECIES), _place(light, LIGHTS), *[0] * ATTRIBUTES]


def _place(name: str, names: Sequence[str]) -> int:
    """Where a name stands; the first place is that of bona fide, which is no label of an attack."""
    return names.index(name) if name in names[1:] else UNKNOWN


def _attributes(sample: Sample) -> str:
    """The digits of a bona fide sample; none if they are not there or no 40 digits of 0 and 1."""
    text = sample.facts.get("attributes", "") if sample.bona_fide else ""
    return text if len(text) == ATTRIBUTES and set(text) <= set("01") else ""
