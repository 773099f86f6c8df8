"""Laws of the house, room by room."""
