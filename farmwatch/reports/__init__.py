"""A Report in; text, HTML, JSON, CSV out. Reads nothing else. Imports only ``records`` and ``errors``."""
