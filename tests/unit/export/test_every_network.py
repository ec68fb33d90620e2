"""Every network of the registry becomes a switchable artifact, and comes back from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from livegate.errors import CheckpointError
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
    if backbone.task != "depth"
]
"""Each with its last able stage adaptive; the last stage of MobileNetV2 has one block."""


def test_there_are_thirteen_networks() -> None:
    """What follows is about all of them: six for liveness, seven for verification. A generator of depth is no model to be run."""
    assert Counter(spec.backbone.task for spec in SPECS) == {"liveness": 6, "verification": 7}


def test_a_generator_of_depth_is_refused(checkpoint_of: Callable[[ModelSpec], Checkpoint], tmp_path: Path) -> None:
    """The message says what to do with it, and nothing is written."""
    with pytest.raises(CheckpointError, match="is for depth; train a classifier that starts from it"):
        export(checkpoint_of(ModelSpec("depth-generator", ())), tmp_path / "artifact", name="depth", papers=Papers())
    assert not (tmp_path / "artifact").exists()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks for verification have two blocks a stage here: every kind of block that they are made of, in a fraction of the time."""
    for name, backbone in BACKBONES.items():
        if backbone.task == "verification":
            monkeypatch.setitem(BACKBONES, name, replace(backbone, stages=[stage[:2] for stage in backbone.stages]))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_it_is_exported_and_reopened(
    checkpoint_of: Callable[[ModelSpec], Checkpoint], spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heavy, light and both agree with torch; the network that the file gives back has the golden vectors of the first."""
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 2)
    checkpoint = replace(checkpoint_of(spec), recipe={"name": "random", "model": asdict(spec)})
    folder = export(checkpoint, tmp_path / "artifact", name="random", papers=Papers())
    artifact = Artifact.open(folder)
    assert artifact.manifest.task == spec.backbone.task
    assert artifact.manifest.variants["onnx"].parity.largest <= 1e-4
    assert [str(configuration) for configuration in Engine(folder).configurations] == ["H", "L", "B"]
    assert replay(Engine(folder)) <= 1e-4
    again = reopened(artifact)
    assert (again.model, {name: tensor.shape for name, tensor in again.weights.items()}) == (
        spec,
        {name: tensor.shape for name, tensor in checkpoint.weights.items()},
    )
