"""A report with all a renderer must cope with: every level, a farm, damaged inputs, hostile names; values invented."""

from __future__ import annotations

from dataclasses import replace

from farmwatch.records.finding import Claim, Evidence, Family, Finding, Outcome, WeightSource
from farmwatch.records.report import (
    Assessment,
    ClaimAssessment,
    Device,
    Distance,
    Farm,
    FarmLink,
    InputFile,
    Lan,
    LanHost,
    Level,
    Report,
    Role,
    Session,
    Tool,
    Weight,
)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b]0;owned\x07\x1b[2J\x1b[31mLT-1",
    "\u202egnp.exe\u202c",
    "\u2066abc\u2069\u200bzero\ufeff",
    "=cmd|' /C calc'!A0",
    "+1+1|=2+2",
    "line one\nline two\r\tthree",
    "{{ 7*7 }}{% raw %}",
    "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307",
    "javascript:alert(1)",
    "\x00\x9b31m\x7f",
)  #: names as an adversary would choose them


def claim(
    level: Level, total: float = 0.0, *, prior: float = -40.0, weights: tuple[Weight, ...] = (), **more: object
) -> ClaimAssessment:
    """A weighed claim whose probability follows from its decibans."""
    probability = 1 / (1 + 10 ** (-total / 10))
    return ClaimAssessment(level, probability, total, prior, weights, **more)  # type: ignore[arg-type]


def silent(level: Level = Level.NOT_ENOUGH_DATA) -> ClaimAssessment:
    """A claim nothing was learnt about."""
    return claim(level, -40.0, reason="no counted evidence")


def session(number: int = 1, **changes: object) -> Session:
    """An AnyDesk session through a relay."""
    return replace(
        Session(
            session_id=f"s{number}",
            start="2026-11-23T14:02:05.120000Z",
            end="2026-11-23T14:43:11Z",
            protocol="tcp",
            local="10.0.0.55:50111",
            remote="198.51.100.7:443",
            tool="anydesk",
            tool_name="AnyDesk",
            role=Role.CONTROLLED,
            role_probability=0.97,
            role_reason="small packets come in, screen updates go out",
            relayed=True,
            remote_name="relay-7.net.anydesk.com",
            transport_rtt_ms=12.31,
            loop_rtt_ms=203.4,
            loop_rtt_interval_ms=(197.0, 211.2),
            loop_samples=412,
            input_events=1312,
            distance_km=Distance(20326.0, (8200.0, 10900.0)),
            bytes_in=4_200_000,
            bytes_out=1_900_000_000,
            flows=2,
            input=0,
            packets=(101, 102, 990),
            presses=411,
            relay_reason="loop 203 ms (197-211), transport 12 ms",
            distance_note="what answers in a loop of 197 ms is hardly near, unless its line or program is slow",
            regions=("East Asia", "South Asia"),
            same_continent=False,
        ),
        **changes,
    )


def strong_device() -> Device:
    """A laptop driven through a relay: strong on *driven*, review on *abroad*, a farm member."""
    driven = claim(
        Level.STRONG,
        15.5,
        weights=(
            Weight("timing.loop_latency", 30.0, True, WeightSource.MEASURED, "312 lab sessions", "hand"),
            Weight("names.remote_tool", 25.5, True, WeightSource.JUDGED, "unattended-capable tool in use", "tool"),
            Weight("names.relay_idle", 6.0, False, WeightSource.JUDGED, "relay contacted while idle", "tool"),
        ),
        families=("names", "timing"),
        reason="two independent families agree: names, timing",
        overturn="a help-desk ticket for 14:02 to 14:43 UTC, or the user's own second computer",
    )
    abroad = claim(
        Level.REVIEW,
        -2.0,
        prior=-20.0,
        weights=(
            Weight("timing.loop_distance", 18.0, True, WeightSource.MEASURED, "loop minus transport RTT", "distance"),
        ),
        families=("timing",),
        reason="one family only",
        overturn="a satellite link at the far end",
    )
    farm = claim(
        Level.STRONG,
        12.0,
        weights=(
            Weight(
                "place.shared_gateway", 52.0, True, WeightSource.JUDGED, "three companies behind one gateway", "lan"
            ),
        ),
        families=("place", "names"),
        reason="two independent families agree: place, names",
        overturn="a declared coworking site",
    )
    findings = (
        Finding(
            "names.remote_tool",
            Family.NAMES,
            Claim.DRIVEN,
            Outcome.HIT,
            25.5,
            "A hand comes in over AnyDesk's relay 198.51.100.7:443 (certificate AnyNet Relay): 41 min, 1,312 input "
            "events, 1.9 GB of screen going out",
            observed="TLS certificate subject CN=AnyNet Relay, 2 flows, 41 min",
            expected="no remote-control tool, or one the help desk declares",
            benign=("help desk", "own second computer"),
            rows=(Evidence("tls", 0, (104, 109)), Evidence("flows", 0, (101,))),
            group="tool",
            weight_reason="unattended-capable tool in use",
        ),
        Finding(
            "timing.loop_latency",
            Family.TIMING,
            Claim.DRIVEN,
            Outcome.HIT,
            30.0,
            "It reacts 203 ms (197\u2013211) after the screen changes; the relay itself answers in 12 ms: the person "
            "is not near the relay",
            observed="loop RTT 203 ms, 412 samples",
            expected="no reaction locked to screen updates",
            benign=("satellite link",),
            rows=(Evidence("flows", 0, (101, 102, 990)),),
            group="hand",
            weight_source=WeightSource.MEASURED,
            weight_reason="312 lab sessions",
        ),
        Finding(
            "timing.ssh_coupling",
            Family.TIMING,
            Claim.DRIVEN,
            Outcome.HIT,
            12.0,
            "312 keystrokes to ssh 10.0.5.4 leave 9\u201331 ms after that hand's input: it types into the "
            "corporate server",
            benign=("scripted jobs",),
            rows=(Evidence("ssh", 0, (2044,)),),
            group="coupling",
        ),
        Finding(
            "names.relay_idle",
            Family.NAMES,
            Claim.DRIVEN,
            Outcome.HIT,
            6.0,
            "AnyDesk's relay is contacted while nobody is connected",
            group="tool",
        ),
        Finding(
            "timing.loop_distance",
            Family.TIMING,
            Claim.ABROAD,
            Outcome.HIT,
            18.0,
            "The far hand is 8,200 to 10,900 km behind the relay",
            group="distance",
        ),
        Finding(
            "place.shared_gateway",
            Family.PLACE,
            Claim.FARM,
            Outcome.HIT,
            52.0,
            "Shares gateway 52:54:00:aa:bb:01 with laptops of two other companies",
            group="lan",
        ),
        Finding(
            "names.kvm_on_lan",
            Family.NAMES,
            Claim.DRIVEN,
            Outcome.CLEAR,
            -1.5,
            "No KVM announces itself on this network",
        ),
        Finding(
            "hardware.capture_stick",
            Family.HARDWARE,
            Claim.DRIVEN,
            Outcome.NO_DATA,
            0.0,
            "No USB or display telemetry",
        ),
    )
    return Device(
        device_id="dev-f4d488000019",
        ips=("10.0.0.55", "fe80::f6d4:88ff:fe00:19"),
        macs=("f4:d4:88:00:00:19",),
        names=("ACME-LT-0142", "acme-lt-0142.local"),
        assessment=Assessment(driven, abroad, farm),
        sessions=(
            session(1),
            session(
                2,
                start="2026-11-23T14:50:00Z",
                end="2026-11-23T14:50:00Z",
                tool="ssh",
                tool_name="SSH",
                remote="10.0.5.4:22",
                remote_name=None,
                relayed=False,
                role=Role.CONTROLLING,
                role_probability=0.99,
                loop_rtt_ms=None,
                loop_rtt_interval_ms=None,
                loop_samples=0,
                input_events=None,
                presses=None,
                relay_reason="",
                distance_note="",
                regions=(),
                same_continent=None,
                transport_rtt_ms=1.24,
                distance_km=Distance(124.0),
                bytes_out=9000,
                bytes_in=12000,
                flows=1,
            ),
        ),
        findings=findings,
        vendor="Dell Inc.",
        not_looked_at=(
            "USB, displays, sign-ins (no telemetry)",
            "an external KVM's own traffic is invisible from here",
        ),
        next_steps=(
            "ask for the USB tree and EDID of this laptop",
            "check the ticket system for 14:02 to 14:43 UTC",
            "keep the capture (sha256 9f86d081…)",
        ),
        benign_considered=(
            "help desk (none declared from this network)",
            "own second machine abroad",
            "satellite link",
        ),
        first_ts="2026-11-23T13:10:00Z",
        last_ts="2026-11-23T14:51:00Z",
    )


def review_device() -> Device:
    """A laptop with a KVM on its network and hostile names everywhere."""
    return Device(
        device_id="dev-10.0.0.56",
        ips=("10.0.0.56",),
        macs=(),
        names=HOSTILE,
        assessment=Assessment(
            claim(
                Level.REVIEW,
                -8.0,
                weights=(Weight("names.kvm_on_lan", 32.0, True, WeightSource.PUBLISHED, HOSTILE[2], HOSTILE[0]),),
                families=("names",),
                reason="one family only",
                overturn=HOSTILE[7],
            ),
            silent(),
            silent(Level.CLEAR),
        ),
        sessions=(
            session(
                3,
                session_id=HOSTILE[1],
                tool="unknown",
                tool_name=HOSTILE[0],
                remote_name=HOSTILE[2],
                role=Role.UNCLEAR,
                role_probability=0.5,
                role_reason=HOSTILE[3],
                relayed=None,
                transport_rtt_ms=None,
                loop_rtt_ms=None,
                loop_rtt_interval_ms=None,
                loop_samples=0,
                loop_note=HOSTILE[10],
                relay_reason=HOSTILE[2],
                distance_note=HOSTILE[3],
                regions=(),
                same_continent=None,
                distance_km=None,
                input=1,
            ),
        ),
        findings=(
            Finding(
                "names.kvm_on_lan",
                Family.NAMES,
                Claim.DRIVEN,
                Outcome.HIT,
                32.0,
                f"A KVM calls itself {HOSTILE[2]} and {HOSTILE[0]} and {HOSTILE[3]}",
                observed=HOSTILE[5],
                expected=HOSTILE[6],
                benign=(HOSTILE[4], HOSTILE[9]),
                rows=(Evidence("announcements", 1, (7,)),),
            ),
        ),
        not_looked_at=(HOSTILE[7],),
        next_steps=(f"find out who owns {HOSTILE[11]}",),
        benign_considered=(HOSTILE[8],),
    )


def quiet_device(number: int, level: Level) -> Device:
    """A device that asks for nobody."""
    outcome = Outcome.CLEAR if level is Level.CLEAR else Outcome.NO_DATA
    return Device(
        device_id=f"dev-quiet-{number}",
        ips=(f"10.0.0.{100 + number}",),
        macs=(f"02:00:00:00:00:{number:02x}",),
        names=(f"LT-{number:04}",),
        assessment=Assessment(silent(level), silent(), silent()),
        sessions=(),
        findings=(
            Finding(
                "names.remote_tool",
                Family.NAMES,
                Claim.DRIVEN,
                outcome,
                0.0 if outcome is Outcome.NO_DATA else -2.0,
                "No remote-control tool seen" if outcome is Outcome.CLEAR else "No flow of this device in the capture",
            ),
        ),
    )


def report() -> Report:
    """The whole sample."""
    strong, review = strong_device(), review_device()
    return Report(
        tool=Tool("farmwatch", "0.1.0", "2026-11-20"),
        inputs=(
            InputFile(
                "suspect.pcapng",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "pcapng",
                "host",
                184_223,
                2_104_332_812,
                "2026-11-23T13:10:00Z",
                "2026-11-23T14:43:12Z",
                complete=True,
                flows=212,
            ),
            InputFile(
                "captures/\x1b[31mgate\u202ety.pcap",
                "0" * 64,
                "pcap",
                "gateway",
                412,
                90_112,
                "2026-11-23T14:00:00Z",
                "2026-11-23T14:05:00Z",
                complete=False,
                flows=9,
                rejects={"record header at offset 65536 is not possible, 2,048 bytes lost": 1, "truncated packet": 3},
            ),
            InputFile(
                "notes.txt",
                "1" * 64,
                "",
                "unknown",
                0,
                15,
                None,
                None,
                complete=False,
                error="not a capture (offset 0)",
            ),
        ),
        devices=(
            quiet_device(1, Level.CLEAR),
            review,
            quiet_device(2, Level.CLEAR),
            strong,
            quiet_device(3, Level.NOT_ENOUGH_DATA),
        ),
        farms=(
            Farm(
                "farm-1",
                (strong.device_id, review.device_id, "dev-quiet-1"),
                claim(Level.STRONG, 14.0, reason="two families", overturn="a declared site"),
                (
                    FarmLink(
                        "gateway_mac", "52:54:00:aa:bb:01", (strong.device_id, review.device_id, "dev-quiet-1"), 12.5
                    ),
                    FarmLink("bssid", HOSTILE[0], (strong.device_id, review.device_id), 21.0),
                ),
                "Laptops of three companies behind one home gateway",
            ),
        ),
        lans=(
            Lan(
                "lan-1",
                0,
                "192.168.1.1",
                (
                    LanHost(("52:54:00:aa:bb:01",), ("192.168.1.1",), ("fritz.box",), "AVM", "gateway"),
                    LanHost(("f4:d4:88:00:00:19",), ("10.0.0.55",), ("ACME-LT-0142",), "Dell Inc.", "device"),
                    LanHost(("44:b7:d0:00:00:02",), ("192.168.1.9",), (HOSTILE[0],), None, "kvm", "PiKVM by mDNS"),
                    LanHost(("3c:5a:b4:11:22:33",), ("192.168.1.20",), (), "Google", "neighbour"),
                    LanHost((), ("192.168.1.53",), ("dns",), None, "infrastructure"),
                ),
            ),
        ),
        notes=("One input could not be read.",),
    )
