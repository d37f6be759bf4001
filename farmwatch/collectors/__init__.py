"""One file per source: captures today, feeds next; each gives tables and rejects. Imports ``records``, ``wire``, ``knowledge``."""
