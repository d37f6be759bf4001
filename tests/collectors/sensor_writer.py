"""Tables of a capture written out as the logs a sensor would have made of the same packets, in their documented shapes.

Only what a sensor can know is written: no packet sizes and times, no tool that only our decoders name by its bytes, and
no VNC or SSH whose server dialled, which Zeek and Suricata do not take for what it is.
"""

from __future__ import annotations

import json
from datetime import UTC

import numpy as np

from farmwatch.records import DhcpRequest, Flow, Http, Name, NameQuery, RemoteControl, Ssh, Tls

SERVICES = {"tls": "ssl", "dtls": "ssl"}  # as Zeek calls them
KNOWN = ("tls", "dtls", "rdp", "rfb", "ssh", "http", "quic", "dns")
SIDED = ("rdp", "rfb", "ssh")
STATES = {"syn": "S0", "half-open": "SH", "established": "S1", "closing": "S2", "closed": "SF", "reset": "RSTO"}
RESOLVER = "192.0.2.53"


class Seen:
    """A capture as its sensor sees it."""

    def __init__(self, tables, tag):
        self.tables, self.tag = tables, tag
        self.flows = {row.flow: row for row in tables[Flow].rows()}
        controls = tables[RemoteControl].rows()
        self.driven = {row.flow: row for row in controls if row.controlled_side == 1}

    def protocol(self, number):
        """What the sensor takes a flow for."""
        found = self.flows[number].protocol
        return found if found in KNOWN and (found not in SIDED or number in self.driven) else None

    def ends(self, number):
        """The columns that Zeek's logs begin with."""
        row = self.flows[number]
        return {"ts": row.ts.timestamp(), "uid": f"{self.tag}{number:016d}", "id.orig_h": row.orig_h,
                "id.orig_p": row.orig_p, "id.resp_h": row.resp_h, "id.resp_p": row.resp_p}  # fmt: skip

    def event(self, kind, number, **more):
        """One event of Suricata's."""
        row = self.flows[number]
        return {"timestamp": when(row.ts), "flow_id": 10_000 + number, "event_type": kind, "src_ip": row.orig_h,
                "src_port": row.orig_p, "dest_ip": row.resp_h, "dest_port": row.resp_p, "proto": row.proto.upper(),
                **more}  # fmt: skip

    def lookups(self):
        """Names asked for, and those with addresses in the answer."""
        queries = [row for row in self.tables[NameQuery].rows() if row.protocol == "dns"]
        return queries, [row for row in self.tables[Name].rows() if row.source == "dns"]


def zeek_conn(seen):
    for number, row in seen.flows.items():
        protocol = seen.protocol(number)
        began = "" if row.state == "midstream" else "S" + "h" * row.established
        sent = "D" * bool(row.orig_bytes) + "d" * bool(row.resp_bytes)
        yield seen.ends(number) | {
            "proto": row.proto, "service": SERVICES.get(protocol, protocol),
            "duration": (row.last_ts - row.ts).total_seconds(), "orig_bytes": row.orig_bytes,
            "resp_bytes": row.resp_bytes, "missed_bytes": row.lost_bytes,
            "conn_state": STATES.get(row.state, "OTH" if row.proto == "tcp" else "SF"), "history": began + sent or "^",
            "orig_pkts": row.orig_pkts, "orig_ip_bytes": row.orig_wire_bytes - 14 * row.orig_pkts,
            "resp_pkts": row.resp_pkts, "resp_ip_bytes": row.resp_wire_bytes - 14 * row.resp_pkts,
            "orig_l2_addr": row.orig_mac, "resp_l2_addr": row.resp_mac,
        }  # fmt: skip


def zeek_ssl(seen):
    for row in seen.tables[Tls].rows():
        if row.transport != "quic":
            version = (row.version or "").replace(" ", "v", 1).replace(".", "")
            yield seen.ends(row.flow) | {
                "version": version or None, "cipher": "TLS_AES_128_GCM_SHA256", "server_name": row.server_name,
                "next_protocol": (row.alpn or "").split(",")[0] or None, "ja4": row.ja4,
                "cert_chain_fuids": [f"F{row.flow}"] if certified(row) else [],
            }  # fmt: skip


def zeek_x509(seen):
    for row in seen.tables[Tls].rows():
        if row.transport != "quic" and certified(row):
            yield {
                "ts": row.ts.timestamp(), "id": f"F{row.flow}", "fingerprint": row.certificate_sha256,
                "certificate.subject": distinguished(row.subject_cn, row.subject_ou, row.subject_org),
                "certificate.issuer": distinguished(row.issuer_cn, row.issuer_ou, row.issuer_org),
                "san.dns": row.san.split(",") if row.san else [],
            }  # fmt: skip


def zeek_quic(seen):
    for row in seen.tables[Tls].rows():
        if row.transport == "quic":
            yield seen.ends(row.flow) | {"version": "1", "server_name": row.server_name}


def zeek_dns(seen):
    queries, named = seen.lookups()
    for row in queries:
        answers = [one.address for one in named if (one.client, one.name) == (row.client, row.name)]
        yield {
            "ts": row.ts.timestamp(), "uid": f"D{row.packet}", "id.orig_h": row.client, "id.orig_p": 5300,
            "id.resp_h": RESOLVER, "id.resp_p": 53, "query": row.name, "qtype_name": row.qtype, "answers": answers,
        }  # fmt: skip


def zeek_dhcp(seen):
    for row in seen.tables[DhcpRequest].rows():
        yield {
            "ts": row.ts.timestamp(), "uids": [f"H{row.packet}"], "mac": row.mac, "host_name": row.host_name,
            "client_fqdn": row.fqdn, "requested_addr": row.address, "msg_types": [row.message.upper()],
        }  # fmt: skip


def zeek_rdp(seen):
    for number, row in seen.driven.items():
        if row.protocol == "rdp":
            yield seen.ends(number) | {"cookie": "somebody", "result": "encrypted", "security_protocol": "HYBRID"}


def zeek_rfb(seen):
    for number, row in seen.driven.items():
        if row.protocol == "rfb":
            yield seen.ends(number) | {
                "server_major_version": "003", "server_minor_version": "008", "authentication_method": "VNC",
            }  # fmt: skip


def zeek_ssh(seen):
    for row in seen.tables[Ssh].rows():
        if row.flow in seen.driven:
            greetings = {"client": f"SSH-2.0-{row.client}", "server": f"SSH-2.0-{row.server}"}
            yield seen.ends(row.flow) | {"auth_attempts": 1} | greetings


def zeek_http(seen):
    for row in seen.tables[Http].rows():
        yield seen.ends(row.flow) | {
            "trans_depth": 1, "method": row.method, "host": row.host, "uri": row.path, "status_code": row.status,
        }  # fmt: skip


ZEEK = {
    "conn": zeek_conn, "ssl": zeek_ssl, "x509": zeek_x509, "quic": zeek_quic, "dns": zeek_dns, "dhcp": zeek_dhcp,
    "rdp": zeek_rdp, "rfb": zeek_rfb, "ssh": zeek_ssh, "http": zeek_http,
}  # fmt: skip


def write_zeek(tables, folder, *, as_json=False, tag="C"):
    """One file per log, tab-separated or JSON; ``tag`` begins the ids of connections."""
    folder.mkdir(parents=True, exist_ok=True)
    seen = Seen(tables, tag)
    for name, log in ZEEK.items():
        if rows := list(log(seen)):
            text = json_lines(rows) if as_json else tab_separated(name, rows)
            (folder / f"{name}.log").write_text(text, encoding="utf-8")


def json_lines(rows):
    kept = ({key: value for key, value in row.items() if value is not None} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in kept)


def tab_separated(name, rows):
    fields = list(dict.fromkeys(key for row in rows for key in row))
    head = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", f"#path\t{name}"]
    lines = ["\t".join(plain(row.get(key)) for key in fields) for row in rows]
    return "\n".join([*head, "#fields\t" + "\t".join(fields), *lines, "#close\t2026-11-23-10-00-00"]) + "\n"


def eve_flows(seen):
    for number, row in seen.flows.items():
        counted = {
            "pkts_toserver": row.orig_pkts, "pkts_toclient": row.resp_pkts, "bytes_toserver": row.orig_wire_bytes,
            "bytes_toclient": row.resp_wire_bytes, "start": when(row.ts), "end": when(row.last_ts), "state": "closed",
        }  # fmt: skip
        protocol = seen.protocol(number)
        more = {"app_proto": {"dtls": "tls", None: "failed"}.get(protocol, protocol), "flow": counted}
        if row.proto == "tcp":
            more["tcp"] = {"syn": row.state != "midstream", "state": "closed" if row.established else "syn_sent"}
        if row.orig_mac and row.resp_mac:
            more["ether"] = {"src_macs": [row.orig_mac], "dest_macs": [row.resp_mac]}
        yield seen.event("flow", number, **more)


def eve_handshakes(seen):
    for row in seen.tables[Tls].rows():
        if row.transport == "quic":
            yield seen.event("quic", row.flow, quic={"version": "1", "sni": row.server_name or ""})
            continue
        shown = {
            "version": row.version or "UNDETERMINED", "sni": row.server_name, "ja4": row.ja4,
            "client_alpns": row.alpn.split(",") if row.alpn else None,
            "subject": distinguished(row.subject_cn, row.subject_ou, row.subject_org, between=", "),
            "issuerdn": distinguished(row.issuer_cn, row.issuer_ou, row.issuer_org, between=", "),
        }  # fmt: skip
        yield seen.event("tls", row.flow, tls={key: value for key, value in shown.items() if value})


def eve_names(seen):
    queries, named = seen.lookups()
    for row in queries:
        yield lookup(row, {"type": "query", "rrname": row.name, "rrtype": row.qtype})
    for row in named:
        answers = [{"rrname": row.name, "rrtype": "A", "rdata": row.address}]
        yield lookup(row, {"version": 2, "type": "answer", "rrname": row.name, "rrtype": "A", "answers": answers})


def lookup(row, dns):
    return {"timestamp": when(row.ts), "flow_id": 9, "event_type": "dns", "src_ip": row.client, "src_port": 5300,
            "dest_ip": RESOLVER, "dest_port": 53, "proto": "UDP", "dns": dns}  # fmt: skip


def eve_control(seen):
    for number, row in seen.driven.items():
        if row.protocol == "rdp":
            yield seen.event("rdp", number, rdp={"event_type": "initial_response", "protocol": "hybrid"})
        elif row.protocol == "rfb":
            yield seen.event("rfb", number, rfb={"server_protocol_version": {"major": "003", "minor": "008"}})
    for row in seen.tables[Ssh].rows():
        if row.flow in seen.driven:
            client, server = {"software_version": row.client}, {"software_version": row.server}
            yield seen.event("ssh", row.flow, ssh={"client": client, "server": server})


def eve_dhcp(seen):
    for row in seen.tables[DhcpRequest].rows():
        asked = {"type": "request", "dhcp_type": row.message, "client_mac": row.mac, "hostname": row.host_name}
        yield {"timestamp": when(row.ts), "event_type": "dhcp", "src_ip": "0.0.0.0", "dest_ip": "255.255.255.255",
               "dhcp": asked | {"requested_ip": row.address}}  # fmt: skip


def write_eve(tables, path):
    """All events in one file, in order of time."""
    seen = Seen(tables, "")
    parts = (eve_flows, eve_handshakes, eve_names, eve_control, eve_dhcp)
    events = sorted((event for part in parts for event in part(seen)), key=lambda one: one["timestamp"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in events), encoding="utf-8")


def certified(row):
    return bool(row.subject_cn or row.subject_org or row.issuer_cn or row.issuer_org)


def when(moment):
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")


def distinguished(common, unit, organisation, between=","):
    given = {"CN": common, "OU": unit, "O": organisation}
    escaped = {key: value.replace(",", "\\,") for key, value in given.items() if value}
    return between.join(f"{key}={value}" for key, value in escaped.items()) or None


def plain(value):
    if value is None:
        return "-"
    if isinstance(value, bool | np.bool_):
        return "T" if value else "F"
    if isinstance(value, list):
        return ",".join(value) or "(empty)"
    return f"{value:.6f}" if isinstance(value, float) else str(value).replace("\\", "\\\\") or "(empty)"
