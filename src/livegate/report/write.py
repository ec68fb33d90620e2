"""Writing a report: one JSON for programs, Markdown and HTML for readers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from livegate.errors import LivegateError, MissingExtraError
from livegate.files import replacing
from livegate.report.comparison import Comparison
from livegate.report.comparison_contents import comparison_contents
from livegate.report.contents import contents
from livegate.report.document import Part, Report, as_json
from livegate.report.html import html
from livegate.report.markdown import markdown
from livegate.report.page import Page
from livegate.report.plots import draw


class Written(NamedTuple):
    """Where the three files lie; ``without``: why the HTML has no figures, empty when it has."""

    json: Path
    markdown: Path
    html: Path
    without: str = ""


def write(report: Report, out_dir: str | Path) -> Written:
    """Write ``report.json``, ``report.md`` and ``report.html``, each whole or not at all.

    Args:
        report: what to write.
        out_dir: the folder, made if it is not there.

    Returns:
        Where they lie. Without matplotlib the HTML has no figures and says so.

    Raises:
        LivegateError: when the folder or a file cannot be written.
    """
    folder = _made(out_dir)  # before the figures: they take seconds
    figures, without = _figures(report)
    return _written(folder, "report", report, contents(report), figures, without)


def write_comparison(comparison: Comparison, out_dir: str | Path) -> Written:
    """Write ``comparison.json``, ``comparison.md`` and ``comparison.html``, as ``write`` does."""
    return _written(_made(out_dir), "comparison", comparison, comparison_contents(comparison))


def _written(  # noqa: PLR0913 - all that three files need
    folder: Path, stem: str, document: Part, page: Page, figures: Mapping[str, str] | None = None, without: str = ""
) -> Written:
    texts = {"json": as_json(document), "md": markdown(page), "html": html(page, figures or {}, without)}
    for kind, text in texts.items():
        with replacing(folder / f"{stem}.{kind}") as file:
            file.write(text)
    return Written(folder / f"{stem}.json", folder / f"{stem}.md", folder / f"{stem}.html", without)


def _made(out_dir: str | Path) -> Path:
    folder = Path(out_dir)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LivegateError(f"{folder} cannot be made: {error.strerror or error}") from error
    return folder


def _figures(report: Report) -> tuple[dict[str, str], str]:
    try:
        return draw(report), ""
    except MissingExtraError as error:
        return {}, f"This report has no figures: {error}"
