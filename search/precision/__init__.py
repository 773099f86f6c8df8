"""Search bits for the hardware: the command `haq`."""
