"""The detectors, one file each; this tuple is the register and its order is the order of the report."""

from farmwatch.analysis.detectors.contract import Detector, Findings, run_detectors
from farmwatch.analysis.detectors.control_rtt import ControlRtt
from farmwatch.analysis.detectors.hand_driven import HandDriven
from farmwatch.analysis.detectors.hand_far import HandFar
from farmwatch.analysis.detectors.hand_mirror import HandMirror
from farmwatch.analysis.detectors.hand_relayed import HandRelayed
from farmwatch.analysis.detectors.hand_stepping_stone import HandSteppingStone
from farmwatch.analysis.detectors.keystroke_ssh import KeystrokeSsh
from farmwatch.analysis.detectors.kvm_beacon import KvmBeacon
from farmwatch.analysis.detectors.kvm_cloud import KvmCloud
from farmwatch.analysis.detectors.kvm_on_lan import KvmOnLan
from farmwatch.analysis.detectors.lan_arp_bus import LanArpBus
from farmwatch.analysis.detectors.lan_laptops import LanLaptops
from farmwatch.analysis.detectors.lan_meeting_box import LanMeetingBox
from farmwatch.analysis.detectors.lan_tenants import LanTenants
from farmwatch.analysis.detectors.meeting_all_day import MeetingAllDay
from farmwatch.analysis.detectors.meeting_control import MeetingControl
from farmwatch.analysis.detectors.meeting_together import MeetingTogether
from farmwatch.analysis.detectors.remote_idle import RemoteIdle
from farmwatch.analysis.detectors.remote_inbound import RemoteInbound
from farmwatch.analysis.detectors.remote_tool import RemoteTool
from farmwatch.analysis.detectors.remote_vendors import RemoteVendors
from farmwatch.analysis.detectors.tunnel_mss import TunnelMss
from farmwatch.analysis.detectors.tunnel_product import TunnelProduct
from farmwatch.analysis.detectors.typing_clumped import TypingClumped
from farmwatch.analysis.detectors.vpn_consumer import VpnConsumer

DETECTORS: tuple[Detector, ...] = (
    HandDriven(), HandRelayed(), HandFar(), HandSteppingStone(), HandMirror(), MeetingControl(), RemoteInbound(),
    RemoteTool(), RemoteVendors(), RemoteIdle(), KeystrokeSsh(), TypingClumped(), ControlRtt(), MeetingAllDay(),
    MeetingTogether(), TunnelProduct(), VpnConsumer(), TunnelMss(), KvmOnLan(), KvmBeacon(), KvmCloud(),
    LanMeetingBox(), LanArpBus(), LanTenants(), LanLaptops(),
)  # fmt: skip

__all__ = ["DETECTORS", "Detector", "Findings", "run_detectors"]
