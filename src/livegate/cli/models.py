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
    table = Table("model", "network", "configurations", "size", "heavy: D-EER on dev", "light: D-EER on dev")
    manifests = {name: Artifact.open(folder).manifest for name, folder in shipped().items()}
    for name, manifest in manifests.items():
        quality = manifest.provenance.quality
        errors = [
            f"{quality[text].d_eer:.2%} ({text}; {quality[text].bona_fide} bona fide, {quality[text].attacks} attacks)"
            if text in quality
            else "-"
            for text in (manifest.default_configuration, str(manifest.choose("lightest")))
        ]
        table.add_row(name, manifest.name, str(len(manifest.configurations)), f"{manifest.bytes / 1e6:.1f} MB", *errors)
    console.print(table)
    for manifest in manifests.values():
        console.print(licence_line(manifest), soft_wrap=True)
