"""What endpoints, sign-in systems and companies report: hardware, logons, sign-ins, the roster. One class per table.

A row speaks of one device, except sign-ins and meetings, which may come from a device nobody issued. ``ts`` is UTC by
the clock of whoever reported it. ``record_id`` is the sender's own number of the record, so that two events that look
alike stay two and one event sent twice becomes one.

Why accounts are hidden: who shares a factor or a laptop matters, what the person is called does not. ``account``,
``factor`` and the like hold a keyed hash (``Context.hide`` of the feeds), equal for equal accounts of one company and
meaningless outside it. There is no column for a name, nationality, language, keyboard
layout or locale, and collectors drop such fields on the way in.
"""

from __future__ import annotations

from datetime import datetime

from farmwatch.records.schema import Record, column

__all__ = [
    "DeviceFact",
    "DeviceLocation",
    "Display",
    "DnsLookup",
    "FeedReject",
    "InputHook",
    "InputTiming",
    "Logon",
    "MeetingUse",
    "PowerEvent",
    "Process",
    "RemoteToolLog",
    "RosterEntry",
    "Service",
    "Sighting",
    "SignIn",
    "Socket",
    "Software",
    "UsbDevice",
]

_KEY = ("device_id", "ts", "record_id")


class DeviceFact(Record, table="devices", key=_KEY):
    """What a device is, as its agent says: identity, maker, system, clock."""

    device_id: str = column("Device as the feed names it; the same name in every feed of the company.")
    ts: datetime = column("When it was reported.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    host_name: str | None = column("Host name of the device.", absent="not reported")
    hardware_uuid: str | None = column("SMBIOS or platform UUID, lower case.", absent="not reported")
    serial: str | None = column("Serial number of the device.", absent="not reported")
    vendor: str | None = column("Maker of the device.", absent="not reported")
    model: str | None = column("Model of the device.", absent="not reported")
    platform: str | None = column("windows, darwin, linux or another word of the sender's.", absent="not reported")
    os: str | None = column("Operating system and version.", absent="not reported")
    boot_ts: datetime | None = column("When it was started last.", absent="not reported")
    utc_offset_min: int | None = column("Offset of its own clock from UTC.", unit="min", absent="not reported")
    macs: str | None = column("Its link-layer addresses, comma separated, lower case.", absent="not reported")
    addresses: str | None = column("Its IP addresses, comma separated.", absent="not reported")
    managed: bool | None = column("Known to the company's device management.", absent="not reported")


class Sighting(Record, table="sightings", key=("device_id", "ts", "kind", "value")):
    """Something of a device's surroundings that others may share: an address, an access point, a neighbour."""

    device_id: str = column("Device that saw it.")
    ts: datetime = column("When it was seen.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    kind: str = column("public_ip, gateway_mac, gateway_ip, bssid, neighbour, local_ip or dns_server.")
    value: str = column("The address; of a neighbour a keyed hash of its link-layer address.")
    oui: str | None = column("First three bytes of a link-layer address, lower case hex.", absent="not such an address")
    interface: str | None = column("Interface it was seen on.", absent="not reported")
    medium: str | None = column("wired, wireless, tunnel or another word of the sender's.", absent="not reported")


class UsbDevice(Record, table="usb_devices", key=(*_KEY, "port_path", "instance_path", "serial")):
    """One USB or HID device as the operating system enumerated it."""

    device_id: str = column("Device it is attached to.")
    ts: datetime = column("When it was seen or came.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    event: str = column("present, attached, removed or driver.")
    vendor_id: int | None = column("idVendor.", absent="not reported")
    product_id: int | None = column("idProduct.", absent="not reported")
    manufacturer: str | None = column("iManufacturer.", absent="blank or not reported")
    product: str | None = column("iProduct, or the system's description of the device.", absent="blank or not reported")
    serial: str | None = column("iSerialNumber.", absent="blank or not reported")
    bcd_device: int | None = column("bcdDevice.", absent="not reported")
    bcd_usb: int | None = column("bcdUSB.", absent="not reported")
    device_class: str | None = column("Class, subclass, protocol of the device: six hex digits.", absent="not reported")
    interfaces: str | None = column(
        "Class triplets of its interfaces in order, six hex digits each, comma separated.", absent="not reported"
    )
    interface_strings: str | None = column("iInterface texts, comma separated.", absent="blank or not reported")
    hid_reports: str | None = column(
        "SHA-256 of each HID report descriptor, first 16 hex digits, comma separated.", absent="not read"
    )
    hid_kinds: str | None = column(
        "HID applications: keyboard, mouse, pointer (absolute), consumer, touch and so on.",
        absent="not read",
    )
    speed_mbps: float | None = column("Speed it was enumerated at.", unit="Mb/s", absent="not reported")
    max_power_ma: int | None = column("bMaxPower as declared, not as drawn.", unit="mA", absent="not reported")
    attributes: int | None = column("bmAttributes of its configuration.", absent="not reported")
    removable: bool | None = column("The system calls it removable.", absent="not reported")
    port_path: str | None = column("Where it hangs: bus and ports, as the system writes them.", absent="not reported")
    parent: str | None = column("Device or hub it hangs on, as the system names it.", absent="not reported")
    instance_path: str | None = column("Windows device instance path.", absent="not Windows, or not reported")
    class_name: str | None = column("Class the system sorts it into.", absent="not reported")


class Display(Record, table="displays", key=(*_KEY, "connector", "edid_sha256")):
    """One display as its EDID or the operating system describes it."""

    device_id: str = column("Device it is connected to.")
    ts: datetime = column("When it was seen.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    connector: str | None = column("Connector as the system names it.", absent="not reported")
    internal: bool | None = column("Built into the device.", absent="not reported")
    vendor: str | None = column("Three-letter PNP id of the maker.", absent="not reported")
    product_code: int | None = column("Product code of the EDID.", absent="not reported")
    serial_number: int | None = column("Serial number field of the EDID.", absent="zero or not reported")
    serial_text: str | None = column("Serial number descriptor of the EDID.", absent="none in it or not reported")
    name: str | None = column("Name of the display.", absent="none in it or not reported")
    week: int | None = column("Week made.", absent="not reported")
    year: int | None = column("Year made.", absent="not reported")
    width: int | None = column("Preferred or current width.", unit="px", absent="not reported")
    height: int | None = column("Preferred or current height.", unit="px", absent="not reported")
    refresh_hz: float | None = column("Preferred or current refresh rate.", unit="Hz", absent="not reported")
    width_mm: int | None = column("Width of the picture.", unit="mm", absent="not reported or zero")
    height_mm: int | None = column("Height of the picture.", unit="mm", absent="not reported or zero")
    pixel_clock_khz: int | None = column("Pixel clock of the preferred mode.", unit="kHz", absent="no EDID")
    max_pixel_clock_mhz: int | None = column("Limit by the range descriptor.", unit="MHz", absent="no such descriptor")
    extensions: int | None = column("Extension blocks the EDID announces.", absent="no EDID")
    extensions_present: int | None = column("Extension blocks that were there.", absent="no EDID")
    edid_sha256: str | None = column("SHA-256 of the EDID's base block.", absent="no EDID")
    extension_sha256: str | None = column("SHA-256 of each extension, comma separated.", absent="no EDID or none")
    sound: bool | None = column("All blocks present with right checksums.", absent="no EDID")


class Process(Record, table="processes", key=(*_KEY, "pid")):
    """A program that ran. Arguments keep option names and link schemes, never values."""

    device_id: str = column("Device it ran on.")
    ts: datetime = column("When it was seen or started.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    event: str = column("running, started or stopped.")
    pid: int | None = column("Process number.", absent="not reported")
    name: str = column("File name of the program, lower case.")
    path: str | None = column("Path with user folders masked.", absent="not reported")
    arguments: str | None = column("Option names and link schemes of the command line.", absent="not reported")
    parent_name: str | None = column("File name of the parent, lower case.", absent="not reported")
    parent_path: str | None = column("Path of the parent with user folders masked.", absent="not reported")
    original_name: str | None = column("Name in the program's version resource.", absent="not reported")
    product: str | None = column("Product in the program's version resource.", absent="not reported")
    company: str | None = column("Company in the program's version resource or signature.", absent="not reported")
    sha256: str | None = column("SHA-256 of the program.", absent="not reported")


class Service(Record, table="services", key=(*_KEY, "name")):
    """A service, scheduled start or sharing setting of a device."""

    device_id: str = column("Device it is on.")
    ts: datetime = column("When it was seen.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    kind: str = column("service, autostart, task or sharing.")
    name: str = column("Its name.")
    path: str | None = column("Program it runs, user folders masked.", absent="not reported")
    start_mode: str | None = column("How it starts, as the system says.", absent="not reported")
    state: str | None = column("running, stopped, on, off.", absent="not reported")


class Software(Record, table="software", key=(*_KEY, "name", "identifier")):
    """A program, package or browser extension that is installed."""

    device_id: str = column("Device it is on.")
    ts: datetime = column("When it was seen.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    kind: str = column("program, package, app or browser extension.")
    name: str = column("Its name.")
    version: str | None = column("Its version.", absent="not reported")
    publisher: str | None = column("Its publisher.", absent="not reported")
    identifier: str | None = column("Bundle, extension or package identifier.", absent="not reported")
    installed: datetime | None = column("When it was installed.", absent="not reported")


class Socket(Record, table="sockets", key=(*_KEY, "proto", "local_p", "remote_h", "remote_p")):
    """A connection or a listening port, with the program behind it where that is known."""

    device_id: str = column("Device it is on.")
    ts: datetime = column("When it was seen or opened.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    state: str = column("listening, connected, attempted, accepted, failed or closed.")
    proto: str = column("tcp, udp or another word of the sender's.")
    process: str | None = column("File name of the program, lower case.", absent="not reported")
    path: str | None = column("Its path with user folders masked.", absent="not reported")
    pid: int | None = column("Process number.", absent="not reported")
    local_h: str | None = column("Local address.", absent="not reported")
    local_p: int | None = column("Local port.", absent="not reported")
    remote_h: str | None = column("Remote address.", absent="listening, or not reported")
    remote_p: int | None = column("Remote port.", absent="listening, or not reported")
    remote_name: str | None = column("Name of the remote end, lower case.", absent="not reported")
    outbound: bool | None = column("The device opened it.", absent="not reported")


class DnsLookup(Record, table="dns", key=(*_KEY, "name")):
    """A name a device asked for."""

    device_id: str = column("Device that asked.")
    ts: datetime = column("When it asked, or when the cache was read.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    name: str = column("Name asked for, lower case, without trailing dot.")
    qtype: str | None = column("Record type.", absent="not reported")
    process: str | None = column("File name of the program, lower case.", absent="not reported")
    path: str | None = column("Its path with user folders masked.", absent="not reported")
    answers: str | None = column("Addresses in the answer, comma separated, first 8.", absent="not reported")


class Logon(Record, table="logons", key=(*_KEY, "event", "session_id")):
    """A logon at a device or a step of a remote-desktop session, as the system's log tells it."""

    device_id: str = column("Device logged on to.")
    ts: datetime = column("When.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    event: str = column(
        "logon, logoff, reconnect, disconnect, failed, connection (a client came), authenticated, client clock, "
        "client screen, shadow or present."
    )
    source: str = column("Where it was logged: channel and event number, or the sender's table.")
    logon_type: int | None = column("Windows logon type: 2 console, 3 network, 10 remote.", absent="not Windows")
    account: str | None = column("Account, as a keyed hash.", absent="system account or not reported")
    session_id: str | None = column("Logon or session number.", absent="not reported")
    remote_h: str | None = column("Address it came from.", absent="local, or not reported")
    remote_p: int | None = column("Port it came from.", absent="not reported")
    remote_name: str | None = column("Work station it came from, as that named itself.", absent="not reported")
    client_utc_offset_min: int | None = column(
        "Offset from UTC of the clock of the machine that drives the session.", unit="min", absent="not in this event"
    )
    client_monitors: int | None = column("Monitors of the client.", absent="not in this event")
    client_width: int | None = column("Width of the client's screen.", unit="px", absent="not in this event")
    client_height: int | None = column("Height of the client's screen.", unit="px", absent="not in this event")
    transport: str | None = column("tcp, udp, gateway and the like.", absent="not reported")
    process: str | None = column("Program that asked for the logon, lower case.", absent="not reported")


class RemoteToolLog(Record, table="remote_tool_log", key=(*_KEY, "tool", "event", "far_id")):
    """A session in a remote-access tool's own log."""

    device_id: str = column("Device whose log it is.")
    ts: datetime = column("When.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    tool: str = column("Tool, by its id in the knowledge.")
    event: str = column("request, accepted, rejected, session, ended, relay or direct.")
    direction: str = column("incoming (this device is driven), outgoing or unknown.")
    far_id: str | None = column("Number of the far end in the tool.", absent="not logged")
    far_h: str | None = column("Address of the far end.", absent="not logged")
    auth: str | None = column("password, user, token, profile or none: what let it in.", absent="not logged")
    unattended: bool | None = column("Nobody at the device had to agree.", absent="log does not say")
    via_relay: bool | None = column("Through the vendor's relay.", absent="log does not say")
    ended: datetime | None = column("When the session ended.", absent="not logged")
    mode: str | None = column("RemoteControl, FileTransfer and so on.", absent="not logged")


class PowerEvent(Record, table="power", key=(*_KEY, "event")):
    """Power, lid, sleep and lock of a device."""

    device_id: str = column("Device.")
    ts: datetime = column("When.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    event: str = column(
        "state, boot, shutdown, sleep, wake, modern standby in, modern standby out, lid closed, lid open, on mains, "
        "on battery, locked, unlocked or dead (went off without notice)."
    )
    lid_closed: bool | None = column("The lid is closed.", absent="not reported")
    on_mains: bool | None = column("Mains power is connected.", absent="not reported")
    battery_pct: float | None = column("Charge of the battery.", unit="%", absent="no battery, or not reported")
    cycles: int | None = column("Charge cycles of the battery.", absent="no battery, or not reported")
    reason: str | None = column("Why it woke or slept, as the system says.", absent="not reported")


class InputHook(Record, table="input_hooks", key=(*_KEY, "process", "kind")):
    """A program that listens to or makes keyboard and mouse events."""

    device_id: str = column("Device.")
    ts: datetime = column("When it was seen.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    process: str = column("File name of the program, lower case.")
    path: str | None = column("Its path with user folders masked.", absent="not reported")
    kind: str = column("tap (listens), injects, or both.")
    enabled: bool | None = column("Switched on.", absent="not reported")
    events: int | None = column("Input events it made in the window.", absent="not counted")


class InputTiming(Record, table="input_timing", key=(*_KEY, "input_device")):
    """How input came in during a window, as counts and shapes: never which key, never in which order."""

    device_id: str = column("Device.")
    ts: datetime = column("Start of the window.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    window_s: float = column("Length of the window.", unit="s")
    input_device: str = column("Vendor and product id of the input device in hex, or injected.")
    pointer: str | None = column("relative or absolute.", absent="no pointer")
    presses: int | None = column("Key presses.", absent="not counted")
    clicks: int | None = column("Button presses.", absent="not counted")
    moves: int | None = column("Motion reports.", absent="not counted")
    lost_reports: int | None = column("Times the system dropped reports that were not read.", absent="not counted")
    intervals: str | None = column(
        "Intervals of presses: counts in bins of 8 to the doubling from 1 ms, comma separated.",
        absent="not counted",
    )
    lattice_ms: float | None = column("Step of the grid that intervals keep to.", unit="ms", absent="no grid")
    lattice_share: float | None = column("Share of intervals on that grid.", absent="no grid")
    clumps: int | None = column("Groups of presses within 2 ms.", absent="not counted")
    clumped_presses: int | None = column("Presses in such groups.", absent="not counted")
    stalls: int | None = column("Pauses of 150 ms or more that end in a clump.", absent="not counted")
    move_gap_ms: float | None = column("Median gap of motion reports in movement.", unit="ms", absent="not counted")
    jiggle_period_s: float | None = column(
        "Period of motion bursts that repeat, over up to a quarter of an hour.", unit="s", absent="none repeat"
    )
    jiggle_spread: float | None = column("Spread of that period, as a share of it.", absent="none repeat")
    jiggle_reports: int | None = column("Motion reports in such a burst.", absent="none repeat")
    jiggle_shape: str | None = column(
        "Its steps: there-and-back, alternating, corner, centre or other.",
        absent="none repeat",
    )


class DeviceLocation(Record, table="location", key=_KEY):
    """Where a device is, by its own positioning or its management."""

    device_id: str = column("Device.")
    ts: datetime = column("When.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    method: str = column("gps, wifi, management, address or another word of the sender's.")
    latitude: float | None = column("In degrees.", absent="not reported")
    longitude: float | None = column("In degrees.", absent="not reported")
    accuracy_m: float | None = column("Radius of uncertainty.", unit="m", absent="not reported")
    place_country: str | None = column("Country the place lies in, two letters.", absent="not reported")


class SignIn(Record, table="sign_ins", key=("provider", "ts", "record_id", "account")):
    """A sign-in or a tunnel to a company service."""

    device_id: str | None = column("Device, where the provider knows it.", absent="unmanaged or not reported")
    ts: datetime = column("When.")
    record_id: str | None = column("Provider's number of the event.", absent="provider has none")
    provider: str = column("entra, okta, zpa, globalprotect, tailscale and so on.")
    event: str = column("sign-in, factor, session, tunnel up, tunnel down, heartbeat or policy.")
    account: str | None = column("Account, as a keyed hash.", absent="not reported")
    application: str | None = column("What was signed in to.", absent="not reported")
    outcome: str = column("success, failure or another word of the provider's.")
    interactive: bool | None = column("A person took part.", absent="not reported")
    address: str | None = column("Address it came from.", absent="not reported")
    address_chain: str | None = column("Addresses before a proxy, comma separated.", absent="not reported")
    private_address: str | None = column("Address inside the tunnel or the local network.", absent="not reported")
    place_country: str | None = column("Country the provider places the address in.", absent="not reported")
    place_region: str | None = column("Region the provider places it in.", absent="not reported")
    place_city: str | None = column("City the provider places it in.", absent="not reported")
    latitude: float | None = column("Where the provider places it, in degrees.", absent="not reported")
    longitude: float | None = column("Where the provider places it, in degrees.", absent="not reported")
    asn: int | None = column("Autonomous system of the address.", absent="not reported")
    as_org: str | None = column("Who runs it, as the provider says.", absent="not reported")
    is_proxy: bool | None = column("The provider calls the address a proxy.", absent="not reported")
    managed: bool | None = column("The device is under management.", absent="not reported")
    device_token: str | None = column("Fingerprint or token of the device, as a keyed hash.", absent="not reported")
    session: str | None = column("Session, as a keyed hash.", absent="not reported")
    factor: str | None = column("Second factor or phone, as a keyed hash.", absent="none used or not reported")
    factor_kind: str | None = column("Kind of second factor.", absent="none used or not reported")
    client_os: str | None = column("Operating system of the client.", absent="not reported")
    client_app: str | None = column("Browser or client program.", absent="not reported")
    risk: str | None = column("The provider's own judgement.", absent="not reported")


class MeetingUse(Record, table="meetings", key=("product", "ts", "record_id", "meeting_id")):
    """One device's part in one meeting."""

    device_id: str | None = column("Device.", absent="not reported")
    ts: datetime = column("When it joined.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    product: str = column("zoom, teams, meet, webex and so on.")
    meeting_id: str | None = column("Meeting, as a keyed hash.", absent="not reported")
    account: str | None = column("Account, as a keyed hash.", absent="not reported")
    ended: datetime | None = column("When it left.", absent="not reported")
    participants: int | None = column("How many took part.", absent="not reported")
    shared_s: float | None = column("How long it shared its screen.", unit="s", absent="not reported")
    controlled_s: float | None = column("How long somebody else controlled it.", unit="s", absent="not reported")
    control_given: bool | None = column("Remote control was given in it.", absent="not reported")
    address: str | None = column("Address it took part from.", absent="not reported")
    latency_ms: float | None = column("Latency the service measured.", unit="ms", absent="not reported")


class RosterEntry(Record, table="roster", key=("device_id", "ts")):
    """What the company declares of one device: who has it, as an opaque id, and where it should be."""

    device_id: str = column("Device.")
    ts: datetime = column("From when this holds.")
    record_id: str | None = column("Sender's number of the record.", absent="sender has none")
    person: str | None = column("Opaque id of the person who has it: no name.", absent="shared or unassigned")
    accounts: str | None = column("Accounts of that person, as keyed hashes, comma separated.", absent="not declared")
    place: str | None = column("Where it should be, in words.", absent="not declared")
    place_country: str | None = column("Country it should be in, two letters.", absent="not declared")
    latitude: float | None = column("Of that place, in degrees.", absent="not declared")
    longitude: float | None = column("Of that place, in degrees.", absent="not declared")
    max_rtt_ms: float | None = column("Longest round trip that place explains.", unit="ms", absent="not declared")
    site: str | None = column("Office or other site it belongs to.", absent="works from home")
    household: str | None = column("Opaque id shared by people who live together.", absent="not declared")
    travel: str | None = column(
        "Declared travel: FROM/TO in dates with a place, as 2026-11-01/2026-11-09 Lisbon, semicolons between.",
        absent="none declared",
    )
    accommodation: bool | None = column("An arrangement explains unusual input.", absent="none")
    issued: datetime | None = column("When the device was handed out.", absent="not declared")
    approved_tools: str | None = column(
        "Remote tools it may use, by id, comma separated; on few devices: for its person's own use.", absent="none"
    )


class FeedReject(Record, table="feed_rejects", key=("ts", "feed", "sender", "input_name", "offset", "reason")):
    """Records a feed brought that could not be used, and why. The records themselves are not kept."""

    ts: datetime = column("When they came.")
    feed: str = column("Feed they came by.")
    sender: str = column("Who sent them: a token's name, or command line.")
    input_name: str = column("File or request they came in.")
    offset: int | None = column("Line or record they start at, from 1.", absent="counted over the whole input")
    reason: str = column("What was wrong, in words.")
    count: int = column("How many records this covers.")
