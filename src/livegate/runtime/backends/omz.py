"""The two forms of anti-spoof-mn3: files of other makers, so each is looked at before it is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError
from livegate.runtime.backends import blocked
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.backends.onnx import open_session
from livegate.runtime.entry import ContractEntry
from livegate.runtime.omz import CONTRACTS, INPUT, OUTPUT, SHAPE, logits

EXTERNAL = 1
"""The place of a tensor that lies in another file."""
NESTED = ("If", "Loop", "TensorIterator")
"""Operations of OpenVINO that hold a network of their own."""

PLAIN = "has graphs within its graph; a network of this contract is one plain graph"


class Port(NamedTuple):
    """An input or output: its names, its shape, and whether it holds float32."""

    names: Sequence[str]
    shape: Sequence[object]
    single: bool


class OmzBackend:
    """A file that follows a contract of the Open Model Zoo, on the CPU.

    Args:
        model: the file, or the two files of an IR.
        options: threads; nothing is cached.

    Raises:
        MissingExtraError: if OpenVINO is asked for and not installed.
        ArtifactError: if the runtime cannot load the model, or it does not follow the contract.
    """

    def __init__(self, model: Model, options: Options = Options()) -> None:  # noqa: B008 - frozen
        if not isinstance(model.entry, ContractEntry):
            raise ArtifactError("model", [f"is run by a contract, and its entry is of the kind {model.entry.kind!r}"])
        self._what = f"{next(iter(model.files))} ({model.entry.contract})"
        self._feed = CONTRACTS[model.entry.contract].feed
        load = _ir if CONTRACTS[model.entry.contract].raw else _onnx
        self._run = load(model, options, self._what)

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, 128, 128) float32, RGB, 0..255 to (N, 2) float32: 0 bona fide, 1 attack; one picture after the other."""
        configuration.require(0)
        try:
            found = [self._run(self._feed(image[None])) for image in images]
        except Exception as error:  # noqa: BLE001 - the runtimes' exceptions share no base but Exception
            raise ArtifactError(self._what, [f"cannot be run ({' '.join(str(error).split())})"]) from None
        return np.concatenate([logits(probabilities, self._what) for probabilities in found])


Run = Callable[[NDArray[np.float32]], NDArray[Any]]


def _onnx(model: Model, options: Options, what: str) -> Run:
    data = _file(model, ".onnx", what)
    if faults := list(_nested(data)):
        raise ArtifactError(what, faults)
    loaded = open_session(data, options)
    ports = (
        [Port([value.name], value.shape, value.type == "tensor(float)") for value in values]
        for values in (loaded.get_inputs(), loaded.get_outputs())
    )
    _require(what, *ports)
    return lambda feed: np.asarray(loaded.run([OUTPUT], {INPUT: feed})[0])


def _nested(data: bytes) -> Iterator[str]:
    """What a plain network does not have: it could read other files, or run for ever."""
    try:
        model = blocked.messages()["Model"].FromString(data)
    except DecodeError:
        yield "is no ONNX model, or is damaged"
        return
    attributes = [attribute for node in model.graph.node for attribute in node.attribute]
    if len(model.functions) or any(attribute.HasField("g") or len(attribute.graphs) for attribute in attributes):
        yield PLAIN
    if any(tensor.data_location == EXTERNAL for tensor in (*model.graph.initializer, *(a.t for a in attributes))):
        yield "has weights in another file; the contract has them in this one"


def _ir(model: Model, options: Options, what: str) -> Run:
    from livegate.runtime.backends import openvino

    core, xml, weights = openvino.new_core(), _file(model, ".xml", what), _file(model, ".bin", what)
    with openvino.loading(what):
        network = core.read_model(model=xml, weights=weights)
    if any(operation.get_type_name() in NESTED for operation in network.get_ops()):
        raise ArtifactError(what, [PLAIN])
    ports = (
        [Port(list(port.get_names()), _shape(port), port.get_element_type().get_type_name() == "f32") for port in ports]
        for ports in (network.inputs, network.outputs)
    )
    _require(what, *ports)
    with openvino.loading(what):
        request = core.compile_model(network, openvino.DEVICE, openvino.settings_for(options)).create_infer_request()
    return lambda feed: np.array(request.infer({INPUT: feed})[OUTPUT])  # a copy: the next call writes into the same memory


def _file(model: Model, suffix: str, what: str) -> bytes:
    found = [data for name, data in model.files.items() if name.lower().endswith(suffix)]
    if len(found) != 1:
        raise ArtifactError(what, [f"has {len(found)} files {suffix}, and the contract asks for one"])
    return found[0]


def _shape(port: Any) -> list[object]:  # noqa: ANN401 - OpenVINO's own type
    return [length.get_length() if length.is_static else str(length) for length in port.get_partial_shape()]


def _require(what: str, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
    """Check what goes in and out against the contract.

    Raises:
        ArtifactError: with all that differs.
    """
    faults = []
    for kind, ports, name, shape in (("input", inputs, INPUT, SHAPE), ("output", outputs, OUTPUT, (1, 2))):
        fits = len(ports) == 1 and name in ports[0].names and tuple(ports[0].shape) == shape and ports[0].single
        if not fits:
            found = "; ".join(f"{'/'.join(p.names)} {list(p.shape)}{'' if p.single else ' of another type'}" for p in ports)
            faults.append(f"has the {kind} {found or 'none'}, and the contract asks for {name} {list(shape)} float32")
    if faults:
        raise ArtifactError(what, faults)
