"""A trained network in one safetensors file: the weights, and in its header how to build and feed the network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from pydantic import BaseModel, BeforeValidator, ConfigDict, Json, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from livegate.decision import Task
from livegate.errors import CheckpointError
from livegate.files import whole
from livegate.models.backbone import Purpose
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.preprocessing import Preprocessing, require_whole, with_shape, with_standardised

FORMAT = "livegate-checkpoint-1"
WEIGHTS = "model.safetensors"
"""The name of the checkpoint in the folder of a training run."""


class _Header(BaseModel):
    """The header of the file: JSON by key; a key that it does not know, at any depth, is a fault, and so is a field of preprocessing that it lacks.

    The format has no other versions: what was written before crops had shapes was always a square of a box as it was found, and is read so.
    """

    model_config = ConfigDict(extra="forbid")

    model: Json[ModelSpec]
    # Before validators run from the last to the first.
    preprocessing: Json[
        Annotated[
            Preprocessing, BeforeValidator(require_whole), BeforeValidator(with_shape), BeforeValidator(with_standardised)
        ]
    ]
    recipe: Json[dict[str, Any]]
    notes: Json[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A network as it was trained.

    Attributes:
        model: how to build the network.
        preprocessing: what its input went through.
        weights: its state, by name.
        recipe: the recipe that it was trained with, as plain data.
        notes: what the training said of the result, such as the epoch and the error on dev.
    """

    model: ModelSpec
    preprocessing: Preprocessing
    weights: Mapping[str, Tensor]
    recipe: Mapping[str, Any]
    notes: Mapping[str, Any]

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a checkpoint: a safetensors file, or the folder of a training run.

        Raises:
            CheckpointError: if it is missing, damaged or was not written by Livegate.
        """
        path = Path(path)
        path = path / WEIGHTS if path.is_dir() else path
        tensors, header = read_tensors(path)
        if header.get("format") != FORMAT:
            raise CheckpointError(path, [f"is no Livegate checkpoint: format is {header.get('format')!r}, expected {FORMAT!r}"])
        try:
            facts = _Header.model_validate({key: value for key, value in header.items() if key != "format"})
        except ValidationError as error:
            faults = [f"has a header that cannot be read ({'.'.join(map(str, e['loc']))}: {e['msg']})" for e in error.errors()]
            raise CheckpointError(path, faults) from None
        return cls(facts.model, facts.preprocessing, tensors, facts.recipe, facts.notes)

    @property
    def task(self) -> Task:
        """What its network is for.

        Raises:
            CheckpointError: if it makes maps of depth, which no runtime takes.
        """
        task = self.model.backbone.task
        if task == "depth":
            raise CheckpointError(
                "the checkpoint", ["is for depth; train a classifier that starts from it, docs/pseudo-depth.md"]
            )
        return task

    def require(self, task: Purpose, where: object) -> None:
        """Check that its network is for a task.

        Args:
            task: what it must be for.
            where: the checkpoint, for the message.

        Raises:
            CheckpointError: if it is for another one.
        """
        if self.model.backbone.task != task:
            raise CheckpointError(where, [f"is for {self.model.backbone.task}, not for {task}"])

    def save(self, path: str | Path) -> None:
        """Write the checkpoint to one file, atomically."""
        header = {
            "format": FORMAT,
            "model": json.dumps(asdict(self.model)),
            "preprocessing": json.dumps(asdict(self.preprocessing)),
            "recipe": json.dumps(self.recipe),
            "notes": json.dumps(self.notes),
        }
        write_tensors(Path(path), self.weights, header)

    def network(self) -> Network:
        """The network with its weights, in evaluation mode.

        Raises:
            CheckpointError: if the weights do not fit the network that the header names.
        """
        network = self.model.build()
        shapes = {name: tensor.shape for name, tensor in network.state_dict().items()}
        strange = {
            "missing": [name for name in shapes if name not in self.weights],
            "unknown": [name for name in self.weights if name not in shapes],
            "of another shape": [
                name for name, tensor in self.weights.items() if shapes.get(name, tensor.shape) != tensor.shape
            ],
        }
        faults = [f"{len(names)} of its weights are {what}, such as {names[0]!r}" for what, names in strange.items() if names]
        if faults:
            raise CheckpointError("the checkpoint", [f"does not fit the network that its header names: {', '.join(faults)}"])
        network.load_state_dict(dict(self.weights))
        return network.eval()


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the header of a safetensors file.

    Raises:
        CheckpointError: if it is missing or damaged.
    """
    if not path.is_file():
        raise CheckpointError(path, ["does not exist; give a .safetensors file or the folder of a training run"])
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(path, [f"is no safetensors file or is damaged ({error})"]) from None


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write a safetensors file that is either the old one or the whole new one, whenever the process ends."""
    data = save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, dict(header))
    with whole(path) as file:
        file.write(data)


def as_weights(network: torch.nn.Module) -> dict[str, Tensor]:
    """A copy of the state of a network, by name, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
