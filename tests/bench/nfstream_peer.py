"""Read a capture with NFStream, statistical analysis off (its default), and print how many flows it saw."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from nfstream import NFStreamer  # type: ignore[import-untyped]  # ships no types

    print(sum(1 for _ in NFStreamer(source=sys.argv[1], statistical_analysis=False)))
