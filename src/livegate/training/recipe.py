"""A recipe: everything that decides what a training run does, in one TOML file."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from livegate.configuration import Branch, Configuration
from livegate.errors import RecipeError
from livegate.files import NAME
from livegate.models.backbone import Backbone
from livegate.models.depth_generator import DRAWN_BESIDE
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

HALVINGS = 16
"""A side is halved four times before the decoder of depth doubles it."""

SHIPPED = Path(__file__).parents[1] / "recipes"


class Section(BaseModel):
    """A table of a recipe: frozen, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], name: object) -> Self:
        """A table, or a whole recipe, from plain data; ``name`` is what a fault is reported against.

        Raises:
            RecipeError: with every fault found.
        """
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}, got {_short(e['input'])}{cls._instead(e)}"
                for e in error.errors()
            ]
            raise RecipeError(name, faults) from None

    @classmethod
    def _instead(cls, error: ErrorDetails) -> str:
        """The names that there are, where one is not among them."""
        table: Any = cls
        for key in error["loc"][:-1]:
            field = getattr(table, "model_fields", {}).get(key)
            table = field.annotation if field else None
        known = getattr(table, "model_fields", {}) or getattr(table, "__dataclass_fields__", {})
        names = known if error["type"].startswith(("extra_forbidden", "unexpected_keyword")) else {}
        return f"; there are {', '.join(names)}" if names else ""


class Place(Section):
    """Where what is learned from lies."""

    index: str = "pad/index.csv"
    """Relative to ``root``."""
    root: str = ""
    """The data folder; empty for the environment's LIVEGATE_DATA, or else the current folder."""

    @property
    def folder(self) -> Path:
        """Where everything lies that the recipe names by a relative path."""
        return Path(self.root or os.environ.get("LIVEGATE_DATA", "."))

    @property
    def path(self) -> Path:
        """Where the index lies."""
        return self.folder / self.index


class Data(Place):
    """What is learned from: an index, and which of its splits are for what."""

    train: str = "train"
    dev: str = "dev"
    leave_out: tuple[str, ...] = ()
    """Sources of which no picture is used, neither to train nor as dev, such as those that the result is measured on."""


class Input(Section):
    """The part of `Preprocessing` that a recipe chooses: how the face is cut out when the network is deployed, and what is made of its tones."""

    size: Annotated[int, Field(ge=32, le=1024)] = 128
    margin: Annotated[float, Field(ge=0.5, le=4)] = 1.0
    standardised: bool = False


class Crop(Section):
    """How the face is cut out in training."""

    margin: tuple[Positive, Positive] = (1.0, 1.3)
    """The margin is drawn between these; the upper end falls to what the picture has."""
    shift: Share = 0.04
    """The centre moves by up to this share of the side, in both directions."""
    small_size: Annotated[int, Field(ge=32, le=1024)] = 96
    small_share: Share = 0.0
    """The first share of the run trains on crops of ``small_size``, which costs less (Tan and Le 2021, section 4.2)."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.margin[0] > self.margin[1]:
            raise ValueError(f"margin must run from the smaller to the larger, got {list(self.margin)}")
        return self


class Augment(Section):
    """What is done to the pixels in training. Each probability is drawn for each picture; the label plays no part but in `simulated`."""

    flip: Share = 0.5
    jitter: Share = 0.5
    """Probability of a change of brightness, contrast, saturation (0.2 each) and hue (0.1)."""
    jittered: tuple[str, ...] = ()
    """The sources whose pictures are jittered; empty for all, and ``jitter`` 0 for none. Where one camera took the bona fide presentations and
    another the attacks, colours tell the cameras apart; where one took both, they are evidence."""
    grey: Share = 0.0
    """Probability of losing all colour."""
    noise: Share = 0.2
    """Probability of sensor noise as of a high ISO setting."""
    blur: Share = 0.0
    resolution: Share = 0.0
    """Probability of being shrunk and enlarged again, as a face that was far away."""
    jpeg: Share = 0.0
    """Probability of a second JPEG compression, quality 40 to 95."""
    simulated: Share = 0.0
    """Probability of an attack being a simulated print or replay of some bona fide picture instead. Half as often a bona fide picture is
    taken once more by the same simulated camera."""
    iso_noise: Share = 0.0
    """Probability of noise in lightness and hue; it, brightness and motion are those of anti-spoof-mn3."""
    brightness: Share = 0.0
    """Probability of another brightness and contrast, by up to 0.2 each."""
    motion: Share = 0.0
    """Probability of a blur of 3 or 5 pixels along a line."""


class Drawing(Section):
    """Which configurations are drawn."""

    configurations: dict[str, Share]
    """The probability of each configuration, drawn once for each batch (Khabarlak 2022, Table 2)."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = sum(self.configurations.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"probabilities of the configurations must add up to 1, got {total:g}")
        return self

    def require_learned(self, backbone: Backbone, *, taught: bool = False) -> None:
        """Check that each branch of each adaptive block is drawn now and then: what never is stays as chance made it, and would be shipped.

        Args:
            backbone: whose blocks they are.
            taught: light branches learn whenever the heavy one beside them is drawn.

        Raises:
            ValueError: if a branch never learns, or a configuration does not fit.
        """
        drawn = [Configuration.parse(text, backbone.adaptive_blocks) for text, share in self.configurations.items() if share]
        needed = (Branch.HEAVY,) if taught else (Branch.HEAVY, Branch.LIGHT)
        for block, branches in enumerate(zip(*drawn, strict=True), start=1):
            for branch in needed:
                if not {branch, Branch.BOTH} & set(branches):
                    word = branch.name.lower()
                    raise ValueError(
                        f"no configuration draws the {word} branch of adaptive block {block}, so it would learn nothing; give one that "
                        "does, or a network without that adaptive stage"
                    )


class Sampling(Drawing):
    """Which pictures and which configurations are drawn."""

    balance: bool = True
    """Draw as many attacks as bona fide from each source."""
    shares: dict[str, Share] = {}
    """The share of a source among all pictures; the others share the rest by their size."""

    @model_validator(mode="after")
    def _sums(self) -> Self:
        if sum(self.shares.values()) > 1:
            raise ValueError(f"shares of the sources must not exceed 1, got {sum(self.shares.values()):g}")
        return self


class Optimiser(Section):
    """How the loss is made small; weight decay is decoupled with AdamW (0 is plain Adam) and part of the gradient with SGD."""

    name: Literal["adamw", "sgd"] = "adamw"
    learning_rate: Positive = 1e-4
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Of SGD."""
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.999)
    """Of AdamW."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["constant", "cosine", "steps", "late-linear"] = "constant"
    """``late-linear``: constant for the first half of the run, then down to zero in a straight line (Isola et al. 2017)."""
    milestones: tuple[Count, ...] = ()
    """After each of these numbers of epochs the schedule ``steps`` multiplies the learning rate with ``gamma``."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """The learning rate rises from 0 over these epochs."""
    label_smoothing: Share = 0.0
    """This share of a label is spread evenly over both classes; anti-spoof-mn3 states the half that the other class gets."""
    averaged: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """What an average of the weights keeps of itself at each step; the average, over about 1 / (1 - averaged) steps, is what is measured and
    kept (Polyak and Juditsky 1992; for unseen sources, Cha et al. 2021). 0 = the last weights themselves."""
    batch: Count = 32
    epochs: Count = 20

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.momentum and self.name != "sgd":
            raise ValueError(f"momentum belongs to sgd, got {self.momentum:g} with {self.name}")
        if bool(self.milestones) != (self.schedule == "steps"):
            raise ValueError(f"the schedule steps needs milestones, and no other has them; got {self.schedule!r}")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError(f"milestones must rise, got {list(self.milestones)}")
        return self


class Focused(Section):
    """What every loss may have."""

    focus: Annotated[float, Field(ge=0)] = 0.0
    """Gamma of the focal loss (Lin et al. 2017): pictures that are judged well count less; 0 = all count alike."""


class CrossEntropy(Focused):
    """Softmax cross entropy."""

    name: Literal["cross-entropy"] = "cross-entropy"


class AngularMargin(Focused):
    """A margin on the target class that the cosine (am-softmax, Wang et al. 2018) or its angle (arcface, Deng et al. 2019) must make up."""

    name: Literal["am-softmax", "arcface"]
    margin: Annotated[float, Field(ge=0)] = 0.5
    """Off the cosine, or on the angle, in radians."""
    ratio: tuple[Positive, Positive] = (1.0, 1.0)
    """The margin of bona fide and of attacks is divided by these."""

    @model_validator(mode="after")
    def _within_half_a_turn(self) -> Self:
        if self.name == "arcface" and self.margin >= math.pi * min(self.ratio):
            raise ValueError(f"margin over ratio must stay below half a turn, got {self.margin:g} over {min(self.ratio):g}")
        return self


class SoftTripleLoss(Focused):
    """Cross entropy of the similarity to a class of several proxies (Qian et al. 2019)."""

    name: Literal["soft-triple"]
    margin: Annotated[float, Field(ge=0)] = 0.35
    """Off the similarity to the target class."""
    spread: Annotated[float, Field(ge=0)] = 0.2
    """Tau: weight of the distance between the proxies of a class."""


Loss = Annotated[CrossEntropy | AngularMargin | SoftTripleLoss, Field(discriminator="name")]
CLASSIFIERS = {"am-softmax": "cosine", "arcface": "cosine", "soft-triple": "soft-triple"}
"""The last layer that a loss needs; cross entropy takes any."""


class Tasks(Section):
    """What is learned beside, from labels that CelebA-Spoof has: the weight of each loss, 0 = not at all; that of the spoof loss is 1."""

    species: Annotated[float, Field(ge=0)] = 0.0
    illumination: Annotated[float, Field(ge=0)] = 0.0
    attributes: Annotated[float, Field(ge=0)] = 0.0


class Mix(Section):
    """Pictures of a batch are mixed with one another, and their labels likewise; or their styles alone."""

    name: Literal["none", "mixup", "cutmix"] = "none"
    alpha: Positive = 0.5
    beta: Positive = 0.5
    """The share of a picture in the mixture is drawn from Beta(alpha, beta), once for a batch."""
    probability: Share = 0.7
    """Of a batch being mixed at all."""
    style: Share = 0.0
    """Probability of a batch whose features swap styles (Zhou et al. 2021); labels stay as they are."""


class Challenge(Section):
    """Representation self-challenging (Huang et al. 2020): the features that tell most are muted, so that others must be learned."""

    features: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of a picture's features that is muted; 0 = off."""
    pictures: Share = 1 / 3
    """The share of a batch whose features are."""


class Depth(Section):
    """Maps of depth that `livegate depth` made; those of attacks are zero by their label."""

    maps: str = "depth"
    """Their folder, relative to ``data.root``."""
    teacher: str = "mesh"
    """Who must have made them: maps of two teachers are not to be compared."""


class DepthHead(Depth):
    """Depth learned beside the label: a decoder, in training only, draws a map from what the stages gave."""

    weight: Annotated[float, Field(ge=0)] = 0.0
    """Of the map's loss, L1 + contrast / 10; that of the label is 1. 0 = no maps are read."""


class Branches(Section):
    """How the branches of adaptive blocks learn from each other."""

    distilled: Annotated[float, Field(ge=0)] = 0.0
    """Of in-place distillation, block by block: each time a heavy branch is drawn, the light one learns to give what it gives. The weight of the
    mean squared differences over the variance of what is to be given, of all blocks; that of the label is 1. 0 = the label alone teaches."""
    recalibrated: Annotated[int, Field(ge=0)] = 0
    """Before the network is measured and kept, the statistics of batch normalisation become the means over the pictures of the run's last so
    many steps, whose crops have the deployed size, with configurations drawn as they are trained. 0 = running averages, as training leaves them."""


class Soup(Section):
    """Several trainings, and one network of the mean of their weights (Wortsman et al. 2022)."""

    variants: tuple[dict[str, Any], ...] = ()
    """What each kind of training changes in the recipe, table by table; empty for one kind, the recipe as it stands."""
    seeds: Count = 1
    """How many trainings there are of each kind; their seeds count up from the recipe's."""
    statistics: Count = 100
    """Those of batch normalisation become the means over the pictures of the last so many steps, as with ``branches.recalibrated``."""

    @property
    def size(self) -> int:
        """How many trainings there are; 1: no soup."""
        return max(1, len(self.variants)) * self.seeds


class Run(Section):
    """What changes the speed of a run and its safety, not its aim."""

    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of torch; 0 leaves its own choice."""
    loader_workers: Annotated[int, Field(ge=0)] = 1
    checkpoint_every: Count = 200
    """Steps between two checkpoints to resume from; the end of an epoch is always one."""


class AnyRecipe(Section):
    """What all recipes have: a name, chance, an aim, and how they are read."""

    name: Annotated[str, Field(pattern=NAME)]
    seed: int = 0
    model: ModelSpec = ModelSpec()
    sampling: Drawing
    optimiser: Optimiser = Optimiser()
    run: Run = Run()

    @classmethod
    def read(cls, path: str | Path, overrides: Sequence[str] = ()) -> Self:
        """Read a recipe.

        Args:
            path: a TOML file, or the name of a shipped recipe such as ``default``.
            overrides: ``table.key=value`` each, the value as TOML would have it; a bare word is a string.

        Raises:
            RecipeError: with every fault found: unknown keys, values out of range, configurations that do not fit.
        """
        return cls.from_plain(read_plain(path, overrides), path)


class PresentationRecipe(AnyRecipe):
    """What training on bona fide presentations and attacks has, whatever is learned of them."""

    initial: str | tuple[str, ...] = ""
    """The checkpoint to start from, relative to ``data.root``: of a plain network with the same stages, or of a generator of depth with
    the same first ones. Of several each takes what it has from those before it. Empty to start from chance."""
    data: Data = Data()
    preprocessing: Input = Input()
    crop: Crop = Crop()
    augment: Augment = Augment()
    sampling: Sampling

    @model_validator(mode="after")
    def _configurations_fit(self) -> Self:
        blocks = self.model.backbone.adaptive_blocks
        for text in self.sampling.configurations:
            Configuration.parse(text, blocks)
        return self

    @property
    def deployed(self) -> Preprocessing:
        """What a picture goes through before it is judged."""
        return Preprocessing(**self.preprocessing.model_dump())


class Recipe(PresentationRecipe):
    """A training run for liveness, whole."""

    trunk: Share = 1.0
    """Learning rate of the stem and the stages as a share of the tail's; 0 freezes them, and what their batch normalisation knows."""
    loss: Loss = CrossEntropy()
    tasks: Tasks = Tasks()
    depth: DepthHead = DepthHead()
    branches: Branches = Branches()
    mix: Mix = Mix()
    challenge: Challenge = Challenge()
    soup: Soup = Soup()

    def members(self) -> dict[str, Recipe]:
        """The trainings of the soup, by names such as 2-7, the second variant with seed 7; nothing where there is one training alone.

        Raises:
            RecipeError: if a variant does not fit.
        """
        if self.soup.size == 1:
            return {}
        plain = self.model_dump(mode="json", exclude={"soup"})
        return {
            f"{number}-{seed}": Recipe.from_plain(_changed(plain, {**variant, "seed": seed}), f"soup.variants {number}")
            for number, variant in enumerate(self.soup.variants or ({},), start=1)
            for seed in range(self.seed, self.seed + self.soup.seeds)
        }

    @model_validator(mode="after")
    def _can_be_averaged(self) -> Self:
        if self.soup.size == 1 and any(self.soup.variants):
            raise ValueError("a soup of one training is none: write what soup.variants changes into the recipe itself")
        fixed = {"soup", "seed", "name", "model", "preprocessing", "data", "run"}
        for variant in self.soup.variants:
            if taken := sorted(fixed & set(variant)):
                raise ValueError(f"the trainings of a soup share {', '.join(taken)}; soup.variants cannot change that")
        try:
            self.members()
        except RecipeError as error:
            raise ValueError(str(error)) from None
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        backbone = self.model.backbone
        if backbone.task != "liveness":
            raise ValueError(f"{self.model.name!r} is a network for {backbone.task}; choose one for liveness")
        self.sampling.require_learned(backbone, taught=self.branches.distilled > 0)
        needed = CLASSIFIERS.get(self.loss.name, self.model.classifier)
        if needed != self.model.classifier:
            raise ValueError(f"loss {self.loss.name} needs model.classifier = {needed!r}, got {self.model.classifier!r}")
        if self.mix.name != "none" and self.challenge.features:
            raise ValueError(
                f"features are challenged by the one label of a picture: use {self.mix.name} or challenge, not both"
            )
        if (self.branches.recalibrated or self.soup.size > 1) and not self.trunk:
            what = "branches.recalibrated" if self.branches.recalibrated else "a soup"
            raise ValueError(f"trunk = 0 freezes the statistics that {what} would estimate anew: use one of them")
        if self.tasks != Tasks() and self.augment.simulated:
            raise ValueError("a simulated attack has no species, light or attributes: use tasks without augment.simulated")
        if self.depth.weight:
            self._require_depth()
        return self

    def _require_depth(self) -> None:
        if self.model.name not in DRAWN_BESIDE:
            raise ValueError(f"the decoder of depth fits the stages of {' and '.join(DRAWN_BESIDE)}, got {self.model.name!r}")
        if self.mix.name != "none" or self.augment.simulated:
            raise ValueError("a map of depth belongs to one picture as it is: use depth without mix and augment.simulated")
        sizes = {self.preprocessing.size, *([self.crop.small_size] if self.crop.small_share else [])}
        if odd := sorted(size for size in sizes if size % HALVINGS):
            raise ValueError(f"the decoder of depth doubles what was halved: sizes must be multiples of {HALVINGS}, got {odd}")


def _changed(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data with other values; of a table only the keys that the changes have."""
    result = dict(plain)
    for key, value in changes.items():
        old = plain.get(key)
        result[key] = _changed(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def read_plain(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """A recipe as plain data, unchecked; takes what `AnyRecipe.read` does.

    Raises:
        RecipeError: if the file cannot be read or an override is none.
    """
    shipped = {file.stem: file for file in SHIPPED.glob("*.toml")}
    try:
        plain = tomllib.loads(shipped.get(str(path), Path(path)).read_text(encoding="utf-8"))
    except OSError as error:
        what = f"give a TOML file, or the name of a shipped recipe: {', '.join(sorted(shipped))}"
        raise RecipeError(path, [f"cannot be read ({error.strerror}); {what}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(path, [f"is no TOML file ({error})"]) from None
    for override in overrides:
        _apply(plain, override, path)
    return plain


def _apply(plain: dict[str, Any], override: str, path: object) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise RecipeError(path, [f"override {override!r} must read key=value, such as optimiser.epochs=5"])
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *tables, last = key.split(".")
    for table in tables:
        plain = plain.setdefault(table, {})
        if not isinstance(plain, dict):
            raise RecipeError(path, [f"override {override!r}: {table!r} is no table"])
    plain[last] = value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
