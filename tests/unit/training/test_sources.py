"""What a run learns from is known by its content."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from livegate.training.pseudo_depth.recipe import DepthRecipe
from livegate.training.recipe import Recipe
from livegate.training.sources import digests
from livegate.training.verification.recipe import VerificationRecipe

Make = Callable[..., Recipe]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_index_initial_weights_and_maps_are_known(make_recipe: Make, tmp_path: Path) -> None:
    """A checkpoint also by the folder of its run; maps only where depth is learned."""
    (tmp_path / "run").mkdir()
    (tmp_path / "depth").mkdir()
    for name in ("index.csv", "a.safetensors", "run/model.safetensors", "depth/depth.json"):
        (tmp_path / name).write_text(name)
    recipe = make_recipe(data={"root": str(tmp_path), "index": "index.csv"}, initial=["a.safetensors", "run"])
    expected = {
        "data.index": _sha256(b"index.csv"),
        "initial a.safetensors": _sha256(b"a.safetensors"),
        "initial run": _sha256(b"run/model.safetensors"),
    }
    assert digests(recipe) == expected
    deep = recipe.model_copy(update={"depth": recipe.depth.model_copy(update={"weight": 1.0})})
    assert digests(deep) == expected | {"depth.maps": _sha256(b"depth/depth.json")}
    data = {"data": {"root": str(tmp_path), "index": "index.csv"}, "sampling": {"configurations": {"": 1}}}
    generator = DepthRecipe.from_plain({"name": "generator", "task": "depth", **data}, "generator")
    assert digests(generator) == {"data.index": _sha256(b"index.csv"), "depth.maps": _sha256(b"depth/depth.json")}


def test_faces_are_known_by_index_names_or_places_of_records(tmp_path: Path) -> None:
    """A file, a folder for each person, and what lies beside ``.rec``."""

    def digest(index: str) -> str:
        data = {"root": str(tmp_path), "index": index}
        model = {"name": "seesaw-share", "adaptive_stages": []}
        plain = {"name": "faces", "task": "verification", "data": data, "model": model, "sampling": {"configurations": {"": 1}}}
        return digests(VerificationRecipe.from_plain(plain, "faces"))["data.index"]

    (tmp_path / "index.csv").write_text("path\n")
    (tmp_path / "train.idx").write_text("1\t0\n")
    assert digest("index.csv") == _sha256(b"path\n")
    assert digest("train.rec") == _sha256(b"1\t0\n")
    for name in ("ann/1.png", "bob/1.png"):
        (tmp_path / "people" / name).parent.mkdir(parents=True)
        (tmp_path / "people" / name).touch()
    before = digest("people")
    (tmp_path / "people" / "notes.txt").touch()
    assert digest("people") == before
    shutil.move(tmp_path / "people/bob/1.png", tmp_path / "people/ann/2.png")
    assert digest("people") != before
