"""The page of the morning report on paper: printed to PDF by a browser without a window.

Why a browser: the page has the rules for paper already, and what it shows there is what a person gets who prints it.
Chromium and its kin print from the command line; nothing is fetched, the page forbids it. Times that the browser puts
into the file are replaced by the assessment's, so that the same report gives the same file.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from farmwatch.errors import DependencyError
from farmwatch.reports import wording

__all__ = ["BROWSERS", "BROWSER_VARIABLE", "browser", "render"]

BROWSER_VARIABLE = "FARMWATCH_BROWSER"  #: environment variable with the browser's path
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
    "brave-browser",
)  #: programs that print a page, by the names they go by
_ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
_SECONDS = 180
_DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[+-]\d\d'\d\d'\)")


def browser() -> str | None:
    """The browser that would print; None where there is none."""
    named = os.environ.get(BROWSER_VARIABLE)
    if named:
        return shutil.which(named)
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return found or next((path for path in _ELSEWHERE if Path(path).is_file()), None)


def render(page: str, until: str) -> bytes:
    """A page as PDF.

    Args:
        page: HTML that needs nothing else.
        until: time to put into the file, ISO 8601.

    Raises:
        DependencyError: there is no browser, or it does not print; says what else can be done.
    """
    program = browser()
    if program is None:
        named = os.environ.get(BROWSER_VARIABLE)
        missing = (
            f"{BROWSER_VARIABLE}={named} is no program" if named else f"none of {', '.join(BROWSERS)} is installed"
        )
        raise DependencyError(f"PDF needs a browser that prints, and {missing}: {_instead()}")
    with tempfile.TemporaryDirectory(prefix="farmwatch-pdf-") as folder:
        source, target = Path(folder, "morning.html"), Path(folder, "morning.pdf")
        source.write_text(page, encoding="utf-8")
        command = [
            program, "--headless", "--disable-gpu", "--disable-extensions", "--disable-background-networking",
            "--no-first-run", "--no-default-browser-check", "--no-pdf-header-footer",
            f"--user-data-dir={Path(folder, 'profile')}", f"--print-to-pdf={target}", source.as_uri(),
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses to start for root with it; the page is our own
        try:
            done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)  # noqa: S603 (no shell)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DependencyError(f"{program} cannot print the report: {error}; {_instead()}") from error
        if not target.is_file() or not target.stat().st_size:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            last = f": {said[-1][:200]}" if said else ""
            raise DependencyError(
                f"{program} did not print the report (exit code {done.returncode}){last}; {_instead()}"
            )
        return _dated(target.read_bytes(), until)


def _instead() -> str:
    return (
        f"install Chromium (apt install chromium), name another one in {BROWSER_VARIABLE}, or take --format html and "
        "print it in any browser"
    )


def _dated(data: bytes, until: str) -> bytes:
    """The file with the assessment's time for the time of printing; as long as before, so that its offsets hold."""
    at = wording.moment(until)
    if at is None:
        return data
    said = f"D:{at:%Y%m%d%H%M%S}+00'00'".encode()
    return _DATE.sub(lambda found: b"/" + found[1] + b" (" + said + b")", data)
