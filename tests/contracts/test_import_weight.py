"""What loads when: the package itself must stay light, and a small scan must not pay for what it does not use."""

from __future__ import annotations

import subprocess
import sys

HEAVY = (
    "numba",
    "pandas",
    "scapy",
    "fastapi",
    "uvicorn",
    "matplotlib",
    "altair",
    "scipy",
    "pyarrow",
    "networkx",
    "jinja2",
)


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(' '.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


def test_import_farmwatch_is_light():
    """``import farmwatch`` loads none of the heavy packages, not even numpy."""
    assert not loaded_after("import farmwatch") & {*HEAVY, "numpy", "pydantic", "typer", "rich"}


def test_version_is_light():
    """``farmwatch --version`` answers from the command line alone."""
    statement = (
        "import sys; sys.argv = ['farmwatch', '--version']\n"
        "from farmwatch.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit:\n    pass"
    )
    assert not loaded_after(statement) & {*HEAVY, "numpy", "pydantic", "cryptography"}


def test_small_scan_is_light(tmp_path):
    """Scanning a header-only capture loads no compiler, no data frames, no validation library."""
    capture = tmp_path / "empty.pcap"
    capture.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    loaded = loaded_after(f"import farmwatch; farmwatch.scan([{str(capture)!r}])")
    assert not loaded & {*HEAVY, "pydantic", "cryptography", "netaddr"}
