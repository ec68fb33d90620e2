"""An entry says how a configuration is chosen, and one that cannot be followed is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from livegate.runtime.entry import Entry, InputEntry, NamedEntry, SegmentsEntry, Step

READ: TypeAdapter[Entry] = TypeAdapter(Entry)
STEM = {"inputs": {"image": "image"}, "output": "stem.out"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"kind": "input", "name": "configuration", "values": {"HL": [0, 1]}}, InputEntry(values={"HL": (0, 1)})),
        ({"kind": "signature", "names": {"H": "hhh"}}, NamedEntry(kind="signature", names={"H": "hhh"})),
        ({"kind": "method", "names": {"H": "a", "L": "b"}}, NamedEntry(kind="method", names={"H": "a", "L": "b"})),
        ({"kind": "function", "names": {"": "main"}}, NamedEntry(kind="function", names={"": "main"})),
        (
            {"kind": "segments", "steps": {"H": [STEM, {"inputs": {"head": "stem.out", "skip": "image"}, "output": "logits"}]}},
            SegmentsEntry(
                steps={
                    "H": (
                        Step(inputs={"image": "image"}, output="stem.out"),
                        Step(inputs={"head": "stem.out", "skip": "image"}, output="logits"),
                    )
                }
            ),
        ),
    ],
)
def test_each_kind_is_read_and_tells_its_configurations(written: dict[str, Any], expected: Entry) -> None:
    """From the JSON of a manifest, and to the same JSON again."""
    entry = READ.validate_python(written)
    assert entry == expected
    assert READ.validate_json(READ.dump_json(entry)) == entry
    assert entry.configurations == tuple(next(value for value in written.values() if isinstance(value, dict)))


@pytest.mark.parametrize(
    "written",
    [
        {},
        {"kind": "pickle", "names": {"H": "h"}},
        {"kind": "input", "values": {}},
        {"kind": "input", "name": "image", "values": {"H": [0]}},
        {"kind": "signature", "names": {}},
        {"kind": "signature", "names": {"H": "same", "L": "same"}},
        {"kind": "method", "names": {"H": ""}},
        {"kind": "method", "names": {"H": "a b"}},
        {"kind": "method", "names": {"H": "a" * 65}},
        {"kind": "method", "names": {"H": "a"}, "shape": 1},
        {"kind": "segments", "steps": {}},
        {"kind": "segments", "steps": {"H": []}},
        {"kind": "segments", "steps": {"H": [STEM] * 65}},
        {"kind": "segments", "steps": {"H": [{"inputs": {}, "output": "logits"}]}},
        {"kind": "segments", "steps": {"H": [{"inputs": {"a": "later"}, "output": "b"}, {**STEM, "output": "later"}]}},
    ],
)
def test_an_entry_that_cannot_be_followed_is_refused(written: dict[str, Any]) -> None:
    """An unknown kind, nothing to choose, a name twice, a step that takes what is not there yet."""
    with pytest.raises(ValidationError):
        READ.validate_python(written)
