"""How a configuration is chosen in a file: each format has a way of its own.

An entry is data in the manifest, so that a program in another language can choose, too. The keys of its mapping are the configurations
that the file holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_STEPS = 64
IMAGE = "image"
"""What the steps of `SegmentsEntry` call the input of the network."""

Name = Annotated[str, Field(pattern=r"^[\x21-\x7e]{1,64}$")]


class Fact(BaseModel):
    """A part of the manifest: frozen, and a key that it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputEntry(Fact):
    """Feed these numbers to the input of that name."""

    kind: Literal["input"] = "input"
    name: Literal["configuration"] = "configuration"
    values: Annotated[Mapping[str, tuple[int, ...]], Field(min_length=1)]

    @property
    def configurations(self) -> tuple[str, ...]:
        """The configurations that the file holds."""
        return tuple(self.values)


class NamedEntry(Fact):
    """Call the part of the file that has this name: a ``signature`` of LiteRT, a ``method`` of ExecuTorch, a ``function`` of Core ML."""

    kind: Literal["signature", "method", "function"]
    names: Annotated[Mapping[str, Name], Field(min_length=1)]

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len(set(self.names.values())) != len(self.names):
            raise ValueError("gives two configurations the same name")
        return self

    @property
    def configurations(self) -> tuple[str, ...]:
        """The configurations that the file holds."""
        return tuple(self.names)


class Step(Fact):
    """Run a part of the net.

    ``inputs``: for each input of the part, by its name in the net, what goes into it: ``image`` or the output of an earlier step.
    ``output``: the name in the net of what comes out.
    """

    inputs: Annotated[Mapping[Name, Name], Field(min_length=1)]
    output: Name


class SegmentsEntry(Fact):
    """Run these parts of the net one after the other; the output of the last one is the result."""

    kind: Literal["segments"] = "segments"
    steps: Annotated[Mapping[str, Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for configuration, steps in self.steps.items():
            known = {IMAGE}
            for step in steps:
                if unknown := set(step.inputs.values()) - known:
                    raise ValueError(f"{configuration}: {step.output!r} takes {min(unknown)!r} before there is one")
                known.add(step.output)
        return self

    @property
    def configurations(self) -> tuple[str, ...]:
        """The configurations that the file holds."""
        return tuple(self.steps)


class ContractEntry(Fact):
    """Call the file as `livegate.runtime.omz` says of that contract, which is another maker's; there is nothing to choose."""

    kind: Literal["contract"] = "contract"
    contract: Literal["omz-onnx", "omz-ir"]

    @property
    def configurations(self) -> tuple[str, ...]:
        """The only configuration, of a network without adaptive blocks."""
        return ("",)


Entry = Annotated[InputEntry | NamedEntry | SegmentsEntry | ContractEntry, Field(discriminator="kind")]
