"""A recipe for verification: what does not fit is told before anything is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from livegate.errors import RecipeError
from livegate.training.recipe import Recipe
from livegate.training.recipes import read_recipe
from livegate.training.verification.recipe import Angular, Distillation, VerificationRecipe

Make = Callable[..., VerificationRecipe]


def test_the_task_says_which_recipe_it_is() -> None:
    """A recipe without a task is one for liveness."""
    assert isinstance(read_recipe("seesaw_distilled"), VerificationRecipe)
    assert isinstance(read_recipe("default"), Recipe)


@pytest.mark.parametrize(
    ("tables", "fault"),
    [
        (
            {"model": {"name": "mobilenet-v2", "adaptive_stages": [4, 5]}},
            "'mobilenet-v2' is a network for liveness; choose one for verification",
        ),
        ({"augment": {"simulated": 0.1}}, "augment.simulated makes attacks"),
        ({"augment": {"jittered": ["celeba"]}}, "augment.jittered names sources"),
        ({"sampling": {"configurations": {"HHH": 1.0}}}, "'HHH' has length 3, the network has 2"),
        ({"sampling": {"configurations": {"HX": 1.0}}}, "unknown branch 'X' at position 1"),
        ({"sampling": {"configurations": {"HH": 0.9}}}, "must add up to 1, got 0.9"),
        ({"loss": {"name": "arcface", "margin": math.pi}}, "margin must stay below half a turn, got 3.14159"),
        ({"loss": {"name": "arcface", "scale": 0}}, "loss.arcface.scale: .*greater than 0"),
        ({"loss": {"name": "triplet"}}, "loss: .*'distillation', 'arcface', 'am-softmax'"),
        ({"loss": {"name": "distillation", "margin": 0.5}}, "loss.distillation.margin: Extra"),
        ({"data": {"dev_subjects": 1}}, "data.dev_subjects: .*greater than or equal to 2"),
        ({"wobble": {"degrees": 46}}, "wobble.degrees: .*less than or equal to 45"),
        ({"wobble": {"scale": 0.5}}, "wobble.scale: .*less than 0.5"),
        ({"colour": "BGR"}, "colour: .*'RGB', got 'BGR'"),
        ({"embedding_decay": -1}, "embedding_decay: .*greater than or equal to 0"),
        ({"size": 31}, "size: .*greater than or equal to 32"),
        ({"task": "liveness"}, "task: .*'verification'"),
    ],
)
def test_what_does_not_fit_is_refused(make_recipe: Make, tables: dict[str, Any], fault: str) -> None:
    """Each fault alone, with what was given."""
    with pytest.raises(RecipeError, match=fault) as caught:
        make_recipe(**tables)
    assert len(caught.value.faults) == 1


def test_all_faults_at_once(make_recipe: Make) -> None:
    """Those of three tables are in one message."""
    with pytest.raises(RecipeError) as caught:
        make_recipe(wobble={"degrees": 99, "shift": 2}, data={"dev_subjects": 0}, seed="none")
    assert len(caught.value.faults) == 4


def test_the_margin_of_a_cosine_is_no_angle(make_recipe: Make) -> None:
    """What ArcFace would refuse as half a turn is a number like any other off a cosine, however odd."""
    loss = make_recipe(loss={"name": "am-softmax", "margin": 3.5}).loss
    assert isinstance(loss, Angular)
    assert loss.margin == 3.5


def test_what_is_deployed_is_what_is_learned(make_recipe: Make) -> None:
    """Aligned, at the size of the recipe, from -1 to 1."""
    deployed = make_recipe(size=48).deployed
    assert (deployed.size, deployed.mean, deployed.std) == (48, (127.5,) * 3, (127.5,) * 3)


def test_the_papers_recipe_has_the_papers_numbers() -> None:
    """Zhang 2019 as specs/seesawfacenet.md, sections 4 and 5, states it."""
    recipe = read_recipe("seesaw_paper")
    assert isinstance(recipe, VerificationRecipe)
    optimiser, loss, augment = recipe.optimiser, recipe.loss, recipe.augment
    assert (optimiser.name, optimiser.learning_rate, optimiser.momentum) == ("sgd", 0.1, 0.9)
    assert (optimiser.schedule, optimiser.milestones, optimiser.gamma) == ("steps", (8, 12, 14), 0.1)
    assert (optimiser.batch, optimiser.epochs, optimiser.warmup_epochs) == (192, 16, 0)
    assert (optimiser.weight_decay, recipe.embedding_decay, recipe.decay_biases) == (4e-5, 4e-4, True)
    assert isinstance(loss, Angular)
    assert (loss.name, loss.scale, loss.margin) == ("arcface", 64, 0.5)
    assert {name: share for name, share in augment.model_dump().items() if share} == {"flip": 0.5}
    assert set(recipe.wobble.model_dump().values()) == {0}
    assert (recipe.model.name, recipe.model.backbone.adaptive_blocks) == ("seesaw-shuffle", 0)
    assert (recipe.size, recipe.sampling.configurations) == (112, {"": 1.0})


def test_the_distilled_recipe_takes_its_dev_from_celeba() -> None:
    """The people whom CelebA-Spoof has in dev and test are left out, and the teacher's cache is where it was."""
    recipe = read_recipe("seesaw_distilled")
    assert isinstance(recipe, VerificationRecipe)
    assert (recipe.data.dev_source, recipe.data.dev_subjects) == ("celeba", 40)
    assert recipe.data.leave_out == ("celeba-7223", "celeba-7393", "celeba-7425")
    assert isinstance(recipe.loss, Distillation)
    assert recipe.loss.cache == "teacher/w600k_mbf.npz"
    assert not recipe.decay_biases
