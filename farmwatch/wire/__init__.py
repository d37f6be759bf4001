"""Bytes to columns: capture framing, packet decode, flows, round-trip times, protocol heads. Imports only ``errors``."""
