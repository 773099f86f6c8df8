"""Tell a finished run on one page: `write_report(story, "report.html")`."""

from search.report.page import render, write_report
from search.report.story import (
    Prediction,
    SearchedEdge,
    SearchPoint,
    Story,
    TableCheck,
    TrainedNetwork,
    TrainingCurve,
)

__all__ = [
    "Prediction",
    "SearchPoint",
    "SearchedEdge",
    "Story",
    "TableCheck",
    "TrainedNetwork",
    "TrainingCurve",
    "render",
    "write_report",
]
