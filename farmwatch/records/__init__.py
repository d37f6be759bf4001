"""Every table and every result document, declared once. Imports only ``errors``."""

from farmwatch.records.derived import (
    BeaconServer,
    CloudSign,
    DeviceFlow,
    DeviceSeen,
    LanMember,
    RemoteSession,
    TenantSign,
    ToolSighting,
)
from farmwatch.records.finding import Claim, Evidence, Family, Finding, Outcome, WeightSource
from farmwatch.records.network import (
    Announcement,
    Arp,
    CaptureInput,
    DhcpRequest,
    Flow,
    FlowSeries,
    Host,
    Http,
    Name,
    NameQuery,
    Reject,
    RemoteControl,
    SeriesFlow,
    Ssh,
    Stun,
    Tls,
)
from farmwatch.records.report import (
    SCHEMA_VERSION,
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
from farmwatch.records.schema import ABSENT, Column, Record, Rows, Table, Tables, column

NETWORK_TABLES: tuple[type[Record], ...] = (
    CaptureInput, Reject, Flow, RemoteControl, Tls, Http, Ssh, Stun, Name, NameQuery, DhcpRequest, Announcement, Arp,
    Host, SeriesFlow, FlowSeries,
)  # fmt: skip
"""The tables that captures and network sensors fill."""

DERIVED_TABLES: tuple[type[Record], ...] = (
    DeviceSeen,
    DeviceFlow,
    ToolSighting,
    RemoteSession,
    LanMember,
    TenantSign,
    CloudSign,
    BeaconServer,
)
"""The tables that analysis derives from them."""

__all__ = [
    "ABSENT", "DERIVED_TABLES", "NETWORK_TABLES", "SCHEMA_VERSION", "Announcement", "Arp", "Assessment",
    "BeaconServer", "CaptureInput", "Claim", "ClaimAssessment", "CloudSign", "Column", "Device", "DeviceFlow",
    "DeviceSeen", "DhcpRequest", "Distance", "Evidence", "Family", "Farm", "FarmLink", "Finding", "Flow",
    "FlowSeries", "Host", "Http", "InputFile", "Lan", "LanHost", "LanMember", "Level", "Name", "NameQuery",
    "Outcome", "Record", "Reject", "RemoteControl", "RemoteSession", "Report", "Role", "Rows", "SeriesFlow",
    "Session", "Ssh", "Stun", "Table", "Tables", "TenantSign", "Tls", "Tool", "ToolSighting", "Weight",
    "WeightSource", "column",
]  # fmt: skip
