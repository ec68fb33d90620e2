"""A checkpoint is one safetensors file: whole or the old one, and never code."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from livegate.configuration import Configuration
from livegate.errors import CheckpointError
from livegate.models.checkpoint import WEIGHTS, Checkpoint, as_weights
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing

SPEC = ModelSpec(adaptive_stages=(5,), dropout=0.1)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    """A small adaptive network with facts that differ from every default."""
    torch.manual_seed(0)
    weights = as_weights(SPEC.build())
    return Checkpoint(SPEC, Preprocessing(size=64, margin=1.2), weights, {"name": "tiny", "seed": 3}, {"epoch": 2, "who": "é"})


@pytest.fixture
def saved(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """The checkpoint in a file."""
    path = tmp_path / WEIGHTS
    checkpoint.save(path)
    return path


def test_what_is_saved_is_loaded(checkpoint: Checkpoint, saved: Path) -> None:
    """Specification, preprocessing, recipe, notes and every weight come back as they were."""
    loaded = Checkpoint.load(saved)
    assert (loaded.model, loaded.preprocessing) == (checkpoint.model, checkpoint.preprocessing)
    assert (loaded.recipe, loaded.notes) == (checkpoint.recipe, checkpoint.notes)
    assert list(saved.parent.iterdir()) == [saved]
    assert set(loaded.weights) == set(checkpoint.weights)
    assert all(torch.equal(loaded.weights[name], tensor) for name, tensor in checkpoint.weights.items())
    assert all(loaded.weights[name].dtype == tensor.dtype for name, tensor in checkpoint.weights.items())


def test_the_network_computes_as_before(checkpoint: Checkpoint, saved: Path) -> None:
    """The network that is built again gives the same bits, and is in evaluation mode."""
    network = Checkpoint.load(saved).network()
    original = SPEC.build().eval()
    original.load_state_dict(dict(checkpoint.weights))
    assert not network.training
    pictures, configuration = torch.randn(1, 3, 64, 64), Configuration.parse("B")
    with torch.inference_mode():
        assert torch.equal(network(pictures, configuration), original(pictures, configuration))


def test_the_folder_of_a_run_stands_for_its_checkpoint(saved: Path) -> None:
    """One may name the file or the folder that holds it."""
    assert Checkpoint.load(saved.parent).model == SPEC


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_a_file_that_is_cut_short_is_damaged(saved: Path, size: int) -> None:
    """Wherever a file ends too early it is refused by name, not read in part."""
    saved.write_bytes(saved.read_bytes()[:size])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is no safetensors file or is damaged"):
        Checkpoint.load(saved)


def test_a_text_file_is_no_checkpoint(tmp_path: Path) -> None:
    """Bytes of another kind are refused in the same words."""
    path = tmp_path / "notes.safetensors"
    path.write_text("these are no weights at all", encoding="utf-8")
    with pytest.raises(CheckpointError, match="is no safetensors file or is damaged"):
        Checkpoint.load(path)


def test_a_missing_file_is_named_with_what_to_give(tmp_path: Path) -> None:
    """The message says what is expected."""
    with pytest.raises(CheckpointError, match=r"does not exist; give a \.safetensors file or the folder of a training run"):
        Checkpoint.load(tmp_path / "none.safetensors")


@pytest.mark.parametrize("header", [None, {"format": "pt"}, {"format": "livegate-checkpoint-9"}])
def test_weights_of_others_are_not_taken_for_ours(tmp_path: Path, header: dict[str, str] | None) -> None:
    """A good safetensors file without our format in its header is no checkpoint."""
    path = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(2)}, path, header)
    with pytest.raises(CheckpointError, match=r"is no Livegate checkpoint: format is .*, expected 'livegate-checkpoint-1'"):
        Checkpoint.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "{}{"},
        {"model": '{"name": "resnet"}'},
        {"model": '{"name": "mobilenet-v2", "width": 2}'},
        {"recipe": ""},
        {"preprocessing": json.dumps(asdict(Preprocessing()) | {"size": 3})},
        {"preprocessing": "{}"},
        {"preprocessing": json.dumps(asdict(Preprocessing()) | {"detection": {"score": 0.6}})},
        {"preprocessing": "[]"},
    ],
)
def test_a_header_that_cannot_be_read_is_a_fault(tmp_path: Path, change: dict[str, str]) -> None:
    """Our format with facts that are damaged or unknown is refused."""
    whole = json.dumps(asdict(Preprocessing()))
    header = {"format": "livegate-checkpoint-1", "model": "{}", "preprocessing": whole, "recipe": "{}", "notes": "{}"}
    path = tmp_path / "header.safetensors"
    save_file({"weight": torch.zeros(2)}, path, header)
    assert Checkpoint.load(path).preprocessing == Preprocessing()
    save_file({"weight": torch.zeros(2)}, path, header | change)
    with pytest.raises(CheckpointError, match="has a header that cannot be read"):
        Checkpoint.load(path)


def test_a_checkpoint_from_before_there_were_shapes_is_read(tmp_path: Path) -> None:
    """It lacks the fields that came later: its crops were squares about the box as it was found, of the tones that they had."""
    older = asdict(Preprocessing(size=64, margin=1.2))
    del older["shape"], older["standardised"], older["detection"]["widened"]
    header = {"format": "livegate-checkpoint-1", "model": "{}", "recipe": "{}", "notes": "{}"}
    path = tmp_path / "older.safetensors"
    save_file({"weight": torch.zeros(2)}, path, header | {"preprocessing": json.dumps(older)})
    found = Checkpoint.load(path).preprocessing
    assert found == Preprocessing(size=64, margin=1.2)
    assert (found.shape, found.standardised, found.detection.widened) == ("square", False, (1.0, 1.0))


def test_weights_of_another_network_do_not_fit(checkpoint: Checkpoint) -> None:
    """Weights that lack a block, have one too many or one of another shape are refused, not loaded in part; one of each is named."""
    other = Checkpoint(ModelSpec(adaptive_stages=()), checkpoint.preprocessing, checkpoint.weights, {}, {})
    words = r"does not fit the network that its header names: \d+ of its weights are missing, such as '\S+', \d+ of its weights are unknown, such as "
    with pytest.raises(CheckpointError, match=words):
        other.network()
    name = next(iter(checkpoint.weights))
    weights = {**checkpoint.weights, name: torch.zeros(7)}
    with pytest.raises(CheckpointError, match=f"names: 1 of its weights are of another shape, such as '{name}'$"):
        Checkpoint(checkpoint.model, checkpoint.preprocessing, weights, {}, {}).network()


def test_a_save_that_fails_leaves_the_old_file(checkpoint: Checkpoint, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever writing ends, there is either the old checkpoint or the new one."""
    before = saved.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("livegate.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        Checkpoint(SPEC, checkpoint.preprocessing, checkpoint.weights, {}, {"epoch": 99}).save(saved)
    assert saved.read_bytes() == before
    assert Checkpoint.load(saved).notes == checkpoint.notes


def test_a_partial_file_of_an_earlier_crash_does_no_harm(checkpoint: Checkpoint, saved: Path) -> None:
    """What a killed process left half-written is neither read nor in the way."""
    part = saved.parent / f".{saved.name}.0123456789abcdef.part"
    part.write_bytes(b"half")
    assert Checkpoint.load(saved.parent).notes == checkpoint.notes
    checkpoint.save(saved)
    assert Checkpoint.load(saved.parent).notes == checkpoint.notes
    assert sorted(path.name for path in saved.parent.iterdir()) == [part.name, WEIGHTS]


def test_as_weights_is_a_copy() -> None:
    """Training on does not change the weights that were put aside."""
    network = SPEC.build()
    weights = as_weights(network)
    before = {name: tensor.clone() for name, tensor in weights.items()}
    for tensor in network.state_dict().values():
        tensor.zero_()
    assert all(torch.equal(weights[name], tensor) for name, tensor in before.items())
    assert any(tensor.abs().sum() > 0 for tensor in before.values())
