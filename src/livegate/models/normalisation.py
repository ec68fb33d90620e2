"""From raw pixels to the scale that a network takes: in training, in scoring, and inside every exported file."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from livegate.preprocessing import LEAST_VARIANCE, Preprocessing


class Normalisation(nn.Module):
    """The mean and standard deviation of the specification and then, if it says so, those of each picture.

    Args:
        preprocessing: its mean, std and whether pictures are standardised.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(preprocessing.mean).reshape(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(preprocessing.std).reshape(1, 3, 1, 1))
        self.standardised = preprocessing.standardised

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) float32, RGB, 0..255, to the same shape."""
        x = (image - self.mean) / self.std
        if not self.standardised:
            return x
        x = x - x.mean((1, 2, 3), keepdim=True)
        return x / ((x * x).mean((1, 2, 3), keepdim=True) + LEAST_VARIANCE).sqrt()


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """(N, 3, H, W) float of 0..255 to the scale that the network takes."""
    normalised: Tensor = Normalisation(preprocessing).to(images.device)(images)
    return normalised
