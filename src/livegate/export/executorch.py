"""One ExecuTorch program that holds a method for each configuration, for XNNPACK: each weight once, whichever methods use it.

A method is named as its configuration and takes ``image`` float32 (1, 3, size, size), RGB, 0..255.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from livegate.configuration import Configuration
from livegate.export.plain import plain, quiet
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.runtime.entry import NamedEntry

FILE = "model.pte"


def write(network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path) -> Written:
    """Write ``model.pte``."""
    names = {str(configuration): str(configuration) or "forward" for configuration in configurations}
    with quiet():
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        programs = {}
        for configuration in configurations:
            module, image = plain(network, preprocessing, configuration)
            programs[names[str(configuration)]] = torch.export.export(module, (image,))
        lowered = to_edge_transform_and_lower(programs, partitioner=[XnnpackPartitioner()])
        (folder / FILE).write_bytes(lowered.to_executorch().buffer)
    return Written((FILE,), NamedEntry(kind="method", names=names), ("executorch", "torch"))
