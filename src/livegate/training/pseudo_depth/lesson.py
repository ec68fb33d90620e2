"""Learning to draw the depth of a face, and nothing for an attack, against a discriminator (stage 1 of the pre-training)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import l1_loss
from torch.optim import Optimizer

from livegate.capture import whole
from livegate.configuration import Branch, Configuration
from livegate.data.depth import Square, frame
from livegate.errors import RecipeError
from livegate.files import write
from livegate.metrics import auc
from livegate.models.depth_generator import Discriminator
from livegate.models.network import Network
from livegate.models.normalisation import normalise
from livegate.models.scorer import TorchScorer
from livegate.pictures import encoded, read
from livegate.preprocessing import Pixels, Preprocessing, square, to_input
from livegate.sample import Sample
from livegate.training.augment import PixelAugment
from livegate.training.lesson import Errors, begun, optimiser
from livegate.training.loader import Batch, Batches
from livegate.training.pseudo_depth.losses import contrastive, taken_for
from livegate.training.pseudo_depth.recipe import DepthRecipe
from livegate.training.sampling import alternating
from livegate.training.targets import Targets, opened

SHEETS = "maps"
"""The folder, in that of the run, with a sheet of maps for each epoch."""
SHOWN = 5
"""So many bona fide pictures of dev and as many attacks are on it."""
BATCH = 32
DECIDES = 0.5
"""A map whose patches score more than this on average is taken for real."""


class Opened(NamedTuple):
    """What `PseudoDepth.open` found."""

    folder: Path
    dev: Sequence[Sample]
    targets: Targets


class Bout(NamedTuple):
    """What one step drew, (N, 1, M, M), and how it was judged, (N, 1, P, P) each; None without a discriminator.

    Attributes:
        drawn: by the generator.
        real: scores of the real maps; only the discriminator learns from them.
        generated: scores of the drawn maps; only the discriminator learns from them.
        fooled: the same scores; only the generator learns from them.
    """

    drawn: Tensor
    real: Tensor | None = None
    generated: Tensor | None = None
    fooled: Tensor | None = None


class Adversaries(nn.Module):
    """A generator and its discriminator. A checkpoint keeps the generator alone.

    What decides the discriminator's learning rate is kept in buffers, and so in the state that a run resumes from.

    Args:
        network: the generator.
        discriminator: None to learn from the real maps alone.
        rate: the discriminator's learning rate as a share of the generator's.
    """

    rate: Tensor
    slow: Tensor
    right: Tensor
    judged: Tensor
    epoch: Tensor

    def __init__(self, network: Network, discriminator: Discriminator | None, rate: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.discriminator = discriminator
        self.register_buffer("rate", torch.tensor(rate))
        self.register_buffer("slow", torch.zeros((), dtype=torch.bool))
        for count in ("right", "judged", "epoch"):
            self.register_buffer(count, torch.zeros((), dtype=torch.int64))

    def forward(self, x: Tensor, maps: Tensor, configuration: str) -> Bout:
        """Draw, and judge the real and the drawn maps.

        Args:
            x: (N, 3, S, S) float, normalised.
            maps: (N, 1, S / 2, S / 2), 0..1, the real ones.
            configuration: one branch for each adaptive block, as text.
        """
        drawn = self.network(x, Configuration.parse(configuration))
        if self.discriminator is None:
            return Bout(drawn)
        real, generated = self.discriminator(x, maps), self.discriminator(x, drawn.detach())
        self._count(real, generated)
        still = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        return Bout(drawn, real, generated, functional_call(self.discriminator, still, (x, drawn)))

    def accuracy(self) -> float:
        """The share of maps that the discriminator has judged rightly in this epoch; NaN where it judged none."""
        return int(self.right) / int(self.judged) if self.judged else float("nan")

    def end_epoch(self, limit: float, slowed: float) -> None:
        """Slow the discriminator down, once and for all, where it was right too often; and count anew."""
        if self.accuracy() > limit and not self.slow:
            self.rate *= slowed
            self.slow.fill_(value=True)
        self.right.zero_()
        self.judged.zero_()
        self.epoch += 1

    def _count(self, real: Tensor, generated: Tensor) -> None:
        means = real.detach().mean((1, 2, 3)), generated.detach().mean((1, 2, 3))
        self.right += (means[0] > DECIDES).sum() + (means[1] <= DECIDES).sum()
        self.judged += 2 * len(real)


class PseudoDepth:
    """The lesson of a `DepthRecipe`.

    Both adversaries take a step at once, with one optimiser: the loss is the sum of the discriminator's, in which the drawn maps are
    constants, and the generator's, in which the discriminator's parameters are. So no parameter has a gradient from both, and the sum
    teaches each exactly its own.
    """

    columns: ClassVar[tuple[str, ...]] = ("dev_l1", "dev_attack", "dev_auc", "discriminator")

    def __init__(self, recipe: DepthRecipe) -> None:
        self.recipe = recipe
        self._augment = PixelAugment(recipe.augment)
        self._opened: Opened | None = None
        self._adversaries: Adversaries | None = None

    @property
    def deployed(self) -> Preprocessing:
        """See `Lesson`."""
        return self.recipe.deployed

    def open(self, folder: Path, *, quiet: bool) -> Batches:
        """See `Lesson`. Bona fide pictures without a map are left out.

        Raises:
            RecipeError: if the recipe does not fit the data.
            IndexFileError: if the index has faults, no labels or lacks a split.
            DepthError: if there are no maps of this index.
        """
        recipe = self.recipe
        training, dev = opened(recipe)
        shuffled = recipe.seed if recipe.depth.shuffled else None
        targets = Targets.open(recipe.depth, recipe.data, training.samples, shuffled)
        samples = [sample for sample in training.samples if targets.known(sample)]
        if not quiet and len(samples) < len(training.samples):
            told = f"{len(training.samples) - len(samples):,} bona fide pictures have no map of depth and are left out"
            Console(stderr=True).print(told, soft_wrap=True)
        self._opened = Opened(folder, [sample for sample in dev.samples if targets.known(sample)], targets)
        if len({sample.bona_fide for sample in self._opened.dev}) < 2:
            raise RecipeError(recipe.name, ["dev needs attacks and bona fide pictures with a map of depth"])
        return HalfAndHalf(samples, recipe, targets)

    def fresh(self, device: torch.device) -> tuple[Adversaries, Optimizer]:
        """See `Lesson`; the generator from the recipe's initial weights, if it has them."""
        recipe = self.recipe
        network = begun(recipe)
        discriminator = Discriminator() if recipe.loss.adversarial else None
        both = Adversaries(network, discriminator, recipe.discriminator.rate).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        scales = {id(parameter): both.rate for parameter in discriminator.parameters()} if discriminator else {}
        self._adversaries = both
        return both, optimiser(both, recipe.optimiser, scales=scales)

    def loss(self, model: nn.Module, batch: Batch, configuration: Configuration, _: np.random.Generator) -> Tensor:
        """See `Lesson`."""
        device = next(model.parameters()).device
        pictures = self._augment(batch.pictures.to(device), batch.jittered)
        x = normalise(pictures, self.deployed).contiguous(memory_format=torch.channels_last)
        real = _present(batch.maps).to(device)
        bout, weights = model(x, real, str(configuration)), self.recipe.loss
        drawn = bout.drawn.float()
        loss = weights.l1 * l1_loss(drawn, real) + weights.contrast * contrastive(drawn, real)
        if bout.fooled is None:
            return loss
        discriminator = 0.5 * (taken_for(bout.real, 1) + taken_for(bout.generated, 0))
        return loss + weights.adversarial * taken_for(bout.fooled, 1) + discriminator

    def settle(self, network: Network) -> None:
        """See `Lesson`; it is ready as it is."""

    def errors(self, network: Network) -> Errors:
        """How far the maps of dev are off: of bona fide pictures by L1, of attacks by their mean, which shall be 0.

        Beside them the AUC of a picture's mean depth as a score, and how often the discriminator was right in the epoch, by which it is
        slowed down. A sheet of maps is left in the run's folder.
        """
        opened, adversaries = _present(self._opened), _present(self._adversaries)
        accuracy = adversaries.accuracy()
        adversaries.end_epoch(self.recipe.discriminator.limit, self.recipe.discriminator.slowed)
        bona_fide = np.array([sample.bona_fide for sample in opened.dev])
        shown = set(_spread(np.flatnonzero(bona_fide)) + _spread(np.flatnonzero(~bona_fide)))
        means, off, rows = np.zeros(len(opened.dev)), np.zeros(len(opened.dev)), []
        for place, (crop, real, drawn) in enumerate(_drawn(network, self.deployed, opened.dev, opened.targets)):
            means[place], off[place] = drawn.mean(), np.abs(drawn - real).mean()
            if place in shown:
                rows.append(_row(crop, real, drawn))
        _write_sheet(opened.folder / SHEETS / f"{int(adversaries.epoch):03}.png", rows)
        l1, flat = float(off[bona_fide].mean()), float(off[~bona_fide].mean())
        area = auc(means[bona_fide], means[~bona_fide])
        figures = {"dev_l1": l1, "dev_attack": flat, "dev_auc": area, "discriminator": accuracy}
        words = f"dev L1 {l1:.3f}, attacks {flat:.3f}, AUC {area:.3f}"
        if adversaries.discriminator is not None:
            words += f", D right {accuracy:.0%}"
        return Errors(figures, {"dev_maps": (l1 + flat) / 2, "dev_auc": area}, words)


class HalfAndHalf(Batches):
    """Batches of as many bona fide pictures as attacks: else the generator would learn to draw nothing."""

    def _draw_order(self, epoch: int) -> NDArray[np.int64]:
        return alternating(super()._draw_order(epoch), self.samples)


Depth = NDArray[np.float32]
Present = TypeVar("Present")


def _drawn(
    network: Network, deployed: Preprocessing, samples: Sequence[Sample], targets: Targets
) -> Iterator[tuple[Pixels, Depth, Depth]]:
    """Each sample's crop as it is deployed (S, S, 3), its map (S / 2, S / 2) and the map that the generator draws, all-heavy."""
    scorer, heavy = TorchScorer(network, deployed), Configuration.uniform(Branch.HEAVY, network.adaptive_blocks)
    for start in range(0, len(samples), BATCH):
        crops, maps = [], []
        for sample in samples[start : start + BATCH]:
            picture = read(sample.path)
            height, width = picture.shape[:2]
            box = sample.box or whole(picture)
            crops.append(deployed.crop(picture, box))
            seen = Square(*square(box, width, height, deployed.margin))
            maps.append(targets.seen(sample, frame(width, height, sample.box), seen, deployed.size // 2))
        yield from zip(crops, maps, scorer.run(to_input(crops), heavy)[:, 0], strict=True)


def _spread(places: NDArray[np.int64]) -> list[int]:
    """A few of these, from first to last."""
    return [int(places[number]) for number in np.linspace(0, len(places) - 1, SHOWN).round().astype(int)]


def _row(crop: Pixels, real: Depth, drawn: Depth) -> Pixels:
    """A crop, its map and the drawn one side by side; black is 0 and white is 1 in every one of them."""
    side = crop.shape[0]
    grey = [
        cv2.resize(np.rint(255 * one).astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST) for one in (real, drawn)
    ]
    return np.concatenate([crop, *(np.repeat(one[..., np.newaxis], 3, axis=2) for one in grey)], axis=1)


def _write_sheet(path: Path, rows: Sequence[Pixels]) -> None:
    """The rows in two columns, or one if they are odd in number, as a PNG file."""
    columns = 2 if len(rows) % 2 == 0 else 1
    sheet = np.concatenate(
        [np.concatenate(rows[place :: len(rows) // columns], axis=1) for place in range(len(rows) // columns)]
    )
    write(path, encoded(sheet, ".png"), "sheet")


def _present(value: Present | None) -> Present:
    if value is None:
        raise RuntimeError("open and fresh come first")
    return value
