"""Parameters of the four networks of anti-spoof-mn3 with the heads that only training has, as specs/anti-spoof-mn3.md, section 3, has them."""

from __future__ import annotations

import pytest

from livegate.configuration import Configuration
from livegate.models.counting import count
from livegate.models.registry import BACKBONES
from livegate.training.learner import Learner
from livegate.training.recipe import Recipe

# Name: parameters with all four heads, and with the spoof head alone.
ROWS = {
    "mobilenet-v3-large": (3_108_330, 3_028_914),
    "mobilenet-v3-large-0.75": (1_942_506, 1_863_090),
    "mobilenet-v3-small": (1_038_554, 975_010),
    "mobilenet-v3-small-0.75": (684_930, 621_386),
}


def learner(name: str) -> Learner:
    """The network with the heads of the recipe mn3."""
    recipe = Recipe.read("mn3", [f"model.name={name}"])
    return Learner(recipe.model.build(), recipe)


def test_there_are_four_rows() -> None:
    """Every MobileNetV3 of the registry is counted."""
    assert {name for name in BACKBONES if name.startswith("mobilenet-v3")} == set(ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_counts_equal_the_spec_to_the_digit(name: str) -> None:
    """In training, and of what a checkpoint keeps and an export holds."""
    trained = learner(name)
    assert sum(parameter.numel() for parameter in trained.parameters()) == ROWS[name][0]
    assert count(trained.network.fixed(Configuration(())), 64).parameters == ROWS[name][1]


def test_each_head_has_its_own_normalisation() -> None:
    """2 x 1280 of batch normalisation, 1281 for each output: 11 species, 5 illuminations, 40 attributes."""
    numbers = {name: sum(p.numel() for p in head.parameters()) for name, head in learner("mobilenet-v3-large").tasks.items()}
    assert numbers == {"species": 2560 + 11 * 1281, "illumination": 2560 + 5 * 1281, "attributes": 2560 + 40 * 1281}
