"""What is too common to point at anything: the loader refuses a fact that would fire alone on one of these.

Why: a KVM's ``1d6b:0104`` is every Linux gadget, ``stun.l.google.com`` is every video call, a port is only a number.
Such facts stay in the data because they count beside others; by themselves they accuse innocent people.
"""

from __future__ import annotations

from farmwatch.knowledge.entries import Layer

__all__ = ["never_alone", "shared_host", "shared_software", "under_shared_domain"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Layers none of whose values may fire alone, and why.
_WHOLE_LAYERS = {
    Layer.PORT: "any program can use any port",
    Layer.NETWORK: "cloud address blocks are shared",
    Layer.JA4: "a ClientHello fingerprint belongs to a TLS library and changes with versions",
    Layer.HTTP_PATH: "paths are copied between products",
    Layer.REGISTRY: "registry keys outlive the program",
    Layer.MOTION: "a pointer that moves by itself may be a jiggler or an accommodation at work",
}

#: Clouds, content networks and platforms rented to anybody. The name itself and a wildcard over it are generic.
_SHARED_DOMAINS = _words(
    "akamai.net akamaiedge.net akamaihd.net akamaized.net amazonaws.com apple.com appspot.com azure.com azureedge.net "
    "azurefd.net azurewebsites.net blob.core.windows.net cdn.cloudflare.net cloudflare.com cloudflare.net "
    "cloudflarestorage.com cloudfront.net core.windows.net digitaloceanspaces.com fastly.net fastlylb.net "
    "firebaseapp.com firebaseio.com ghcr.io github.com github.io githubusercontent.com google.com googleapis.com "
    "googleusercontent.com gstatic.com herokuapp.com icloud.com live.com microsoft.com microsoftonline.com msn.com "
    "netlify.app office.com office.net office365.com pages.dev pubnubapi.com sentry.io servicebus.windows.net "
    "skype.com softonic.com trafficmanager.net vercel.app visualstudio.com web.app windows.net windowsupdate.com "
    "workers.dev zoho.com zoho.eu zoho.in zoho.com.au zoho.com.cn stunprotocol.org software.informer.com"
)

#: Those of them that rent names to anybody: a wildcard anywhere below covers strangers.
_RENTED_DOMAINS = _words(
    "akamai.net akamaiedge.net akamaihd.net akamaized.net amazonaws.com appspot.com azure.com azureedge.net "
    "azurefd.net azurewebsites.net cloudflare.net cloudflarestorage.com cloudfront.net digitaloceanspaces.com "
    "fastly.net fastlylb.net firebaseapp.com firebaseio.com github.io googleusercontent.com herokuapp.com netlify.app "
    "pages.dev trafficmanager.net vercel.app web.app windows.net workers.dev"
)

#: Single hosts that many unrelated programs ask.
_SHARED_HOSTS = _words(
    "stun.l.google.com stun1.l.google.com stun2.l.google.com stun3.l.google.com stun4.l.google.com stun.cloudflare.com "
    "turn.cloudflare.com stun.nextcloud.com pool.ntp.org time.windows.com time.apple.com www.gstatic.com "
    "cp.cloudflare.com edge-http.microsoft.com"
)

#: Top-level and special-use names of private networks (RFC 6762, RFC 8375, RFC 9476 and common router defaults).
_PRIVATE_SUFFIXES = _words("local localdomain lan home internal intranet corp home.arpa localhost invalid")

#: Serials that gadget code samples share.
_SAMPLE_SERIALS = frozenset({"6b65796d696d6570690", "0123456789abcdef", "cafebabe", ""})

#: HID report descriptors of kernel samples and of several makers: keyboards, and the 46-byte relative mouse.
_SAMPLE_DESCRIPTORS = frozenset(
    {"81c9b5a7d7ecf4b9", "5333cc3a23db1dd7", "3ff35a2908d55c14", "55c045b2daf5c91f", "9db07ce5eef32aa9"}
)

#: Raspberry Pi boards, GL.iNet routers, Lantronix device servers: makers of far more than KVMs.
_SHARED_OUIS = _words(
    "b827eb dca632 e45f01 d83add 28cdc1 2ccf67 88a29e f040af9 8c1f6434a 9483c4 0080a3 000d2c 000f2c 00c0f2"
)

#: Executable names that many products ship, on Windows and elsewhere.
_SHARED_PROCESSES = _words(
    "agent agentd client daemon desktop helper host java launcher main manager monitor node nxd parsecd python "
    "python3 rd remote server service session support tray update updater viewer vnc vncserver vncviewer watchdog zsh "
    "agent.exe appcore.exe bash client.exe client32.exe cmd.exe code.exe conhost.exe connect.exe console.exe "
    "cscript.exe curl.exe explorer.exe helper.exe host.exe install.exe installer.exe java.exe javaw.exe launcher.exe "
    "level.exe main.exe manager.exe monitor.exe mshta.exe msiexec.exe node.exe powershell.exe python.exe rd.exe "
    "remote.exe rundll32.exe server.exe service.exe session.exe setup.exe sh ssh ssh.exe start.exe sshd sshd.exe "
    "svchost.exe tray.exe uninstall.exe unins000.exe update.exe updater.exe vhost.exe viewer.exe watchdog.exe "
    "windowslauncher.exe wscript.exe "
    # Programs of Windows and Office, which some products and many attackers imitate.
    "audiodg.exe csrss.exe ctfmon.exe dllhost.exe dwm.exe fontdrvhost.exe logonui.exe lsass.exe ms-teams.exe "
    "mstsc.exe services.exe sihost.exe smss.exe spoolsv.exe taskhostw.exe taskmgr.exe teams.exe wermgr.exe wininit.exe "
    "winlogon.exe wmiprvse.exe"
)

#: Names of tools that other software is installed under as well: a chip designer's program, a terminal, a service for
#: keys in hardware, an analyser of programs.
_SHARED_SOFTWARE = _words("electric kitty parsec pia")

_LEAST_LETTERS = 3  # fewer fixed characters than this say nothing

_SHARED_ALPN = _words("h2 h3 h3-29 http/1.1 http/1.0 webrtc c-webrtc stun.turn imap pop3 smtp dot doq")
_SHARED_SERVICES = _words("_http._tcp _https._tcp _ssh._tcp _sftp-ssh._tcp _workstation._tcp _rfb._tcp")
_SHARED_TITLES = _words("home index kvm login log in screen welcome dashboard web remote console")


def shared_host(host: str) -> bool:
    """Whether a domain fact names a cloud, content network or public service that anybody uses.

    A tenant's own host inside a cloud (``remotedesktop-pa.googleapis.com``) is not shared; the cloud itself, wildcards
    over it, wildcards anywhere in a cloud that rents names, and ``*.local`` are.
    """
    bare = host.removeprefix("*.")
    if bare in _SHARED_HOSTS or bare in _SHARED_DOMAINS:
        return True
    if not host.startswith("*"):
        return False
    return any(bare == suffix or bare.endswith("." + suffix) for suffix in _RENTED_DOMAINS | _PRIVATE_SUFFIXES)


def shared_software(name: str) -> bool:
    """Whether other software is installed under this name of a tool as well."""
    return name.lower() in _SHARED_SOFTWARE


def under_shared_domain(host: str) -> bool:
    """Whether a host lies inside a cloud or platform that rents names to anybody."""
    labels = host.split(".")
    return any(".".join(labels[at:]) in _SHARED_DOMAINS for at in range(1, len(labels)))


def _conditions_reason(layer: Layer, conditions: dict[str, str]) -> str:  # noqa: PLR0911, PLR0912 - a list of rules
    value = {key: text.lower() for key, text in conditions.items()}
    keys = set(value)
    if layer is Layer.USB:
        if keys <= {"vid", "pid"} and value.get("vid") == "1d6b":
            return "vendor id 1d6b is any Linux USB gadget"
        if keys <= {"vid"}:
            return "a vendor id alone covers all products of the vendor"
        if keys <= {"serial", "vid", "pid"} and value.get("serial") in _SAMPLE_SERIALS:
            return "this serial number comes from a code sample many gadgets copied"
        return ""
    if layer is Layer.HID:
        return "several makers share this descriptor" if value.get("descriptor") in _SAMPLE_DESCRIPTORS else ""
    if layer is Layer.EDID:
        if keys <= {"vendor", "week", "year"}:
            return "a maker code or date covers many displays"
        if (value.get("vendor"), value.get("product")) == ("tsb", "8888") and keys <= {"vendor", "product"}:
            return "this is the reference identity of a common capture chip"
        return ""
    if layer is Layer.DHCP and keys == {"parameters"}:
        return "a parameter list belongs to a DHCP client, not to a product"
    if layer is Layer.MDNS and keys == {"service"} and value["service"] in _SHARED_SERVICES:
        return "any computer announces this service"
    if layer is Layer.MDNS and value.get("host") in {"*", "*.local"}:
        return "*.local is every host on every network"
    if layer is Layer.CERT and keys <= {"subject.cn", "issuer.cn"} and set(value.values()) <= {"localhost", "*"}:
        return "localhost certificates are everywhere"
    if layer is Layer.CERT and keys <= {"subject.o", "issuer.o"} and "internet widgits pty ltd" in value.values():
        return "this organisation is OpenSSL's default"
    return ""


def never_alone(layer: Layer, value: str, conditions: dict[str, str]) -> str:  # noqa: PLR0911 - one line per rule
    """Why a fact may not make a finding by itself.

    Args:
        layer: layer of the fact.
        value: its value.
        conditions: the value taken apart, for layers made of conditions; otherwise empty.

    Returns:
        The reason, or an empty string where the fact may stand alone.
    """
    if layer in _WHOLE_LAYERS:
        return _WHOLE_LAYERS[layer]
    if all(len(text.replace("*", "").replace("?", "")) < _LEAST_LETTERS for text in conditions.values() or (value,)):
        return "a pattern that fits almost anything"
    if conditions:
        return _conditions_reason(layer, conditions)
    low = value.lower()
    if layer is Layer.DOMAIN:
        return "a cloud, public service or private network anybody uses" if shared_host(low) else ""
    if layer is Layer.OUI:
        digits = low.replace(":", "")
        if int(digits[1], 16) & 2:
            return "locally administered addresses belong to nobody"
        return "its maker builds far more than KVMs" if digits in _SHARED_OUIS else ""
    if layer is Layer.PROCESS:
        return "many products ship a program of this name" if low in _SHARED_PROCESSES or low.startswith("*") else ""
    if layer is Layer.PATH:
        folder, _, name = low.rpartition("/")
        anywhere = folder.strip("*/") in {"", "windows/system32"}
        return "many products ship a program of this name" if anywhere and name in _SHARED_PROCESSES else ""
    if layer is Layer.ALPN:
        return "a standard protocol name" if low in _SHARED_ALPN else ""
    if layer is Layer.HTTP_TITLE:
        return "a title any page may have" if low.strip("* ") in _SHARED_TITLES or not low.strip("* ") else ""
    return ""
