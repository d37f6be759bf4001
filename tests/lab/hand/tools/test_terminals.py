from __future__ import annotations

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.lab import net
from tests.lab.hand.tool import Tool
from tests.lab.hand.tools import prompt, terminals, trial, webshell

TRIAL = ("ping", "tcpdump", "socat")
KEY_BYTES = {
    "reverse-shell": range(23, 24),
    "mosh": range(56, 100),
    "web-shell": range(32, 33),
    "telnet": range(1, 3),
    "quic-shell": range(28, 60),
}
"""A key on the wire: a byte in a TLS 1.3 record; a datagram of varying padding; a masked, deflated message; a byte; a
stream's frame in a datagram."""


def runs() -> list[object]:
    """Every tool each way it goes, with the programs that takes."""
    return [
        pytest.param(each, way, id=f"{each.name}-{way}", marks=pytest.mark.needs(*TRIAL, *each.programs))
        for each in terminals.TOOLS
        for way in ("direct", "splice", *(["reverse"] if each.reverse else []))
    ]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("recipe", "way"), runs())
def test_each_key_comes_in_by_itself_and_is_echoed(namespaces: None, tmp_path: Path, recipe: Tool, way: str) -> None:
    """Keys come in one by one, and as many packets go out; little more leaves than comes in for each key's echo."""
    seen = trial.run(recipe, way, tmp_path / "session.pcap", seconds=6, far_ms=15)
    keys, came, went = seen.human.keys, seen.sizes(out=False), seen.sizes(out=True)
    assert keys > 10
    assert sum(size in KEY_BYTES[recipe.name] for size in came) >= 0.9 * keys
    assert len(came) < 3 * keys + 15
    assert len(went) >= 0.9 * keys
    assert sorted(went)[len(went) // 2] <= KEY_BYTES[recipe.name].stop + 20


def running() -> list[str]:
    """Command lines of all processes."""
    done = subprocess.run(["ps", "-ewwo", "args"], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.needs("ip", "ps", "mosh-server", "unshare")
@pytest.mark.timeout(60)
def test_moshs_server_ends_with_the_lab(namespaces: None) -> None:
    """The server leaves its process group; nothing of it is left when the lab is gone."""
    (mosh,) = (each for each in terminals.TOOLS if each.name == "mosh")
    with net.Lab() as lab:
        lab.namespace("l")
        mosh.serve(lab, "l")
        seed = f" {zlib.crc32(lab.folder.name.encode())}"  # the prompt's, another for each lab
        assert any(line.startswith("mosh-server") and line.endswith(seed) for line in running())
    net.wait_for(lambda: not any(seed in line for line in running()), "mosh's server to end", 5)


@pytest.mark.needs("openssl")
@pytest.mark.timeout(60)
def test_a_page_gets_the_prompt_and_an_echo_of_each_key(tmp_path: Path) -> None:
    """The web terminal speaks ttyd's messages: the page says its size, keys go in, what is printed comes out."""
    certificate, key = (str(tmp_path / name) for name in ("crt", "key"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-out",
         certificate, "-keyout", key, "-subj", "/CN=terminal.example"],
        check=True, capture_output=True,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    command = [sys.executable, prompt.__file__, "shell", "1"]

    async def talk() -> tuple[str, list[bytes]]:
        context = ssl.create_default_context(cafile=certificate)
        context.check_hostname = False
        serving = asyncio.create_task(webshell.host(port, certificate, key, command))
        await asyncio.sleep(0.3)
        async with connect(f"wss://127.0.0.1:{port}/ws", ssl=context, subprotocols=[webshell.PROTOCOL]) as page:
            await page.send(json.dumps({"columns": 80, "rows": 24}).encode())
            heads, shown = [], ""
            while not shown.endswith(prompt.PROMPT):
                message = await page.recv(decode=False)
                heads.append(message[:1])
                shown += message[1:].decode() if message[:1] == webshell.OUTPUT else ""
            echoes = []
            for letter in (b"l", b"s"):
                await page.send(webshell.INPUT + letter)
                echoes.append(await page.recv(decode=False))
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert set(heads) == {webshell.TITLE, webshell.PREFERENCES, webshell.OUTPUT}
        return shown, echoes

    assert asyncio.run(talk()) == (prompt.PROMPT, [b"0l", b"0s"])
