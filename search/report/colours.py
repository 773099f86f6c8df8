"""One colour per kind of candidate, the same all over the page."""

from proxyless_nas.drawing.palette import classes_of
from search.report.course import Course


def colours(course: Course) -> dict[str, str]:
    """Style class by candidate label, in order of first appearance; `skip` is always grey."""
    return classes_of(label for edge in course.edges for label in edge.candidates)
