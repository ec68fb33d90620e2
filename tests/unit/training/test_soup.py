"""A soup is the mean of its trainings' weights, whatever stopped on the way, and nothing that cannot be averaged gets into one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from livegate.errors import RecipeError
from livegate.models.checkpoint import WEIGHTS, Checkpoint
from livegate.models.registry import ModelSpec
from livegate.training import loop
from livegate.training.log import read_log
from livegate.training.loop import train
from livegate.training.recipe import Recipe
from livegate.training.soup import mean_of

Make = Callable[..., Recipe]
GREY: dict[str, Any] = {"augment": {"grey": 1.0}}


@pytest.fixture
def make_soup(make_recipe: Make, generated: Path) -> Make:
    """A function: a recipe of one epoch on generated pictures."""
    return lambda **tables: make_recipe(data={"index": str(generated)}, optimiser={"epochs": 1}, **tables)


@pytest.fixture(scope="module")
def cooked(make_recipe: Make, generated: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Recipe, Path]:
    """A soup of two variants with two seeds each, trained, and its folder."""
    table = {"variants": [{}, GREY], "seeds": 2, "statistics": 2}
    recipe = make_recipe(data={"index": str(generated)}, optimiser={"epochs": 1}, soup=table)
    folder = tmp_path_factory.mktemp("soup") / "run"
    train(recipe, folder, quiet=True)
    return recipe, folder


def parameters(folder: Path) -> dict[str, Tensor]:
    """The weights of a checkpoint, without statistics."""
    network = Checkpoint.load(folder).network()
    return {name: value.detach() for name, value in network.named_parameters()}


def test_members_are_the_variants_with_each_seed(make_recipe: Make) -> None:
    """A variant changes its keys of a table and leaves the rest of it; seeds count up."""
    recipe = make_recipe(seed=7, soup={"variants": [{}, GREY], "seeds": 2})
    members = recipe.members()
    assert list(members) == ["1-7", "1-8", "2-7", "2-8"]
    assert [member.seed for member in members.values()] == [7, 8, 7, 8]
    assert [member.augment.grey for member in members.values()] == [0.1, 0.1, 1.0, 1.0]
    assert {member.augment.jpeg for member in members.values()} == {0.3}
    assert all(member.soup.size == 1 for member in members.values())
    assert make_recipe(soup={"seeds": 2}).members().keys() == {"1-5", "1-6"}
    assert make_recipe().members() == {}


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"variants": [{}, {"augment": {"gray": 1.0}}]}, r"soup\.variants 2: augment\.gray: Extra inputs"),
        ({"variants": [{}, {"augment": {"grey": 2.0}}]}, r"soup\.variants 2: augment\.grey: .*less than or equal to 1"),
        ({"variants": [{}, {"model": {"name": "mobilenet-v3"}}]}, "share model"),
        ({"variants": [{"seed": 3}, {"soup": {"seeds": 2}}]}, "share seed"),
        ({"variants": [GREY]}, "a soup of one training is none"),
        ({"seeds": 0}, r"soup\.seeds: .*greater than or equal to 1"),
    ],
)
def test_what_cannot_be_averaged_is_a_fault(make_recipe: Make, table: dict[str, Any], fault: str) -> None:
    """Before anything is trained, and by the place of the variant."""
    with pytest.raises(RecipeError, match=fault):
        make_recipe(soup=table)


def test_frozen_statistics_are_not_estimated_anew(make_recipe: Make) -> None:
    """All members share those of the trunk they started from; only a variant may freeze it."""
    with pytest.raises(RecipeError, match="trunk = 0 freezes the statistics that a soup"):
        make_recipe(trunk=0, soup={"seeds": 2})
    assert make_recipe(soup={"variants": [{}, {"trunk": 0}]}).members()["2-5"].trunk == 0


def test_it_is_the_mean_of_its_trainings(cooked: tuple[Recipe, Path]) -> None:
    """Each weight, and no training's own."""
    recipe, folder = cooked
    each = [parameters(folder / name) for name in recipe.members()]
    mean = parameters(folder)
    assert len(each) == 4
    for name, value in mean.items():
        assert torch.allclose(value, torch.stack([one[name] for one in each]).mean(0), atol=1e-6), name
    assert any(not torch.allclose(value, each[0][name], atol=1e-4) for name, value in mean.items())


def test_a_member_is_the_training_that_its_recipe_gives_alone(cooked: tuple[Recipe, Path], tmp_path: Path) -> None:
    """To the bit."""
    recipe, folder = cooked
    alone = Checkpoint.load(train(recipe.members()["2-6"], tmp_path / "alone", quiet=True))
    member = Checkpoint.load(folder / "2-6")
    assert all(torch.equal(alone.weights[name], value) for name, value in member.weights.items())


def test_its_statistics_are_estimated_anew(cooked: tuple[Recipe, Path]) -> None:
    """They are no training's, nor their mean; what they are depends on nothing but the recipe and the weights."""
    recipe, folder = cooked
    name = "blocks.0.1.running_var"
    whole = Checkpoint.load(folder)
    each = torch.stack([Checkpoint.load(folder / member).weights[name] for member in recipe.members()])
    assert not any(torch.allclose(whole.weights[name], one) for one in (*each, each.mean(0)))
    assert whole.notes["trainings"] == 4
    assert 0 <= whole.notes["dev_d_eer"] <= 1
    assert Recipe.from_plain(dict(whole.recipe), "checkpoint") == recipe


def test_a_soup_that_was_stopped_goes_on(cooked: tuple[Recipe, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in its second training, it ends with the same weights; without resume it is refused, and nothing is lost."""
    recipe, folder = cooked
    descend, steps, each = loop.descend, count(), int(read_log(folder / "1-5")[-1]["step"])

    def stopped(*arguments: Any) -> float:
        if next(steps) == each + 1:
            raise KeyboardInterrupt
        return descend(*arguments)

    monkeypatch.setattr(loop, "descend", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, tmp_path / "run", quiet=True)
    monkeypatch.setattr(loop, "descend", descend)
    assert not (tmp_path / "run" / WEIGHTS).exists()
    with pytest.raises(RecipeError, match="holds a run already"):
        train(recipe, tmp_path / "run", quiet=True)
    train(recipe, tmp_path / "run", resume=True, quiet=True)
    again, before = Checkpoint.load(tmp_path / "run"), Checkpoint.load(folder)
    assert all(torch.equal(again.weights[name], value) for name, value in before.weights.items())
    assert again.notes == before.notes


def test_soups_and_single_trainings_do_not_share_a_folder(make_soup: Make, cooked: tuple[Recipe, Path], tmp_path: Path) -> None:
    """Either would overwrite the other's checkpoint."""
    recipe, folder = cooked
    with pytest.raises(RecipeError, match="holds the trainings of a soup"):
        train(make_soup(), folder, resume=True, quiet=True)
    shutil.copytree(folder, tmp_path / "runs" / "my-soup")
    train(make_soup(), tmp_path / "runs", quiet=True)  # a folder with a hyphen is nobody's member
    train(make_soup(), tmp_path / "one", quiet=True)
    with pytest.raises(RecipeError, match="holds one training"):
        train(recipe, tmp_path / "one", resume=True, quiet=True)


def test_what_a_later_training_lacks_is_found_before_the_first(make_soup: Make, tmp_path: Path) -> None:
    """Nothing is trained, and the fault says whose it is."""
    nowhere = {"augment": {"jitter": 1.0, "jittered": ["nowhere"]}}
    with pytest.raises(RecipeError, match=r"training .*2-5: .*augment\.jittered names sources without samples: nowhere"):
        train(make_soup(soup={"variants": [{}, nowhere]}), tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_it_says_which_training_it_is_at(make_soup: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error, with the folder, and how good the mean is at the end."""
    train(make_soup(soup={"seeds": 2, "statistics": 1}), tmp_path / "run")
    told = capsys.readouterr().err
    assert f"training 2 of 2: {tmp_path / 'run' / '1-6'}" in told
    assert "mean of 2 trainings: dev D-EER" in told


def test_the_mean_of_networks_leaves_them_as_they_are() -> None:
    """The first is not written to."""
    torch.manual_seed(0)
    networks = [ModelSpec("mobilenet-v2", (4, 5, 6)).build() for _ in range(3)]
    before = [{name: value.clone() for name, value in network.state_dict().items()} for network in networks]
    mean = mean_of(networks)
    for network, state in zip(networks, before, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
    for name, value in mean.named_parameters():
        expected = torch.stack([state[name] for state in before]).mean(0)
        assert torch.allclose(value, expected, atol=1e-6)
