"""What can be exported: a target is a runtime with a precision, such as ``onnx`` or ``onnx-int8``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from livegate.decision import Task
from livegate.errors import LivegateError, MissingExtraError
from livegate.runtime.manifest import target as named

ALL = "all"
NEEDS, EXTRA = ("torch", "safetensors", "onnx", "onnxscript"), "onnx"
"""What every writer imports, and the extra of Livegate that brings it."""


@dataclass(frozen=True, slots=True)
class Target:
    """A kind of file that can be written.

    Attributes:
        runtime: what runs it.
        writer: the function that writes it, as ``module:function`` within `livegate.export`.
        extra: the extra of Livegate that brings what it needs besides `NEEDS`; empty for nothing.
        needs: the packages that must be importable besides `NEEDS`.
        precision: what it computes with.
        every: whether every configuration comes for nothing; else the file holds the few that `Configuration.named` gives.
        proven: whether the runtime must run the file before it is taken; not so where it cannot run on the machines that export.
        tasks: which networks it has been proven with.
    """

    runtime: str
    writer: str
    extra: str = ""
    needs: tuple[str, ...] = ()
    precision: str = "fp32"
    every: bool = False
    proven: bool = True
    tasks: tuple[Task, ...] = ("liveness",)

    @property
    def name(self) -> str:
        """As it stands on the command line and among the variants of a manifest."""
        return named(self.runtime, self.precision)

    @property
    def calibrated(self) -> bool:
        """Whether pictures are needed to write it."""
        return self.precision == "int8"

    @property
    def extras(self) -> tuple[str, ...]:
        """The extras of Livegate that bring all that it needs."""
        return (EXTRA, self.extra) if self.extra else (EXTRA,)

    @property
    def missing(self) -> str:
        """Which of the packages that it needs is not installed; empty if all are."""
        return next((package for package in (*NEEDS, *self.needs) if find_spec(package) is None), "")

    def require(self) -> None:
        """Check that its converter is installed.

        Raises:
            MissingExtraError: with the install line.
        """
        if self.missing:
            raise MissingExtraError(f"export to {self.name} (it uses {self.missing})", *self.extras)

    @property
    def write(self) -> Callable[..., Any]:
        """The function that writes it."""
        module, function = self.writer.split(":")
        return getattr(import_module(f"livegate.export.{module}"), function)  # type: ignore[no-any-return]


BOTH: tuple[Task, ...] = ("liveness", "verification")
TARGETS = {
    target.name: target
    for target in (
        Target("onnx", "onnx:write", every=True, tasks=BOTH),
        Target("onnx", "onnx:write_fp16", precision="fp16", every=True, tasks=BOTH),
        Target("openvino", "openvino:write", "openvino", ("openvino",), every=True, tasks=BOTH),
        Target("litert", "litert:write", "litert-torch", ("litert_torch", "ai_edge_litert")),
        Target("executorch", "executorch:write", "executorch", ("executorch",)),
        Target("coreml", "coreml:write", "coreml", ("coremltools",), proven=False),
        Target("coreml", "coreml:write_fp16", "coreml", ("coremltools",), "fp16", proven=False),
        Target("ncnn", "ncnn:write", "ncnn", ("ncnn",), every=True),
        Target("ncnn", "ncnn:write_fp16", "ncnn", ("ncnn",), "fp16", every=True),
        Target("onnx", "int8_onnx:write", precision="int8", every=True),
        Target("openvino", "int8_onnx:write_openvino", "openvino", ("openvino",), "int8", every=True),
        Target("executorch", "int8_executorch:write", "executorch", ("executorch", "torchao"), "int8"),
    )
}


def chosen(text: str, *, calibrated: bool = False) -> tuple[list[Target], list[Target]]:
    """The targets that a user's words mean.

    Args:
        text: names with commas between them, or ``all``.
        calibrated: whether there are pictures to calibrate with; without them ``all`` means none of the targets that need some.

    Returns:
        Those to write, and, of ``all``, those whose converter is not installed.

    Raises:
        LivegateError: for an unknown name.
        MissingExtraError: if the converter of a named target is not installed, or of ``all`` none.
    """
    if text == ALL:
        wanted = [target for target in TARGETS.values() if calibrated or not target.calibrated]
        if all(target.missing for target in wanted):
            wanted[0].require()
        return [target for target in wanted if not target.missing], [target for target in wanted if target.missing]
    names = list(dict.fromkeys(text.split(",")))
    if unknown := [name for name in names if name not in TARGETS]:
        raise LivegateError(f"unknown format {unknown[0]!r}; formats are {', '.join(TARGETS)}, or {ALL}")
    for name in names:
        TARGETS[name].require()
    return [TARGETS[name] for name in names], []
