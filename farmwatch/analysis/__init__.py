"""Tables to verdicts: device identity, sessions, detectors, scoring, farms.

Imports ``records``, ``knowledge`` and ``collectors``.
"""
