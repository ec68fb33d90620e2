"""Reports on score files: one JSON for programs, one Markdown for readers."""

from livegate.report.report import Evaluation, Result, evaluate, write

__all__ = ["Evaluation", "Result", "evaluate", "write"]
