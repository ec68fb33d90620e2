"""Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391, section 3): which of the last features made the evidence.

Two things are not as in the paper. The score of a class is here the logit difference, bona fide minus attack, and the map is not cut off at
zero (its equation 2): what speaks for one class speaks against the other, and both are to be seen.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.decision import ATTACK_LOGIT, BONA_FIDE_LOGIT
from livegate.explain.heat import HeatMap, spread
from livegate.models.normalisation import normalise
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Pixels, to_input


def gradcam(scorer: TorchScorer, crop: Pixels, configuration: Configuration) -> HeatMap:
    """The evidence of one crop by the places of the last features that still have places: what the last block of the chain reads.

    A feature weighs as much as its mean gradient (equation 1). Where the last block begins with a mean over all places and goes on
    linearly, as in MobileNetV2, the places add up to the logit difference less its bias.

    A place is drawn where the network looks from it. Kernels of odd width that are padded by half of it, as all networks here have them,
    are centred on the pixel that they begin at: the first place on the first pixel, each further one as far on as the strides say.

    Args:
        scorer: the network; all is computed on a copy of it.
        crop: (size, size, 3) uint8, RGB.
        configuration: one branch for each adaptive block.
    """
    *body, head = scorer.network.fixed(configuration).eval()
    device = next(scorer.network.parameters()).device
    features, apart = normalise(torch.from_numpy(to_input([crop])).to(device), scorer.preprocessing), 1
    with torch.no_grad():
        for block in body:
            before, features = features.shape[-1], block(features)
            apart *= round(before / features.shape[-1])  # the stride: at the edge a place may be left over
    grid, whole = _grid(features, head)
    return HeatMap(
        values=spread(grid, np.arange(len(grid)) * apart + 0.5, len(crop)),
        whole=whole,
        method="gradcam",
        meaning="what a place of the network's last features adds to it",
        grain=apart,
    )


def _grid(features: Tensor, head: nn.Module) -> tuple[NDArray[np.float64], float]:
    """The features (1, C, n, n), each times its weight, summed: (n, n); and the logit difference that they make."""
    with torch.enable_grad():
        features.requires_grad_()
        (logits,) = head(features)
        difference = logits[BONA_FIDE_LOGIT] - logits[ATTACK_LOGIT]
        (gradient,) = torch.autograd.grad(difference, features)
    weights = gradient.mean((2, 3), keepdim=True)
    grid = (weights * features.detach()).sum(1)[0]
    return np.asarray(grid.double().cpu().numpy()), difference.item()
