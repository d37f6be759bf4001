"""The lab's web site: nginx (HTTP/2 over TLS) before the application server, or HTTP/3 by aioquic."""

from __future__ import annotations

import subprocess
import sys

from tests.lab.net import Lab

NAME = "www.papertrade.example"
_MODULE = "tests.lab.hand.activities"
_CONFIG = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; client_max_body_size 1g; default_type text/plain;
  server {{
    listen {address}:443 ssl http2; ssl_certificate {folder}/site.crt; ssl_certificate_key {folder}/site.key;
    location / {{ proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600; }}
    location /ws/ {{ proxy_pass http://127.0.0.1:8001; proxy_http_version 1.1; proxy_read_timeout 600;
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }}
    location /files/ {{ root {folder}; }}
  }}
}}
"""


def certificate(lab: Lab) -> tuple[str, str]:
    """Make the site's self-signed certificate once; returns the paths of certificate and key."""
    pair = str(lab.folder / "site.crt"), str(lab.folder / "site.key")
    if (lab.folder / "site.crt").is_file():
        return pair
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    name = ["-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-days", "10"]
    subprocess.run([*make, "-out", pair[0], "-keyout", pair[1], *name], check=True, capture_output=True)
    return pair


def fingerprint(lab: Lab) -> str:
    """Return the certificate's public key hash as Chromium's command line wants it."""
    script = (
        "openssl x509 -in site.crt -pubkey -noout | openssl pkey -pubin -outform der"
        " | openssl dgst -sha256 -binary | openssl base64"
    )
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True, cwd=lab.folder)
    return done.stdout.strip()


def start(lab: Lab, short: str, address: str, seed: int, *, quic: bool = False) -> None:
    """Serve the site on an address of a namespace, port 443."""
    pair = certificate(lab)
    (lab.folder / "files").mkdir(exist_ok=True)
    if quic:
        lab.start(short, sys.executable, "-m", f"{_MODULE}.quic", address, *pair, str(seed))
        lab.listening(short, 443)
        return
    (lab.folder / "nginx.conf").write_text(_CONFIG.format(folder=lab.folder, address=address))
    lab.start(short, sys.executable, "-m", f"{_MODULE}.backend", "8000", "8001", str(seed))
    lab.listening(short, 8000)
    lab.start(short, "/usr/sbin/nginx", "-c", str(lab.folder / "nginx.conf"), "-e", str(lab.folder / "nginx.err"))
    lab.listening(short, 443)
