"""A recipe says everything that a run does, and every fault of it at once."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from livegate.errors import RecipeError
from livegate.training.recipe import Recipe
from livegate.training.recipes import read_recipe

RECIPES = Path(__file__).parents[3] / "recipes"
SMALL: dict[str, Any] = {"name": "small", "sampling": {"configurations": {"HHH": 0.75, "LLL": 0.25}}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A recipe of few lines."""
    path = tmp_path / "small.toml"
    path.write_text('name = "small"\n[sampling.configurations]\nHHH = 0.75\nLLL = 0.25\n', encoding="utf-8")
    return path


def test_both_recipes_are_there() -> None:
    """The default model and the paper have a recipe each."""
    assert {"default.toml", "pta_paper.toml"} <= {path.name for path in RECIPES.glob("*.toml")}


def test_a_shipped_recipe_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``default`` is found from anywhere; another name is told which there are."""
    monkeypatch.chdir(tmp_path)
    assert Recipe.read("default") == Recipe.read(RECIPES / "default.toml")
    with pytest.raises(RecipeError, match=r"shipped recipe: default, mn3, mn3_short, .*pta_paper"):
        Recipe.read("defualt")


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_recipe_parses_and_is_named_after_its_file(path: Path) -> None:
    """What lies in recipes/ is free of faults."""
    assert read_recipe(path).name == path.stem


def test_the_papers_recipe_has_the_papers_numbers() -> None:
    """Khabarlak 2022 as specs/pta-mobilenetv2.md, section 4, states it; what the paper does not name is off."""
    recipe = Recipe.read(RECIPES / "pta_paper.toml")
    assert recipe.sampling.configurations == {"HHH": 0.45, "LHH": 0.15, "HLH": 0.15, "HHL": 0.15, "LLL": 0.10}
    assert not recipe.sampling.balance
    assert recipe.sampling.shares == {}
    optimiser = recipe.optimiser
    assert (optimiser.learning_rate, optimiser.batch, optimiser.epochs) == (1e-4, 32, 20)
    assert (optimiser.schedule, optimiser.weight_decay) == ("constant", 0)
    assert (optimiser.warmup_epochs, optimiser.label_smoothing) == (0, 0)
    augment = recipe.augment
    assert (augment.jitter, augment.iso_noise, augment.noise) == (0.5, 0.2, 0)
    assert (augment.flip, augment.grey, augment.blur, augment.resolution, augment.jpeg) == (0, 0, 0, 0, 0)
    assert (recipe.crop.margin, recipe.crop.shift, recipe.crop.small_share) == ((1.0, 1.0), 0, 0)
    assert (recipe.model.adaptive_stages, recipe.data.index) == ((4, 5, 6), "celeba-spoof/index.csv")


def test_what_the_papers_recipe_deploys_is_the_specs_input() -> None:
    """128 x 128 of the box itself, normalised by the statistics of CelebA-Spoof, on the scale 0..255."""
    deployed = Recipe.read(RECIPES / "pta_paper.toml").deployed
    assert (deployed.size, deployed.margin) == (128, 1.0)
    assert deployed.mean == pytest.approx([255 * share for share in (0.5931, 0.4690, 0.4229)])
    assert deployed.std == pytest.approx([255 * share for share in (0.2471, 0.2214, 0.2157)])


@pytest.mark.parametrize(
    ("table", "key"),
    [((), "epochs"), (("optimiser",), "nesterov"), (("data",), "indx"), (("model",), "width"), (("crop",), "pad")],
)
def test_an_unknown_key_is_named(table: tuple[str, ...], key: str) -> None:
    """A key that no table knows is a fault wherever it stands, so that a typing mistake is not trained on."""
    plain: dict[str, Any] = SMALL | {name: {key: 1} for name in table} if table else SMALL | {key: 1}
    with pytest.raises(RecipeError, match=rf"small\.toml: {'.'.join((*table, key))}: .*, got 1") as caught:
        Recipe.from_plain(plain, "small.toml")
    assert len(caught.value.faults) == 1
    assert (
        "; there are "
        + {"optimiser": "name, ", "data": "index, ", "model": "name, ", "crop": "margin, ", "": "name, "}["".join(table)]
    ) in str(caught.value)


@pytest.mark.parametrize("table", [{"HHH": 0.5, "LLL": 0.4}, {"HHH": 0.5, "LLL": 0.6}, {}])
def test_probabilities_that_do_not_add_up_to_one_are_refused(table: dict[str, float]) -> None:
    """The message says what the sum is."""
    with pytest.raises(RecipeError, match=f"must add up to 1, got {sum(table.values()):g}"):
        Recipe.from_plain({"name": "small", "sampling": {"configurations": table}}, "recipe")


def test_shares_beyond_the_whole_are_refused() -> None:
    """Sources cannot have more than all pictures."""
    sampling = SMALL["sampling"] | {"shares": {"a": 0.6, "b": 0.5}}
    with pytest.raises(RecipeError, match=r"shares of the sources must not exceed 1, got 1\.1"):
        Recipe.from_plain(SMALL | {"sampling": sampling}, "recipe")


@pytest.mark.parametrize(
    ("table", "missing"),
    [
        ({"LLL": 1.0}, "heavy branch of adaptive block 1"),
        ({"HHH": 0.5, "HLH": 0.5}, "light branch of adaptive block 1"),
        ({"HHH": 0.4, "LHH": 0.3, "HHL": 0.3, "HLH": 0.0}, "light branch of adaptive block 2"),
        ({"BHH": 0.5, "HLL": 0.5}, None),
    ],
)
def test_a_branch_that_would_never_learn_is_refused(table: dict[str, float], missing: str | None) -> None:
    """It would be shipped as chance made it, and heavy ones even choose the epoch. Where heavy ones teach, light ones need not be drawn."""
    plain = {"name": "small", "sampling": {"configurations": table}}
    if missing is None:
        Recipe.from_plain(plain, "recipe")
        return
    with pytest.raises(RecipeError, match=f"no configuration draws the {missing}, so it would learn nothing"):
        Recipe.from_plain(plain, "recipe")
    if "light" in missing:
        assert Recipe.from_plain(plain | {"branches": {"distilled": 0.5}}, "recipe").branches.distilled


@pytest.mark.parametrize(
    ("text", "message"),
    [("HH", "has length 2, the network has 3"), ("HHHH", "has length 4"), ("HXH", "unknown branch 'X' at position 1")],
)
def test_a_configuration_that_does_not_fit_the_network_is_refused(text: str, message: str) -> None:
    """Each configuration of the table has a letter for each adaptive block."""
    with pytest.raises(RecipeError, match=message):
        Recipe.from_plain({"name": "small", "sampling": {"configurations": {text: 1.0}}}, "recipe")


def test_a_stage_that_cannot_be_adaptive_is_refused_before_any_training() -> None:
    """The recipe is where a wrong stage is found, with the stages that are allowed."""
    with pytest.raises(RecipeError, match=r"stage 7 cannot be adaptive; .* are \[2, 3, 4, 5, 6\]"):
        Recipe.from_plain(SMALL | {"model": {"adaptive_stages": [4, 5, 7]}}, "recipe")


def test_a_stage_named_twice_is_refused() -> None:
    """A stage has one adaptive block: naming it twice would make configurations of the wrong length."""
    with pytest.raises(RecipeError, match="adaptive_stages"):
        Recipe.from_plain(SMALL | {"model": {"adaptive_stages": [4, 5, 5]}}, "recipe")


def test_a_crop_margin_that_runs_backwards_is_refused() -> None:
    """The lower end of the margin is not above the upper."""
    with pytest.raises(RecipeError, match=r"crop.*margin"):
        Recipe.from_plain(SMALL | {"crop": {"margin": [1.3, 1.0]}}, "recipe")


PLAIN: dict[str, Any] = {"sampling": {"configurations": {"": 1.0}}}
"""Of a network without adaptive blocks."""


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"optimiser": {"momentum": 0.9}}, "momentum belongs to sgd, got 0.9 with adamw"),
        ({"optimiser": {"schedule": "steps"}}, "the schedule steps needs milestones"),
        ({"optimiser": {"milestones": [20]}}, "milestones, and no other has them; got 'constant'"),
        ({"optimiser": {"schedule": "steps", "milestones": [40, 20]}}, r"milestones must rise, got \[40, 20\]"),
        ({"loss": {"name": "am-softmax"}}, "loss am-softmax needs model.classifier = 'cosine', got 'linear'"),
        (
            {"loss": {"name": "soft-triple"}, "model": {"classifier": "cosine"}},
            "needs model.classifier = 'soft-triple', got 'cosine'",
        ),
        ({"loss": {"name": "cross-entropy", "margin": 0.5}}, r"loss\.cross-entropy\.margin: .*, got 0\.5"),
        (
            {"loss": {"name": "arcface", "margin": 2, "ratio": [1, 0.5]}, "model": {"classifier": "cosine", "scale": 30}},
            "margin over ratio must stay below half a turn, got 2 over 0.5",
        ),
        ({"loss": {"name": "hinge"}}, "loss: .*'cross-entropy', 'am-softmax', 'arcface', 'soft-triple'"),
        ({"mix": {"name": "mixup", "alpha": 0}}, r"mix\.alpha: .*, got 0"),
        ({"mix": {"name": "cutmix"}, "challenge": {"features": 0.3}}, "use cutmix or challenge, not both"),
        ({"tasks": {"attributes": -1}}, r"tasks\.attributes: .*, got -1"),
        ({"tasks": {"type": 0.1}}, r"tasks\.type: .*, got 0\.1"),
        ({"tasks": {"species": 0.1}, "augment": {"simulated": 0.1}}, "use tasks without augment.simulated"),
        (
            PLAIN | {"model": {"name": "depth-generator", "adaptive_stages": []}},
            "is a network for depth; choose one for liveness",
        ),
        (
            PLAIN | {"model": {"name": "seesaw-share", "adaptive_stages": []}},
            "is a network for verification; choose one for liveness",
        ),
        ({"model": {"dropout": float("nan")}}, "dropout must be at least 0 and below 1, got nan"),
        ({"depth": {"weight": 0.5}, "preprocessing": {"size": 120}}, r"sizes must be multiples of 16, got \[120\]"),
        ({"depth": {"weight": 0.5}, "crop": {"small_share": 0.5, "small_size": 72}}, r"multiples of 16, got \[72\]"),
        ({"name": ".."}, "name: String should match pattern"),
    ],
)
def test_what_cannot_be_trained_is_refused(tables: dict[str, Any], message: str) -> None:
    """A number that would be ignored, a margin without angles, labels that would be smoothed twice: said, not passed over."""
    with pytest.raises(RecipeError, match=message):
        Recipe.from_plain(SMALL | tables, "recipe")


def test_the_recipe_of_anti_spoof_mn3_has_its_numbers() -> None:
    """specs/anti-spoof-mn3.md, section 4, and its input, which is that of every recipe."""
    recipe = Recipe.read("mn3")
    optimiser, augment = recipe.optimiser, recipe.augment
    assert (optimiser.name, optimiser.learning_rate, optimiser.momentum, optimiser.weight_decay) == ("sgd", 0.005, 0.9, 5e-4)
    assert (optimiser.schedule, optimiser.milestones, optimiser.gamma) == ("steps", (20, 40), 0.2)
    assert (optimiser.batch, optimiser.epochs, optimiser.label_smoothing, optimiser.warmup_epochs) == (256, 71, 0, 0)
    assert (recipe.model.name, recipe.model.adaptive_stages, recipe.model.dropout) == ("mobilenet-v3-large", (), 0.35)
    assert (augment.flip, augment.iso_noise, augment.brightness, augment.motion) == (0.5, 0.2, 0.3, 0.2)
    assert not any((augment.jitter, augment.grey, augment.noise, augment.blur, augment.resolution, augment.jpeg))
    assert dict(recipe.tasks) == {"species": 0.1, "illumination": 0.1, "attributes": 1.0}
    assert (recipe.loss.name, recipe.loss.focus) == ("cross-entropy", 0)
    assert (recipe.mix.name, recipe.mix.alpha, recipe.mix.beta, recipe.mix.probability) == ("none", 0.5, 0.5, 0.7)
    assert (recipe.challenge.features, recipe.challenge.pictures) == (0, 0.333)
    assert (recipe.sampling.balance, recipe.sampling.configurations) == (False, {"": 1.0})
    assert (recipe.data.train, recipe.data.dev) == ("train", "dev")


def test_the_short_recipe_shows_the_pictures_of_the_recipe_from_scratch() -> None:
    """What is compared is the network: data, crops, augmentation, draw and optimiser are the same."""
    short, scratch = Recipe.read("mn3_short"), Recipe.read("scratch")
    for table in ("initial", "data", "preprocessing", "crop", "augment", "optimiser", "loss", "mix", "tasks"):
        assert getattr(short, table) == getattr(scratch, table)
    assert (short.sampling.balance, short.sampling.shares) == (scratch.sampling.balance, scratch.sampling.shares)


def test_all_faults_are_told_at_once() -> None:
    """Four mistakes in four tables are four faults of one error."""
    plain = SMALL | {
        "optimiser": {"learning_rate": -1, "nesterov": 0.9},
        "augment": {"flip": 1.5},
        "data": {"indx": "a.csv"},
    }
    with pytest.raises(RecipeError) as caught:
        Recipe.from_plain(plain, "recipe")
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    assert all(key in text for key in ("optimiser.learning_rate", "optimiser.nesterov", "augment.flip", "data.indx"))


def test_overrides_change_values_of_every_kind(file: Path) -> None:
    """A number, a truth value, a list, a table's entry and a bare word are read as TOML would have them."""
    recipe = Recipe.read(
        file,
        [
            "optimiser.epochs=5",
            "sampling.balance=false",
            "crop.margin=[1.0, 1.1]",
            "sampling.configurations.HHH=0.5",
            "sampling.configurations.BBB=0.25",
            "optimiser.schedule=cosine",
            "seed=7",
        ],
    )
    assert (recipe.optimiser.epochs, recipe.optimiser.schedule, recipe.seed) == (5, "cosine", 7)
    assert (recipe.sampling.balance, recipe.crop.margin) == (False, (1.0, 1.1))
    assert recipe.sampling.configurations == {"HHH": 0.5, "LLL": 0.25, "BBB": 0.25}


def test_what_is_not_overridden_stays(file: Path) -> None:
    """An override changes its own key alone."""
    before, after = Recipe.read(file).model_dump(), Recipe.read(file, ["optimiser.epochs=5"]).model_dump()
    assert (before["optimiser"].pop("epochs"), after["optimiser"].pop("epochs")) == (20, 5)
    assert before == after


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "must read key=value"),
        ("=5", "must read key=value"),
        ("name.first=5", "'name' is no table"),
        ("optimiser.epoch=5", "optimiser.epoch: .*, got 5"),
        ("optimiser.epochs=many", "optimiser.epochs: .*, got 'many'"),
    ],
)
def test_a_wrong_override_is_refused(file: Path, override: str, message: str) -> None:
    """An override is held to the same rules as the file."""
    with pytest.raises(RecipeError, match=message):
        Recipe.read(file, [override])


@pytest.mark.parametrize("content", [b"name = ", b"\xff\xfe", b"[a\n"])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    """Another format is named as such."""
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"bad\.toml: is no TOML file"):
        Recipe.read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere is told, and a folder too."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(RecipeError, match=r"cannot be read .*; give a TOML file"):
            Recipe.read(path)


def test_a_recipe_survives_its_plain_form() -> None:
    """What a checkpoint keeps of a recipe builds the same recipe again."""
    recipe = Recipe.read(RECIPES / "default.toml")
    assert Recipe.from_plain(recipe.model_dump(mode="json"), "again") == recipe


def test_the_index_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a root in the recipe LIVEGATE_DATA is the data folder; a root in the recipe goes first."""
    monkeypatch.setenv("LIVEGATE_DATA", "/somewhere")
    assert Recipe.from_plain(SMALL, "recipe").data.path == Path("/somewhere/pad/index.csv")
    rooted = Recipe.from_plain(SMALL | {"data": {"root": "/here", "index": "a.csv"}}, "recipe")
    assert rooted.data.path == Path("/here/a.csv")


def test_the_papers_recipe_names_only_what_recipes_know() -> None:
    """The file itself states each number of the paper: nothing of it rests on a default."""
    plain = tomllib.loads((RECIPES / "pta_paper.toml").read_text(encoding="utf-8"))
    stated = {f"{table}.{key}" for table in ("optimiser", "augment", "crop", "sampling") for key in plain[table]}
    assert {"optimiser.learning_rate", "optimiser.batch", "optimiser.epochs", "augment.flip", "crop.margin"} <= stated
    assert {"sampling.balance", "sampling.configurations"} <= stated
