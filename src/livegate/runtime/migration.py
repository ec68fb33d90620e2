"""Manifests of older schema versions, rewritten in memory to the newest one; what is wrong in them stays wrong and is told by the reader."""

from __future__ import annotations

from typing import Any

from livegate.preprocessing import with_shape, with_standardised


def migrated(manifest: dict[str, Any]) -> dict[str, Any]:
    """A manifest of any known version as one of the newest."""
    if manifest.get("schema_version") == 1:
        manifest = _from_1(manifest)
    return _from_2(manifest) if manifest.get("schema_version") == 2 else manifest


def _from_2(manifest: dict[str, Any]) -> dict[str, Any]:
    """Version 2 standardised no picture."""
    renewed = {**manifest, "schema_version": 3}
    if "preprocessing" in renewed:
        renewed["preprocessing"] = with_standardised(renewed["preprocessing"])
    return renewed


def _from_1(manifest: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew one ONNX file and one shape of crops, and kept the tolerance of a replay with the golden vectors."""
    renewed = {**manifest, "schema_version": 2}
    variants, golden = renewed.get("variants"), renewed.get("golden")
    if "preprocessing" in renewed:
        renewed["preprocessing"] = with_shape(renewed["preprocessing"])
    if isinstance(variants, dict):
        renewed["variants"] = {name: _variant_from_1(name, variant) for name, variant in variants.items()}
    if isinstance(golden, dict):
        renewed["golden"] = {key: value for key, value in golden.items() if key != "tolerance"}
    return renewed


def _variant_from_1(name: str, variant: Any) -> Any:  # noqa: ANN401 - whatever stands in the file
    if not isinstance(variant, dict):
        return variant
    rest = dict(variant)
    facts = {key: rest.pop(key) for key in ("sha256", "bytes") if key in rest}
    file = rest.pop("file", None)
    files = {file: facts} if isinstance(file, str) else {}
    return {"runtime": name, **rest, "files": files, "versions": {}}
