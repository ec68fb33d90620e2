"""``livegate models``: what is shipped, under which licence, and how good it is."""

from __future__ import annotations


def models() -> None:
    """List the models that come with Livegate."""
    from rich.table import Table

    from livegate.cli.console import tables
    from livegate.cli.notice import licence_line
    from livegate.runtime.artifact import Artifact
    from livegate.weights import shipped

    console = tables()
    table = Table("model", "network", "configurations", "size", "for", "heavy: equal error rate on dev", "light")
    manifests = {name: Artifact.open(folder).manifest for name, folder in shipped().items()}
    for name, manifest in manifests.items():
        quality = manifest.provenance.quality
        errors = [
            f"{text}: {quality[text]}" if text in quality else "-"
            for text in (manifest.default_configuration, str(manifest.choose("lightest")))
        ]
        table.add_row(
            name, manifest.name, str(len(manifest.configurations)), f"{manifest.bytes / 1e6:.1f} MB", manifest.task, *errors
        )
    console.print(table)
    for manifest in manifests.values():
        console.print(licence_line(manifest.name, manifest.licence), markup=False, soft_wrap=True)
