"""What options that several commands have are for."""

from __future__ import annotations

RUNTIME_HELP = "What runs the network: onnx, openvino, litert, executorch or ncnn, where the model has a file for it."
PRECISION_HELP = "What it computes with: fp32, or another that the model has for this runtime, such as int8."
