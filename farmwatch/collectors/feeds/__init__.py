"""Feeds: what agents, sensors, sign-in systems and logs send, one file per sender. Imports only what collectors may."""
