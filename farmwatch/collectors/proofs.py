"""What in a flow's first bytes names a remote-control protocol and its driven end, in words."""

from __future__ import annotations

from farmwatch.wire.protocols.rdp import RdpSession
from farmwatch.wire.protocols.registry import Identified
from farmwatch.wire.protocols.rfb import RfbSession
from farmwatch.wire.protocols.ssh import SshSession

__all__ = ["describe"]

_PROOFS = {
    "rdp-udp": "RDP-UDP SYN and SYN+ACK: the end that sends the SYN drives",
    "nomachine": "NoMachine greetings: NXSH from the driving end, NXD from the driven end",
    "radmin": "Radmin opening of 10 bytes from the driving end, 46 bytes back",
    "citrix": "Citrix ICA or CGP greeting from the server",
    "rustdesk": "RustDesk message numbers of the driven or the driving side",
    "teamviewer": "TeamViewer message header; both ends look alike",
    "anydesk": "AnyDesk certificate names or ALPN; both ends look alike",
}


def describe(found: Identified) -> tuple[str | None, str, str]:
    """Version in the greeting, proof sentence and further header facts of one recognised flow."""
    record = found.record
    if isinstance(record, RfbSession):
        offered = f"security offered: {', '.join(record.security_offered)}" if record.security_offered else ""
        chosen = f"chosen: {record.security_chosen}" if record.security_chosen else ""
        security = "; ".join(part for part in (offered, chosen) if part) or "security: not shown"
        return record.server_version, "the RFB server greets first and is the driven end", security
    if isinstance(record, RdpSession):
        version = record.client.version if record.client else None
        return version, "the X.224 request comes from the driving end", _rdp_security(record)
    if isinstance(record, SshSession):
        banners = [end.banner.software for end in record.ends if end.banner]
        return None, record.server_evidence or "no side shown", " / ".join(banners)
    return None, _PROOFS.get(found.protocol, f"first bytes of {found.protocol}"), ""


def _rdp_security(record: RdpSession) -> str:
    """What security was asked for and chosen in an RDP negotiation, and why it failed where it did."""
    parts = ["answered" if record.confirmed else "not answered: an attempt"]
    request, confirm = record.request, record.confirm
    if request is not None and request.requested is not None:
        asked = [*request.requested, *(("restricted admin",) if request.restricted_admin else ())]
        parts.append(f"asked: {', '.join(asked) or 'standard'}")
    if confirm is not None:
        parts.append(f"refused: {confirm.failure}" if confirm.failure else f"chosen: {confirm.selected or 'not shown'}")
    if record.encryption is not None:
        parts.append(f"encryption: {record.encryption}")
    return "; ".join(parts)
