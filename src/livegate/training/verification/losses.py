"""What a step of training for verification makes small."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, normalize

from livegate.models.heads import EDGE
from livegate.training.losses import turned
from livegate.training.verification.recipe import Angular


class People(nn.Module):
    """A direction for each person; the cosine between an embedding and each: (N, D) to (N, people).

    Args:
        numbers: D.
        people: how many.
    """

    def __init__(self, numbers: int, people: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(normalize(torch.empty(people, numbers).uniform_(-1, 1)))

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map (N, D) of unit length to (N, people)."""
        return linear(embeddings, normalize(self.weight))


def distillation(embeddings: Tensor, targets: Tensor) -> Tensor:
    """The mean of one minus the cosine.

    Args:
        embeddings: (N, D) of unit length.
        targets: (N, T) of unit length, T at most D: a teacher of fewer numbers fills the first ones, the others shall be 0.
    """
    return 1 - (embeddings[:, : targets.shape[1]] * targets).sum(1).mean()


def angular(cosines: Tensor, people: Tensor, settings: Angular) -> Tensor:
    """Softmax cross entropy with a margin on the right person (Zhang 2019, section 4 of its code; Deng et al. 2019; Wang et al. 2018).

    Args:
        cosines: (N, people).
        people: (N,) int64.
        settings: scale and margin. With ``arcface``, where angle and margin would go beyond half a turn, the cosine loses
            ``margin * sin(margin)`` instead.
    """
    cosines = cosines.clamp(-EDGE, EDGE)
    right = cosines.gather(1, people[:, None])
    margin = torch.tensor(settings.margin, device=cosines.device)
    harder = right - margin if settings.name == "am-softmax" else turned(right, margin)
    return cross_entropy(settings.scale * cosines.scatter(1, people[:, None], harder), people)
