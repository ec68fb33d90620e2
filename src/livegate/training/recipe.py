"""A recipe: everything that decides what a training run does, in one TOML file."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from livegate.configuration import Configuration
from livegate.errors import RecipeError
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]

SHIPPED = Path(__file__).parents[1] / "recipes"


class Section(BaseModel):
    """A table of a recipe: frozen, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Data(Section):
    """What is learned from: an index, and which of its splits are for what."""

    index: str = "pad/index.csv"
    """Relative to ``root``."""
    root: str = ""
    """The data folder; empty for the environment's LIVEGATE_DATA, or else the current folder."""
    train: str = "train"
    dev: str = "dev"

    @property
    def folder(self) -> Path:
        """Where everything lies that the recipe names by a relative path."""
        return Path(self.root or os.environ.get("LIVEGATE_DATA", "."))

    @property
    def path(self) -> Path:
        """Where the index lies."""
        return self.folder / self.index


class Input(Section):
    """The part of `Preprocessing` that a recipe chooses: how the face is cut out when the network is deployed."""

    size: Annotated[int, Field(ge=32, le=1024)] = 128
    margin: Annotated[float, Field(ge=0.5, le=4)] = 1.0


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
    """What is done to the pixels in training. Each probability is drawn for each picture; the label plays no part."""

    flip: Share = 0.5
    jitter: Share = 0.5
    """Probability of a change of brightness, contrast, saturation (0.2 each) and hue (0.1)."""
    grey: Share = 0.0
    """Probability of losing all colour."""
    noise: Share = 0.2
    """Probability of sensor noise as of a high ISO setting."""
    blur: Share = 0.0
    resolution: Share = 0.0
    """Probability of being shrunk and enlarged again, as a face that was far away."""
    jpeg: Share = 0.0
    """Probability of a second JPEG compression, quality 40 to 95."""


class Sampling(Section):
    """Which pictures and which configurations are drawn."""

    balance: bool = True
    """Draw as many attacks as bona fide from each source."""
    shares: dict[str, Share] = {}
    """The share of a source among all pictures; the others share the rest by their size."""
    configurations: dict[str, Share]
    """The probability of each configuration, drawn once for each batch (Khabarlak 2022, Table 2)."""

    @model_validator(mode="after")
    def _sums(self) -> Self:
        total = sum(self.configurations.values())
        if abs(total - 1) > 1e-6:
            raise ValueError(f"probabilities of the configurations must add up to 1, got {total:g}")
        if sum(self.shares.values()) > 1:
            raise ValueError(f"shares of the sources must not exceed 1, got {sum(self.shares.values()):g}")
        return self


class Optimiser(Section):
    """Adam (with decoupled weight decay, so that 0 is plain Adam) on the cross entropy."""

    learning_rate: Positive = 1e-4
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup_epochs: Annotated[float, Field(ge=0)] = 0.0
    """The learning rate rises from 0 over these epochs."""
    label_smoothing: Share = 0.0
    batch: Count = 32
    epochs: Count = 20


class Run(Section):
    """What changes the speed of a run and its safety, not its aim."""

    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    threads: Annotated[int, Field(ge=0)] = 0
    """Threads of torch; 0 leaves its own choice."""
    loader_workers: Annotated[int, Field(ge=0)] = 1
    checkpoint_every: Count = 200
    """Steps between two checkpoints to resume from; the end of an epoch is always one."""


class Recipe(Section):
    """A training run, whole."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    seed: int = 0
    initial: str = ""
    """The checkpoint of a plain network of the same backbone to start from, relative to ``data.root``; empty to start from chance."""
    data: Data = Data()
    model: ModelSpec = ModelSpec()
    preprocessing: Input = Input()
    crop: Crop = Crop()
    augment: Augment = Augment()
    sampling: Sampling
    optimiser: Optimiser = Optimiser()
    run: Run = Run()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        blocks = self.model.backbone.adaptive_blocks
        for text in self.sampling.configurations:
            Configuration.parse(text, blocks)
        return self

    @property
    def deployed(self) -> Preprocessing:
        """What a picture goes through before it is judged."""
        return Preprocessing(size=self.preprocessing.size, margin=self.preprocessing.margin)

    @classmethod
    def read(cls, path: str | Path, overrides: Sequence[str] = ()) -> Self:
        """Read a recipe.

        Args:
            path: a TOML file, or the name of a shipped recipe such as ``default``.
            overrides: ``table.key=value`` each, the value as TOML would have it; a bare word is a string.

        Raises:
            RecipeError: with every fault found: unknown keys, values out of range, configurations that do not fit.
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
        return cls.from_plain(plain, path)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], name: object) -> Self:
        """A recipe from plain data; ``name`` is what a fault is reported against.

        Raises:
            RecipeError: with every fault found.
        """
        try:
            return cls.model_validate(plain)
        except ValidationError as error:
            faults = [
                f"{'.'.join(map(str, e['loc'])) or 'recipe'}: {e['msg']}, got {_short(e['input'])}" for e in error.errors()
            ]
            raise RecipeError(name, faults) from None


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
