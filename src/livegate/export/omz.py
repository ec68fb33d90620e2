"""The files of anti-spoof-mn3 in the Open Model Zoo, made of a network of one's own: a drop-in for whoever runs those.

What goes in and out is told in `livegate.runtime.omz`. The ONNX file is the network with a softmax; the OpenVINO IR is that file with the
reversal of the channels, mean and scale put in front, in this order, as the Model Zoo's arguments to the converter ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, ValueInfoProto, helper

from livegate.configuration import Configuration
from livegate.errors import LivegateError, ParityError
from livegate.export.exporter import require_new, scratch, write_licence
from livegate.export.onnx import OPSET, Composer, compose
from livegate.export.plain import quiet
from livegate.export.source import Source
from livegate.export.targets import TARGETS
from livegate.models.checkpoint import Checkpoint
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.runtime.backends.base import RUNTIMES, Backend, Model, Options, load
from livegate.runtime.backends.openvino import new_core
from livegate.runtime.entry import ContractEntry
from livegate.runtime.omz import CONTRACTS, INPUT, OUTPUT, PREPROCESSING, SHAPE

NAME = "omz"
"""Of the contract on the command line."""
FILES = {"onnx": ("anti-spoof-mn3.onnx",), "openvino": ("anti-spoof-mn3.xml", "anti-spoof-mn3.bin")}
"""The names of the Model Zoo, by the runtime that the files are for."""
TOLERANCE = 1e-5
"""How far a probability may be from the network's in torch, and that of one file from the other's."""


def export(checkpoint: Checkpoint, out: Path, *, fixed: Configuration | None, runtimes: Sequence[str], licence: str) -> Path:
    """Write the files, whole or not at all, each proven in its own runtime.

    Args:
        checkpoint: the network.
        out: the folder; it must not exist yet.
        fixed: the one configuration of a network with adaptive blocks, since the contract has no input to choose by.
        runtimes: ``onnx``, ``openvino`` or both.
        licence: of the weights, as an artifact has it.

    Returns:
        The folder.

    Raises:
        LivegateError: if the network does not fit the contract, or another format is asked for.
        ParityError: if a file disagrees with the network, or the two with each other.
        ArtifactError: if ``out`` exists, or the licence lacks its SPDX line.
        MissingExtraError: if a converter is not installed.
    """
    require_new(out)
    if unknown := [name for name in runtimes if name not in FILES]:
        raise LivegateError(f"the contract {NAME} has no file for {unknown[0]}; give --to {','.join(FILES)} or one of them")
    for name in runtimes:
        TARGETS[name].require()
    require_fits(checkpoint, fixed)
    source = Source(checkpoint, fixed)
    model = to_onnx(source.network, source.preprocessing)
    with scratch(out) as folder:
        write_licence(licence, folder)
        if "onnx" in runtimes:
            (folder / FILES["onnx"][0]).write_bytes(model.SerializeToString())
        if "openvino" in runtimes:
            write_ir(model, folder / FILES["openvino"][0])
        prove(source, {name: _backend(folder, name) for name in FILES if name in runtimes})
        folder.replace(out)
    return out


def require_fits(checkpoint: Checkpoint, fixed: Configuration | None) -> None:
    """Check that the contract can say what a network takes.

    Raises:
        LivegateError: if the network has adaptive blocks and no configuration is fixed, or takes another size or normalisation.
    """
    stages = checkpoint.model.adaptive_stages
    if stages and fixed is None:
        raise LivegateError(
            f"the contract {NAME} has no input that chooses a configuration, and this network has {len(stages)} adaptive blocks; "
            "choose one with --fixed C"
        )
    takes, asked = checkpoint.preprocessing, PREPROCESSING
    if takes.standardised:
        raise LivegateError(
            f"the contract {NAME} has fixed numbers for mean and scale; this network was trained with pictures that are standardised"
        )
    if (takes.size, takes.mean, takes.std) != (asked.size, asked.mean, asked.std):
        raise LivegateError(
            f"the contract {NAME} has an input of {asked.size} pixels with mean {asked.mean} and scale {asked.std}; this network was "
            f"trained with {takes.size}, {takes.mean} and {takes.std}"
        )


def to_onnx(network: Network, preprocessing: Preprocessing) -> ModelProto:
    """The network with a softmax behind it, names and shapes those of the contract."""
    return compose(_Composer(), network, preprocessing)


class _Composer(Composer):
    """Leaves normalisation to the caller and ends with probabilities."""

    def normalised(self, preprocessing: Preprocessing) -> str:  # noqa: ARG002 - the contract's is the caller's
        """What the caller has normalised."""
        return INPUT

    def model(self, value: str, size: int, adaptive_blocks: int, output: ValueInfoProto) -> ModelProto:  # noqa: ARG002 - told by the contract
        """The whole model, checked, with that value as the logits under its softmax."""
        self.node("Softmax", [value], OUTPUT, axis=1)
        inputs = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, SHAPE)]
        outputs = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, (1, 2))]
        graph = helper.make_graph(self.nodes, "anti-spoof-mn3", inputs, outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="livegate")
        model.ir_version = 9
        onnx.checker.check_model(model, full_check=True)
        return model


def write_ir(model: ModelProto, path: Path) -> None:
    """Convert the ONNX model to an OpenVINO IR that takes BGR 0..255; the ``.bin`` comes beside the ``.xml``.

    Raises:
        MissingExtraError: if OpenVINO is not installed.
    """
    core = new_core()
    import openvino
    from openvino.preprocess import PrePostProcessor

    with quiet():
        steps = PrePostProcessor(core.read_model(model.SerializeToString()))
        steps.input(INPUT).tensor().set_layout(openvino.Layout("NCHW"))
        steps.input(INPUT).model().set_layout(openvino.Layout("NCHW"))
        before = steps.input(INPUT).preprocess().reverse_channels()
        before.mean(list(PREPROCESSING.mean)).scale(list(PREPROCESSING.std))
        openvino.save_model(steps.build(), path, compress_to_fp16=False)


def prove(source: Source, backends: Mapping[str, Backend]) -> None:
    """Check each file against the network in torch, and the files against each other, on the same pixels.

    Raises:
        ParityError: if a probability differs by more than `TOLERANCE`.
    """
    (configuration,) = source.configurations
    logits = torch.from_numpy(source.outputs([configuration])[configuration]).double()
    said = {"torch": torch.softmax(logits, dim=1).numpy()}
    said |= {RUNTIMES[name].label: np.exp(backend.run(source.images, configuration)) for name, backend in backends.items()}
    names = list(said)
    for place, one in enumerate(names):
        for other in names[:place]:
            _require_same(said[one], said[other], f"{one} and {other}")


def _require_same(one: NDArray[np.floating], other: NDArray[np.floating], which: str) -> None:
    difference = float(np.abs(one - other).max())
    if not difference <= TOLERANCE:
        raise ParityError(f"{which} differ by {difference:.3g} in a probability, more than {TOLERANCE:g}; nothing is written")


def _backend(folder: Path, name: str) -> Backend:
    """The files as `livegate check` would run them."""
    contract = next(contract for contract, facts in CONTRACTS.items() if facts.runtime == name)
    files = {file: (folder / file).read_bytes() for file in FILES[name]}
    return load(name, Model(files, ContractEntry(contract=contract)), Options())  # type: ignore[arg-type] # one of the contracts
