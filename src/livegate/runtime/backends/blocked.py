"""Takes an ONNX model that ONNX Runtime has optimised for this processor one step further.

ONNX Runtime computes convolutions fastest on pixels in blocks of channels (NCHWc), and brings values into that layout and back where it
must. It does not look across the border of a gate (``If``): at every one a value is brought back, and into blocks again behind it, and
a sum with a value from outside is a pass of its own. Here the borders are opened:

1. a value that is known in blocks is read in blocks: gates, sums and means pass it on as it is;
2. what nobody reads any more is dropped;
3. a sum with the output of a convolution becomes part of that convolution, as ONNX Runtime does it where there is no gate.

The result computes, bit for bit, what a file with one configuration alone computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import count
from typing import Any, NamedTuple

BLOCKED = "com.microsoft.nchwc"
ELEMENTWISE = ("Add", "Mul", "Identity")

SCHEMA: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Model": {"graph": (7, "Graph"), "functions": (25, "Function*")},
    "Function": {},
    "Graph": {"node": (1, "Node*"), "initializer": (5, "Tensor*"), "input": (11, "Value*"), "output": (12, "Value*")},
    "Node": {
        "input": (1, "text*"),
        "output": (2, "text*"),
        "name": (3, "text"),
        "op_type": (4, "text"),
        "attribute": (5, "Attribute*"),
        "domain": (7, "text"),
    },
    "Attribute": {
        "name": (1, "text"),
        "i": (3, "number"),
        "t": (5, "Tensor"),
        "g": (6, "Graph"),
        "graphs": (11, "Graph*"),
        "type": (20, "number"),
    },
    "Tensor": {"name": (8, "text"), "data_location": (14, "number")},
    "Value": {"name": (1, "text")},
}
"""The parts of an ONNX file that are read or changed here, by name: field number and type; all others stay as they are."""

INTEGER = 2
"""The type of an attribute that is a whole number."""


class _Block(NamedTuple):
    """A value in blocks: its name, and its number of channels before they were filled up to whole blocks."""

    name: str
    channels: int


def opened(optimised: bytes) -> bytes:
    """The model with its gates opened.

    Args:
        optimised: an ONNX model as ONNX Runtime saved it after all its optimisations; it must fit into memory some times over.

    Raises:
        ImportError: if protobuf, which comes with ONNX Runtime, is not there.
    """
    model = messages()["Model"].FromString(optimised)
    _make_unique(model.graph)
    _open(model.graph, {})
    _drop_unread(model.graph)
    _fuse_sums(model.graph)
    data: bytes = model.SerializeToString()
    return data


def _open(graph: Any, outside: Mapping[str, _Block]) -> dict[str, _Block]:  # noqa: ANN401 - a message
    """Let everything in a graph read in blocks what is known in blocks; returns what is so known in it."""
    known = dict(outside)
    stand_in: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        node.input[:] = [stand_in.get(name, name) for name in node.input]
        nodes.append(node)
        if node.op_type == "ReorderInput" and node.input[0] in known:
            stand_in[node.output[0]] = known[node.input[0]].name
        elif node.op_type == "ReorderOutput":
            known[node.output[0]] = _Block(node.input[0], _attribute(node, "channels").i)
        elif node.op_type in ELEMENTWISE and (twin := _twin(node, known, graph)):
            nodes.append(twin)
            channels = next(known[name].channels for name in node.input if name in known)
            known[node.output[0]] = _Block(twin.output[0], channels)
        elif node.op_type == "If":
            nodes += _open_gate(node, known)
    _replace(graph.node, nodes)
    return known


def _twin(node: Any, known: Mapping[str, _Block], graph: Any) -> Any | None:  # noqa: ANN401
    """The same element-wise node on blocks; None where an input is known neither in blocks nor as a single number."""
    numbers = {tensor.name for tensor in graph.initializer}
    if not any(name in known for name in node.input):
        return None
    if not all(name in known or (node.op_type == "Mul" and name in numbers) for name in node.input):
        return None
    twin = _copy(node)
    twin.name = f"{node.name}.blocked"
    twin.input[:] = [known[name].name if name in known else name for name in node.input]
    twin.output[:] = [f"{name}.blocked" for name in node.output]
    return twin


def _open_gate(node: Any, known: dict[str, _Block]) -> Iterator[Any]:  # noqa: ANN401
    """Let a gate hand out blocks where both of its branches can; what still reads the plain value gets it behind the gate."""
    graphs = list(_graphs(node))
    inside = [_open(graph, known) for graph in graphs]
    for place, name in enumerate(list(node.output)):
        outputs = [graph.output[place] for graph in graphs]
        if not all(output.name in inner for output, inner in zip(outputs, inside, strict=True)):
            continue
        known[name] = _Block(f"{name}.blocked", inside[0][outputs[0].name].channels)
        for output, inner in zip(outputs, inside, strict=True):
            output.name = inner[output.name].name
        node.output[place] = known[name].name
        yield _reorder_output(known[name], name)


def _drop_unread(graph: Any) -> set[str]:  # noqa: ANN401
    """Remove what computes values that nobody reads; returns the names that the graph reads."""
    read = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if not read.intersection(node.output):
            continue
        kept.append(node)
        read.update(node.input, *(_drop_unread(inner) for inner in _graphs(node)))
    _replace(graph.node, reversed(kept))
    _replace(graph.initializer, (tensor for tensor in graph.initializer if tensor.name in read))
    return read


def _fuse_sums(graph: Any) -> None:  # noqa: ANN401
    """Make each sum of blocks a part of the convolution that gives its last term."""
    for node in graph.node:
        for inner in _graphs(node):
            _fuse_sums(inner)
    made = {name: place for place, node in enumerate(graph.node) for name in node.output}
    reads = [name for node in graph.node for name in _reads(node)] + [value.name for value in graph.output]
    fused = set()
    for place, node in enumerate(graph.node):
        if node.op_type != "Add" or not node.name.endswith(".blocked"):
            continue
        last, other = sorted(node.input, key=lambda name: made.get(name, -1), reverse=True)
        convolution = graph.node[made[last]] if last in made else node
        if _can_add(convolution) and reads.count(last) == 1:
            convolution.input.append(other)
            convolution.output[0] = node.output[0]
            made[node.output[0]] = made[last]
            fused.add(place)
    _replace(graph.node, (node for place, node in enumerate(graph.node) if place not in fused))


def _can_add(node: Any) -> bool:  # noqa: ANN401
    """Whether a node is a convolution on blocks with its bias, and nothing after it that a sum would have to precede."""
    plain = all(attribute.name != "activation" for attribute in node.attribute)
    return bool(node.domain == BLOCKED and node.op_type == "Conv" and len(node.input) == 3 and plain)


def _make_unique(graph: Any) -> None:  # noqa: ANN401
    """Give every value inside a gate a name that no other graph has: ONNX Runtime repeats its own."""
    numbers = count()

    def rename(inner: Any, names: Mapping[str, str]) -> None:  # noqa: ANN401
        number = next(numbers)
        own = [value.name for value in inner.initializer] + [name for node in inner.node for name in node.output]
        names = {**names, **{name: f"{name}.{number}" for name in own if name}}
        for value in (*inner.initializer, *inner.output):
            value.name = names.get(value.name, value.name)
        for node in inner.node:
            apply(node, names)

    def apply(node: Any, names: Mapping[str, str]) -> None:  # noqa: ANN401
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for deeper in _graphs(node):
            rename(deeper, names)

    for node in graph.node:
        apply(node, {})


def _reads(node: Any) -> Iterator[str]:  # noqa: ANN401
    """What a node reads, also inside its graphs."""
    yield from node.input
    for graph in _graphs(node):
        yield from (value.name for value in graph.output)
        for inner in graph.node:
            yield from _reads(inner)


def _graphs(node: Any) -> Iterator[Any]:  # noqa: ANN401
    return (attribute.g for attribute in node.attribute if attribute.HasField("g"))


def _attribute(node: Any, name: str) -> Any:  # noqa: ANN401
    return next(attribute for attribute in node.attribute if attribute.name == name)


def _reorder_output(block: _Block, name: str) -> Any:  # noqa: ANN401
    channels = {"name": "channels", "i": block.channels, "type": INTEGER}
    kind = {"op_type": "ReorderOutput", "domain": BLOCKED, "name": f"{name}.unblocked"}
    return messages()["Node"](input=[block.name], output=[name], attribute=[channels], **kind)


def _copy(message: Any) -> Any:  # noqa: ANN401
    copied = type(message)()
    copied.CopyFrom(message)
    return copied


def _replace(messages: Any, others: Iterable[Any]) -> None:  # noqa: ANN401
    """Let a repeated field hold these messages, which may be some of its own."""
    copies = [_copy(message) for message in others]
    del messages[:]
    messages.extend(copies)


@cache
def messages() -> Mapping[str, Any]:
    """The message classes of `SCHEMA`; protobuf keeps the fields that they do not name."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="livegate_onnx.proto", package="livegate.onnx", syntax="proto2")
    for message, fields in SCHEMA.items():
        described = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            field = described.field.add(name=name, number=number)
            field.label = kinds.LABEL_REPEATED if kind.endswith("*") else kinds.LABEL_OPTIONAL
            match kind.removesuffix("*"):
                case "text":
                    field.type = kinds.TYPE_STRING
                case "number":
                    field.type = kinds.TYPE_INT64
                case inner:
                    field.type, field.type_name = kinds.TYPE_MESSAGE, f".livegate.onnx.{inner}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"livegate.onnx.{name}")) for name in SCHEMA}
