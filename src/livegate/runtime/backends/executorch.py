"""ExecuTorch."""
# ruff: noqa: SLF001 - all names of the binding begin so

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.entry import NamedEntry


class ExecuTorchBackend:
    """A program on the CPU, one method a configuration.

    A method is loaded when it is first called, since each keeps a copy of its weights in the layout of the processor. The binding for
    Python takes tensors of torch; the runtime itself, on a device, has no torch.

    Args:
        model: one file.
        options: threads. ExecuTorch has one pool of threads for the whole process: the backend that was made last sets their number.

    Raises:
        MissingExtraError: if ExecuTorch is not installed.
        ArtifactError: if it cannot load the model.
    """

    def __init__(self, model: Model, options: Options = Options()) -> None:  # noqa: B008 - frozen
        try:
            import torch  # first: the binding needs its libraries

            # The binding itself, since executorch.runtime imports the exporter, too, which takes seconds and writes to stderr.
            from executorch.extension.pybindings import _C as binding  # noqa: N811 - its name
        except ImportError:
            raise MissingExtraError("ExecuTorch", "executorch") from None
        if not isinstance(model.entry, NamedEntry):
            raise ArtifactError("ExecuTorch program", [f"is run by method, and its entry is of the kind {model.entry.kind!r}"])
        if binding._threadpool_get_thread_count() != options.threads:
            binding._unsafe_reset_threadpool(options.threads)
        self._tensor = torch.from_numpy
        self._names = {Configuration.parse(text): name for text, name in model.entry.names.items()}
        self._data = model.only()  # the program points into it
        self._methods: dict[Configuration, Any] = {}
        try:
            verified = binding.Verification.InternalConsistency
            self._program = binding._load_program_from_buffer(self._data, program_verification=verified)
        except RuntimeError as error:
            raise _refused(error) from None
        held = {self._program.get_method_name(number) for number in range(self._program.num_methods())}
        if missing := [name for name in self._names.values() if name not in held]:
            raise ArtifactError("ExecuTorch program", [f"has no method {missing[0]!r}; it has {', '.join(sorted(held))}"])

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, D) float32, see `Backend`."""
        try:
            if configuration not in self._methods:
                self._methods[configuration] = self._program.load_method(self._names[configuration])
            method = self._methods[configuration]
            return np.concatenate([method([self._tensor(image[np.newaxis])])[0].numpy() for image in images])
        except RuntimeError as error:
            raise _refused(error) from None


def _refused(error: RuntimeError) -> ArtifactError:
    return ArtifactError("ExecuTorch program", [f"ExecuTorch cannot run it ({' '.join(str(error).split())})"])
