"""Pictures of latency tables: what is dear in them, and how two of them compare."""
