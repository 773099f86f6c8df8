"""From a device and a dataset to a specialised network, in one command."""
