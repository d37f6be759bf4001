"""What hosts on a network show themselves to be, and which companies they belong to."""

from __future__ import annotations

import pytest

from farmwatch.analysis.assess import derive
from farmwatch.analysis.profile import Profile
from farmwatch.knowledge import load_knowledge
from farmwatch.records import DeviceSeen, LanMember, TenantSign
from tests.rows import Net, turned

LAPTOP, BESIDE = "f8:bc:12:00:00:05", "54:e1:ad:00:00:07"
PI, JET, GL = "dc:a6:32:00:00:08", "30:52:53:00:00:09", "94:83:c4:00:00:01"


def home(*hosts, gateway="3c:a6:2f:00:00:01"):
    net = Net(gateway=gateway)
    net.host(LAPTOP, "10.0.0.5")
    net.flow("10.0.0.5", "198.51.100.7")
    for number, mac in enumerate(hosts, 7):
        net.host(mac, f"10.0.0.{number}")
        net.flow(f"10.0.0.{number}", "224.0.0.251", 5353, proto="udp", resp_pkts=0)
    return net


def members(net, **options):
    tables, _ = derive(net.tables(), load_knowledge(), Profile().with_options(**options))
    return {row.host: row for row in tables[LanMember].rows()}


def lease(net, mac, **said):
    net.add("dhcp", packet=20 + len(net.rows.get("dhcp", [])), ip_version=4, message="request", mac=mac, **said)


def tenants(net, **options):
    tables, _ = derive(net.tables(), load_knowledge(), Profile().with_options(**options))
    return [(row.host, row.tenant, row.layer, row.own) for row in tables[TenantSign].rows()]


def test_a_kvm_shows_itself_by_layers():
    """Prefix, DHCP class and mDNS agree; the proof says what was seen."""
    net = home(JET)
    lease(net, JET, host_name="jetkvm-0a7c21f4", vendor_class="jetkvm", parameters="1,26,42,15,6,119")
    net.add(
        "announcements",
        packet=30,
        protocol="mdns",
        mac=JET,
        address="10.0.0.7",
        name="jetkvm-0a7c21f4.local",
        service="host",
    )
    row = members(net)[JET]
    assert (row.role, row.product, row.product_kind) == ("kvm", "jetkvm", "kvm")
    assert [layer.split("/")[0] for layer in row.layers.split(",")] == ["dhcp", "name", "oui"]
    assert "jetkvm-0a7c21f4" in row.proof


def test_a_kvm_is_not_judged_as_a_laptop():
    """Even when it opens connections of its own."""
    net = home(JET)
    net.flow("10.0.0.7", "198.51.100.9")
    lease(net, JET, host_name="jetkvm-0a7c21f4", vendor_class="jetkvm")
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    assert tables[DeviceSeen]["device_id"].tolist() == [LAPTOP]


def test_a_prefix_of_nothing_but_kvms_is_enough_not_to_be_judged():
    """A silent JetKVM that calls its cloud is no laptop, though one layer is only a question."""
    net = home(JET)
    net.flow("10.0.0.7", "198.51.100.9")
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    assert tables[DeviceSeen]["device_id"].tolist() == [LAPTOP]
    assert members(net)[JET].layers == "oui/high"


def test_a_kvm_is_known_by_the_page_it_serves():
    net = home(PI)
    flow = net.flow("10.0.0.5", "10.0.0.7", 80)
    net.add("http", flow=flow, packet=40, title="PiKVM Index", status=200)
    row = members(net)[PI]
    assert (row.role, row.product, row.layers) == ("kvm", "pikvm", "http/high")
    assert "PiKVM Index" in row.proof


def test_a_kvm_is_known_by_its_answer_fields():
    """Fields keep their own semicolons: a policy that names the maker in its third directive is found."""
    net = home(PI)
    flow = net.flow("10.0.0.5", "10.0.0.7", 80)
    policy = "default-src 'self'; img-src *; connect-src logs.tinypilotkvm.com"
    marks = f"content-type: text/html\ncontent-security-policy: {policy}"
    net.add("http", flow=flow, packet=40, status=200, marks=marks)
    assert members(net)[PI].product == "tinypilot"


def test_a_kvm_is_known_by_its_certificate():
    net = home(PI)
    flow = net.flow("10.0.0.5", "10.0.0.7", 443)
    net.add("tls", flow=flow, packet=40, transport="tcp", subject_cn="tinypilot", issuer_cn="tinypilot-ca")
    assert members(net)[PI].product == "tinypilot"


@pytest.mark.parametrize(
    ("shown", "product"),
    [({"subject_cn": "avocent.com", "subject_ou": "AESS"}, "avocent"), ({"issuer_ou": "JetKVM Self-Signed"}, "jetkvm")],
)
def test_a_kvm_is_known_by_the_unit_in_its_certificate(shown, product):
    net = home(PI)
    flow = net.flow("10.0.0.5", "10.0.0.7", 443)
    net.add("tls", flow=flow, packet=40, transport="tcp", certificate_sha256="00", **shown)
    assert members(net)[PI].product == product


def test_a_prefix_alone_is_no_kvm():
    """A Raspberry Pi stays a neighbour, and a router of a KVM maker stays a router without a product."""
    net = home(PI, gateway=GL)
    net.host(GL, "10.0.0.1")
    net.flow("10.0.0.5", "10.0.0.1", 53, proto="udp")
    found = members(net)
    assert (found[PI].role, found[PI].product_kind) == ("neighbour", "hardware")
    assert (found[GL].role, found[GL].product) == ("gateway", None)


def test_company_names_from_dhcp():
    """The company is the label before the public suffix, of a fully qualified name only."""
    net = home(BESIDE, PI)
    lease(net, BESIDE, host_name="nw-l-7731", fqdn="nw-l-7731.corp.northwind-freight.co.uk")
    lease(net, PI, host_name="raspberrypi")
    assert tenants(net) == [(BESIDE, "northwind-freight", "dhcp", False)]


@pytest.mark.parametrize("name", ["laptop.lan", "iphone.home", "host.fritz.box", "laptop.com", "laptop.home.arpa"])
def test_home_domains_name_no_company(name):
    """What routers hand out says nothing of an employer."""
    net = home(BESIDE)
    lease(net, BESIDE, fqdn=name)
    assert tenants(net) == []


def test_company_names_from_netbios():
    net = home(BESIDE, PI)
    for mac, domain in ((BESIDE, "BLUEFIN"), (PI, "WORKGROUP")):
        net.add(
            "announcements", packet=30, protocol="nbns", mac=mac, address="10.0.0.7", domain=domain, service="domain"
        )
    assert tenants(net) == [(BESIDE, "bluefin", "nbns", False)]


@pytest.mark.parametrize(
    ("name", "tenant", "layer"),
    [
        ("_ldap._tcp.dc._msdcs.corp.harborline.example", "harborline", "ldap"),
        ("_kerberos._tcp.site._sites.corp.harborline.local", "harborline", "ldap"),
        ("wpad.harborline.example", "harborline", "wpad"),
        ("enterpriseregistration.harborline.example", "harborline", "discovery"),
        ("harborline.sharepoint.com", "harborline", "dns"),
        ("harborline-my.sharepoint.com", "harborline", "dns"),
        ("www.sharepoint.com", None, None),
        ("wpad.lan", None, None),
        ("printer.local", None, None),
    ],
)
def test_company_names_from_what_is_asked(name, tenant, layer):
    """Directory searches, proxy discovery, enrolment and tenant hosts; local names tell nothing."""
    net = home(BESIDE)
    net.add("name_queries", packet=30, protocol="dns", client="10.0.0.7", name=name, qtype="SRV", count=1)
    assert tenants(net) == ([(BESIDE, tenant, layer, False)] if tenant else [])


def give(net, how):
    """A network that gives its clients a domain."""
    if how == "router":
        net.add("announcements", packet=9, protocol="ndp", mac=net.gateway, service="router",
                text="mtu=1492;search=lan hsd1.quillnet.example;dns=2001:db8::1")  # fmt: skip
    else:
        column = {"option 15": "domain", "option 119": "search_domains"}.get(how, "domain")
        message = "request" if how == "client" else "ack"
        net.add("dhcp", packet=9, ip_version=4, message=message, mac=BESIDE, **{column: "hsd1.quillnet.example"})


@pytest.mark.parametrize(
    ("how", "own"), [("option 15", False), ("option 119", False), ("router", False), ("client", True)]
)
def test_a_domain_that_the_network_hands_out_is_nobodys(how, own):
    """Clients append what their provider gives them to their names and searches: that is no employer."""
    net = home(BESIDE)
    give(net, how)
    lease(net, BESIDE, fqdn="family-pc.hsd1.quillnet.example")
    net.add("name_queries", packet=30, protocol="dns", client="10.0.0.7", name="wpad.quillnet.example", count=1)
    assert bool(tenants(net)) == own
    assert members(net)[BESIDE].laptop_like == own


def test_a_directory_search_is_a_membership_whatever_the_network_hands_out():
    """In an office the network's domain is its computers' own."""
    net = home(BESIDE)
    give(net, "option 15")
    net.add("name_queries", packet=30, protocol="dns", client="10.0.0.7", name="_ldap._tcp.quillnet.example", count=1)
    assert tenants(net) == [(BESIDE, "quillnet", "ldap", False)]


def test_company_names_from_server_names():
    net = home(BESIDE)
    flow = net.flow("10.0.0.7", "198.51.100.9")
    net.add("tls", flow=flow, packet=31, transport="tcp", server_name="quill.okta.com")
    assert tenants(net) == [(BESIDE, "quill", "sni", False)]


def test_the_own_company_is_marked():
    net = home(BESIDE)
    lease(net, BESIDE, fqdn="a.acme.example")
    assert tenants(net, corporate=["acme.example"]) == [(BESIDE, "acme", "dhcp", True)]


def test_office_computers_show_a_membership():
    """A company name or a directory search makes an office computer; a tenant's web address does not."""
    net = home(BESIDE, PI)
    lease(net, BESIDE, fqdn="a.acme.example")
    net.add("name_queries", packet=30, protocol="dns", client="10.0.0.8", name="quill.okta.com", qtype="A", count=1)
    found = members(net)
    assert (found[BESIDE].laptop_like, found[PI].laptop_like) == (True, False)


def test_the_order_of_rows_does_not_matter():
    net = home(JET, BESIDE)
    lease(net, JET, host_name="jetkvm-0a7c21f4", vendor_class="jetkvm")
    lease(net, BESIDE, fqdn="a.acme.example")
    lease(net, BESIDE, fqdn="a.acme.example")
    one, _ = derive(net.tables(), load_knowledge(), Profile())
    two, _ = derive(turned(net.tables()), load_knowledge(), Profile())
    for record in (LanMember, TenantSign):
        assert list(one[record].rows()) == list(two[record].rows())


def test_a_name_does_not_take_a_laptop_from_judgement():
    """Calling oneself a KVM is one's own choice: without a maker's prefix behind it the laptop stays judged."""
    net = home()
    lease(net, LAPTOP, host_name="pikvm")
    tables, _ = derive(net.tables(), load_knowledge(), Profile())
    assert tables[DeviceSeen]["device_id"].tolist() == ["PIKVM"]
    assert (members(net)[LAPTOP].role, members(net)[LAPTOP].product) == ("device", "pikvm")


def test_a_kvm_that_somebody_drives_is_listed_and_judged():
    """Prefix and name agree, but the box answers a remote-control protocol: it is a KVM and a device."""
    net = home(JET)
    net.flow("10.0.0.7", "198.51.100.9")
    net.flow(
        "203.0.113.9",
        "10.0.0.7",
        5900,
        protocol="rfb",
        controlled_side=1,
        orig_data_pkts=20,
        resp_data_pkts=20,
    )
    lease(net, JET, host_name="jetkvm-0a7c21f4", vendor_class="jetkvm")
    row = members(net)[JET]
    assert (row.role, row.product, row.device_id) == ("kvm", "jetkvm", "JETKVM-0A7C21F4")


def three_days():
    """One home with a laptop, an office computer beside it and a KVM, captured three times; names only on day two."""
    nets = []
    for number in range(3):
        net = Net(number)
        net.host(LAPTOP, "10.0.0.5")
        net.flow("10.0.0.5", "198.51.100.7")
        for at, mac in enumerate((BESIDE, JET), 7):
            net.host(mac, f"10.0.0.{at + 10 * number}")
            net.flow(f"10.0.0.{at + 10 * number}", "224.0.0.251", 5353, proto="udp", resp_pkts=0)
        nets.append(net)
    lease(nets[1], BESIDE, host_name="nw-l-7731", fqdn="nw-l-7731.northwind.example")
    lease(nets[1], JET, host_name="jetkvm-0a7c21f4", vendor_class="jetkvm")
    return nets[0].tables().joined(nets[1].tables()).joined(nets[2].tables())


def test_a_host_of_several_captures_is_one_member():
    """Three captures of one home list each host once, with what all of them show and where the proof is."""
    tables, _ = derive(three_days(), load_knowledge(), Profile())
    rows = list(tables[LanMember].rows())
    found = {row.host: row for row in rows}
    assert len(rows) == len(found) == 3
    assert (found[BESIDE].inputs, found[BESIDE].laptop_like, found[BESIDE].names) == ("0,1,2", True, "nw-l-7731")
    assert found[BESIDE].addresses == "10.0.0.17,10.0.0.27,10.0.0.7"
    assert found[JET].role == "kvm"
    assert [layer.split("/")[0] for layer in found[JET].layers.split(",")] == ["dhcp", "name", "oui"]


def test_a_kvm_known_in_one_capture_is_judged_in_none():
    """What names the box in the second capture keeps it from judgement in the first, where it called its cloud."""
    tables = three_days()
    first = Net(3)
    first.host(JET, "10.0.0.8")
    first.flow("10.0.0.8", "198.51.100.9")
    derived, _ = derive(tables.joined(first.tables()), load_knowledge(), Profile())
    assert set(derived[DeviceSeen]["device_id"].tolist()) == {LAPTOP}


def test_the_own_company_is_marked_by_its_netbios_domain():
    """A domain of one word in the profile is the directory's short name, which need not be part of the DNS name."""
    net = home(BESIDE)
    net.add("announcements", packet=30, protocol="nbns", mac=BESIDE, address="10.0.0.7", domain="ACMECORP",
            service="domain")  # fmt: skip
    tables, _ = derive(net.tables(), load_knowledge(), Profile(company_domains=("acmecorp", "acme.example")))
    assert tables[TenantSign]["own"].tolist() == [True]


@pytest.mark.parametrize(("port", "layers"), [(10004, {"name", "port"}), (8080, {"name"})], ids=["its own", "shared"])
def test_a_port_supports_what_a_host_says_of_itself(port, layers):
    """BliKVM's own port counts beside its name; one that anything uses does not, and no port makes a KVM."""
    net = home(PI)
    net.flow("10.0.0.5", "10.0.0.7", port)
    assert members(net)[PI].product_kind == "hardware"
    lease(net, PI, host_name="blikvm")
    row = members(net)[PI]
    assert row.product == "blikvm"
    assert {layer.split("/")[0] for layer in row.layers.split(",")} == layers
    assert ("answers port tcp/10004" in row.proof) == (port == 10004)


def test_a_port_supports_no_mere_prefix():
    """A router of a KVM maker that calls a port of that KVM's cloud stays a router."""
    net = home(GL)
    net.flow("10.0.0.7", "198.51.100.9", 5912)
    assert members(net)[GL].layers == "oui/low"
