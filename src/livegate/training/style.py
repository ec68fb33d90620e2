"""Features of one picture in the style of another (MixStyle: Zhou et al. 2021, arXiv 2104.02008, section 3).

The mean and deviation of a channel over a picture tell the camera and the light more than the face. Mixed between pictures they
can say less of the label, so that something else must.
"""

from __future__ import annotations

import torch
from torch import Tensor

ALPHA = 0.1
"""The share of a picture's own style is drawn from Beta(ALPHA, ALPHA): mostly its own or mostly the other's."""
SCALES = (4, 8)
"""Styles are mixed where the features first are this many times smaller than the input: early ones hold the style."""
_LEAST = 1e-6


def mixed_style(features: Tensor) -> Tensor:
    """Give each picture of a batch a style between its own and that of another one, drawn from torch's global generator.

    Args:
        features: (N, C, H, W).

    Returns:
        The same shape; where a picture meets itself it stays as it is.
    """
    mean = features.mean((2, 3), keepdim=True).detach()
    deviation = (features.var((2, 3), keepdim=True, correction=0) + _LEAST).sqrt().detach()
    own = torch.distributions.Beta(ALPHA, ALPHA).sample((len(features), 1, 1, 1)).to(features)
    other = torch.randperm(len(features)).to(features.device)
    mixed_mean, mixed_deviation = (own * part + (1 - own) * part[other] for part in (mean, deviation))
    return (features - mean) / deviation * mixed_deviation + mixed_mean
