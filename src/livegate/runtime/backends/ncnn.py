"""ncnn."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, MissingExtraError
from livegate.runtime.backends.base import Model, Options
from livegate.runtime.entry import IMAGE, SegmentsEntry, Step

LAYERS, WEIGHTS = ".param", ".bin"
ROWS, AS_IT_IS = 0, 1
"""How a value is handed out: row by row for a reader, or in the layout of the layer that made it, for the next layer."""
ROUNDED = ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_packed", "use_bf16_storage")
"""The options that let ncnn compute with fewer bits where the processor can, some of them on by default."""


class NcnnBackend:
    """A net on the CPU.

    Args:
        model: two files, the layers ``….param`` and the weights ``….bin``.
        options: threads.

    Raises:
        MissingExtraError: if ncnn is not installed.
        ArtifactError: if ncnn cannot load the model.
    """

    def __init__(self, model: Model, options: Options = Options()) -> None:  # noqa: B008 - frozen
        try:
            import ncnn
        except ImportError:
            raise MissingExtraError("ncnn", "ncnn") from None
        if not isinstance(model.entry, SegmentsEntry):
            raise ArtifactError("ncnn model", [f"is run part by part, and its entry is of the kind {model.entry.kind!r}"])
        self._matrix = ncnn.Mat
        self._net = ncnn.Net()
        self._net.opt.num_threads = options.threads
        if model.precision == "fp32":
            for option in ROUNDED:
                setattr(self._net.opt, option, False)
        _load(self._net, model)
        self._steps = {Configuration.parse(text): steps for text, steps in model.entry.steps.items()}

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, D) float32, see `Backend`."""
        return np.stack([self._run(image, self._steps[configuration]) for image in np.ascontiguousarray(images)])

    def _run(self, image: NDArray[np.float32], steps: tuple[Step, ...]) -> NDArray[Any]:
        extractor = self._net.create_extractor()
        values = {IMAGE: self._matrix(image).clone()}  # a copy, since ncnn writes into it
        for step in steps:
            refused = [extractor.input(name, values[value]) for name, value in step.inputs.items()]
            failed, values[step.output] = extractor.extract(step.output, ROWS if step is steps[-1] else AS_IT_IS)
            if failed or any(refused):
                raise ArtifactError("ncnn model", [f"ncnn cannot compute {step.output!r} from {', '.join(step.inputs)}"])
        return np.array(values[steps[-1].output])


def _load(net: Any, model: Model) -> None:  # noqa: ANN401 - ncnn states no types
    """Read layers and weights; from files, since ncnn keeps pointing into memory that it is given."""
    with tempfile.TemporaryDirectory(prefix="livegate-ncnn-") as folder:
        for suffix, read in ((LAYERS, net.load_param), (WEIGHTS, net.load_model)):
            path = Path(folder) / f"model{suffix}"
            path.write_bytes(b"".join(data for name, data in model.files.items() if name.endswith(suffix)))
            if read(str(path)):
                raise ArtifactError("ncnn model", [f"ncnn cannot load its {suffix} file"])
