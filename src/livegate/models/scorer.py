"""A network in torch behind the same face as a runtime engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.models.network import Network
from livegate.models.normalisation import normalise
from livegate.preprocessing import Preprocessing


class TorchScorer:
    """What a network in torch says of pictures.

    Args:
        network: put into evaluation mode for each call and back again.
        preprocessing: what its input goes through.
    """

    def __init__(self, network: Network, preprocessing: Preprocessing) -> None:
        self.network = network
        self.preprocessing = preprocessing

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """All configurations of the network, all-heavy first."""
        return tuple(Configuration.enumerate(self.network.adaptive_blocks))

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32 RGB 0..255 to the logits (N, 2) of a network for liveness: 0 bona fide, 1 attack."""
        return self.run(images, configuration)

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """Run the network.

        Args:
            images: (N, 3, size, size) float32, RGB, 0..255.
            configuration: one branch for each adaptive block.

        Returns:
            (N, D) float32: two logits, or an embedding.
        """
        training = self.network.training
        device = next(self.network.parameters()).device
        try:
            with torch.inference_mode():
                x = normalise(torch.from_numpy(images).to(device), self.preprocessing)
                output: NDArray[Any] = self.network.eval()(x, configuration).float().cpu().numpy()
                return output
        finally:
            self.network.train(training)
