"""What stands at the end of a network for face verification: an embedding of unit length."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import normalize

LEFT = 7
"""Height and width that are left of a picture of 112 pixels."""


class Embedding(nn.Sequential):
    """Global depthwise convolution (Chen et al. 2018, section 3.1), linear, batch normalisation, unit length.

    Maps (N, channels, 7, 7) to (N, numbers).

    Args:
        channels: of the input.
        numbers: in an embedding.
    """

    def __init__(self, channels: int, numbers: int) -> None:
        super().__init__(
            nn.Conv2d(channels, channels, LEFT, groups=channels, bias=False),
            nn.BatchNorm2d(channels),
            nn.Flatten(),
            nn.Linear(channels, numbers, bias=False),
            nn.BatchNorm1d(numbers),
            Unit(),
        )


class Unit(nn.Module):
    """Each row at unit length: only the angle between two embeddings counts."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, D) to the same shape."""
        return normalize(x)
