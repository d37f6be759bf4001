"""The detectors over telemetry, one file each; this tuple is the register and its order that of the report."""

from farmwatch.analysis.fleet.contract import FleetDetector
from farmwatch.analysis.fleet.detectors.account_while_idle import AccountWhileIdle
from farmwatch.analysis.fleet.detectors.activity_clock import ActivityClock
from farmwatch.analysis.fleet.detectors.activity_no_rest import ActivityNoRest
from farmwatch.analysis.fleet.detectors.chrome_desktop_setup import ChromeDesktopSetup
from farmwatch.analysis.fleet.detectors.clock_place import ClockPlace
from farmwatch.analysis.fleet.detectors.display_contradiction import DisplayContradiction
from farmwatch.analysis.fleet.detectors.display_kvm_identity import DisplayKvmIdentity
from farmwatch.analysis.fleet.detectors.display_only_lid_shut import DisplayOnlyLidShut
from farmwatch.analysis.fleet.detectors.hand_one_source import HandOneSource
from farmwatch.analysis.fleet.detectors.hand_present import HandPresent
from farmwatch.analysis.fleet.detectors.hardware_serial_shared import HardwareSerialShared
from farmwatch.analysis.fleet.detectors.identity_long_session import IdentityLongSession
from farmwatch.analysis.fleet.detectors.identity_session_copied import IdentitySessionCopied
from farmwatch.analysis.fleet.detectors.identity_shared_factor import IdentitySharedFactor
from farmwatch.analysis.fleet.detectors.identity_shared_token import IdentitySharedToken
from farmwatch.analysis.fleet.detectors.identity_unmanaged import IdentityUnmanaged
from farmwatch.analysis.fleet.detectors.input_delivery import InputDelivery
from farmwatch.analysis.fleet.detectors.input_injected import InputInjected
from farmwatch.analysis.fleet.detectors.jiggler_software import JigglerSoftware
from farmwatch.analysis.fleet.detectors.lan_neighbours import LanNeighbours
from farmwatch.analysis.fleet.detectors.logon_far_clock import LogonFarClock
from farmwatch.analysis.fleet.detectors.logon_remote import LogonRemote
from farmwatch.analysis.fleet.detectors.logon_shadow import LogonShadow
from farmwatch.analysis.fleet.detectors.meeting_by_link import MeetingByLink
from farmwatch.analysis.fleet.detectors.meeting_control_given import MeetingControlGiven
from farmwatch.analysis.fleet.detectors.meeting_latency import MeetingLatency
from farmwatch.analysis.fleet.detectors.meeting_shift import MeetingShift
from farmwatch.analysis.fleet.detectors.motion_cadence import MotionCadence
from farmwatch.analysis.fleet.detectors.motion_kvm_jiggler import MotionKvmJiggler
from farmwatch.analysis.fleet.detectors.place_device import PlaceDevice
from farmwatch.analysis.fleet.detectors.place_early_reversal import PlaceEarlyReversal
from farmwatch.analysis.fleet.detectors.place_session_elsewhere import PlaceSessionElsewhere
from farmwatch.analysis.fleet.detectors.place_sign_in import PlaceSignIn
from farmwatch.analysis.fleet.detectors.pointer_spacing import PointerSpacing
from farmwatch.analysis.fleet.detectors.power_always_on import PowerAlwaysOn
from farmwatch.analysis.fleet.detectors.remote_accepted import RemoteAccepted
from farmwatch.analysis.fleet.detectors.remote_session_days import RemoteSessionDays
from farmwatch.analysis.fleet.detectors.remote_tool_after_issue import RemoteToolAfterIssue
from farmwatch.analysis.fleet.detectors.remote_tool_log import RemoteToolSessions
from farmwatch.analysis.fleet.detectors.remote_tool_present import RemoteToolPresent
from farmwatch.analysis.fleet.detectors.remote_tool_vendors import RemoteToolVendors
from farmwatch.analysis.fleet.detectors.travel_impossible import TravelImpossible
from farmwatch.analysis.fleet.detectors.tunnel_present import TunnelPresent
from farmwatch.analysis.fleet.detectors.usb_capture_device import UsbCaptureDevice
from farmwatch.analysis.fleet.detectors.usb_fixed_input import UsbFixedInput
from farmwatch.analysis.fleet.detectors.usb_identity_contradiction import UsbIdentityContradiction
from farmwatch.analysis.fleet.detectors.usb_kvm_identity import UsbKvmIdentity
from farmwatch.analysis.fleet.detectors.usb_kvm_structure import UsbKvmStructure
from farmwatch.analysis.fleet.detectors.usb_network_gadget import UsbNetworkGadget
from farmwatch.analysis.fleet.detectors.vpn_client import VpnClient
from farmwatch.analysis.fleet.detectors.vpn_egress import VpnEgress
from farmwatch.analysis.fleet.detectors.vpn_flap import VpnFlap
from farmwatch.analysis.fleet.detectors.vpn_router import VpnRouter

FLEET_DETECTORS: tuple[FleetDetector, ...] = (
    UsbKvmIdentity(),
    LanNeighbours(),
    MotionKvmJiggler(),
    UsbKvmStructure(),
    PlaceSignIn(),
    RemoteToolPresent(),
    RemoteToolVendors(),
    RemoteToolAfterIssue(),
    TunnelPresent(),
    VpnClient(),
    PlaceSessionElsewhere(),
    UsbIdentityContradiction(),
    MotionCadence(),
    VpnFlap(),
    DisplayKvmIdentity(),
    RemoteToolSessions(),
    RemoteSessionDays(),
    DisplayContradiction(),
    IdentitySharedFactor(),
    IdentitySharedToken(),
    PowerAlwaysOn(),
    JigglerSoftware(),
    ChromeDesktopSetup(),
    LogonRemote(),
    LogonFarClock(),
    LogonShadow(),
    InputInjected(),
    TravelImpossible(),
    InputDelivery(),
    PlaceDevice(),
    HardwareSerialShared(),
    PointerSpacing(),
    MeetingByLink(),
    MeetingShift(),
    UsbFixedInput(),
    PlaceEarlyReversal(),
    DisplayOnlyLidShut(),
    IdentitySessionCopied(),
    IdentityUnmanaged(),
    MeetingControlGiven(),
    MeetingLatency(),
    HandPresent(),
    UsbCaptureDevice(),
    RemoteAccepted(),
    UsbNetworkGadget(),
    VpnEgress(),
    VpnRouter(),
    HandOneSource(),
    IdentityLongSession(),
    AccountWhileIdle(),
    ActivityClock(),
    ClockPlace(),
    ActivityNoRest(),
)  # fmt: skip

__all__ = ["FLEET_DETECTORS"]
