"""OpenVINO reads the ONNX file itself: nothing is converted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from livegate.configuration import Configuration
from livegate.export import onnx
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing


def write(network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path) -> Written:
    """Name ``model.onnx``, written if it is not there yet."""
    if not (folder / onnx.FILE).exists():
        onnx.write(network, preprocessing, configurations, folder)
    return Written((onnx.FILE,), onnx.entry(configurations), ("openvino",))
