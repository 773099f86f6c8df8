"""Programs that run on the device that is measured, without the rest of this package."""
