"""Every table and every result document, declared once. Imports only ``errors``."""
