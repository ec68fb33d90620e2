"""Statistics of batch normalisation as they are, not as the last steps of a training happened to leave them.

The running averages of batch normalisation forget all but the last ten batches or so. In an adaptive network each batch has one
configuration, so what stands behind an adaptive block knows the few that were drawn last, with weights that have moved since.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from livegate.configuration import Configuration
from livegate.models.network import Network


@torch.no_grad()
def recalibrate(network: Network, batches: Iterable[tuple[Tensor, Configuration]]) -> None:
    """Estimate the statistics of a network anew, each the plain mean over the batches that reach it (Wu and Johnson 2021, section 3).

    Weights stay as they are, and so do the statistics of what no batch reaches.

    Args:
        network: in any mode, to which it returns.
        batches: (N, 3, H, W) float, normalised, N > 1, each with the configuration that it runs under.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    momenta, mode = [layer.momentum for layer in norms], network.training
    for layer in norms:
        layer.momentum = None  # the mean of all batches since
        if layer.num_batches_tracked is not None:
            layer.num_batches_tracked.zero_()
    network.train()
    for x, configuration in batches:
        network(x, configuration)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    network.train(mode)
