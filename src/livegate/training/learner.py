"""What is trained: a network and, beside it, what exists in training only."""

from __future__ import annotations

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

from livegate.configuration import Branch, Configuration
from livegate.models.depth_generator import DEEPEST, Decoder, Features
from livegate.models.heads import PooledHead, SoftTriple, head_of, task_head
from livegate.models.network import Network
from livegate.pta import PTABlock
from livegate.training.recipe import Challenge, Recipe
from livegate.training.style import SCALES, mixed_style
from livegate.training.tasks import OUTPUTS, weights


class Outputs(NamedTuple):
    """What a step is judged by.

    Attributes:
        logits: (N, 2).
        tasks: the logits of the other tasks, by name.
        spread: of the proxies of a class, (); None without proxies.
        depth: the maps that a decoder draws, (N, 1, S / 2, S / 2); None where depth is not learned.
        apart: how far light branches are from the heavy ones that were drawn, the sum over the blocks, (); None where they do not learn from them.
    """

    logits: Tensor
    tasks: dict[str, Tensor]
    spread: Tensor | None
    depth: Tensor | None = None
    apart: Tensor | None = None


class Learner(nn.Module):
    """A network with the heads of other tasks on its embedding, and perhaps a decoder on its stages. A checkpoint keeps the network alone.

    Args:
        network: ends in a `PooledHead`.
        recipe: which tasks there are, whether features are challenged or styles mixed, and what is frozen; None for none of it.

    Attributes:
        trunk: the blocks before the tail; none without a recipe.
        encoder: how many of them the decoder looks at.
    """

    def __init__(self, network: Network, recipe: Recipe | None = None) -> None:
        super().__init__()
        self.network = network
        self.tasks = nn.ModuleDict()
        self.challenge = recipe.challenge if recipe else Challenge()
        self.style = recipe.mix.style if recipe else 0.0
        self.distilled = recipe is not None and recipe.branches.distilled > 0
        self.trunk = list(network.blocks)[: recipe.model.backbone.trunk] if recipe else []
        self.frozen = recipe is not None and recipe.trunk == 0
        self.decoder = Decoder() if recipe and recipe.depth.weight else None
        self.encoder = recipe.model.backbone.through(DEEPEST) if recipe else 0
        if self.frozen:
            for block in self.trunk:
                block.requires_grad_(requires_grad=False)
        if recipe:
            channels, dropout = head_of(network).channels, recipe.model.dropout
            self.tasks.update({name: task_head(channels, OUTPUTS[name], dropout) for name in weights(recipe.tasks)})

    def train(self, mode: bool = True) -> Self:  # noqa: FBT001, FBT002 - torch's signature
        """Training mode; what is frozen stays in evaluation mode, so that its batch normalisation keeps its statistics."""
        super().train(mode)
        for block in self.trunk if self.frozen else ():
            block.eval()
        return self

    def forward(self, x: Tensor, configuration: str, labels: Tensor) -> Outputs:
        """Run the network and the heads.

        Args:
            x: (N, 3, H, W) float, normalised.
            configuration: one branch for each adaptive block, as text: in mixed precision Fabric looks for tensors in what is handed in,
                and refuses to look into a frozen dataclass.
            labels: (N,) int64, by which features are challenged.
        """
        head = head_of(self.network)
        found, apart, x = self._features(x, Configuration.parse(configuration))
        embedding = head.pooled(x)
        logits = head.classified(embedding)
        if self.challenge.features:
            logits = challenged(logits, embedding, labels, head, self.challenge)
        last = head[-1]
        spread = last.spread() if isinstance(last, SoftTriple) else None
        depth = None if self.decoder is None else self.decoder(found)
        return Outputs(logits, {name: task(embedding) for name, task in self.tasks.items()}, spread, depth, apart)

    def _features(self, x: Tensor, configuration: Configuration) -> tuple[Features, Tensor | None, Tensor]:
        """What a decoder takes of the trunk, how far branches are apart, and what the head takes.

        In training, styles are mixed on the way in a share of the batches.
        """
        found: dict[int, Tensor] = {}
        apart, branches = list[Tensor](), iter(configuration)
        side, before = x.shape[-1], x.shape[-1]
        mixing = self.training and self.style > 0 and float(torch.rand(())) < self.style
        for place, block in enumerate(list(self.network.blocks)[:-1]):
            given = x
            if isinstance(block, PTABlock):
                branch = next(branches)
                x = block(given, branch)
                if self.distilled and branch is Branch.HEAVY:
                    apart.append(missed(block.light(given.detach()), x.detach()))
            else:
                x = block(given)
            if mixing and x.shape[-1] < before and side // x.shape[-1] in SCALES:
                x = mixed_style(x)
            before = x.shape[-1]
            if place < self.encoder:
                found[before] = x
        return found, torch.stack(apart).sum() if apart else None, x


def missed(given: Tensor, expected: Tensor) -> Tensor:
    """The mean squared difference over the variance of what is expected; 1 for a constant."""
    return nn.functional.mse_loss(given, expected) / expected.var()


def challenged(logits: Tensor, embedding: Tensor, labels: Tensor, head: PooledHead, settings: Challenge) -> Tensor:
    """The logits, for some pictures those without the features that spoke most for the label (Huang et al. 2020, arXiv 2007.02454).

    Args:
        logits: (N, 2), computed from the embedding.
        embedding: (N, D).
        labels: (N,) int64.
        head: makes logits of an embedding.
        settings: the share of features that is muted, and of pictures in which they are.

    Returns:
        (N, 2).
    """
    target = logits.gather(1, labels[:, None]).sum()
    (gradient,) = torch.autograd.grad(target, embedding, retain_graph=True)
    kept = 1 - settings.features
    limit = gradient.float().quantile(kept, dim=1, keepdim=True)
    muted = embedding * (gradient < limit) / kept
    chosen = torch.zeros(len(logits), 1, dtype=torch.bool, device=logits.device)
    chosen[torch.randperm(len(logits))[: round(settings.pictures * len(logits))]] = True
    return torch.where(chosen, head.classified(muted), logits)
