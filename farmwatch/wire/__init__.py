"""Bytes to columns: capture framing, packet decode, flows, round-trip times, heads. Imports only ``errors``."""
