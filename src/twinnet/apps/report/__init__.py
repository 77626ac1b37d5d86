"""The page of an evaluation: verdict first, then the figures, then where they come from."""

from twinnet.apps.report.mistakes import hardest
from twinnet.apps.report.verification import distance_figures
from twinnet.apps.report.words import figure_rows, percent, verdict
from twinnet.apps.report.write import write_report

__all__ = ["distance_figures", "figure_rows", "hardest", "percent", "verdict", "write_report"]
