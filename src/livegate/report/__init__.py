"""Reports on score files: JSON for programs, Markdown and HTML for readers."""

from livegate.report.comparison import Comparison, compare_scores
from livegate.report.document import Report
from livegate.report.evaluate import Resample, evaluate
from livegate.report.write import Written, write, write_comparison

__all__ = ["Comparison", "Report", "Resample", "Written", "compare_scores", "evaluate", "write", "write_comparison"]
