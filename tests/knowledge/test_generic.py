"""Facts too common to mean anything by themselves."""

from __future__ import annotations

import pytest

from farmwatch.knowledge.entries import Layer
from farmwatch.knowledge.generic import never_alone, shared_host, shared_software, under_shared_domain
from farmwatch.knowledge.loading import parse_conditions


def reason(layer, value):
    conditions = parse_conditions(value) if "=" in value else {}
    return never_alone(layer, value, conditions)


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        (Layer.PORT, "tcp/5938"),
        (Layer.NETWORK, "52.112.0.0/14"),
        (Layer.JA4, "t12i640500_9197985d2161_a1e935682795"),
        (Layer.MOTION, "period_s=15"),
        (Layer.DOMAIN, "*.local"),
        (Layer.DOMAIN, "*.amazonaws.com"),
        (Layer.DOMAIN, "*.eu-west-1.amazonaws.com"),
        (Layer.DOMAIN, "stun.l.google.com"),
        (Layer.OUI, "b8:27:eb"),
        (Layer.OUI, "02:aa:bb"),
        (Layer.USB, "vid=1d6b & pid=0104"),
        (Layer.USB, "vid=0557"),
        (Layer.USB, "serial=CAFEBABE"),
        (Layer.HID, "descriptor=81c9b5a7d7ecf4b9"),
        (Layer.EDID, "vendor=TSB & product=8888"),
        (Layer.EDID, "vendor=GSV & week=8 & year=2018"),
        (Layer.DHCP, "parameters=1,26,42,15,6,119"),
        (Layer.MDNS, "service=_http._tcp"),
        (Layer.MDNS, "host=*.local"),
        (Layer.CERT, "subject.cn=localhost"),
        (Layer.CERT, "subject.o=Internet Widgits Pty Ltd"),
        (Layer.PROCESS, "svchost.exe"),
        (Layer.PROCESS, "*agent.exe"),
        (Layer.PROCESS, "dwm.exe"),
        (Layer.PROCESS, "parsecd"),
        (Layer.PATH, "*/agent.exe"),
        (Layer.PATH, "*/Windows/System32/mstsc.exe"),
        (Layer.ALPN, "h2"),
        (Layer.HTTP_TITLE, "Login"),
        (Layer.HTTP_TITLE, "*a*"),
    ],
)
def test_what_anybody_shows_never_fires_alone(layer, value):
    """A bare port, any name of a private network, any Linux gadget: each has its reason in words."""
    assert reason(layer, value)


@pytest.mark.parametrize(
    ("layer", "value"),
    [
        (Layer.DOMAIN, "*.net.anydesk.com"),
        (Layer.DOMAIN, "remotedesktop-pa.googleapis.com"),
        (Layer.OUI, "30:52:53"),
        (Layer.USB, "vid=1d6b & pid=0104 & manufacturer=PiKVM"),
        (Layer.HID, "descriptor=3a71a5a23705ee80"),
        (Layer.EDID, "vendor=LNX & product=7773"),
        (Layer.DHCP, "vendor_class=jetkvm"),
        (Layer.MDNS, "service=_pikvm._tcp"),
        (Layer.CERT, "issuer.cn=tinypilot-ca"),
        (Layer.CERT, "subject.cn=localhost & subject.o=PiKVM"),
        (Layer.PROCESS, "anydesk.exe"),
        (Layer.PATH, "*/Program Files/Monitic/agent.exe"),
        (Layer.PATH, "*/RustDesk.app"),
        (Layer.ALPN, "anydesk/*"),
        (Layer.HTTP_TITLE, "PiKVM Index"),
    ],
)
def test_what_only_one_product_shows_may_stand_alone(layer, value):
    assert reason(layer, value) == ""


def test_a_tenants_own_host_in_a_cloud_is_not_the_cloud():
    """Wildcards over a cloud cover strangers; a whole name inside it is one tenant's."""
    assert shared_host("*.cloudfront.net")
    assert not shared_host("d1abc.cloudfront.net")
    assert under_shared_domain("d1abc.cloudfront.net")
    assert not under_shared_domain("cloudfront.net")
    assert not under_shared_domain("notcloudfront.net")


@pytest.mark.parametrize(("name", "shared"), [("kitty", True), ("KiTTY", True), ("AnyDesk", False), ("", False)])
def test_software_that_is_called_like_a_tool(name, shared):
    """The terminal kitty is not the SSH client KiTTY."""
    assert shared_software(name) is shared
