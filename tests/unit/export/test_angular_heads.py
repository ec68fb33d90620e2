"""A network that ends in an angular layer keeps the contract of scores in every file, and comes back from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from livegate.export.exporter import Papers, export
from livegate.export.reopened import reopened
from livegate.models.checkpoint import Checkpoint
from livegate.models.heads import ANGULAR
from livegate.models.registry import ModelSpec
from livegate.runtime.artifact import Artifact


@pytest.mark.parametrize("classifier", ANGULAR)
def test_it_is_exported_and_reopened(
    checkpoint_of: Callable[[ModelSpec], Checkpoint], classifier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's logits agree with torch, and the network that it gives back has its golden vectors."""
    monkeypatch.setattr("livegate.export.source.PARITY_PICTURES", 2)
    spec = ModelSpec("mobilenet-v3-small", (), classifier=classifier, scale=16.0)
    checkpoint = replace(checkpoint_of(spec), recipe={"name": "random", "model": asdict(spec)})
    artifact = Artifact.open(export(checkpoint, tmp_path / "artifact", name="random", papers=Papers()))
    assert artifact.manifest.variants["onnx"].parity.largest <= 1e-4
    assert reopened(artifact).model == spec
