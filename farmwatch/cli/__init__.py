"""One file per sub-command: flags, streams and exit codes, no logic. May import every layer."""
