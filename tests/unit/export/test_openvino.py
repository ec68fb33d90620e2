"""The switchable ONNX file in OpenVINO, of networks with gates where memory that nobody has written was read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from livegate.configuration import Configuration
from livegate.export import openvino
from livegate.models.checkpoint import Checkpoint
from livegate.models.registry import ModelSpec
from livegate.models.scorer import TorchScorer
from livegate.runtime.backends.base import Model

pytest.importorskip("openvino", reason="OpenVINO is not installed: pip install '.[openvino]'")


@pytest.mark.parametrize("name", ["mobilenet-v2", "mobilenet-v3-large"])
def test_the_first_answers_are_right(checkpoint_of: Callable[[ModelSpec], Checkpoint], name: str, tmp_path: Path) -> None:
    """Of each configuration in a model that was just loaded, of one picture and then of four; and after a switch."""
    from livegate.runtime.backends.openvino import OpenVinoBackend

    checkpoint = checkpoint_of(ModelSpec(name, (2,)))
    torch = TorchScorer(checkpoint.network(), checkpoint.preprocessing)
    images = np.random.default_rng(0).uniform(0, 255, (4, 3, 64, 64)).astype(np.float32)
    written = openvino.write(torch.network, checkpoint.preprocessing, torch.configurations, tmp_path)
    model = Model({name: (tmp_path / name).read_bytes() for name in written.files}, written.entry)
    for configuration in torch.configurations:
        backend = OpenVinoBackend(model)
        for asked in (configuration, *Configuration.enumerate(1)):
            for batch in (images[:1], images):
                np.testing.assert_allclose(backend.run(batch, asked), torch.run(batch, asked), rtol=0, atol=1e-4)
