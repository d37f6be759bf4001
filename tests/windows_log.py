"""A day in the Windows logs of two invented laptops, and the same events in every form that senders give them.

The first laptop is driven over Remote Desktop from a machine nine hours east; a second screen that is a capture stick
and a keyboard that is a KVM's come and go. Names of people, languages and command-line values carry ``BANNED``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape, quoteattr

BANNED = "BANNED-MARKER"
START = datetime(2026, 10, 5, 8, 0, 0, 125000, tzinfo=UTC)
SECURITY = ("Microsoft-Windows-Security-Auditing", "Security")
SYSMON = ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational")
RDP = (
    "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS", "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational"
)  # fmt: skip
MANAGER = (
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager",
    "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
)
LOCAL = (
    "Microsoft-Windows-TerminalServices-LocalSessionManager",
    "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
)
PNP = ("Microsoft-Windows-Kernel-PnP", "Microsoft-Windows-Kernel-PnP/Configuration")
FRAMEWORK = (
    "Microsoft-Windows-DriverFrameworks-UserMode", "Microsoft-Windows-DriverFrameworks-UserMode/Operational"
)  # fmt: skip
POWER = ("Microsoft-Windows-Kernel-Power", "System")
CHROMOTING = ("chromoting", "Application")
GENERAL = ("Microsoft-Windows-Kernel-General", "System")
ACTIVITY = "f4205f41-9d32-4b9c-8a1f-3ac1d7c50000"
PERSON = "S-1-5-21-1004336348-1177238915-682003330-1107"
SUBJECT = {
    "SubjectUserSid": "S-1-5-18", "SubjectUserName": f"{BANNED}$", "SubjectDomainName": BANNED,
    "SubjectLogonId": "0x3e7",
}  # fmt: skip
TARGET = {"TargetUserSid": PERSON, "TargetUserName": BANNED, "TargetDomainName": BANNED, "TargetLogonId": "0x2f41c7"}
CONNECTION = {
    "LogonProcessName": "User32 ", "AuthenticationPackageName": "Negotiate", "WorkstationName": "OPS-7",
    "LogonGuid": "{00000000-0000-0000-0000-000000000000}", "TransmittedServices": "-", "LmPackageName": "-",
    "KeyLength": "0", "ProcessId": "0x41c", "ProcessName": "C:\\Windows\\System32\\svchost.exe",
}  # fmt: skip
CONFIGURED = {
    "DeviceInstanceId": "USB\\VID_1D6B&PID_0104\\CAFEBABE", "DriverName": "usb.inf",
    "ClassGuid": "{36fc9e60-c465-11cf-8056-444553540000}", "DriverDate": "06/21/2006",
    "DriverVersion": "10.0.19041.3636", "DriverProvider": "Microsoft", "DriverInbox": "true",
    "DriverSection": "Composite.Dev.NT", "DriverRank": "0xff2003", "MatchingDeviceId": "USB\\COMPOSITE",
    "OutrankedDrivers": "", "DeviceUpdated": "false", "Status": "0x0",
    "ParentDeviceInstanceId": "USB\\ROOT_HUB30\\4&2f0a0f5&0&0",
}  # fmt: skip
_STARTED = {
    "DeviceInstanceId": "HID\\VID_1D6B&PID_0104&MI_00\\7&1a2b3c4&0&0000", "DriverName": "keyboard.inf",
    "ClassGuid": "{4d36e96b-e325-11ce-bfc1-08002be10318}", "ServiceName": "kbdhid", "LowerFilters": "",
    "UpperFilters": "kbdclass", "Problem": "0x0", "Status": "0x0",
}  # fmt: skip
PROCESS = {
    "RuleName": "-", "UtcTime": "2026-10-05 08:14:00.100", "ProcessGuid": "{42f11c3b-0001-0000-0000-000000000001}",
    "ProcessId": "4120", "Image": f"C:\\Users\\{BANNED}\\AppData\\Roaming\\Tool\\AnyDesk.exe",
    "FileVersion": "8.0.9", "Description": "AnyDesk", "Product": "AnyDesk", "Company": "AnyDesk Software GmbH",
    "OriginalFileName": "AnyDesk.exe",
    "CommandLine": f'"C:\\Users\\{BANNED}\\AnyDesk.exe" --service --password {BANNED}',
    "CurrentDirectory": "C:\\", "User": f"CORP\\{BANNED}", "LogonGuid": "{42f11c3b-0001-0000-0000-000000000002}",
    "LogonId": "0x2f41c7", "TerminalSessionId": "2", "IntegrityLevel": "Medium",
    "Hashes": "MD5=0123456789ABCDEF0123456789ABCDEF,SHA256=" + "AB" * 32 + ",IMPHASH=" + "0" * 32,
    "ParentProcessGuid": "{42f11c3b-0001-0000-0000-000000000003}", "ParentProcessId": "880",
    "ParentImage": "C:\\Windows\\explorer.exe", "ParentCommandLine": f"explorer.exe {BANNED}",
    "ParentUser": f"CORP\\{BANNED}",
}  # fmt: skip
SOCKET = {
    "RuleName": "-", "UtcTime": "2026-10-05 08:14:02.100", "ProcessGuid": "{42f11c3b-0001-0000-0000-000000000001}",
    "ProcessId": "4120", "Image": "C:\\Program Files\\AnyDesk\\AnyDesk.exe", "User": f"CORP\\{BANNED}",
    "Protocol": "tcp", "Initiated": "true", "SourceIsIpv6": "false", "SourceIp": "192.0.2.14",
    "SourceHostname": "LT-014.corp.example", "SourcePort": "50123", "SourcePortName": "-",
    "DestinationIsIpv6": "false", "DestinationIp": "198.51.100.20", "DestinationHostname": "Relay-7.NET.example",
    "DestinationPort": "443", "DestinationPortName": "https",
}  # fmt: skip


def _external(device, description, kind, **more):
    return {**SUBJECT, "DeviceId": device, "DeviceDescription": description, "ClassId": "{0}", "ClassName": kind,
            "VendorIds": more.get("vendor", "-"), "CompatibleIds": more.get("compatible", "-"),
            "LocationInformation": more.get("location", "-")}  # fmt: skip


#: provider and channel, number, data or user data, and what else: activity, computer, wrapper of the user data
CASES = [
    (SECURITY, 4624, {**SUBJECT, **TARGET, "LogonType": "10", **CONNECTION, "IpAddress": "203.0.113.50",
                      "IpPort": "61022"}, {}),
    (SECURITY, 4624, {**SUBJECT, **TARGET, "LogonType": "10", **CONNECTION, "IpAddress": "127.0.0.1",
                      "IpPort": "0"}, {}),
    (SECURITY, 4624, {**SUBJECT, **TARGET, "TargetUserSid": "S-1-5-18", "TargetUserName": "SYSTEM", "LogonType": "5",
                      **CONNECTION, "IpAddress": "-", "IpPort": "-"}, {}),
    (SECURITY, 4624, {**SUBJECT, **TARGET, "TargetUserSid": "S-1-5-90-0-3", "TargetUserName": "DWM-3", "LogonType": "2",
                      **CONNECTION, "IpAddress": "-", "IpPort": "-"}, {}),
    (SECURITY, 4624, {**SUBJECT, **TARGET, "TargetUserName": "LT-099$", "LogonType": "3", **CONNECTION,
                      "IpAddress": "::ffff:192.0.2.99", "IpPort": "49800"}, {"computer": "LT-015"}),
    (SECURITY, 4625, {**SUBJECT, "TargetUserSid": "S-1-0-0", "TargetUserName": BANNED, "TargetDomainName": BANNED,
                      "Status": "0xc000006d", "FailureReason": "%%2313", "SubStatus": "0xc000006a", "LogonType": "10",
                      **{key: CONNECTION[key] for key in CONNECTION if key != "LogonGuid"},
                      "IpAddress": "203.0.113.50", "IpPort": "61019"}, {}),
    (SECURITY, 4634, {**TARGET, "LogonType": "10"}, {}),
    (SECURITY, 4647, TARGET, {}),
    (SECURITY, 4672, {**SUBJECT, "PrivilegeList": "SeDebugPrivilege"}, {}),
    (SECURITY, 4778, {"AccountName": BANNED, "AccountDomain": BANNED, "LogonID": "0x2f41c7", "SessionName": "RDP-Tcp#7",
                      "ClientName": "OPS-7", "ClientAddress": "203.0.113.50"}, {}),
    (SECURITY, 4779, {"AccountName": BANNED, "AccountDomain": BANNED, "LogonID": "0x2f41c7", "SessionName": "Console",
                      "ClientName": "LT-014", "ClientAddress": "LOCAL"}, {}),
    (SECURITY, 4800, {**TARGET, "SessionId": "1"}, {}),
    (SECURITY, 4801, {**TARGET, "SessionId": "1"}, {}),
    (SECURITY, 4688, {**SUBJECT, "NewProcessId": "0x1f40",
                      "NewProcessName": f"C:\\Users\\{BANNED}\\Desktop\\rustdesk.exe",
                      "TokenElevationType": "%%1938", "ProcessId": "0x370",
                      "CommandLine": f"rustdesk.exe --connect {BANNED} rustdesk://{BANNED}",
                      **TARGET, "ParentProcessName": "C:\\Windows\\explorer.exe", "MandatoryLabel": "S-1-16-8192"}, {}),
    (SECURITY, 4697, {**SUBJECT, "ServiceName": "AnyDesk",
                      "ServiceFileName": f'"C:\\Program Files (x86)\\AnyDesk\\AnyDesk.exe" --service {BANNED}',
                      "ServiceType": "0x10", "ServiceStartType": "2", "ServiceAccount": BANNED}, {}),
    (SECURITY, 6416, _external("USB\\VID_1D6B&PID_0104\\CAFEBABE", "USB Composite Device", "USB",
                               vendor="\n\t\tUSB\\VID_1D6B&PID_0104&REV_0100\n\t\tUSB\\VID_1D6B&PID_0104",
                               compatible="\n\t\tUSB\\DevClass_00&SubClass_00&Prot_00\n\t\tUSB\\COMPOSITE",
                               location="Port_#0003.Hub_#0001"), {}),
    (SECURITY, 6416, _external("USB\\VID_1D6B&PID_0104&MI_00\\6&1a2b3c&0&0000", "USB Input Device", "HIDClass",
                               compatible="\n\t\tUSB\\Class_03&SubClass_01&Prot_01\n\t\tUSB\\Class_03"), {}),
    (SECURITY, 6416, _external("DISPLAY\\LNX7773\\4&2b34c5a&0&UID265988", "Generic Monitor (PiKVM V4 Plus)", "Monitor"),
     {}),
    (SECURITY, 6416, _external("USBSTOR\\CdRom&Ven_GLINET&Prod_FLASH_DRIVE&Rev_0504\\CAFE1234&0", "-", "CDROM"), {}),
    (SECURITY, 6416, _external("BTHENUM\\DEV_001122334455\\7&3c&0&BLUETOOTH", f"{BANNED}'s phone", "Bluetooth"), {}),
    (SECURITY, 6416, _external("SCSI\\Disk&Ven_NVMe&Prod_Disk\\5&1", "Disk", "DiskDrive"), {}),
    (SYSMON, 1, PROCESS, {}),
    (SYSMON, 3, SOCKET, {}),
    (SYSMON, 3, {**SOCKET, "Image": "C:\\Windows\\System32\\svchost.exe", "ProcessId": "1052", "Initiated": "false",
                 "SourceIp": "203.0.113.50", "SourceHostname": "-", "SourcePort": "61022",
                 "DestinationIp": "192.0.2.14", "DestinationHostname": "LT-014.corp.example",
                 "DestinationPort": "3389", "DestinationPortName": "ms-wbt-server"}, {}),
    (SYSMON, 22, {"RuleName": "-", "UtcTime": "2026-10-05 08:14:01.100",
                  "ProcessGuid": "{42f11c3b-0001-0000-0000-000000000001}", "ProcessId": "4120",
                  "QueryName": "Relay-7.NET.example.", "QueryStatus": "0",
                  "QueryResults": "type:  5 relay.net.example;::ffff:198.51.100.20;2001:db8::20;",
                  "Image": "C:\\Program Files\\AnyDesk\\AnyDesk.exe", "User": f"CORP\\{BANNED}"}, {}),
    (SYSMON, 5, {"ProcessId": "4120"}, {}),
    (RDP, 131, {"ConnType": "TCP", "ClientIP": "203.0.113.50:61022"}, {"activity": ACTIVITY}),
    (RDP, 131, {"ConnType": "UDP", "ClientIP": "[2001:db8::50]:61030"}, {"activity": ACTIVITY}),
    (RDP, 104, {"TimezoneBiasHour": "[9]"}, {"activity": ACTIVITY}),
    (RDP, 168, {"MonitorNum": "1", "MonitorWidth": "2560", "MonitorHeight": "1440", "MonitorX": "0", "MonitorY": "0",
                "ServerName": "LT-014"}, {"activity": ACTIVITY}),
    (RDP, 140, {"IPString": "203.0.113.77"}, {}),
    (RDP, 104, {"TimezoneBiasHour": "[unknown]"}, {}),
    (MANAGER, 261, {"listenerName": "RDP-Tcp"}, {"user": "EventXML", "activity": ACTIVITY}),
    (MANAGER, 1149, {"Param1": BANNED, "Param2": BANNED, "Param3": "203.0.113.50"},
     {"user": "EventXML", "activity": ACTIVITY}),
    (MANAGER, 20506, {"Param1": f"CORP\\{BANNED}", "Param2": "OPS-7", "Param3": BANNED, "Param4": "2"},
     {"user": "EventXML"}),
    (LOCAL, 21, {"User": f"CORP\\{BANNED}", "SessionID": "2", "Address": "203.0.113.50"}, {"user": "EventXML"}),
    (LOCAL, 22, {"User": f"CORP\\{BANNED}", "SessionID": "2", "Address": "203.0.113.50"}, {"user": "EventXML"}),
    (LOCAL, 24, {"User": f"CORP\\{BANNED}", "SessionID": "2", "Address": "203.0.113.50"}, {"user": "EventXML"}),
    (LOCAL, 25, {"User": f"CORP\\{BANNED}", "SessionID": "1", "Address": "LOCAL"}, {"user": "EventXML"}),
    (LOCAL, 23, {"User": f"CORP\\{BANNED}", "SessionID": "2"}, {"user": "EventXML"}),
    (LOCAL, 39, {"TargetSession": "2", "Source": "1"}, {"user": "EventXML"}),
    (LOCAL, 40, {"Session": "2", "Reason": "12"}, {"user": "EventXML"}),
    (PNP, 400, CONFIGURED, {}),
    (PNP, 400, {**CONFIGURED, "DeviceInstanceId": "DISPLAY\\GSM5B08\\5&1b&0&UID4352",
                "ClassGuid": "{4d36e96e-e325-11ce-bfc1-08002be10318}"}, {}),
    (PNP, 410, _STARTED, {}),
    (PNP, 420, {"DeviceInstanceId": "USB\\VID_1D6B&PID_0104\\CAFEBABE",
                "ClassGuid": "{36fc9e60-c465-11cf-8056-444553540000}", "Problem": "0x2d", "Status": "0x0"}, {}),
    (PNP, 420, {"DeviceInstanceId": "DISPLAY\\GSM5B08\\5&1b&0&UID4352",
                "ClassGuid": "{4d36e96e-e325-11ce-bfc1-08002be10318}", "Problem": "0x2d", "Status": "0x0"}, {}),
    (PNP, 430, {"DeviceInstanceId": "USB\\VID_534D&PID_2109\\6&2f&0&3"}, {}),
    (("Microsoft-Windows-UserPnp", "System"), 20001,
     {"DriverName": "usbvideo.inf", "DriverVersion": "10.0.19041.1", "DriverProvider": "Microsoft",
      "DeviceInstanceID": "USB\\VID_534D&PID_2109&MI_00\\7&3a&0&0000",
      "SetupClass": "{ca3e7ab9-b4c3-4ae6-8251-579ef933890f}", "RebootOption": "false", "UpgradeDevice": "false",
      "IsDriverOEM": "false", "InstallStatus": "0x0", "DriverDescription": "USB Video Device"},
     {"user": "InstallDeviceID"}),
    (("Microsoft-Windows-UserPnp", "System"), 20003,
     {"ServiceName": "usbvideo", "DriverFileName": "usbvideo.sys",
      "DeviceInstanceID": "USB\\VID_534D&PID_2109&MI_00\\7&3a&0&0000", "PrimaryService": "true",
      "UpdateService": "false", "AddServiceStatus": "0"}, {"user": "AddServiceID"}),
    (FRAMEWORK, 2003, {"LifetimeId": "{0f}", "InstanceId": "HID\\VID_046D&PID_C52B&MI_02\\7&1&0&0000"},
     {"user": "UMDFHostDeviceArrivalBegin"}),
    (FRAMEWORK, 2102, {"LifetimeId": "{0f}", "InstanceId": "HID\\VID_046D&PID_C52B&MI_02\\7&1&0&0000",
                       "MajorCode": "27", "MinorCode": "23"}, {"user": "UMDFHostDeviceRequest"}),
    (FRAMEWORK, 2100, {"LifetimeId": "{0f}", "InstanceId": "HID\\VID_046D&PID_C52B&MI_02\\7&1&0&0000",
                       "MajorCode": "22", "MinorCode": "2"}, {"user": "UMDFHostDeviceRequest"}),
    (GENERAL, 12, {"MajorVersion": "10", "MinorVersion": "0", "BuildVersion": "19045", "QfeVersion": "3803",
                   "ServiceVersion": "0", "BootMode": "0", "StartTime": "2026-10-05T07:59:51.5000000Z"}, {}),
    (GENERAL, 13, {"StopTime": "2026-10-05T20:00:00.0000000Z"}, {}),
    (POWER, 41, {"BugcheckCode": "0", "SleepInProgress": "0"}, {}),
    (POWER, 42, {"TargetState": "4", "EffectiveState": "4", "Reason": "7", "Flags": "0", "TransitionsToOn": "2"}, {}),
    (POWER, 105, {"AcOnline": "false", "RemainingCapacity": "11349", "FullChargeCapacity": "45396"}, {}),
    (POWER, 107, {}, {}),
    (POWER, 187, {"x": "1"}, {}),
    (("EventLog", "System"), 6005, [], {}),
    (("EventLog", "System"), 6006, [], {}),
    (("EventLog", "System"), 6008, ["20:00:00", "05.10.2026"], {}),
    (("EventLog", "System"), 6013, ["", "", "", "", "43210", "60", f"300 {BANNED} Standard Time"], {}),
    (("Service Control Manager", "System"), 7045,
     {"ServiceName": "RustDesk", "ImagePath": f"C:\\Users\\{BANNED}\\rust desk\\rustdesk.exe --service",
      "ServiceType": "user mode service", "StartType": "auto start", "AccountName": BANNED}, {}),
    (("MsiInstaller", "Application"), 1033,
     ["Chrome Remote Desktop Host", "142.0.1", BANNED, "0", "Google LLC", "(NULL)"], {}),
    (("MsiInstaller", "Application"), 1033, ["Broken", "1.0", "1033", "1603", "Nobody", "(NULL)"], {}),
    (("MsiInstaller", "Application"), 11707, ["Produkt: TeamViewer -- Installation erfolgreich.", "(NULL)"], {}),
    (CHROMOTING, 5, [f"{BANNED}@mail.example"], {}),
    (CHROMOTING, 3, [f"{BANNED}@mail.example/chromoting_ftl_1"], {}),
    (CHROMOTING, 1, [f"{BANNED}@mail.example/chromoting_ftl_2"], {}),
    (CHROMOTING, 4, [f"{BANNED}@mail.example/chromoting_ftl_2", "203.0.113.77:51820", "192.0.2.14:50311", "mux",
                     "stun"], {}),
    (CHROMOTING, 4, [f"{BANNED}@mail.example/chromoting_ftl_2", "198.51.100.240:3478", "192.0.2.14:50312", "mux",
                     "relay"], {}),
    (CHROMOTING, 4, [f"{BANNED}@mail.example/chromoting_ftl_2", "unknown", "unknown", "video", "none"], {}),
    (CHROMOTING, 2, [f"{BANNED}@mail.example/chromoting_ftl_2"], {}),
    (CHROMOTING, 6, [f"a line of {BANNED}"], {}),
]  # fmt: skip
#: events whose values have names of their own and no order that is listed
NAMED_ONLY = [
    (POWER, 506, {"Reason": "15"}, {}),
    (POWER, 507, {"Reason": "32"}, {}),
    (POWER, 566, {"BootId": "13", "Reason": "32", "PowerStateAc": "true", "MonitorReason": "31"}, {}),
    (GENERAL, 1, {"NewTime": "2026-10-05T10:00:00Z", "OldTime": "2026-10-05T09:59:59Z", "TimeZoneBias": "300"}, {}),
    (("Microsoft-Windows-Power-Troubleshooter", "System"), 1,
     {"WakeTime": "2026-10-05T10:00:00Z", "WakeSourceType": "6",
      "WakeSourceText": f"Timer - Windows will execute '{BANNED}'"}, {}),
]  # fmt: skip


def events(cases=None):
    """Events in the form that the writer of EVTX takes, a minute apart, numbered from 1001."""
    made, listed = [], CASES + NAMED_ONLY if cases is None else cases
    for number, ((provider, channel), event_id, values, more) in enumerate(listed):
        data = values.copy()
        event = {
            "provider": provider, "channel": channel, "id": event_id, "record": 1001 + number,
            "computer": more.get("computer", "LT-014.corp.example"), "time": START + timedelta(minutes=number),
        }  # fmt: skip
        if "activity" in more:
            event["activity"] = more["activity"]
        if "user" in more:
            event |= {"user_data": data, "wrapper": more["user"]}
        elif data != {}:
            event["data"] = data
        made.append(event)
    return made


def _time(event):
    return event["time"].isoformat().replace("+00:00", "Z")


def _data(event):
    return event.get("user_data", event.get("data", {}))


def _in_order(event):
    data = _data(event)
    return list(data.values()) if isinstance(data, dict) else data


def winlogbeat(event):
    """As Winlogbeat 8 writes it."""
    data = _data(event)
    if isinstance(data, list):
        data = {f"param{number}": value for number, value in enumerate(data, 1) if value}
    winlog = {
        "provider_name": event["provider"], "channel": event["channel"], "event_id": str(event["id"]),
        "record_id": event["record"], "computer_name": event["computer"], "api": "wineventlog",
        "opcode": "Info", "task": "", "process": {"pid": 4, "thread": {"id": 8}},
    }  # fmt: skip
    if "activity" in event:
        winlog["activity_id"] = "{" + event["activity"].upper() + "}"
    if "user_data" in event:
        winlog["user_data"] = {"xml_name": event["wrapper"], **data}
    elif data:
        winlog["event_data"] = data
    return {
        "@timestamp": event["time"].isoformat(timespec="milliseconds").replace("+00:00", "Z"), "winlog": winlog,
        "event": {"code": str(event["id"]), "kind": "event", "provider": event["provider"]},
        "message": f"{BANNED} in the language of the system", "log": {"level": "information"},
        "host": {"name": event["computer"].split(".")[0].lower(), "id": "5e0ba9c1-0000-0000-0000-000000000014",
                 "hostname": event["computer"].split(".")[0], "ip": ["192.0.2.14", "fe80::1"],
                 "mac": ["02-00-5E-10-00-14"], "architecture": "x86_64",
                 "os": {"name": "Windows 10 Pro", "version": "10.0", "build": "19045.3803", "type": "windows"}},
        "agent": {"type": "winlogbeat", "version": "8.15.0", "name": "LT-014"}, "ecs": {"version": "8.0.0"},
    }  # fmt: skip


def dump(event):
    """As evtx_dump writes it."""
    number = event["id"]
    data = _data(event)
    whole = {
        "System": {
            "Provider": {"#attributes": {"Name": event["provider"]}},
            "EventID": {"#attributes": {"Qualifiers": 0}, "#text": number} if isinstance(data, list) else number,
            "TimeCreated": {"#attributes": {"SystemTime": _time(event)}}, "EventRecordID": event["record"],
            "Correlation": {"#attributes": {"ActivityID": event["activity"].upper()}} if "activity" in event else None,
            "Channel": event["channel"], "Computer": event["computer"],
            "Security": {"#attributes": {"UserID": "S-1-5-18"}},
        }
    }  # fmt: skip
    if "user_data" in event:
        whole["UserData"] = {event["wrapper"]: {"#attributes": {"xmlns": "Event_NS"}, **data}}
    else:
        whole["EventData"] = {"Data": {"#text": data}} if isinstance(data, list) else data or None
    return {"Event": {"#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"}, **whole}}


def fluent_bit(event):
    """As Fluent Bit's winevtlog input writes it."""
    return {
        "date": event["time"].timestamp(), "ProviderName": event["provider"], "ProviderGuid": "", "Qualifiers": "",
        "EventID": event["id"], "Version": 0, "Level": 0, "Task": 0, "Opcode": 0, "Keywords": "0x8020000000000000",
        "TimeCreated": event["time"].astimezone().isoformat(sep=" ").replace("+00:00", " +0000"),
        "EventRecordID": event["record"], "ActivityID": "{" + event.get("activity", "").upper() + "}",
        "RelatedActivityID": "", "ProcessID": 4, "ThreadID": 8, "Channel": event["channel"],
        "Computer": event["computer"], "UserID": "S-1-5-18", "Message": f"{BANNED}", "StringInserts": _in_order(event),
    }  # fmt: skip


def nxlog(event):
    """As NXLog's im_msvistalog writes it with to_json()."""
    data = _data(event)
    if isinstance(data, list):
        data = {f"param{number}": value for number, value in enumerate(data, 1)}
    return {
        "EventTime": _time(event), "Hostname": event["computer"], "Keywords": "9232379236109516800",
        "EventType": "INFO", "SeverityValue": 2, "Severity": "INFO", "EventID": event["id"],
        "SourceName": event["provider"], "Version": 0, "TaskValue": 0, "OpcodeValue": 0,
        "RecordNumber": event["record"], "ActivityID": "{" + event.get("activity", "") + "}", "ExecutionProcessID": 4,
        "ExecutionThreadID": 8, "Channel": event["channel"], "Message": BANNED, "Category": BANNED, **data,
        "EventReceivedTime": _time(event), "SourceModuleName": "in", "SourceModuleType": "im_msvistalog",
    }  # fmt: skip


def powershell(event):
    """As Get-WinEvent | ConvertTo-Json writes it in Windows PowerShell 5.1."""
    return {
        "Id": event["id"], "Version": 0, "Qualifiers": None, "Level": 0, "Task": 0, "Opcode": 0,
        "Keywords": -9214364837600034816, "RecordId": event["record"], "ProviderName": event["provider"],
        "LogName": event["channel"], "ProcessId": 4, "ThreadId": 8, "MachineName": event["computer"],
        "UserId": {"BinaryLength": 12, "AccountDomainSid": None, "Value": "S-1-5-18"},
        "TimeCreated": f"/Date({int(event['time'].timestamp() * 1000)})/", "ActivityId": event.get("activity"),
        "Bookmark": {}, "LevelDisplayName": BANNED, "Properties": [{"Value": value} for value in _in_order(event)],
        "Message": BANNED,
    }  # fmt: skip


def xml(event, *, culture=None):
    """As ToXml() and wevtutil write it, on one line."""
    data = _data(event)
    if "user_data" in event:
        inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in data.items())
        body = f"<UserData><{event['wrapper']} xmlns='Event_NS'>{inner}</{event['wrapper']}></UserData>"
    elif isinstance(data, list):
        body = "<EventData>" + "".join(f"<Data>{escape(value)}</Data>" for value in data) + "</EventData>"
    else:
        inner = "".join(f"<Data Name={quoteattr(name)}>{escape(value)}</Data>" for name, value in data.items())
        body = f"<EventData>{inner}</EventData>"
    activity = f" ActivityID='{{{event['activity'].upper()}}}'" if "activity" in event else ""
    rendering = f"<RenderingInfo Culture={quoteattr(culture or '')}><Message>{BANNED}</Message></RenderingInfo>"
    return (
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
        f"<Provider Name={quoteattr(event['provider'])}/><EventID Qualifiers='0'>{event['id']}</EventID>"
        f"<Version>0</Version><Level>4</Level><TimeCreated SystemTime='{_time(event)}'/>"
        f"<EventRecordID>{event['record']}</EventRecordID><Correlation{activity}/>"
        f"<Execution ProcessID='4' ThreadID='8'/><Channel>{event['channel']}</Channel>"
        f"<Computer>{event['computer']}</Computer><Security UserID='S-1-5-18'/></System>{body}"
        f"{rendering if culture else ''}</Event>"
    )


def lines(form, listed):
    """JSON lines of events in a form."""
    return "".join(json.dumps(form(event), separators=(",", ":")) + "\n" for event in listed).encode()


def document(listed):
    """A whole document as Event Viewer saves it, with messages in the reader's language."""
    inner = "".join(xml(event, culture=BANNED) for event in listed)
    return f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<Events>{inner}</Events>'.encode()
