"""A network as a drawing: its layers, what flows between them, and which lose channels together."""
