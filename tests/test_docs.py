"""Every command in README and docs runs as it is written there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.core import TyperCommand
from typer.testing import CliRunner

from livegate.cli.app import app
from livegate.data.generated import generated_set
from livegate.data.simulate import print_capture, recapture, replay_capture
from livegate.runtime.artifact import Artifact
from livegate.runtime.manifest import Manifest
from livegate.weights import locate

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "examples" / "README.md", *(ROOT / "docs").glob("*.md")])
ADAPT = ROOT / "docs" / "adapt.md"
"""Its commands take what its Python has made."""
JUDGED = {0, 1}
"""Exit codes of ``livegate check`` and ``explain`` that mean it did its work; what it decides is the model's matter."""


def blocks(document: Path, language: str) -> list[str]:
    """The fenced blocks of a language in a document."""
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands(document: Path) -> list[str]:
    """The shell commands of a document, in order."""
    return [line for block in blocks(document, "sh") for line in block.splitlines() if line and not line.startswith("#")]


def own_pictures(folder: Path) -> None:
    """A plain folder as docs/own-weights.md and docs/calibrate.md ask for, of recaptures of one picture in the public domain."""
    astronaut = data.astronaut()[:300, 80:380]
    for number in range(24):
        captures = {"bona-fide": recapture, "attack/print": print_capture, "attack/replay-phone": replay_capture}
        for kind, capture in captures.items():
            subject = folder / kind / f"subject{number}"
            subject.mkdir(parents=True)
            Image.fromarray(capture(astronaut, np.random.default_rng(number))).save(subject / "0.png")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with what the documents take for granted: a copy of the repository's recipes and examples, and pictures."""
    for name in ("recipes", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("node_modules"))
    Image.fromarray(data.astronaut()).save(tmp_path / "face.jpg")
    return tmp_path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A shell line in a folder, as a user of this environment would run it; it succeeds."""
    environment = {key: value for key, value in os.environ.items() if key != "LIVEGATE_DATA"}
    environment |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S602
    expected = JUDGED if command.startswith(("livegate check", "livegate explain", "livegate calibrate")) else {0}
    assert done.returncode in expected, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if commands(path) and path != ADAPT],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_documented_commands_run(document: Path, workspace: Path) -> None:
    """Each shell line of a document succeeds, in order, in a folder with the pictures that it speaks of."""
    if document.name in {"own-weights.md", "calibrate.md"}:
        own_pictures(workspace / "pictures")
        own_pictures(workspace / "others")
    else:
        generated_set(workspace / "pictures", subjects=8)
    for command in commands(document):
        run(command, workspace)


def test_commands_that_are_only_shown_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a block cannot run here, for it needs pictures of one's own or hours, its verbs, options and arguments are real ones."""
    shown = [
        (document.name, shlex.split(line, comments=True))
        for document in DOCUMENTS
        for block in blocks(document, "text")
        for line in re.findall(r"^(?:[A-Z_]+=\S+ )*livegate ([a-z][^>|&\n]*)", block.replace("\\\n", " "), flags=re.MULTILINE)
    ]
    assert len(shown) >= 50
    asked = []
    monkeypatch.setattr(TyperCommand, "invoke", lambda self, _: asked.append(self.name))  # parsed, and nothing is done
    for document, words in shown:
        refused = CliRunner().invoke(app, words)
        assert refused.exit_code == 0, f"{document}: livegate {shlex.join(words)}: {refused.output}"
    assert len(asked) == len(shown)


def test_there_are_documented_commands() -> None:
    """README and docs are found and hold commands, so that the test above tests something."""
    counts = {str(path.relative_to(ROOT)): len(commands(path)) for path in DOCUMENTS}

    assert counts["README.md"] >= 9
    assert counts["docs/own-weights.md"] >= 2
    assert counts["examples/README.md"] >= 2


def test_the_python_of_the_readme_runs(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python block of the README runs as it stands."""
    monkeypatch.chdir(workspace)
    found = blocks(ROOT / "README.md", "python")

    assert len(found) == 1
    exec(found[0], {})  # noqa: S102


def test_a_network_of_ones_own_becomes_adaptive(workspace: Path) -> None:
    """docs/adapt.md: twenty lines besides the imports train a network and write an artifact that runs in all nine configurations."""
    program, _ = blocks(ADAPT, "python")
    lines = [line for line in program.splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(lines) <= 20
    (workspace / "own.py").write_text(program, "utf-8")

    printed = run("python own.py", workspace).stdout

    assert re.findall(r"'(\w+)': array\(\[0\.\d+\]\)", printed) == ["HH", "LL"]
    manifest = Artifact.open(workspace / "artifact").manifest
    assert (manifest.adaptive_blocks, len(manifest.configurations)) == (2, 9)
    parity = manifest.variants["onnx"].parity
    assert parity is not None
    assert parity.largest <= 1e-4
    assert len(commands(ADAPT)) == 2
    for command in commands(ADAPT):
        run(command, workspace)


def test_the_costs_of_docs_adapt_are_what_its_python_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Stage, parameters and multiply-adds, line by line of the table."""
    _, program = blocks(ADAPT, "python")

    exec(program, {})  # noqa: S102

    rows = re.findall(r"^\| (\d) \|.*\| ([\d,]+) \| ([\d,]+) \|$", ADAPT.read_text("utf-8"), flags=re.MULTILINE)
    assert len(rows) == 5
    assert capsys.readouterr().out.splitlines() == [" ".join(row).replace(",", "") for row in rows]


def test_the_make_targets_of_the_readme_exist() -> None:
    """The README opens with targets that the Makefile has."""
    named = set(re.findall(r"^make (\w+)", (ROOT / "README.md").read_text("utf-8"), flags=re.MULTILINE))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE))

    assert named == {"demo", "test"}
    assert named <= targets


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link of a document names a file of the repository."""
    links = [
        (document, target)
        for document in [*DOCUMENTS, ROOT / "CONTRIBUTING.md"]
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text("utf-8"))
    ]

    assert len(links) >= 5
    for document, target in links:
        assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_example_manifest_is_a_manifest() -> None:
    """The manifest that docs/formats.md shows is accepted as it stands, and is that of the shipped model, with one configuration."""
    (example,) = blocks(ROOT / "docs" / "formats.md", "json")
    shipped = json.loads((locate("default") / "manifest.json").read_text("utf-8"))
    assert len(shipped["configurations"]) == 27
    for table in (shipped["configurations"], shipped["variants"]["onnx"]["entry"]["values"], shipped["provenance"]["quality"]):
        for other in set(table) - {"HHH"}:
            del table[other]
    shipped["provenance"] |= {"recipe": {}, "training": {}}

    assert Manifest.model_validate_json(example).name == "pta-mobilenet-v2"
    assert json.loads(example) == shipped
