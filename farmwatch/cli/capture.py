"""``farmwatch capture``: record a network interface to pcap files, and scan them if asked.

Live capture goes through scapy, which is published under GPL-2.0-only. It is imported here and nowhere else in the
package, only when this sub-command runs; everything else works without it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from farmwatch.cli import options
from farmwatch.cli.amounts import seconds, size_bytes
from farmwatch.cli.recording import Recorder
from farmwatch.cli.streams import Color, check_writable, talk
from farmwatch.errors import DependencyError, SourceError

__all__ = ["HELP", "capture"]

HELP = """Record a network interface to pcap files, then scan them with --scan. Ends at a limit or with Ctrl-C.

\b
Examples:
  sudo farmwatch capture -i eth0 -o case.pcap --duration 8h --scan
  sudo farmwatch capture -i eth0 -o case.pcap --max-size 100MB --rotate 10

Record only networks you may record. A snaplen of 256 keeps headers and handshakes and cuts most content.
"""  #: text of ``farmwatch capture --help``

_WAIT_SECONDS = 0.5  # how long one wait for packets may last, so that --duration and Ctrl-C are heeded


def capture(
    interface: Annotated[str, typer.Option("--interface", "-i", metavar="IFACE", help="Interface to record.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="pcap file to write.")],
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            metavar="TIME",
            parser=seconds,
            help="Stop after this: 30s, 30m, 8h, 1d; a plain number is seconds. Default: never.",
        ),
    ] = None,
    max_size: Annotated[
        int | None,
        typer.Option(
            "--max-size",
            metavar="SIZE",
            parser=size_bytes,
            help="Size of a file: 500kB, 100MB, 2GB; a plain number is MB of 10^6 bytes. Default: no limit.",
        ),
    ] = None,
    rotate: Annotated[
        int,
        typer.Option(
            "--rotate", metavar="N", min=0, help="Go on in a new file at --max-size and keep the newest N. 0: stop."
        ),
    ] = 0,
    snaplen: Annotated[
        int, typer.Option("--snaplen", metavar="BYTES", min=64, max=262_144, help="Bytes kept of each packet.")
    ] = 262_144,
    then_scan: Annotated[bool, typer.Option("--scan", help="Scan what was recorded.")] = False,
    verbose: options.VerboseOption = 0,
    quiet: options.QuietOption = False,
    color: options.ColorOption = Color.AUTO,
) -> None:
    """Record a network interface to pcap files."""
    if rotate and max_size is None:
        raise typer.BadParameter("needs --max-size: it says when a file is full", param_hint="--rotate")
    check_writable(output, [], "--output")
    recorder = _record(
        interface, output, duration=duration, max_bytes=max_size, rotate=rotate, snaplen=snaplen, quiet=quiet
    )
    talk(f"{recorder.packets} packets in {', '.join(map(str, recorder.files))}", quiet=quiet)
    if then_scan:
        _scan([str(path) for path in recorder.files], verbose=verbose, quiet=quiet, color=color)


def _record(
    interface: str,
    output: Path,
    *,
    duration: float | None,
    max_bytes: int | None,
    rotate: int,
    snaplen: int,
    quiet: bool,
) -> Recorder:
    """Record until a limit is reached or the user stops it; Ctrl-C is a normal end."""
    source = _Interface(interface)
    recorder = Recorder(output, linktype=source.linktype, snaplen=snaplen, max_bytes=max_bytes, rotate=rotate)
    talk(f"recording {interface}; Ctrl-C ends it", quiet=quiet)
    try:
        for data, seconds in source.packets(duration):
            if not recorder.write(data, seconds):
                break
    except KeyboardInterrupt:
        talk("stopped", quiet=quiet)
    finally:
        recorder.close()
        source.close()
    return recorder


class _Interface:
    """A live interface, opened through scapy."""

    def __init__(self, name: str) -> None:
        try:
            import scapy.layers.all  # noqa: F401 (registers the link layers)
            from scapy.config import conf
            from scapy.interfaces import get_if_list
        except ImportError as error:
            raise DependencyError("scapy is not installed and capture needs it: pip install 'scapy>=2.6'") from error
        if name not in get_if_list():
            raise typer.BadParameter(f"no interface {name!r}; there are {', '.join(get_if_list())}", param_hint="-i")
        try:
            self._socket = conf.L2listen(iface=name, promisc=True)
        except PermissionError as error:
            raise SourceError(
                name, 0, "not allowed to capture: run it with sudo, or give Python CAP_NET_RAW (setcap cap_net_raw+ep)"
            ) from error
        except OSError as error:
            raise SourceError(name, 0, f"cannot be opened for capture: {error}") from error
        self.linktype = _linktype(self._socket)

    def packets(self, duration: float | None) -> Iterator[tuple[bytes, float]]:
        """Packets with their times, until the duration is over."""
        end = None if duration is None else time.monotonic() + duration
        while end is None or time.monotonic() < end:
            wait = _WAIT_SECONDS if end is None else min(_WAIT_SECONDS, max(end - time.monotonic(), 0.0))
            for ready in type(self._socket).select([self._socket], wait):
                _, data, seconds = ready.recv_raw()
                if data:
                    yield bytes(data), float(seconds or time.time())

    def close(self) -> None:
        """Let the interface go."""
        self._socket.close()


def _linktype(socket: Any) -> int:
    """Link type of what a scapy socket delivers; Ethernet where scapy does not say."""
    from scapy.config import conf

    return int(conf.l2types.layer2num.get(socket.LL, 1)) if hasattr(socket, "LL") else 1


def _scan(paths: list[str], *, verbose: int, quiet: bool, color: Color) -> None:
    """Scan the recorded files and show the verdicts."""
    import farmwatch
    from farmwatch.cli.showing import Format, exit_code, show

    report = farmwatch.scan(paths)
    show(report, form=Format.TEXT, output=None, html=None, verbose=verbose, quiet=quiet, color=color)
    sys.stdout.flush()
    raise typer.Exit(exit_code(report, None))
