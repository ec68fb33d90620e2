"""How far a drawn map of depth is from the one it shall be, and from what a discriminator takes for real."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, l1_loss, mse_loss

CONTRAST = 0.1
"""Weight of the contrastive loss beside L1, as in the pre-training, where they are 10 and 100."""


def contrastive(drawn: Tensor, real: Tensor) -> Tensor:
    """The mean squared difference of how each place stands out from its eight neighbours (contrastive depth loss, Wang et al. 2020).

    Args:
        drawn: (N, 1, M, M), 0..1.
        real: the same.
    """
    return mse_loss(_contrasts(drawn), _contrasts(real))


def _contrasts(maps: Tensor) -> Tensor:
    """(N, 1, M, M) to (N, 8, M - 2, M - 2): each neighbour less the middle."""
    neighbours = torch.eye(9, device=maps.device, dtype=maps.dtype)
    neighbours[:, 4] -= 1
    filters = torch.cat([neighbours[:4], neighbours[5:]])
    return conv2d(maps, filters.view(8, 1, 3, 3))


def known_map_loss(drawn: Tensor, real: Tensor) -> Tensor:
    """L1 and a tenth of the contrastive loss over the maps that are not NaN; 0 where there is none."""
    known = ~real[:, 0, 0, 0].isnan()
    if not known.any():
        return drawn.sum() * 0
    drawn, real = drawn[known].float(), real[known]
    return l1_loss(drawn, real) + CONTRAST * contrastive(drawn, real)


def taken_for(scores: Tensor, kind: float) -> Tensor:
    """The least-squares loss of a discriminator's scores (Mao et al. 2017), kind being 1 for real maps and 0 for generated ones."""
    return ((scores - kind) ** 2).mean()
