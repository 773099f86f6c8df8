"""Gates: channels chosen by image."""
