"""The JSON Schemas of what reports write, published beside the code; ``python -m livegate.report.schemas`` writes them anew."""

from __future__ import annotations

import json
from pathlib import Path

from livegate.files import replacing
from livegate.report.comparison import Comparison
from livegate.report.document import Part, Report

SCHEMAS: dict[str, type[Part]] = {"report.schema.json": Report, "comparison.schema.json": Comparison}
"""File beside this one → the model that it describes."""


def schema(model: type[Part]) -> str:
    """The JSON Schema of a model, as text."""
    found = model.model_json_schema(mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **found}, indent=2) + "\n"


if __name__ == "__main__":
    for name, model in SCHEMAS.items():
        with replacing(Path(__file__).with_name(name)) as file:
            file.write(schema(model))
