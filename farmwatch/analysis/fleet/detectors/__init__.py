"""The detectors over telemetry, one file each; this tuple is the register and its order that of the report."""

from farmwatch.analysis.fleet.contract import FleetDetector
from farmwatch.analysis.fleet.detectors.motion_kvm_jiggler import MotionKvmJiggler
from farmwatch.analysis.fleet.detectors.place_sign_in import PlaceSignIn
from farmwatch.analysis.fleet.detectors.usb_kvm_identity import UsbKvmIdentity
from farmwatch.analysis.fleet.detectors.usb_kvm_structure import UsbKvmStructure

FLEET_DETECTORS: tuple[FleetDetector, ...] = (
    UsbKvmIdentity(),
    MotionKvmJiggler(),
    UsbKvmStructure(),
    PlaceSignIn(),
)  # fmt: skip

__all__ = ["FLEET_DETECTORS"]
