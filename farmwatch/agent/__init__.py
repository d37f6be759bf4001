"""The small agent: what existing agents cannot see of a device, spooled and sent. Imports errors, wire and records."""
