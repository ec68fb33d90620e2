"""Stage 2 and its controls: what is frozen, what learns slowly, and depth learned beside the label."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric

from livegate.configuration import Configuration
from livegate.errors import RecipeError
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing
from livegate.pta import PTABlock
from livegate.training.learner import Learner
from livegate.training.lesson import begun, optimiser
from livegate.training.liveness import Liveness
from livegate.training.loop import _set_learning_rate, descend, learning_rate, train
from livegate.training.losses import total
from livegate.training.pseudo_depth.losses import known_map_loss
from livegate.training.recipe import Recipe
from livegate.training.sampling import alternating

Make = Callable[..., Recipe]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def make_two(generated: Path, maps: Path, make_recipe: Make) -> Make:
    """A function: a recipe of stage 2 on the generated set, from chance, changed by table."""

    def make(**tables: Any) -> Recipe:
        plain = make_recipe().model_dump(mode="json")
        plain |= {"model": {"name": "pseudo-depth", "adaptive_stages": []}, "data": {"index": str(generated)}}
        plain["sampling"] |= {"configurations": {"": 1.0}}
        plain["depth"] = {"maps": str(maps), "teacher": "five-points"}
        for name, table in tables.items():
            plain[name] = {**plain.get(name, {}), **table} if isinstance(table, dict) else table
        return Recipe.from_plain(plain, "tiny")

    return make


def _stepped(recipe: Recipe, folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The state of the network before and after two steps."""
    torch.set_num_threads(1)
    lesson = Liveness(recipe)
    batches = lesson.open(folder, quiet=True)
    torch.manual_seed(0)
    learner, adam = lesson.fresh(CPU)
    before = as_weights(learner.network)
    fabric = Fabric(accelerator="cpu", devices=1)
    model, wrapped = fabric.setup(learner, adam)
    for step in range(2):
        _set_learning_rate(adam, recipe, step, batches.steps_per_epoch)
        descend(fabric, model, wrapped, lesson, step, batches[step])
    return before, as_weights(learner.network)


def _moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[int]:
    """The numbers of the blocks in which anything differs."""
    return {int(name.split(".")[1]) for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def test_a_frozen_encoder_stays_as_it_is_bit_for_bit(make_two: Make, tmp_path: Path) -> None:
    """Weights and statistics of its 14 blocks; the two behind them learn. Not frozen, all 16 do."""
    assert _moved(*_stepped(make_two(trunk=0), tmp_path)) == {14, 15}
    assert _moved(*_stepped(make_two(), tmp_path)) == set(range(16))


def test_the_encoder_learns_at_its_share_of_the_rate(make_two: Make) -> None:
    """A tenth for what stands before the tail, all of it for the tail and a decoder."""
    recipe = make_two(trunk=0.1, depth={"weight": 0.5})
    learner, adam = Liveness(recipe).fresh(CPU)
    _set_learning_rate(adam, recipe, 0, 3)
    rates = {id(parameter): group["lr"] for group in adam.param_groups for parameter in group["params"]}
    named = dict(learner.named_parameters())
    assert rates.keys() == {id(parameter) for parameter in named.values()}
    slow = {name for name, parameter in named.items() if rates[id(parameter)] == pytest.approx(1e-4)}
    assert slow == {name for name in named if name.startswith("network.") and int(name.split(".")[2]) < 14}
    assert {rates[id(named[name])] for name in named.keys() - slow} == {1e-3}


def test_stage_2_starts_from_the_generator_of_stage_1(make_two: Make, tmp_path: Path) -> None:
    """By its recipe: the blocks of the encoder are the generator's."""
    spec = ModelSpec("depth-generator", ())
    generator = spec.build()
    Checkpoint(spec, Preprocessing(), as_weights(generator), {}, {}).save(tmp_path / "model.safetensors")
    learner, _ = Liveness(make_two(initial=str(tmp_path / "model.safetensors"))).fresh(CPU)
    for place in range(14):
        mine, other = learner.network.blocks[place].state_dict(), generator.blocks[place].state_dict()
        assert all(torch.equal(tensor, other[name]) for name, tensor in mine.items())


def test_of_several_initial_weights_each_takes_from_those_before(generated: Path, make_recipe: Make, tmp_path: Path) -> None:
    """An adaptive MobileNetV2 from a plain one and a generator: the generator's first blocks, the plain one's behind them."""
    specs = {"plain": ModelSpec("mobilenet-v2", ()), "depth": ModelSpec("depth-generator", ())}
    states = {}
    for name, spec in specs.items():
        states[name] = as_weights(spec.build())
        Checkpoint(spec, Preprocessing(), states[name], {}, {}).save(tmp_path / f"{name}.safetensors")
    names = [str(tmp_path / f"{name}.safetensors") for name in specs]
    state = begun(make_recipe(initial=names)).state_dict()
    assert torch.equal(state["blocks.0.0.weight"], states["depth"]["blocks.0.0.weight"])
    # The adaptive 64 and 96 channel stages are two blocks shorter, so block 12 is the first one behind the encoder, plain block 14.
    assert torch.equal(state["blocks.12.0.0.weight"], states["plain"]["blocks.14.0.0.weight"])


def test_depth_beside_the_label_adds_its_weighed_loss(make_two: Make, tmp_path: Path) -> None:
    """The sum by hand of the label's loss and the decoder's; the checkpoint of a run knows nothing of the decoder."""
    off = {"jitter": 0, "noise": 0, "blur": 0, "grey": 0}
    recipe = make_two(depth={"weight": 0.5}, augment=off, model={"dropout": 0})
    lesson = Liveness(recipe)
    batch = lesson.open(tmp_path, quiet=True)[0]
    torch.manual_seed(0)
    learner, _ = lesson.fresh(CPU)
    seen: list[Any] = []
    learner.train().register_forward_hook(lambda *arguments: seen.append(arguments[2]))
    loss = lesson.loss(learner, batch, Configuration(()), np.random.default_rng(0))
    (outputs,) = seen
    assert batch.maps is not None
    assert outputs.depth.shape == batch.maps.shape == (8, 1, 16, 16)
    label = total(outputs, batch.labels, batch.rows, recipe)
    assert loss.item() == pytest.approx((label + 0.5 * known_map_loss(outputs.depth, batch.maps)).item())
    checkpoint = Checkpoint.load(train(make_two(depth={"weight": 0.5}, optimiser={"epochs": 1}), tmp_path / "run", quiet=True))
    assert checkpoint.weights.keys() == ModelSpec("pseudo-depth", ()).build().state_dict().keys()


def test_the_branch_that_is_drawn_learns_depth_too(make_two: Make) -> None:
    """The decoder looks at the end of the 96 channel stage, whose adaptive block lies before it; the stages behind it get nothing of the map."""
    model = {"name": "mobilenet-v2", "adaptive_stages": [4, 5, 6]}
    recipe = make_two(depth={"weight": 0.5}, model=model, sampling={"configurations": {"LHH": 0.5, "HLL": 0.5}})
    learner = Learner(recipe.model.build(), recipe)
    outputs = learner.train()(torch.randn(2, 3, 32, 32), "LHH", torch.tensor([0, 1]))
    assert outputs.depth.shape == (2, 1, 16, 16)
    outputs.depth.sum().backward()
    taught = {
        place for place, block in enumerate(learner.network.blocks) if any(one.grad is not None for one in block.parameters())
    }
    assert taught == set(range(12))
    first = next(block for block in learner.network.blocks if isinstance(block, PTABlock))
    assert all(one.grad is None for one in first.heavy.parameters())
    assert all(one.grad is not None for one in first.light.parameters())


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        (
            {"model": {"name": "mobilenet-v3-large"}},
            "fits the stages of pseudo-depth and mobilenet-v2, got 'mobilenet-v3-large'",
        ),
        ({"augment": {"simulated": 0.1}}, "without mix and augment.simulated"),
        ({"mix": {"name": "mixup"}}, "without mix and augment.simulated"),
    ],
)
def test_depth_beside_the_label_asks_for_what_it_needs(make_two: Make, tables: dict[str, Any], fault: str) -> None:
    """The message says what."""
    with pytest.raises(RecipeError, match=fault):
        make_two(depth={"weight": 0.5}, **tables)


def test_late_in_the_run_the_rate_falls_in_a_straight_line(make_recipe: Make) -> None:
    """By hand, 4 epochs of 5 steps: constant for 10 steps, then from 1 at step 10 by a tenth a step."""
    recipe = make_recipe(optimiser={"learning_rate": 1e-3, "epochs": 4, "schedule": "late-linear"})
    by_hand = {0: 1e-3, 9: 1e-3, 10: 1e-3, 11: 9e-4, 15: 5e-4, 19: 1e-4}
    assert {step: learning_rate(recipe, step, 5) for step in by_hand} == pytest.approx(by_hand)


def test_adam_has_the_betas_of_the_recipe(make_recipe: Make) -> None:
    """Those of pix2pix where they are asked for."""
    found = optimiser(torch.nn.Linear(2, 2), make_recipe(optimiser={"betas": [0.5, 0.999]}).optimiser)
    assert {group["betas"] for group in found.param_groups} == {(0.5, 0.999)}


def test_alternating_keeps_the_draws_and_puts_them_in_turn(plain_pictures: list[Any]) -> None:
    """Five bona fide and eight attacks: in turn for ten places, then the attacks that are left, each kind in its old order."""
    order = np.array([1, 2, 0, 3, 4, 8, 5, 6, 12, 16, 7, 9, 10])  # every fourth picture is bona fide
    found = alternating(order, plain_pictures)
    assert found.tolist() == [1, 0, 2, 4, 3, 8, 5, 12, 6, 16, 7, 9, 10]
