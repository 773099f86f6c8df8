"""What a user types, and what comes of it."""
