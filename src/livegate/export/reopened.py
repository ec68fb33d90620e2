"""From an artifact back to a checkpoint, so that whoever has the artifact can make any other format of it.

The ONNX file holds the whole network, and its numbers are named as the layers that they belong to. Only batch normalisation is gone: it was
folded into the convolutions, and into the linear layer of an embedding. It comes back as one that adds the folded bias and changes nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import GraphProto, TensorProto, numpy_helper
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from livegate.errors import ArtifactError
from livegate.export.onnx import FILE, chains
from livegate.export.source import require_same
from livegate.models.checkpoint import Checkpoint, as_weights
from livegate.models.network import Network
from livegate.models.registry import ModelSpec
from livegate.models.scorer import TorchScorer
from livegate.pta import PTABlock
from livegate.runtime.artifact import Artifact
from livegate.runtime.manifest import Variant

NAME = re.compile(r"block(\d+)(\.[HL])?\.(.+)")
"""A number of a part: where the part stands in the file, its branch, and the name of the number within it."""


def reopened(artifact: Artifact) -> Checkpoint:
    """The network of an artifact; it computes what the artifact computes, up to rounding.

    Raises:
        ArtifactError: if the artifact has no ONNX file in fp32, or the file does not hold the network that the recipe names, with the
            golden vectors of the artifact.
    """
    variant = readable(artifact)
    recipe = artifact.manifest.provenance.recipe
    try:
        spec = TypeAdapter(ModelSpec).validate_python(recipe.get("model", {}))
        network = spec.build()
        parts = _numbers(onnx.load_model_from_string(artifact.read(variant).only()).graph)
        for layers, numbers in zip(_parts(network), parts, strict=True):
            _fill(layers, numbers)
    except (ValidationError, ValueError, DecodeError) as error:
        why = " ".join(str(error).split())[:200]
        raise ArtifactError(artifact.folder, [f"{FILE} does not hold the network that the recipe names ({why})"]) from None
    manifest = artifact.manifest
    require_same(TorchScorer(network.eval(), manifest.preprocessing), artifact)
    return Checkpoint(spec, manifest.preprocessing, as_weights(network), recipe, manifest.provenance.training)


def readable(artifact: Artifact) -> Variant:
    """The variant whose file is read back into a network.

    Raises:
        ArtifactError: if the artifact has no ONNX file in fp32.
    """
    for variant in artifact.manifest.variants.values():
        if FILE in variant.files:
            return variant
    raise ArtifactError(artifact.folder, [f"has no {FILE}, of which other formats are made; export from its checkpoint"])


def _parts(network: Network) -> Iterator[nn.Module]:
    """What the file holds one after the other: plain parts, and the branches of each adaptive block."""
    for part in chains(network):
        if isinstance(part, PTABlock):
            yield from (part.heavy, part.light)
        else:
            yield part


def _numbers(graph: GraphProto) -> list[Mapping[str, Tensor]]:
    """The numbers of each part by their names within it, part after part."""
    parts: dict[tuple[int, str], dict[str, Tensor]] = {}
    for tensor in _initializers(graph):
        if tensor.data_type == TensorProto.FLOAT and (match := NAME.fullmatch(tensor.name)):
            part = parts.setdefault((int(match[1]), match[2] or ""), {})
            part[match[3]] = torch.from_numpy(numpy_helper.to_array(tensor).copy())
    return [parts[place] for place in sorted(parts)]


def _initializers(graph: GraphProto) -> Iterator[TensorProto]:
    """Of a graph and of all that are inside it."""
    for tensor in graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            raise ValueError(f"{tensor.name} lies in another file")
        yield tensor
    for node in graph.node:
        for attribute in node.attribute:
            yield from _initializers(attribute.g)


@torch.no_grad()
def _fill(part: nn.Module, numbers: Mapping[str, Tensor]) -> None:
    """Give the layers of a part their numbers, and each batch normalisation that was folded the bias of the convolution before it."""
    folded = dict(_folded(part))
    for norm, name in folded.items():
        _neutralise(norm)
        _set(norm.bias, numbers, name)
    for path, layer in part.named_modules():
        if layer not in folded:
            for name, values in (*layer.named_parameters(recurse=False), *layer.named_buffers(recurse=False)):
                if values.is_floating_point():  # not so the count of batches
                    slopes = values.view(-1, 1, 1) if isinstance(layer, nn.PReLU) else values
                    _set(slopes, numbers, f"{path}.{name}")


def _folded(part: nn.Module) -> Iterator[tuple[nn.BatchNorm1d | nn.BatchNorm2d, str]]:
    """Each batch normalisation that an export folds, with the name of the bias that it becomes."""
    for path, layer in part.named_modules():
        if isinstance(layer, nn.Sequential):
            for place, (before, norm) in enumerate(pairwise(layer)):
                match before, norm:
                    case (nn.Conv2d(), nn.BatchNorm2d() as folded) | (nn.Linear(), nn.BatchNorm1d() as folded):
                        yield folded, f"{path}.{place}.bias".lstrip(".")


def _neutralise(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
    """Let it add its bias and change nothing else."""
    nn.init.ones_(norm.weight)
    nn.init.zeros_(norm.running_mean)  # type: ignore[arg-type] # it keeps statistics
    nn.init.constant_(norm.running_var, 1 - norm.eps)  # type: ignore[arg-type]


def _set(parameter: Tensor, numbers: Mapping[str, Tensor], name: str) -> None:
    number = numbers.get(name)
    if number is None and name.endswith("bias"):  # ONNX has none where it would be zero
        number = torch.zeros_like(parameter)
    if number is None or number.shape != parameter.shape:
        raise ValueError(f"{name} is missing or has another shape")
    parameter.copy_(number)
