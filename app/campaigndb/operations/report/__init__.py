"""The report: one self-contained page of campaigns, costs, functions, ledger and schema."""

from campaigndb.operations.report.figures import MOST_CAMPAIGNS, Figures, read_figures
from campaigndb.operations.report.page import DriftUnknown, render_page

__all__ = ["MOST_CAMPAIGNS", "DriftUnknown", "Figures", "read_figures", "render_page"]
