"""One LiteRT file that holds a signature for each configuration; what they share is stored once.

A signature is named as its configuration; it takes ``image`` float32 (1, 3, size, size), RGB, 0..255, and gives ``logits`` (1, 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.export.plain import Plain, plain, quiet
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.runtime.entry import NamedEntry

FILE = "model.tflite"


class _Named(nn.Module):
    """Calls the output ``logits``."""

    def __init__(self, module: Plain) -> None:
        super().__init__()
        self.module = module

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        return {"logits": self.module(image)}


def write(network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path) -> Written:
    """Write ``model.tflite``."""
    names = {str(configuration): str(configuration) or "plain" for configuration in configurations}
    with quiet():
        import litert_torch

        converter = litert_torch.Converter()
        for configuration in configurations:
            module, image = plain(network, preprocessing, configuration)
            converter.add_signature(names[str(configuration)], _Named(module).eval(), sample_kwargs={"image": image})
        (folder / FILE).write_bytes(converter.convert().model_content())
    return Written((FILE,), NamedEntry(kind="signature", names=names), ("litert-torch", "litert-converter", "ai-edge-litert"))
