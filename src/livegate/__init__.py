"""Livegate: face liveness from one adaptive network, on the device that took the picture.

>>> from livegate import Gate
>>> Gate().check("face.jpg")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from livegate.configuration import Branch, Configuration
from livegate.errors import LivegateError

if TYPE_CHECKING:
    from livegate.decision import Decision, Status
    from livegate.gate import Gate
    from livegate.verifier import Verifier

__version__ = "0.1.0"
__all__ = ["Branch", "Configuration", "Decision", "Gate", "LivegateError", "Status", "Verifier", "__version__"]

_LATER = {
    "Decision": "livegate.decision",
    "Gate": "livegate.gate",
    "Status": "livegate.decision",
    "Verifier": "livegate.verifier",
}
"""Imported when first asked for: a decision brings NumPy, the gate OpenCV and ONNX Runtime."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module attribute is depends on its name
    """Import what is not imported yet."""
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'livegate' has no attribute {name!r}")
