"""Remote-control sessions of a device, grouped from its flows."""
