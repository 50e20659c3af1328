"""Show a run to people: as a page under `--results`, and as a summary on the terminal."""

from screening.report.page import render, write_report
from screening.report.summary import summary_table

__all__ = ["render", "summary_table", "write_report"]
