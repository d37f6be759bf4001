"""Bytes to columns: framing, packet decode, flows, round-trip times, protocol heads. Imports only ``errors``."""
