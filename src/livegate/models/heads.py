"""What stands at the end of a network: a head on the average over the picture, and the layers that may close it.

The angular layers normalise what they are given and each of their weights, so that only the angle between the two counts. What they give is
the cosine times a scale, and the scale is part of the network: its outputs are logits as those of a linear layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from livegate.models.network import Network

EDGE = 1 - 1e-7
"""A cosine keeps within plus and minus this: at 1 the derivative of its angle is without bound."""
PROXIES, SHARPNESS = 10, 0.1
"""Soft-triple: how many proxies a class has, and the temperature at which a picture chooses among them."""


class PooledHead(nn.Sequential):
    """Global average pool, then layers on what is left: (N, c_in, H, W) to what the last of them gives.

    Args:
        channels: c_in.
        layers: what follows the average; the first takes (N, c_in).
    """

    def __init__(self, channels: int, *layers: nn.Module) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), *layers)
        self.channels = channels

    def pooled(self, x: Tensor) -> Tensor:
        """The average over the picture: (N, c_in, H, W) to (N, c_in), the embedding."""
        embedding: Tensor = self[1](self[0](x))
        return embedding

    def classified(self, embedding: Tensor) -> Tensor:
        """What follows the average: (N, c_in) to the output of the head."""
        for layer in list(self)[2:]:
            embedding = layer(embedding)
        return embedding


def swish_layers(channels: int, last: nn.Module, dropout: float) -> list[nn.Module]:
    """Dropout, batch normalisation, h-swish, and the last layer: the form of every head of anti-spoof-mn3."""
    return [nn.Dropout(dropout), nn.BatchNorm1d(channels), nn.Hardswish(inplace=True), last]


def task_head(channels: int, outputs: int, dropout: float) -> nn.Sequential:
    """A head for another task on the embedding, with fresh weights: (N, channels) to (N, outputs) logits."""
    last = nn.Linear(channels, outputs)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(*swish_layers(channels, last, dropout))


class Cosine(nn.Module):
    """The cosine between the input and the weight of each class, times a scale: (N, channels) to (N, classes) logits.

    Args:
        channels: numbers in the input.
        classes: number of outputs.
        scale: s; the logits lie within plus and minus this.
    """

    def __init__(self, channels: int, classes: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.weight = nn.Parameter(_directions(classes, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels) to (N, classes)."""
        return _cosines(x, self.weight).clamp(-EDGE, EDGE) * self.scale


class SoftTriple(nn.Module):
    """Several proxies for each class; a picture is compared with those that are close to it (Qian et al. 2019, arXiv 1909.05235).

    The similarity to a class is the mean of the cosines with its proxies, weighed by their softmax (equation 7); logits are it times a scale.

    Args:
        channels: numbers in the input.
        classes: number of outputs.
        scale: the paper's lambda; the logits lie within plus and minus this.
    """

    def __init__(self, channels: int, classes: int, scale: float) -> None:
        super().__init__()
        self.scale, self.classes = scale, classes
        self.weight = nn.Parameter(_directions(classes * PROXIES, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels) to (N, classes)."""
        cosines = _cosines(x, self.weight).reshape(-1, self.classes, PROXIES)
        return (cosines * (cosines / SHARPNESS).softmax(2)).sum(2) * self.scale

    def spread(self) -> Tensor:
        """The mean distance between two proxies of a class: small when a class needs few of them (equation 9)."""
        proxies = normalize(self.weight).reshape(self.classes, PROXIES, -1)
        first, second = torch.triu_indices(PROXIES, PROXIES, offset=1)
        cosines = (proxies[:, first] * proxies[:, second]).sum(2)
        # Two that coincide would have no derivative. The paper divides by twice the number of pairs.
        return (2 + 1e-5 - 2 * cosines).sqrt().mean() / 2


def _cosines(x: Tensor, weight: Tensor) -> Tensor:
    """Of (N, channels) with (M, channels): (N, M).

    The lengths divide the products and not the weights, so that a file whose constants are folded still holds the weights as they are.
    """
    lengths: Tensor = weight.norm(dim=1)
    return linear(normalize(x), weight) / lengths.clamp(min=1e-12)


def _directions(number: int, channels: int) -> Tensor:
    """Weights drawn evenly from -1 to 1, then brought to unit length: (number, channels)."""
    return normalize(torch.empty(number, channels).uniform_(-1, 1))


ANGULAR: Mapping[str, Callable[[int, int, float], nn.Module]] = {"cosine": Cosine, "soft-triple": SoftTriple}
"""The layers that may stand in the place of the last linear one, by name; made of channels, classes and the scale."""
LINEAR = "linear"


def close_with(network: Network, name: str, scale: float, *, classes: int = 2) -> None:
    """Put an angular layer in the place of the last linear one of a network; ``linear`` leaves it as it is.

    Raises:
        TypeError: if the network does not end in a `PooledHead`.
    """
    if name != LINEAR:
        head = head_of(network)
        head[-1] = ANGULAR[name](head.channels, classes, scale)


def head_of(network: Network) -> PooledHead:
    """The last block of a network.

    Raises:
        TypeError: if it is no `PooledHead`.
    """
    head = network.blocks[-1]
    if not isinstance(head, PooledHead):
        raise TypeError(f"the last block of the network must be a PooledHead, got {type(head).__name__}")
    return head
