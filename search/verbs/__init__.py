"""Files, values and verbs, one after another: a whole story on one command line."""
