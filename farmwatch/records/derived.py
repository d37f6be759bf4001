"""Tables that analysis derives from facts: devices, their flows, sightings of tools, sessions, local networks.

Rows speak from the device's side: *local* is the device, *remote* the other end, *out* leaves the device.
"""

from __future__ import annotations

from datetime import datetime

from farmwatch.records.schema import Record, column

__all__ = [
    "BeaconServer",
    "CloudSign",
    "DeviceFlow",
    "DeviceSeen",
    "HandFlow",
    "LanMember",
    "RemoteSession",
    "SteppingStone",
    "TenantSign",
    "ToolSighting",
    "Typing",
]


class DeviceSeen(Record, table="devices_seen", key=("device_id", "input")):
    """A device under judgement, as one input shows it."""

    device_id: str = column("Stable name: host name, else link-layer address, else IP address.")
    input: int = column("Number of the input.")
    macs: str = column("Its link-layer addresses, comma separated; '' for none.")
    addresses: str = column("Its IP addresses, comma separated.")
    names: str = column("Its names, comma separated; '' for none.")
    lan: str = column("Local network it is on; '' where none can be told.")
    first_ts: datetime = column("First packet from or to it.")
    last_ts: datetime = column("Last packet from or to it.")
    place: str | None = column("Where the profile says it should be.", absent="profile does not say")
    max_rtt_ms: float | None = column(
        "Longest round trip that the expected place explains.", unit="ms", absent="profile does not say"
    )
    vantage: str = column("Vantage of the input: host, lan, gateway or unknown.")
    latitude: float | None = column("Of that place, in degrees.", absent="profile does not say")
    longitude: float | None = column("Of that place, in degrees.", absent="profile does not say")


class DeviceFlow(Record, table="device_flows", key=("device_id", "input", "flow")):
    """A flow seen from a device at one of its ends."""

    device_id: str = column("Device at the local end.")
    input: int = column("Number of the input.")
    flow: int = column("Flow in its input.")
    ts: datetime = column("First packet.")
    last_ts: datetime = column("Last packet.")
    first_packet: int = column("Number of its first packet.")
    last_packet: int = column("Number of its last packet.")
    proto: str = column("tcp or udp.")
    local_side: int = column("0: the device is the originator, 1: the responder.")
    local_h: str = column("Device address.")
    local_p: int = column("Device port.")
    remote_h: str = column("Other end's address.")
    remote_p: int = column("Other end's port.")
    remote_scope: str = column("local (same site or private), own (declared as the company's), public, or special.")
    remote_name: str | None = column("Name of the other end: SNI, else the name asked for.", absent="none seen")
    established: bool = column("Both ends took part.")
    pkts_out: int = column("Packets leaving the device.")
    pkts_in: int = column("Packets reaching the device.")
    bytes_out: int = column("Payload leaving the device.", unit="B")
    bytes_in: int = column("Payload reaching the device.", unit="B")
    data_pkts_out: int = column("Packets with payload leaving the device.")
    data_pkts_in: int = column("Packets with payload reaching the device.")
    small_out: int = column("Small data packets leaving the device.")
    small_in: int = column("Small data packets reaching the device.")
    small_gaps_out: int = column("Human-paced gaps (10 ms to 2 s) between small packets leaving the device.")
    small_gaps_in: int = column("Human-paced gaps (10 ms to 2 s) between small packets reaching the device.")
    active_s_out: int = column("Seconds with a packet leaving the device.", unit="s")
    active_s_in: int = column("Seconds with a packet reaching the device.", unit="s")
    longest_silence_s: float = column("Longest gap between packets, of the side that paused longer.", unit="s")
    rtt_ms: float | None = column(
        "Transport round trip between capture point and the other end, 5th percentile.", unit="ms", absent="no sample"
    )
    rtt_samples: int = column("Samples behind it.")
    local_rtt_ms: float | None = column(
        "Transport round trip between capture point and the device, 5th percentile.", unit="ms", absent="no sample"
    )
    local_mss: int | None = column("MSS option in the device's SYN.", unit="B", absent="no SYN from the device")
    tunnels: str = column("Tunnels whose inner MTU leaves exactly the device's MSS, semicolon separated; '' for none.")
    remote_mss: int | None = column("MSS option of the other end.", unit="B", absent="no SYN from the other end")
    encapsulation: str = column("Outer layers; '' for none.")
    protocol: str | None = column("Application protocol.", absent="not recognised")
    unread: str = column("Why its first bytes are not known: cut or midstream; '' where they are.")
    controlled: int | None = column(
        "1: the protocol proves this device is driven, 0: it proves the other end is.", absent="protocol does not say"
    )


class ToolSighting(Record, table="tool_sightings", key=("device_id", "tool", "layer", "value", "input")):
    """A sign of a known product in a device's traffic, equal ones counted once per layer and value."""

    device_id: str = column("Device that shows it.")
    input: int = column("Number of the input.")
    tool: str = column("Knowledge id of the product.")
    tool_name: str = column("Its name.")
    vendor: str = column("Who makes it; two tools of one vendor are one.")
    kind: str = column("remote_access, tunnel, vpn, meeting, kvm or another kind of knowledge entry.")
    layer: str = column("Where the sign was: payload, sni, dns, cert, alpn, ja4, client cert, resolver, relay or port.")
    value: str = column("What was seen.")
    sign: str = column("session: a remote-control session or its relay; presence: the product is there.")
    grade: str = column("high, medium or low confidence of the fact.")
    unattended: bool = column("The product can be used with nobody at the device.")
    approved: bool = column("The profile says the company uses it.")
    source: str = column("Where the fact comes from.")
    flow: int | None = column("First flow that shows it.", absent="seen in a name query only")
    packet: int = column("First packet that shows it.")
    ts: datetime = column("First time.")
    last_ts: datetime = column("Last time.")
    count: int = column("Flows or queries that show it.")


class RemoteSession(Record, table="sessions", key=("session_id",)):
    """A remote-control session of a device: one flow or several of the same tool and far end."""

    session_id: str = column("Stable within the report.")
    device_id: str = column("The device.")
    input: int = column("Number of the input.")
    tool: str = column("Knowledge id or protocol name.")
    tool_name: str = column("Name for people.")
    vendor: str = column("Who makes it.")
    approved: bool = column("The profile says the company uses it.")
    unattended: bool = column("The product can be used with nobody at the device.")
    start: datetime = column("First packet.")
    end: datetime = column("Last packet.")
    proto: str = column("tcp or udp.")
    local: str = column("Device address and port of its largest flow.")
    remote: str = column("Other end's address and port of its largest flow.")
    remote_scope: str = column("local, own, public or special.")
    remote_name: str | None = column("Name of the other end.", absent="none seen")
    relayed: int | None = column("1 through a relay, 0 direct.", absent="cannot be told")
    role: str = column("controlled, controlling or unclear.")
    role_probability: float = column("Probability of that role.")
    role_reason: str = column("What decides the role.")
    proven: bool = column("The protocol itself shows the role.")
    dialled: bool = column("The device opened the connection itself.")
    live: bool = column("A session ran: data went both ways beyond greetings and keep-alives.")
    rtt_ms: float | None = column("Transport round trip to the other end.", unit="ms", absent="no sample")
    rtt_samples: int = column("Samples behind it.")
    bytes_out: int = column("Payload leaving the device.", unit="B")
    bytes_in: int = column("Payload reaching the device.", unit="B")
    small_in: int = column("Small data packets reaching the device.")
    small_gaps_in: int = column("Human-paced gaps between them.")
    small_out: int = column("Small data packets leaving the device.")
    small_gaps_out: int = column("Human-paced gaps between them.")
    flows: int = column("Flows in the session.")
    members: str = column("Those flows, comma separated.")
    first_packet: int = column("Its first packet.")
    last_packet: int = column("Its last packet.")
    meeting: bool = column("It runs over a meeting service.")
    timed: bool = column("Its timing was looked at and shows the role.")
    timing: str = column("What in its timing shows the role; '' where it is not timed.")
    input_events: int | None = column("Input events of the driving side.", absent="timing not looked at")
    presses: int | None = column("Key presses among them, estimated.", absent="cannot be told")
    loop_rtt_ms: float | None = column(
        "From what the device sends by itself to the far program's own answer.", unit="ms", absent="see loop_note"
    )
    loop_low_ms: float | None = column("5th percentile over windows.", unit="ms", absent="no loop")
    loop_high_ms: float | None = column("95th percentile over windows.", unit="ms", absent="no loop")
    loop_samples: int = column("Answers behind it.")
    loop_note: str = column("Why there is no loop, or what limits the one there is; '' for nothing.")
    relay_reason: str = column("What tells a relay or its absence; '' for nothing.")


class HandFlow(Record, table="hands", key=("device_id", "input", "flow")):
    """What timing alone says of a flow of a device, or of several flows with the same far end."""

    device_id: str = column("The device.")
    input: int = column("Number of the input.")
    flow: int = column("Its flow, of several the first.")
    members: str = column("All its flows, comma separated.")
    start: datetime = column("First message looked at.")
    end: datetime = column("Last message looked at.")
    proto: str = column("tcp or udp.")
    local: str = column("Device address and port.")
    remote: str = column("Other end's address and port.")
    remote_h: str = column("Other end's address.")
    remote_scope: str = column("local, own, public or special.")
    first_packet: int = column("Its first packet.")
    last_packet: int = column("Its last packet.")
    bytes_out: int = column("Payload leaving the device.", unit="B")
    bytes_in: int = column("Payload reaching the device.", unit="B")
    role: str = column("controlled, controlling or unclear.")
    controlled_p: float = column("Probability that the device is driven over it.")
    controlling_p: float = column("Probability that the device's user drives the far end over it.")
    why: str = column("The features that speak most, in words.")
    events: int = column("Single input events: presses, releases, clicks, wheel steps; of the driving side.")
    sweeps: int = column("Pointer sweeps of the driving side.")
    presses: int | None = column("Key presses, estimated.", absent="cannot be told from clicks and releases")
    response: float = column("Share of input events that something follows within 120 ms, beyond chance.")
    response_ms: float | None = column("Median time until then.", unit="ms", absent="nothing follows")
    loop_rtt_ms: float | None = column(
        "From the end of what the device sent by itself to the far program's own answer.",
        unit="ms",
        absent="no such answer: see no_loop",
    )
    loop_low_ms: float | None = column("5th percentile over windows.", unit="ms", absent="no loop")
    loop_high_ms: float | None = column("95th percentile over windows.", unit="ms", absent="no loop")
    loop_least_ms: float | None = column("2nd percentile of all answers.", unit="ms", absent="no loop")
    loop_samples: int = column("Answers behind it.")
    loops: int = column("Loops of different length found.")
    upper_bound: bool = column("The loop holds decoding and several flights of large frames: the way is shorter.")
    mixed: bool = column("Answers and input share one size, as padding or a tunnel makes them: less sure.")
    no_loop: str = column("Why there is no loop; '' where there is one.")
    transport_rtt_ms: float | None = column("Transport round trip on the same flow.", unit="ms", absent="no sample")
    relayed: int | None = column("1: the far program sits behind a relay, 0: it does not.", absent="cannot be told")
    relay_reason: str = column("What decides that; '' for nothing.")
    cut: bool = column("More came than was looked at.")


class LanMember(Record, table="lan_members", key=("lan", "host")):
    """A host on a local network, once for all inputs that show it, with what it shows of itself."""

    lan: str = column("Local network.")
    input: int = column("Number of the input that holds the packet below.")
    inputs: str = column("Numbers of all inputs that show it, comma separated.")
    host: str = column("Host: its link-layer address, else its IP address.")
    addresses: str = column("IP addresses, comma separated.")
    names: str = column("Names, comma separated; '' for none.")
    vendor: str | None = column("Vendor of the link-layer address.", absent="unknown or locally administered")
    role: str = column("device, gateway, server, kvm or neighbour.")
    device_id: str | None = column("Device under judgement.", absent="not one")
    product: str | None = column("Knowledge id of the product it shows itself to be.", absent="none")
    product_name: str | None = column("Name of that product.", absent="none")
    product_kind: str | None = column("kvm, or hardware that KVMs may be built from.", absent="no product")
    layers: str = column(
        "Independent layers that say so, comma separated, with grade: oui/high,name/medium; '' for none."
    )
    proof: str = column("What was seen, semicolon separated; '' for none.")
    signs: str = column("Packets that show it, each as input:packet, comma separated; '' for none.")
    packet: int = column("First packet that shows the product, else first packet of its first flow; 0 without one.")
    laptop_like: bool = column("Looks like a managed office computer (names, searches or protocols of one).")


class SteppingStone(Record, table="stepping_stones", key=("device_id", "input", "lead_flow", "follow_flow")):
    """A pair of flows of a device: does what one brings in go out again over the other?"""

    device_id: str = column("The device both flows meet at.")
    input: int = column("Number of the input.")
    lead_flow: int = column("Flow over which packets come in.")
    follow_flow: int = column("Flow over which packets leave.")
    lead_remote: str = column("Far end of the flow coming in, address and port.")
    lead_scope: str = column("local, own, public or special: where that far end is.")
    lead_protocol: str | None = column("Application protocol of the flow coming in.", absent="not recognised")
    lead_role: str = column("What the flow coming in is by itself: controlled, controlling or unclear.")
    remote: str = column("Far end of the flow going out, address and port.")
    remote_scope: str = column("local, own, public or special.")
    protocol: str | None = column("Application protocol of the flow going out.", absent="not recognised")
    first_packet: int = column("First packet of the flow going out.")
    last_packet: int = column("Last packet of the flow going out.")
    start: datetime = column("From when both ran.")
    end: datetime = column("Until when both ran.")
    packets: int = column("Input-like packets going out meanwhile.")
    followed: int = column("Of these, at most 60 ms after an input packet that came in.")
    followed_by_chance: float = column("The same for shifted times, mean.")
    followed_z: float = column("Standard deviations between the two.")
    delay_low_ms: float | None = column("5th percentile of that delay.", unit="ms", absent="nothing followed")
    delay_ms: float | None = column("Median of that delay.", unit="ms", absent="nothing followed")
    delay_high_ms: float | None = column("95th percentile of that delay.", unit="ms", absent="nothing followed")
    resumes: int = column("Times the flow going out resumed after half a second of silence.")
    resumes_matched: int = column("Of these, within 80 ms after the flow coming in did.")
    on_off: bool = column("These alone make a stepping stone by Zhang and Paxson's test.")
    correlation: float | None = column("Of packets in half seconds, 0 to 1 s later.", absent="less than 90 s together")
    correlation_z: float | None = column("Against the same flows shifted in time.", absent="less than 90 s together")
    correlation_p: float | None = column("Share of shifts as much alike.", absent="less than 90 s together")
    shifts: int = column("Shifts behind that.")
    held: bool = column("Alike over 2 s rather than at once: something holds packets back.")
    close: bool = column("Packet follows packet; otherwise only activity does.")
    stone: bool = column("It is one.")
    why: str = column("What decides it.")


class Typing(Record, table="typing", key=("device_id", "input", "flow", "way")):
    """How the typing-like packets of one direction of a flow are paced: aggregates, never the times."""

    device_id: str = column("The device.")
    input: int = column("Number of the input.")
    flow: int = column("The flow.")
    way: str = column("out: typed at the device or through it, in: reaching it.")
    remote: str = column("Far end, address and port.")
    remote_scope: str = column("local, own, public or special.")
    protocol: str | None = column("Application protocol.", absent="not recognised")
    first_packet: int = column("First packet of the flow.")
    last_packet: int = column("Last packet of the flow.")
    packets: int = column("Packets that look like typing.")
    events: int = column("The same, those less than 3 ms apart counted once.")
    clumped: float = column("Share of gaps below 3 ms.")
    stalls: int = column("Silences of 300 ms or more that end in a clump.")
    largest_clump: int = column("Packets of the largest clump.")
    human_gaps: int = column("Gaps between 40 ms and 1.5 s.")
    gap_ms: float | None = column("Median of these.", unit="ms", absent="fewer than 30")
    law_shape: float | None = column("Its shape; 2.5 to 4 for people.", absent="no fit")
    lattice_ms: float | None = column("Period of the clock they sit on.", unit="ms", absent="no clock found")
    lattice_ppm: float | None = column(
        "Drift of that clock against the capture's.", unit="ppm", absent="no clock found"
    )
    lattice_strength: float | None = column("Rayleigh statistic over its threshold.", absent="no clock found")
    grid: str = column("Pacing grid they sit on, with what is known to make it; '' for none.")
    grid_ms: float | None = column("Its interval.", unit="ms", absent="no grid")
    grid_share: float | None = column("Share of the short gaps on it.", absent="no grid")
    decoys: bool = column("That grid comes with decoys, so counts of packets say nothing.")
    cut: bool = column("More came than was looked at.")


class TenantSign(Record, table="tenant_signs", key=("input", "lan", "host", "tenant", "layer")):
    """A sign that a host on a local network belongs to some company."""

    lan: str = column("Local network.")
    input: int = column("Number of the input.")
    host: str = column("Host: its link-layer address, else its IP address.")
    tenant: str = column("Registrable domain, NetBIOS domain or tenant name, lower case.")
    layer: str = column("dhcp, nbns, browser, llmnr, ldap, wpad, sni or dns.")
    own: bool = column("It is the company of the profile.")
    packet: int = column("First packet that shows it.")
    ts: datetime = column("First time.")


class CloudSign(Record, table="cloud_signs", key=("input", "lan", "host", "tool", "value")):
    """A known product's cloud or relay in the traffic of any host on a local network, device or not."""

    lan: str = column("Local network.")
    input: int = column("Number of the input.")
    host: str = column("Host that contacted it: its link-layer address, else its IP address.")
    tool: str = column("Knowledge id of the product.")
    tool_name: str = column("Its name.")
    kind: str = column("kvm, remote_access, tunnel or another kind of knowledge entry.")
    value: str = column("Name that was asked for or connected to, or published address and port.")
    sign: str = column("session or presence.")
    grade: str = column("high, medium or low confidence of the fact.")
    packet: int = column("First packet that shows it.")


class BeaconServer(Record, table="beacon_servers", key=("input", "address", "port", "product")):
    """An address whose name is a server that an idle product is known to test its NAT with."""

    input: int = column("Number of the input.")
    address: str = column("IP address.")
    port: int = column("Port the product asks.")
    name: str = column("Name the address was looked up by.")
    packet: int = column("First packet that shows the name.")
    product: str = column("Knowledge id of the product.")
    product_name: str = column("Its name.")
    period_low_s: float = column("Shortest time between its tests.", unit="s")
    period_high_s: float = column("Longest time between its tests.", unit="s")
