"""The report: one self-contained page of campaigns, costs, functions, ledger and schema."""

from app.report.figures import Figures, read_figures
from app.report.page import DriftUnknown, render_page

__all__ = ["DriftUnknown", "Figures", "read_figures", "render_page"]
