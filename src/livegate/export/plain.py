"""One configuration as a plain module that takes raw pixels: what the converters are given."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.export.onnx import fused
from livegate.models.network import Network
from livegate.models.normalisation import Normalisation
from livegate.preprocessing import Preprocessing


class Plain(nn.Module):
    """Normalisation, then a network whose batch normalisation is folded; in evaluation mode.

    Args:
        network: what takes normalised pixels; one's own copy, since it is changed in place.
        preprocessing: what its pixels go through.
    """

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.normalisation = Normalisation(preprocessing)
        self.network = fused(network)
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, 2) logits."""
        logits: Tensor = self.network(self.normalisation(image))
        return logits


def plain(network: Network, preprocessing: Preprocessing, configuration: Configuration) -> tuple[Plain, Tensor]:
    """A configuration and an input of it, zeros (1, 3, size, size); copies, so that the network stays as it is."""
    return Plain(network.fixed(configuration), preprocessing), torch.zeros(1, 3, preprocessing.size, preprocessing.size)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps converters from telling what they do, and from warning of what is nothing to a user."""
    before = logging.root.manager.disable
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
