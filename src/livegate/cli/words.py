"""What options that several commands have are for."""

from __future__ import annotations

RUNTIME_HELP = (
    "What runs the network: onnx, openvino, litert, executorch or ncnn, where the model has a file for it. Without it onnx, or what a "
    "file of another maker is for."
)
PRECISION_HELP = "What it computes with: fp32, or another that the model has for this runtime, such as int8; fp32 without it, or the first that the model has."
CONTRACT_HELP = "What a file of another maker follows, where its SHA-256 is not known: omz-onnx or omz-ir (anti-spoof-mn3)."
CALIBRATION_HELP = "Thresholds of your own camera, as livegate calibrate wrote them, in place of the model's."
