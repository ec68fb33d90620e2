"""A page as one HTML file that loads nothing: style and figures stand inside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from livegate.report.page import Page


def html(page: Page, figures: Mapping[str, str], without: str = "") -> str:
    """The page as HTML.

    Args:
        page: what to show; its text is escaped.
        figures: SVG by name, as ``livegate.report.plots`` draws it: taken as it is.
        without: said once where figures would stand, when there are none.
    """
    return _template().render(page=page, figures=figures, without=without)


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_unbroken
    )
    environment.filters["anchor"] = _anchor
    environment.tests["kind"] = lambda block, name: type(block).__name__ == name
    return environment.from_string(resources.files("livegate.report").joinpath("template.html.j2").read_text("utf-8"))


def _unbroken(value: object) -> object:
    """Text whose numbers keep their unit on the line."""
    return value.replace(" %", "\u00a0%") if type(value) is str else value


def _anchor(title: str) -> str:
    """A fixed title as the end of a link."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
