"""Every network of the registry becomes a switchable artifact, and comes back from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from livegate.export.exporter import Papers, export
from livegate.export.reopened import reopened
from livegate.models.checkpoint import Checkpoint
from livegate.models.registry import BACKBONES, ModelSpec
from livegate.runtime.artifact import Artifact
from livegate.runtime.engine import Engine
from livegate.runtime.golden import replay

SPECS = [
    ModelSpec(name, (len(backbone.stages) - (name == "mobilenet-v2"),))
    for name, backbone in BACKBONES.items()
    if backbone.task == "liveness"
]
"""Each with its last able stage adaptive; the last stage of MobileNetV2 has one block."""


def test_there_are_five_networks() -> None:
    """What follows is about all of them."""
    assert len(SPECS) == 5


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_it_is_exported_and_reopened(
    checkpoint_of: Callable[[ModelSpec], Checkpoint], spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heavy, light and both agree with torch; the network that the file gives back has the golden vectors of the first."""
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 2)
    checkpoint = replace(checkpoint_of(spec), recipe={"name": "random", "model": asdict(spec)})
    folder = export(checkpoint, tmp_path / "artifact", name="random", papers=Papers())
    artifact = Artifact.open(folder)
    assert artifact.manifest.variants["onnx"].parity.largest <= 1e-4
    assert [str(configuration) for configuration in Engine(folder).configurations] == ["H", "L", "B"]
    assert replay(Engine(folder)) <= 1e-4
    again = reopened(artifact)
    assert (again.model, {name: tensor.shape for name, tensor in again.weights.items()}) == (
        spec,
        {name: tensor.shape for name, tensor in checkpoint.weights.items()},
    )
