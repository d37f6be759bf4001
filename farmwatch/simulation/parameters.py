"""Every assumption of the simulation: its value, what it may be, and where the number comes from.

Each number has four bounds: detectors are tuned on fleets between the inner two; :meth:`Parameters.drawn` with
``outside`` draws from what lies between the inner and the outer ones, so that what was tuned is judged on fleets it has
not seen. ``source`` names a row of docs/evidence.md or a publication; *judged* means that nobody published a number.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, field, fields
from typing import Any

import numpy as np

from farmwatch.errors import SimulationError
from farmwatch.simulation.dice import Dice

__all__ = ["EVASIONS", "SETUPS", "Assumption", "Parameters"]

SETUPS = (
    "anydesk", "chrome-remote-desktop", "teamviewer", "rustdesk", "two-tools", "kvm", "kvm-masked", "zoom-control",
    "arp-bus", "rdp",
)  #: how a laptop of a farm is driven  # fmt: skip
EVASIONS = (
    "masked-identity", "residential-proxy", "router-vpn", "lte-sticks", "scheduled-jiggler", "random-bssid", "no-tools",
    "target-hours",
)  #: what a farm does against being found  # fmt: skip


@dataclass(frozen=True, slots=True)
class Assumption:
    """One number of :class:`Parameters`, for the card."""

    name: str
    value: float
    inner: tuple[float, float]
    outer: tuple[float, float]
    sentence: str
    source: str


def _number(
    value: float, least: float, tuned_low: float, tuned_high: float, most: float, sentence: str, source: str = "judged"
) -> Any:
    """A row of the table below: the value, and its four bounds from the outer lower to the outer upper one."""
    bounds = (least, tuned_low, tuned_high, most)
    return field(default=value, metadata={"bounds": bounds, "sentence": sentence, "source": source})


_DOJ = "docs/evidence.md, how large a farm is: computers of one site, most of them not of one company"
_CHURN = "a vendor's figure for US homes, quoted as over 20 % a month"
_M1 = "docs/evidence.md, N3 (M-Trends 2025: 72 % of cases used one VPN); the share that slips out of it is judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Assumptions of one fleet. Shares are of devices unless the sentence says otherwise."""

    # A table, to be read across: name, value, bounds (outer, inner, inner, outer), meaning, source unless judged.
    # fmt: off
    # --- people and places
    base_rate: float = _number(1e-3, 2e-4, 5e-4, 2e-3, 4e-3, "driven devices",
        "docs/evidence.md, M9 puts prevalence near 1e-4; more here, so that there is something to count")
    europe: float = _number(0.3, 0.05, 0.2, 0.4, 0.7, "people who live in Europe; the others in the US")
    ip_churn_month: float = _number(0.2, 0.05, 0.15, 0.25, 0.5, "homes whose IPv4 address changes within a month",
        _CHURN)
    ipv6: float = _number(0.45, 0.15, 0.4, 0.5, 0.75, "homes with IPv6, a stable /64 each")
    cgnat: float = _number(0.08, 0.02, 0.06, 0.1, 0.25, "homes behind carrier address translation")
    cgnat_sharing: float = _number(20, 5, 15, 25, 60, "devices of ours behind one translated address, about",
        "one IPv4 may stand for hundreds to thousands of customers; how many are ours is judged")
    mobile: float = _number(0.03, 0.01, 0.02, 0.04, 0.08, "people who often work over a phone")
    satellite: float = _number(0.01, 0.002, 0.008, 0.012, 0.03,
        "homes on a satellite line whose exit is in another town")
    couple: float = _number(0.012, 0.003, 0.01, 0.015, 0.03, "people who live with a colleague as a couple")
    couple_declared: float = _number(0.7, 0.3, 0.6, 0.8, 0.95, "couples that the roster knows as a household")
    flatmates: float = _number(0.004, 0.001, 0.003, 0.005, 0.012,
        "people who share a flat with two colleagues; never declared")
    address_stale: float = _number(0.08, 0.01, 0.05, 0.1, 0.2,
        "of flatmates and couples: roster still has another town")
    relocated: float = _number(0.006, 0.001, 0.004, 0.008, 0.02, "people who moved to another town without telling")
    office: float = _number(0.35, 0.1, 0.3, 0.4, 0.7, "people who belong to an office")
    office_days: float = _number(0.5, 0.2, 0.4, 0.6, 0.85, "of their days there")
    office_size: float = _number(250, 40, 150, 350, 1200, "people of one office, about")
    coworking: float = _number(0.01, 0.003, 0.008, 0.012, 0.03, "people in a co-working space, undeclared")
    coworking_size: float = _number(3, 2, 2.5, 4, 8, "colleagues in one such space, about")
    traveller: float = _number(0.03, 0.01, 0.02, 0.04, 0.08, "people on a trip within the window")
    conference: float = _number(0.004, 0.001, 0.003, 0.005, 0.015, "people at a conference, many in one hotel")
    travel_declared: float = _number(0.88, 0.6, 0.8, 0.95, 0.99, "trips that the roster knows")
    issued_week: float = _number(0.006, 0.001, 0.004, 0.008, 0.02, "devices handed out within a week")
    returned_week: float = _number(0.005, 0.001, 0.003, 0.007, 0.02, "devices taken back within a week")
    renamed: float = _number(0.003, 0.0005, 0.002, 0.004, 0.01, "devices given another host name within the window")
    second_device: float = _number(0.01, 0.002, 0.008, 0.012, 0.04, "devices that are somebody's second one")
    # --- habits
    start_deviation_h: float = _number(0.75, 0.3, 0.6, 0.9, 1.5, "standard deviation of the hour at which people start",
        "the value that published activity-clock simulations use")
    day_deviation_h: float = _number(0.35, 0.1, 0.25, 0.45, 0.8,
        "standard deviation of one person's start from day to day")
    weekend: float = _number(0.05, 0.01, 0.04, 0.07, 0.15, "weekend days on which somebody works")
    day_off: float = _number(0.06, 0.02, 0.05, 0.08, 0.15, "weekdays off")
    meetings_day: float = _number(2.2, 0.8, 1.8, 2.6, 4.5, "meetings of a team a day, about")
    virtual_office: float = _number(0.01, 0.002, 0.008, 0.012, 0.03, "teams that keep one meeting open all day")
    pair_programming: float = _number(0.02, 0.005, 0.015, 0.025, 0.06,
        "people in meetings of hours with shared screens")
    desk: float = _number(0.33, 0.1, 0.28, 0.4, 0.6, "laptops that hardly leave a desk with a dock, lid closed")
    always_on: float = _number(0.04, 0.01, 0.03, 0.05, 0.12, "laptops never put to sleep")
    wired: float = _number(0.15, 0.05, 0.12, 0.2, 0.4, "homes where the laptop has a cable")
    site_outage_day: float = _number(0.004, 0.001, 0.003, 0.005, 0.015, "homes whose power fails for a moment on a day")
    # --- confusers
    helpdesk: float = _number(0.004, 0.001, 0.003, 0.005, 0.015, "technicians with remote tools, outgoing, approved")
    support_week: float = _number(0.012, 0.004, 0.01, 0.015, 0.04,
        "devices helped over the company's tool in a week, attended")
    vendor_support_week: float = _number(0.0015, 0.0003, 0.001, 0.002, 0.006,
        "devices helped by a vendor over AnyDesk in a week, attended, not approved")
    own_remote: float = _number(0.0006, 0.0001, 0.0004, 0.0008, 0.0025,
        "people who reach their own company laptop by an unattended tool")
    outgoing_remote: float = _number(0.004, 0.001, 0.003, 0.005, 0.015, "people who reach their own computer at home")
    developer_tunnel: float = _number(0.012, 0.003, 0.01, 0.015, 0.05,
        "developers with Tailscale, ngrok or cloudflared")
    jiggler_software: float = _number(0.006, 0.001, 0.004, 0.008, 0.02,
        "people with a program that keeps the session awake")
    jiggler_hardware: float = _number(0.002, 0.0003, 0.001, 0.003, 0.008, "people with a jiggler on USB")
    kvm_hobbyist: float = _number(0.0002, 0.00002, 0.0001, 0.0003, 0.001,
        "people with a KVM of their own on the laptop, at times")
    dummy_plug: float = _number(0.002, 0.0003, 0.001, 0.003, 0.008,
        "laptops with a dummy display, capture stick or splitter")
    desk_switch: float = _number(0.006, 0.001, 0.004, 0.008, 0.02, "people with a desk KVM switch for two computers")
    gaming_keyboard: float = _number(0.03, 0.01, 0.02, 0.04, 0.08, "keyboards with many interfaces")
    tablet: float = _number(0.008, 0.002, 0.006, 0.01, 0.03, "absolute pointers: drawing tablets, touch monitors")
    headset: float = _number(0.5, 0.2, 0.45, 0.55, 0.8, "USB headsets with volume keys")
    preset_serials: float = _number(0.06, 0.01, 0.04, 0.08, 0.2,
        "monitors that all have one and the same serial number")
    consumer_vpn: float = _number(0.012, 0.003, 0.01, 0.015, 0.05, "people with a VPN for privacy, on for some days")
    private_relay: float = _number(0.05, 0.01, 0.04, 0.06, 0.15, "people whose browser goes through a private relay")
    accommodation: float = _number(0.004, 0.001, 0.003, 0.005, 0.015,
        "people with an arrangement that explains unusual input")
    shared_factor: float = _number(0.0006, 0.0001, 0.0004, 0.0008, 0.003,
        "people whose phone confirms a second account")
    geo_error: float = _number(0.03, 0.005, 0.02, 0.04, 0.12, "home addresses that sign-in logs put into another town",
        "an open guide tells of an operator in Massachusetts put into Wisconsin; the share is judged")
    # --- what the company collects
    agent: float = _number(0.5, 0.15, 0.45, 0.6, 0.9, "devices with farmwatch's agent")
    osquery: float = _number(0.7, 0.3, 0.6, 0.8, 0.95, "of the others: with osquery")
    process_feed: float = _number(0.85, 0.5, 0.8, 0.95, 0.99, "devices whose programs, lookups and connections come in")
    sensor_feed: float = _number(0.8, 0.4, 0.7, 0.9, 0.98,
        "devices whose surroundings (gateway, access points) come in")
    power_feed: float = _number(0.8, 0.4, 0.7, 0.9, 0.98, "devices whose power and lid come in")
    vpn_feed: float = _number(0.7, 0.3, 0.6, 0.8, 0.95, "devices on the company's VPN with its logs")
    meeting_feed: float = _number(0.6, 0.2, 0.5, 0.7, 0.9, "devices whose meetings come in")
    tool_log_feed: float = _number(0.5, 0.1, 0.4, 0.6, 0.9, "devices whose remote tools' own logs are collected")
    windows_feed: float = _number(0.6, 0.2, 0.5, 0.7, 0.9, "Windows devices whose event logs come in")
    location_feed: float = _number(0.3, 0.05, 0.2, 0.4, 0.7, "devices that tell their position")
    # --- farms
    farm_smallest: float = _number(2, 2, 2, 2, 2, "laptops of ours in a farm at least")
    farm_largest: float = _number(90, 20, 60, 90, 90, "laptops of ours in a farm at most", _DOJ)
    farm_exponent: float = _number(2.1, 1.5, 1.9, 2.3, 2.8,
        "power law of sizes: share of size s goes with s to minus this", _DOJ)
    farm_alone: float = _number(0.3, 0.05, 0.2, 0.35, 0.5, "of farms: only one laptop of ours in them", _DOJ)
    farm_declares_site: float = _number(0.25, 0.05, 0.2, 0.35, 0.6, "of farm laptops: declared in the farm's own town",
        "Mandiant saw the same shipping address twice; the share is judged")
    farm_wired: float = _number(0.5, 0.1, 0.4, 0.6, 0.9, "of farms: laptops on cables")
    farm_outage_week: float = _number(0.3, 0.1, 0.2, 0.4, 0.7, "of farms: power or line fails in a week")
    farm_jiggler: float = _number(0.75, 0.4, 0.65, 0.85, 0.95, "of farm laptops: kept awake by a jiggler")
    farm_shared_factor: float = _number(0.3, 0.05, 0.2, 0.4, 0.7, "of farms: one phone confirms several accounts",
        "docs/evidence.md, I1; the share is judged")
    vpn_flap: float = _number(0.35, 0.1, 0.25, 0.45, 0.7,
        "of driven accounts in a week: VPN drops out for minutes and shows a foreign address", _M1)
    early_foreign: float = _number(0.3, 0.1, 0.2, 0.4, 0.6,
        "of driven accounts issued in the window: first sign-ins foreign",
        "one published case (LevelBlue 2025); the share is judged")
    off_device: float = _number(0.15, 0.03, 0.1, 0.2, 0.4, "of driven accounts: used from a computer nobody issued",
        "docs/evidence.md, E19; the share is judged")
    lived_in: float = _number(0.15, 0.02, 0.1, 0.2, 0.4,
        "of driven laptops: lid, battery and sleep as if somebody carried them")
    new_hire: float = _number(0.25, 0.05, 0.2, 0.35, 0.6, "of driven laptops: handed out within the window")
    clumped: float = _number(0.05, 0.01, 0.035, 0.065, 0.12,
        "of presses through a KVM or a tool from afar: held up and let go together, about",
        "docs/evidence.md, M16 has the mechanism; the share is judged")
    operator_hours: float = _number(0.2, 0.05, 0.15, 0.3, 0.6,
        "of driven laptops: work by the clock of where the hand is, not of the declared place",
        "published cases tell of night shifts; the share is judged")
    setup_anydesk: float = _number(16, 4, 12, 20, 30, "weight of setup AnyDesk unattended",
        "docs/evidence.md, N1; weights are judged")
    setup_crd: float = _number(10, 3, 8, 12, 20, "weight of setup Chrome Remote Desktop unattended",
        "docs/evidence.md, E9; weights are judged")
    setup_teamviewer: float = _number(6, 2, 4, 8, 15, "weight of setup TeamViewer unattended",
        "docs/evidence.md, N1; weights are judged")
    setup_rustdesk: float = _number(6, 2, 4, 8, 15, "weight of setup RustDesk unattended",
        "docs/evidence.md, N1; weights are judged")
    setup_two_tools: float = _number(14, 4, 10, 18, 28, "weight of setup two tools laid over each other within days",
        "docs/evidence.md, N2; weights are judged")
    setup_kvm: float = _number(14, 4, 10, 18, 28, "weight of setup IP-KVM under its own name",
        "docs/evidence.md, E1; weights are judged")
    setup_kvm_masked: float = _number(10, 3, 8, 12, 25, "weight of setup IP-KVM under another name",
        "docs/evidence.md, E2; weights are judged")
    setup_zoom: float = _number(12, 3, 9, 15, 25, "weight of setup consented control in a meeting",
        "docs/evidence.md, N13 and E8; weights are judged")
    setup_arp: float = _number(6, 1, 4, 8, 15, "weight of setup meetings started over ARP, all at once",
        "docs/evidence.md, N11 and N14; weights are judged")
    setup_rdp: float = _number(6, 1, 4, 8, 15, "weight of setup RDP from a computer in the farm")
    evade_masked: float = _number(0.1, 0, 0.05, 0.15, 0.4, "of farms with KVMs: identity changed",
        "docs/evidence.md, KVM over IP; shares are judged")
    evade_proxy: float = _number(0.04, 0, 0.02, 0.06, 0.2, "of farms: residential proxies")
    evade_router: float = _number(0.04, 0, 0.02, 0.06, 0.2, "of farms: VPN on the router",
        "docs/evidence.md, N5; the share is judged")
    evade_lte: float = _number(0.03, 0, 0.02, 0.05, 0.15, "of farms: one LTE stick for each laptop")
    evade_jiggler: float = _number(0.15, 0, 0.1, 0.2, 0.5, "of farms: jigglers only at work",
        "docs/evidence.md, KVM over IP: makers offer schedules; the share is judged")
    evade_bssid: float = _number(0.03, 0, 0.02, 0.05, 0.15, "of farms: access points under changing addresses")
    evade_tools: float = _number(0.05, 0, 0.03, 0.08, 0.2,
        "of farms with tools: none on the laptop, a masked KVM instead")
    evade_hours: float = _number(0.5, 0.2, 0.4, 0.6, 0.9,
        "of farms: everybody works by the declared place's clock, most regularly")
    # --- amount
    detail: float = _number(1.0, 1.0, 1.0, 1.0, 1.0, "routine rows: 1 is about 520 a device and week")
    # fmt: on

    def __post_init__(self) -> None:
        for one in self.assumptions():
            if not np.isfinite(one.value) or one.value < 0:
                raise SimulationError(f"{one.name}: expected a number from 0 on, got {one.value}")

    @classmethod
    def drawn(cls, seed: int, *, outside: bool = True, **fixed: float) -> Parameters:
        """Numbers drawn at random: from beyond what was used for tuning, or from within.

        Args:
            seed: of the draw.
            outside: between the inner and the outer bounds, else between the inner ones.
            fixed: numbers that are given.
        """
        dice = Dice(seed)
        found: dict[str, float] = {}
        for number, one in enumerate(fields(cls)):
            low, inner_low, inner_high, high = one.metadata["bounds"]
            at = float(dice.share("parameters", number))
            if not outside:
                found[one.name] = inner_low + at * (inner_high - inner_low)
                continue
            below, above = inner_low - low, high - inner_high
            if below + above == 0:
                found[one.name] = float(_default(one))
            elif (float(dice.share("side", number)) < 0.5 and below) or not above:
                found[one.name] = low + at * below
            else:
                found[one.name] = inner_high + at * above
        return cls(**(found | fixed))

    def assumptions(self) -> tuple[Assumption, ...]:
        """All numbers with what they mean and rest on."""
        found = []
        for one in fields(self):
            low, inner_low, inner_high, high = one.metadata["bounds"]
            found.append(
                Assumption(
                    one.name, float(getattr(self, one.name)), (inner_low, inner_high), (low, high),
                    one.metadata["sentence"], one.metadata["source"],
                )
            )  # fmt: skip
        return tuple(found)

    @property
    def setup_weights(self) -> tuple[float, ...]:
        """Weights of :data:`SETUPS`, in their order."""
        return (
            self.setup_anydesk, self.setup_crd, self.setup_teamviewer, self.setup_rustdesk, self.setup_two_tools,
            self.setup_kvm, self.setup_kvm_masked, self.setup_zoom, self.setup_arp, self.setup_rdp,
        )  # fmt: skip

    @property
    def evasion_shares(self) -> tuple[float, ...]:
        """Shares of :data:`EVASIONS`, in their order."""
        return (
            self.evade_masked, self.evade_proxy, self.evade_router, self.evade_lte, self.evade_jiggler,
            self.evade_bssid, self.evade_tools, self.evade_hours,
        )  # fmt: skip


def _default(one: Field[Any]) -> float:
    value: Any = one.default
    return float(value)
