"""Livegate: face liveness from one adaptive network, on the device that took the picture.

>>> from livegate import Gate
>>> Gate().check("face.jpg")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livegate.configuration import Branch, Configuration
from livegate.decision import Decision, Status
from livegate.errors import LivegateError

if TYPE_CHECKING:
    from livegate.gate import Gate

__version__ = "0.1.0"
__all__ = ["Branch", "Configuration", "Decision", "Gate", "LivegateError", "Status", "__version__"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - what a module attribute is depends on its name
    """Import the gate when it is first asked for: it brings OpenCV and ONNX Runtime."""
    if name == "Gate":
        from livegate.gate import Gate

        return Gate
    raise AttributeError(f"module 'livegate' has no attribute {name!r}")
