"""The grids that other overriders have inside."""

from compression.overriders.fixed import Fixed
from compression.overriders.floating import Float, Shift
from compression.overriders.log import Log

AnyGrid = Fixed | Float | Shift | Log
