"""One file per source: captures today; each gives tables and rejects. Imports ``records``, ``wire``, ``knowledge``."""
