"""Tell a finished run on one page: `write_report(story, "report.html")`."""

from search.report.course import Course, SearchedEdge, SearchPoint, points_of
from search.report.page import render, write_report
from search.report.story import (
    CompressedNetwork,
    Prediction,
    Story,
    TableCheck,
    TrainedNetwork,
    TrainingCurve,
)

__all__ = [
    "CompressedNetwork",
    "Course",
    "Prediction",
    "SearchPoint",
    "SearchedEdge",
    "Story",
    "TableCheck",
    "TrainedNetwork",
    "TrainingCurve",
    "points_of",
    "render",
    "write_report",
]
