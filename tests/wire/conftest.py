"""tshark as a second reader of the same captures, and golden files for name and discovery decoders."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "names"


@dataclass(frozen=True)
class Layer:
    """One protocol layer as tshark saw it.

    ``raw`` are its bytes, ``rest`` the bytes of the frame from its start on, ``broken`` whether tshark calls the
    packet malformed or cut short.
    """

    frame: int
    raw: bytes
    rest: bytes
    fields: dict[str, list[Any]]
    broken: bool

    def all(self, name: str) -> list[Any]:
        """Every value of a field, in order."""
        return self.fields.get(name, [])

    def one(self, name: str, default: Any = "") -> Any:
        """First value of a field."""
        return self.all(name)[0] if self.all(name) else default

    def bytes(self, name: str) -> bytes:
        """The bytes of the first value of a field."""
        return bytes.fromhex(self.one(f"{name}_raw", ""))

    def number(self, name: str) -> int:
        """First value of a field as a number."""
        value = self.one(name, 0)
        return int(value, 0) if isinstance(value, str) else int(value)


def layers_of(path: Path, layer: str, display_filter: str = "") -> list[Layer]:
    """Every ``layer`` tshark finds in a capture, with all its fields (``dns.qry.name`` is ``dns_qry_name``)."""
    prefixes = re.compile(rf"{layer}_|dns_|http_|_ws_")
    command = ["tshark", "-n", "-r", str(path), "-Y", display_filter or layer, "-T", "ek", "-x"]
    command += ["-J", f"{layer} frame _ws.malformed _ws.short _ws.unreassembled"]
    result = subprocess.run(command, capture_output=True, timeout=120, check=False)
    found: list[Layer] = []
    for line in result.stdout.decode("utf-8", "replace").splitlines():
        if '"layers":' not in line:
            continue
        pairs = json.loads(line, object_pairs_hook=list)
        layers = dict(pairs)["layers"]
        number = next(int(dict(value)["frame_frame_number"]) for name, value in layers if name == "frame")
        broken = any(name in ("_ws_malformed", "_ws_short", "_ws_unreassembled") for name, _ in layers)
        frame = bytes.fromhex(dict(layers)["frame_raw"])
        raws = [value for name, value in layers if name == f"{layer}_raw"]
        bodies = [value for name, value in layers if name == layer]
        if len(raws) == 1 and isinstance(raws[0], list):
            raws = raws[0]
        if len(bodies) == 1 and bodies[0] and not isinstance(bodies[0][0], tuple):
            bodies = bodies[0]
        for raw, body in zip(raws, bodies, strict=False):
            values: dict[str, list[Any]] = {}
            for name, value in body:
                short = prefixes.sub("", name, count=1)
                values.setdefault(short, []).extend(value if isinstance(value, list) else [value])
            data = bytes.fromhex(raw)
            rest = frame[frame.find(data) :] if data in frame else data
            found.append(Layer(number, data, rest, values, broken))
    return found


@pytest.fixture(scope="session")
def tshark_layers(corpus: Path) -> Callable[..., list[Layer]]:
    """``layers_of`` for a capture named by its path below the corpus folder."""

    def read(name: str, layer: str, display_filter: str = "") -> list[Layer]:
        return layers_of(corpus / name, layer, display_filter)

    return read


@pytest.fixture(scope="session")
def names_golden() -> Callable[[str, Any], None]:
    """Compare rows with their golden file; ``FARMWATCH_GOLDEN=write pytest tests/wire`` remakes the files."""

    def check(name: str, rows: Any) -> None:
        document = json.loads(json.dumps(rows))
        path = GOLDEN / f"{name}.json"
        if os.environ.get("FARMWATCH_GOLDEN") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in document)
            path.write_text(f"[\n{lines}\n]\n", encoding="ascii")
        assert json.loads(path.read_text(encoding="ascii")) == document

    return check


@pytest.fixture
def scan_frames() -> Callable[..., Any]:
    """Scan frames given as bytes: ``scan_frames(frames, times=…, link=…, mode=…, **options)``; times in nanoseconds."""
    import numpy as np

    from farmwatch.wire.packets import PacketChunk
    from farmwatch.wire.scan import scan_chunks

    def scan(
        frames: list[bytes],
        *,
        times: list[int] | None = None,
        link: int = 1,
        wire: list[int] | None = None,
        mode: str = "interpreted",
        chunk: int = 1 << 20,
        **options: Any,
    ) -> Any:
        stamps = times if times is not None else [1_700_000_000_000_000_000 + i * 1_000_000 for i in range(len(frames))]

        def column(values: list[int]) -> Any:
            return np.array(values, dtype=np.int64)

        def chunks() -> Any:
            for start in range(0, len(frames), chunk):
                part = frames[start : start + chunk]
                sizes = [len(frame) for frame in part]
                yield PacketChunk(
                    buffer=np.frombuffer(b"".join(part) or b"\0", dtype=np.uint8),
                    first_packet=start + 1,
                    count=len(part),
                    offset=column([sum(sizes[:i]) for i in range(len(sizes))]),
                    caplen=column(sizes),
                    wirelen=column((wire or [len(frame) for frame in frames])[start : start + chunk]),
                    ts_ns=column(stamps[start : start + chunk]),
                    link=column([link] * len(part)),
                )

        return scan_chunks(chunks(), mode=mode, **options)

    return scan


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    """A cache folder of the test's own instead of the user's."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder / name)
    return folder
