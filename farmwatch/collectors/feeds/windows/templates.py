"""Names of the values of an event, in order, for senders that give values without names.

Fluent Bit (``StringInserts``) and PowerShell (``Properties``) leave the names out. Orders are those of the providers'
manifests; of events whose later versions add values at the end or in the middle, only the part that all versions share
is listed, and Sysmon 1, which gained values in the middle, is told by how many values there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["named"]

_SUBJECT = "SubjectUserSid SubjectUserName SubjectDomainName SubjectLogonId"
_TARGET = "TargetUserSid TargetUserName TargetDomainName TargetLogonId"
_DRIVER = (
    "DriverName DriverVersion DriverProvider DeviceInstanceID SetupClass RebootOption UpgradeDevice IsDriverOEM "
    "InstallStatus DriverDescription"
)
_PNP = "DeviceInstanceId DriverName ClassGuid"
_CONFIGURED = (
    f"{_PNP} DriverDate DriverVersion DriverProvider DriverInbox DriverSection DriverRank MatchingDeviceId "
    "OutrankedDrivers DeviceUpdated Status ParentDeviceInstanceId"
)
_STARTED = f"{_PNP} ServiceName LowerFilters UpperFilters Problem Status"
_REQUEST = "LifetimeId InstanceId MajorCode MinorCode"
_SESSION = "User SessionID Address"
_TEMPLATES = {
    ("security-auditing", 4624): (
        f"{_SUBJECT} {_TARGET} LogonType LogonProcessName AuthenticationPackageName WorkstationName LogonGuid "
        "TransmittedServices LmPackageName KeyLength ProcessId ProcessName IpAddress IpPort"
    ),
    ("security-auditing", 4625): (
        f"{_SUBJECT} TargetUserSid TargetUserName TargetDomainName Status FailureReason SubStatus LogonType "
        "LogonProcessName AuthenticationPackageName WorkstationName TransmittedServices LmPackageName KeyLength "
        "ProcessId ProcessName IpAddress IpPort"
    ),
    ("security-auditing", 4634): f"{_TARGET} LogonType",
    ("security-auditing", 4647): _TARGET,
    ("security-auditing", 4688): (
        f"{_SUBJECT} NewProcessId NewProcessName TokenElevationType ProcessId CommandLine {_TARGET} ParentProcessName "
        "MandatoryLabel"
    ),
    ("security-auditing", 4697): f"{_SUBJECT} ServiceName ServiceFileName ServiceType ServiceStartType ServiceAccount",
    ("security-auditing", 4778): "AccountName AccountDomain LogonID SessionName ClientName ClientAddress",
    ("security-auditing", 4779): "AccountName AccountDomain LogonID SessionName ClientName ClientAddress",
    ("security-auditing", 4800): f"{_TARGET} SessionId",
    ("security-auditing", 4801): f"{_TARGET} SessionId",
    ("security-auditing", 6416): (
        f"{_SUBJECT} DeviceId DeviceDescription ClassId ClassName VendorIds CompatibleIds LocationInformation"
    ),
    ("service-control-manager", 7045): "ServiceName ImagePath ServiceType StartType AccountName",
    ("sysmon", 3): (
        "RuleName UtcTime ProcessGuid ProcessId Image User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname "
        "SourcePort SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort "
        "DestinationPortName"
    ),
    ("sysmon", 22): "RuleName UtcTime ProcessGuid ProcessId QueryName QueryStatus QueryResults Image User",
    ("remotedesktopservices-rdpcorets", 104): "TimezoneBiasHour",
    ("remotedesktopservices-rdpcorets", 131): "ConnType ClientIP",
    ("remotedesktopservices-rdpcorets", 140): "IPString",
    ("remotedesktopservices-rdpcorets", 168): "MonitorNum MonitorWidth MonitorHeight MonitorX MonitorY ServerName",
    ("terminalservices-localsessionmanager", 21): _SESSION,
    ("terminalservices-localsessionmanager", 22): _SESSION,
    ("terminalservices-localsessionmanager", 23): _SESSION,
    ("terminalservices-localsessionmanager", 24): _SESSION,
    ("terminalservices-localsessionmanager", 25): _SESSION,
    ("terminalservices-localsessionmanager", 39): "TargetSession Source",
    ("terminalservices-localsessionmanager", 40): "Session Reason",
    ("terminalservices-remoteconnectionmanager", 261): "listenerName",
    ("terminalservices-remoteconnectionmanager", 1149): "Param1 Param2 Param3",
    ("terminalservices-remoteconnectionmanager", 20503): "Param1 Param2 Param3 Param4",
    ("terminalservices-remoteconnectionmanager", 20506): "Param1 Param2 Param3 Param4",
    ("kernel-pnp", 400): _CONFIGURED,
    ("kernel-pnp", 401): _CONFIGURED,
    ("kernel-pnp", 410): _STARTED,
    ("kernel-pnp", 411): _STARTED,
    ("kernel-pnp", 420): "DeviceInstanceId ClassGuid Problem Status",
    ("kernel-pnp", 430): "DeviceInstanceId",
    ("userpnp", 20001): _DRIVER,
    ("userpnp", 20003): "ServiceName DriverFileName DeviceInstanceID PrimaryService UpdateService AddServiceStatus",
    ("driverframeworks-usermode", 2003): "LifetimeId InstanceId",
    ("driverframeworks-usermode", 2100): _REQUEST,
    ("driverframeworks-usermode", 2102): _REQUEST,
    ("kernel-power", 42): "TargetState EffectiveState Reason Flags TransitionsToOn",
    ("kernel-power", 105): "AcOnline RemainingCapacity FullChargeCapacity",
    ("kernel-general", 12): "MajorVersion MinorVersion BuildVersion QfeVersion ServiceVersion BootMode StartTime",
    ("kernel-general", 13): "StopTime",
}
_NAMES = {key: tuple(names.split()) for key, names in _TEMPLATES.items()}
_SYSMON_1_NAMES = (
    "RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company OriginalFileName CommandLine "
    "CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId "
    "ParentImage ParentCommandLine ParentUser"
)
_SYSMON_1 = tuple(_SYSMON_1_NAMES.split())
_SYSMON_1_LEAST = 22  # before ParentUser; still older ones lack OriginalFileName, and their order cannot be told


def named(provider: str, event_id: int, values: Sequence[Any]) -> Mapping[str, Any]:
    """Values by their names; ``param1``, ``param2`` where an event has none or is not listed."""
    if (provider, event_id) == ("sysmon", 1) and len(values) >= _SYSMON_1_LEAST:
        return dict(zip(_SYSMON_1, values, strict=False))
    names = _NAMES.get((provider, event_id))
    if names is None:
        return {f"param{number}": value for number, value in enumerate(values[:64], 1)}
    return dict(zip(names, values, strict=False))
