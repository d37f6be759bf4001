"""The WebRTC screen share with control (:mod:`tests.lab.hand.tools.rtc`), viewed with a browser.

The stack at the viewer is then libwebrtc's: its congestion feedback, its delayed SCTP acknowledgements, its jitter
buffer; and the input is what a page gets from a real window. The page comes from the viewer's own machine, which also
passes the session descriptions on: ``python -m tests.lab.hand.tools.rtc_browser FOLDER ADDRESS PORT``.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.hand import human
from tests.lab.hand.tool import Screen, Tool
from tests.lab.hand.tools import desktop, machine, rtc
from tests.lab.hand.tools.vnc import BROWSER

if TYPE_CHECKING:
    from tests.lab.hand.tool import Desk
    from tests.lab.net import Lab

PAGE_PORT = 8471
PAGE = """<!doctype html><meta charset="utf-8"><title>connecting</title>
<style>
body { margin: 0; overflow: hidden }
video { width: 100vw; height: 100vh; object-fit: fill; cursor: none }
</style>
<video autoplay muted></video><script>
const names = {Enter: 0xff0d, Backspace: 0xff08, Tab: 0xff09, Escape: 0xff1b}, video = document.querySelector('video');
const peer = new RTCPeerConnection();
let channel = null;
function send(kind, size, fill) {
  if (!channel) return;
  const view = new DataView(new ArrayBuffer(3 + size));
  view.setUint8(0, kind); view.setUint16(1, size); fill(view); channel.send(view.buffer);
}
function key(kind, event) {
  event.preventDefault();
  const symbol = names[event.key] || (event.key.length === 1 ? event.key.charCodeAt(0) : 0);
  if (symbol && !event.repeat) send(kind, 4, view => view.setUint32(3, symbol));
}
function ask() {
  const now = Date.now();
  send(PING, 8, view => { view.setUint32(3, now / 2 ** 32); view.setUint32(7, now % 2 ** 32); });
}
document.onkeydown = event => key(KEY_DOWN, event);
document.onkeyup = event => key(KEY_UP, event);
document.onmousedown = event => send(BUTTON_DOWN, 4, view => view.setUint32(3, event.button + 1));
document.onmouseup = event => send(BUTTON_UP, 4, view => view.setUint32(3, event.button + 1));
document.oncontextmenu = event => event.preventDefault();
document.onmousemove = event => send(MOVE, 4, view => {
  view.setUint16(3, event.clientX * WIDTH / innerWidth); view.setUint16(5, event.clientY * HEIGHT / innerHeight);
});
document.onwheel = event => send(SCROLL, 5, view => view.setInt16(5, event.deltaY < 0 ? 120 : -120));
peer.ontrack = event => { video.srcObject = new MediaStream([event.track]); };
peer.ondatachannel = event => {
  const opened = event.channel;
  const ready = () => { channel = opened; document.title = 'shared desk'; setInterval(ask, 1000); };
  if (opened.readyState === 'open') ready(); else opened.onopen = ready;
};
(async () => {
  await peer.setRemoteDescription({type: 'offer', sdp: await (await fetch('/offer')).text()});
  await peer.setLocalDescription(await peer.createAnswer());
  await fetch('/answer', {method: 'POST', body: peer.localDescription.sdp});
})();
</script>"""


def page() -> str:
    """Return the page, with the numbers of messages and the size of the screen filled in."""
    text = PAGE.replace("WIDTH", str(machine.SIZE[0])).replace("HEIGHT", str(machine.SIZE[1]))
    for name in ("PING", "KEY_DOWN", "KEY_UP", "BUTTON_DOWN", "BUTTON_UP", "MOVE", "SCROLL"):
        text = text.replace(f"({name},", f"({getattr(rtc, name)},")
    return text


def serve_page(folder: Path, address: str, port: int) -> None:
    """Serve the page, the offer aimed at an address and port, and take the answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/offer":
                body = rtc.aimed(json.loads((folder / "offer.json").read_text())["sdp"], address, port)
            else:
                body = page()
            self._say(body)

        def do_POST(self) -> None:
            sdp = self.rfile.read(int(self.headers["Content-Length"])).decode()
            rtc.leave(folder / "answer.json", {"sdp": sdp, "listens": False})
            self._say("")

        def _say(self, body: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

    ThreadingHTTPServer(("127.0.0.1", PAGE_PORT), Handler).serve_forever()


def _view(lab: Lab, short: str, address: str, port: int, desk: Desk) -> Screen:
    """Open the page in a browser, and wait until its channel is open."""
    lab.start(short, sys.executable, "-m", __spec__.name, str(lab.folder), address, str(port))
    lab.listening(short, PAGE_PORT)
    display = desktop.server(lab, short)
    profile = f"--user-data-dir={lab.folder}/browser-{short}"
    lab.start(short, *BROWSER, profile, f"--app=http://127.0.0.1:{PAGE_PORT}/", env={"DISPLAY": f":{display}"})
    screen = Screen(short, display, "^shared desk$")
    desktop.focus(lab, short, display, screen.window, seconds=90)
    lab.run(short, "xdotool", "mousemove", "550", "550", "click", "1", env={"DISPLAY": f":{display}"})
    return screen


(_SHARE,) = rtc.TOOLS
TOOLS = (
    Tool(
        "webrtc-browser", (*desktop.PROGRAMS, "chromium"), "udp", rtc.PORT, _SHARE.serve, _view, human.drive_display,
    ),
)  # fmt: skip
"""The recipe."""


if __name__ == "__main__":
    serve_page(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
