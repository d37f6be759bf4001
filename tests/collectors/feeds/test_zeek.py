"""Zeek's logs: their two forms, what stands in them, and what must not be kept."""

from __future__ import annotations

import json

import pytest

from farmwatch.collectors.feeds.opening import Input, opened, sample_of
from farmwatch.collectors.feeds.registry import kind_of
from farmwatch.collectors.feeds.zeek_logs import log_of_fields, log_of_name
from farmwatch.records import DhcpRequest, Flow, Host, Http, Name, NameQuery, RemoteControl, Ssh, Tls
from tests.collectors.feeds.golden import account, check_golden, parsed, read, rows

HEAD = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n"
ENDS = {
    "ts": 1793610000.5,
    "uid": "CAbc",
    "id.orig_h": "10.0.0.5",
    "id.orig_p": 50000,
    "id.resp_h": "198.51.100.7",
    "id.resp_p": 443,
}


def log(name, *lines):
    fields = list(dict.fromkeys(key for line in lines for key in line))
    body = "".join("\t".join(str(line.get(key, "-")) for key in fields) + "\n" for line in lines)
    return f"{HEAD}#path\t{name}\n#fields\t" + "\t".join(fields) + "\n" + body


def conn(**more):
    return ENDS | {
        "proto": "tcp", "service": "ssl", "duration": "2.5", "orig_bytes": 100, "resp_bytes": 200, "conn_state": "SF",
        "history": "ShADadFf", "orig_pkts": 5, "orig_ip_bytes": 400, "resp_pkts": 6, "resp_ip_bytes": 500,
    } | more  # fmt: skip


def flow(**more):
    (row,) = read("zeek", log("conn", conn(**more)), Flow)
    return row


def test_golden():
    """What the samples give, in both forms, and nothing banned in it."""
    check_golden("zeek")


def test_both_forms_give_the_same_rows():
    """A log in tabs and the same in JSON, numbers as numbers, differ in nothing but the line."""
    tabs = rows(parsed("zeek", log("conn", conn()).encode()), Flow)
    line = {key: float(value) if key == "duration" else value for key, value in conn().items()}
    as_json = rows(parsed("zeek", json.dumps(line | {"_path": "conn"}).encode()), Flow)
    for row in (*tabs, *as_json):
        row.pop("first_packet"), row.pop("last_packet")
    assert tabs == as_json


def test_a_flow_says_what_the_log_knows_and_no_more():
    """Counters no log has are 0, round trips are absent, and the silence is no longer than the flow."""
    row = flow()
    assert (row["protocol"], row["state"], row["established"], row["first_data_side"]) == ("tls", "closed", True, 0)
    assert (row["orig_small_pkts"], row["orig_active_s"], row["orig_ttl"], row["orig_data_pkts"]) == (0, 0, 0, 1)
    assert "orig_rtt_ms" not in row
    assert "handshake_rtt_ms" not in row
    assert row["longest_silence_s"] == 2.5
    assert (row["last_ts"] - row["ts"]).total_seconds() == 2.5


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"service": "ssl,rdp"}, ("rdp", 1, "")),
        ({"service": "rfb"}, ("rfb", 1, "")),
        ({"service": "-"}, (None, None, "unlogged")),
        ({"service": "-", "history": "DadA"}, (None, None, "midstream")),
        ({"service": "-", "orig_bytes": 0, "resp_bytes": 0}, (None, None, "")),
        ({"service": "ssl", "proto": "udp", "history": "Dd"}, ("dtls", None, "")),
        ({"service": "<script>"}, (None, None, "unlogged")),
    ],
)
def test_services(given, wanted):
    """A service is our word for a protocol, names the driven end where its server is, and else the flow is unread."""
    row = flow(**given)
    assert (row.get("protocol"), row.get("controlled_side"), row["unread"]) == wanted


def test_payload_is_never_more_than_packets_held():
    """Zeek counts by sequence numbers, which a forged segment may push to gigabytes."""
    assert flow(orig_bytes=4_294_967_000)["orig_bytes"] == 400


def test_the_same_id_is_the_same_flow_in_every_log_and_form():
    """Handshakes, shells and connections meet by the number made of Zeek's id, whatever file they came in."""
    number = flow()["flow"]
    assert 0 <= number < 2**62
    handshake = log("ssl", ENDS | {"version": "TLSv13", "server_name": "Example.ORG."})
    (row,) = read("zeek", handshake, Tls, "other/ssl.log")
    assert (row["flow"], row["version"], row["server_name"]) == (number, "TLS 1.3", "example.org")
    (row,) = read("zeek", [ENDS | {"client": "SSH-2.0-x", "auth_attempts": 1}], Ssh)
    assert row["flow"] == number
    assert flow(uid="CAbd")["flow"] != number


def test_days_and_hours_of_a_sensor_are_one_input():
    """Folders that rotation makes do not make a new sensor; other folders and a named device do."""
    names = ("zeek/2026-11-01/conn.log.gz", "/data/zeek/current/conn.log", "zeek/conn.log", "other/conn.log")
    numbers = [rows(parsed("zeek", log("conn", conn()).encode(), name), Flow)[0]["input"] for name in names]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]
    (named,) = rows(parsed("zeek", log("conn", conn()).encode(), names[0], "sensor-7"), Flow)
    assert named["input"] not in numbers


def test_certificates_join_their_handshakes_in_one_stream():
    """By fingerprint or file id; escaped commas belong to their value."""
    certificate = {
        "ts": 1793610000.4, "fingerprint": "ab" * 32, "certificate.subject": "CN=AnyNet Relay,O=Works\\\\, Ltd.",
        "certificate.issuer": "CN=Root,OU=Unit", "san.dns": "A.example,b.example", "san.email": "somebody@example.org",
    }  # fmt: skip
    handshake = ENDS | {"version": "TLSv12", "cert_chain_fps": "ab" * 32, "client_subject": "CN=Somebody"}
    stretches = parsed("zeek", (log("x509", certificate) + log("ssl", handshake)).encode())
    (row,) = rows(stretches, Tls)
    assert (row["subject_cn"], row["subject_org"], row["issuer_ou"]) == ("AnyNet Relay", "Works, Ltd.", "Unit")
    assert (row["san"], row["certificate_sha256"]) == ("a.example,b.example", "ab" * 32)
    _, unneeded, dropped = account(stretches)
    assert unneeded == {"certificate, joined to the handshakes that name it": 1}
    assert dropped == {"x509.san.email": 1, "ssl.client_subject": 1}


def test_names_in_rdp_and_vnc_are_counted_and_left_behind():
    """Cookies are user names; layouts, client and desktop names are nobody's business."""
    rdp = ENDS | {"cookie": "jdoe", "result": "encrypted", "security_protocol": "HYBRID", "keyboard_layout": "German",
                  "client_name": "JDOE-PC"}  # fmt: skip
    rfb = ENDS | {
        "uid": "CVnc",
        "server_major_version": "003",
        "server_minor_version": "008",
        "desktop_name": "jdoe's X",
    }
    stretches = parsed("zeek", (log("rdp", rdp) + log("rfb", rfb)).encode())
    found = rows(stretches, RemoteControl)
    assert [(row["protocol"], row["controlled_side"], row.get("version")) for row in found] == [
        ("rdp", 1, None),
        ("rfb", 1, "3.8"),
    ]
    assert found[0]["detail"] == "encrypted; chosen: HYBRID"
    assert "jdoe" not in str(found).lower()
    assert account(stretches)[2] == {
        "rdp.cookie": 1, "rdp.keyboard_layout": 1, "rdp.client_name": 1, "rfb.desktop_name": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("server", "uri", "path"),
    [
        ("192.168.0.9", "/login?token=secret", "/login"),
        ("192.168.0.9", "http://news.example/what", None),
        ("192.168.0.9", "//news.example/what", None),
        ("198.51.100.80", "/what/people/read", None),
    ],
)
def test_pages(server, uri, path):
    """Paths stay only of pages on private addresses, and never with their query."""
    page = ENDS | {"id.resp_h": server, "trans_depth": 1, "method": "GET", "host": "x", "uri": uri}
    (row,) = read("zeek", log("http", page), Http)
    assert row.get("path") == path


def test_lookups_and_their_answers():
    """A name asked for is a row; each address in the answer is the name's, by whom it was asked."""
    asked = ENDS | {
        "id.resp_p": 53,
        "query": "Relay.Example.net",
        "qtype_name": "A",
        "answers": "a.example,198.51.100.7,2001:db8::9",
    }
    stretches = parsed("zeek", log("dns", asked).encode())
    (query,) = rows(stretches, NameQuery)
    assert (query["name"], query["protocol"], query["count"]) == ("relay.example.net", "dns", 1)
    assert [(row["address"], row["client"]) for row in rows(stretches, Name)] == [
        ("198.51.100.7", "10.0.0.5"), ("2001:db8::9", "10.0.0.5"),
    ]  # fmt: skip


def test_leases_say_what_the_client_says():
    """An exchange in one line is the client's request, with its name and the address it got."""
    lease = {
        "ts": 1793610000.5, "uids": "CA,CB", "mac": "02:00:5E:10:00:55", "host_name": "LT-1",
        "msg_types": "OFFER,REQUEST,ACK",
        "assigned_addr": "10.0.0.5", "server_addr": "10.0.0.1",
    }  # fmt: skip
    (row,) = read("zeek", log("dhcp", lease), DhcpRequest)
    assert (row["message"], row["mac"], row["host_name"], row["address"]) == (
        "request",
        "02:00:5e:10:00:55",
        "LT-1",
        "10.0.0.5",
    )


def test_hosts_come_of_link_layer_addresses():
    """Where Zeek logs them, each pair is one row; a silent end sent nothing."""
    lines = [conn(uid=f"C{at}", orig_l2_addr="02:00:5e:10:00:55", resp_l2_addr="02:00:5e:10:00:01", **more)
             for at, more in enumerate(({}, {}, {"id.resp_h": "198.51.100.9", "resp_pkts": 0}))]  # fmt: skip
    found = {row["address"]: row["packets"] for row in read("zeek", log("conn", *lines), Host)}
    assert found == {"10.0.0.5": 15, "198.51.100.7": 12}


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("1.0\tCAbc\n", ["no #fields line before it"]),
        (HEAD + "#path\tconn\n#fields\tts\tuid\n1.0\tCAbc\textra\n", ["3 values where the header has 2"]),
        (HEAD + "#path\tweird\n#fields\tts\n1.0\n", []),
        (
            "#separator \\x2c\n#set_separator,|\n#unset_field,-\n#path,conn\n#fields,ts,uid\n1793610000.0,CAbc\n",
            ["flows.proto is missing"],
        ),
        ("#separator ||\n#path||conn\n#fields||ts||uid\n1||2\n", ["separator of more than one character"]),
    ],
)
def test_headers(text, reasons):
    """A header says how rows are read; rows it does not fit are rejected with their line, other logs are not needed."""
    rejects, unneeded, _ = account(parsed("zeek", text.encode()))
    assert len(reasons) == len(rejects)
    assert all(reason.startswith(wanted) for wanted, (reason, _) in zip(reasons, rejects, strict=True))
    assert bool(unneeded) == (not reasons)


def test_lines_keep_their_numbers_between_headers_and_blanks():
    """The number of a row is its line in the file, whatever stands between."""
    text = log("conn", conn(uid="C1"), conn(uid="C2")) + "\n\n#close\t2026\n" + log("conn", conn(uid="C3"))
    found = rows(parsed("zeek", text.replace("\n", "\r\n").encode()), Flow)
    assert [row["first_packet"] for row in found] == [7, 8, 18]


def test_escaped_values():
    r"""``\\x09`` and its like are what they stand for; a value that is a dash by itself is no value."""
    (row,) = read("zeek", log("ssl", ENDS | {"version": "TLSv12", "server_name": "a\\x2cb.example"}), Tls)
    assert row["server_name"] == "a,b.example"


@pytest.mark.parametrize("ts", [1793610000.5, "2026-11-02T09:00:00.500000Z", 1793610000500])
def test_times_of_json(ts):
    """Seconds, milliseconds and ISO 8601, as Zeek may be told to write them."""
    (row,) = read("zeek", [conn(duration=1.0) | {"ts": ts}], Flow)
    assert row["ts"].timestamp() == 1793610000.5


def test_json_is_told_apart_by_path_name_or_fields():
    """One stream may hold several logs; what cannot be told is rejected."""
    lines = [ENDS | {"_path": "ssl", "version": "TLSv12"}, ENDS | {"uid": "C2", "trans_depth": 1, "method": "GET"},
             {"ts": 1793610000.5, "something": "else"}]  # fmt: skip
    stretches = parsed("zeek", "".join(json.dumps(line) + "\n" for line in lines).encode())
    assert len(rows(stretches, Tls)) == len(rows(stretches, Http)) == 1
    assert account(stretches)[0] == [("which of Zeek's logs this is cannot be told", 3)]
    assert log_of_name("/a/ssl.2026-11-01-00-00-00.log.gz") == "ssl"
    assert log_of_name("wireless.log") == ""
    assert log_of_fields({"qtype_name": 1}) == "dns"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x", log("conn", conn())),
        ("x", json.dumps(ENDS | {"conn_state": "SF"})),
        ("dns.log", json.dumps(ENDS | {"AA": True})),
    ],
)
def test_recognised(name, text):
    """By the header, by telling fields, or by the name where the fields are those of a log."""
    import io

    with opened(Input(name, stream=io.BytesIO(text.encode()))) as stream:
        assert kind_of(sample_of(stream, name)).kind == "zeek"
