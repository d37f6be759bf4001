"""The local network as an input shows it: its hosts, what devices they are, and which companies they belong to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from farmwatch.analysis.identity import Host, Hosts
from farmwatch.analysis.ports import flows_on_known_ports
from farmwatch.analysis.positions import flow_rows_of
from farmwatch.analysis.profile import Profile
from farmwatch.knowledge import Grade, Knowledge, Match, registrable_domain
from farmwatch.records import (
    Announcement,
    DhcpRequest,
    Http,
    LanMember,
    NameQuery,
    Rows,
    Table,
    Tables,
    TenantSign,
    Tls,
)  # fmt: skip
from farmwatch.records import Flow as FlowRow

__all__ = ["lan_members", "tenant_signs"]

_Layers: TypeAlias = dict[str, tuple[Match, str, tuple[int, int]]]  #: layer -> match, what was seen, input and packet
_Shown: TypeAlias = dict[str, _Layers]  #: by product
_ROLE_ORDER = {"gateway": 0, "kvm": 1, "device": 2, "server": 3, "neighbour": 4}  #: of a host of several inputs

#: What a host may show itself to be.
_SHOWN_KINDS = frozenset({"kvm", "hardware"})

#: Facts about a host's own name: one setting, whichever protocol carries it.
_NAMED = ("hostname=", "host=", "instance=")

#: Hosts under which each customer has a name of its own: the label before them names a company. Public product facts;
#: general knowledge of the vendors' published host patterns.
_TENANT_SUFFIXES = (
    ".sharepoint.com", ".okta.com", ".my.salesforce.com", ".atlassian.net", ".service-now.com", ".onmicrosoft.com",
    ".awsapps.com", ".zendesk.com", ".workday.com", ".slack.com", ".cloudflareaccess.com", ".jamfcloud.com",
)  # fmt: skip
_SHARED_LABELS = frozenset({"www", "api", "login", "app", "files", "edge", "static", "cdn", "status", "wss-primary"})
#: Names that only members of a company's directory ask for.
_DIRECTORY = re.compile(r"^(?:_ldap|_kerberos|_gc|_kpasswd)\._(?:tcp|udp)\.(?:.*\._msdcs\.)?(?P<domain>[^_].+)$")
_DISCOVERY = re.compile(
    r"^(?:wpad|isatap|autodiscover|lyncdiscover|enterpriseregistration|enterpriseenrollment)\.(?P<domain>.+)$"
)
#: Domains and workgroups that say nothing of a company.
_NO_TENANT = frozenset(
    {"workgroup", "mshome", "home", "lan", "local", "localdomain", "internal", "homenet", "arpa", "invalid", "fritz",
     "belkin", "router", "msbrowse", "wpad", "corp", "domain", "home_network", "speedport", "gateway", "intranet",
     "office", "company"}
)  # fmt: skip


#: Signs in which a client may repeat the domain that the network gave it: its full name, and searches in that domain.
_APPENDED = frozenset({"dhcp", "wpad", "discovery"})
_FROM_SERVER = frozenset({"offer", "ack", "advertise", "reply"})


def lan_members(tables: Tables, hosts: Hosts, knowledge: Knowledge) -> Table[LanMember]:
    """Every host with a link-layer address, once per network however many inputs show it.

    What a host shows itself to be is put together over all inputs. One that is a KVM is not judged as a laptop; but a
    name is its owner's choice, so a device that only calls itself one, or that somebody drives, stays under judgement.
    """
    products = _products(tables, hosts, knowledge)
    office = _office_like(tables, hosts)
    grouped: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, host in enumerate(hosts.hosts):
        if host.mac is not None and (lan := hosts.lan_of(host)):
            grouped[lan, host.mac].append(index)
    rows: Rows[LanMember] = Rows(LanMember)
    for (lan, mac), indices in grouped.items():
        own = [hosts.hosts[index] for index in indices]
        shown = _put_together([products[index] for index in indices if index in products])
        product = _strongest(shown)
        if product and any(host.role == "gateway" for host in own) and not _announces(product[1]):
            product = None  # a maker of KVMs makes routers too
        if product and product[0].kind == "kvm" and _announces(product[1]):
            _take_for_kvm(own, product[1], prefixed=any("oui" in layers for layers in shown.values()))
        layers = sorted(product[1].items()) if product else []
        host = min(own, key=lambda host: (_ROLE_ORDER[host.role], host.input))
        at, packet = min((hit[2] for _, hit in layers), default=(host.input, host.first_packet))
        names = dict.fromkeys(name for host in own for name in host.best_names())
        rows.add(
            lan=lan, input=at, inputs=",".join(str(host.input) for host in own), host=mac,
            addresses=",".join(sorted({address for host in own for address in host.addresses})), names=",".join(names),
            vendor=knowledge.maker(mac) or None, role=host.role, device_id=host.device_id,
            product=product[0].id if product else None, product_name=product[0].name if product else None,
            product_kind=str(product[0].kind) if product else None,
            layers=",".join(f"{layer}/{hit[0].grade}" for layer, hit in layers),
            proof="; ".join(dict.fromkeys(hit[1] for _, hit in layers)), packet=packet,
            signs=",".join(f"{number}:{packet}" for number, packet in sorted({hit[2] for _, hit in layers})),
            laptop_like=any(index in office for index in indices),
        )  # fmt: skip
    return rows.table()


def _put_together(found: Sequence[_Shown]) -> _Shown:
    """What one host shows in several inputs: of each layer the first sighting."""
    together: _Shown = {}
    for products in found:
        for product, layers in products.items():
            known = together.setdefault(product, {})
            for layer, hit in layers.items():
                if layer not in known or hit[2] < known[layer][2]:
                    known[layer] = hit
    return together


def _take_for_kvm(own: Sequence[Host], layers: _Layers, *, prefixed: bool) -> None:
    """Give a host the role of a KVM, and judge it no longer as a laptop, as far as what it shows allows.

    Args:
        own: the host, once per input.
        layers: what says that it is a KVM.
        prefixed: its link-layer address is of a maker of KVMs or of boards that KVMs are built from.
    """
    sure = prefixed and (len(layers) > 1 or "oui" not in layers or layers["oui"][0].grade is Grade.HIGH)
    driven = any(host.driven for host in own)
    for host in own:
        if host.role == "gateway" or (host.device_id is not None and not sure):
            continue
        host.role = "kvm"
        if not driven:
            host.device_id = None


def _announces(layers: _Layers) -> bool:
    """Whether a host shows itself as the product: a prefix alone does so only where its holder makes nothing else."""
    return len(layers) > 1 or "oui" not in layers or layers["oui"][0].grade is Grade.HIGH


def _strongest(products: _Shown) -> Any:
    """The product most layers agree on: (entry, layers)."""
    if not products:
        return None
    order = {"kvm": 0, "hardware": 1}
    best = min(
        products.values(),
        key=lambda layers: (
            order.get(str(next(iter(layers.values()))[0].entry.kind), 2),
            -len(layers),
            next(iter(layers.values()))[0].id,
        ),
    )
    return next(iter(best.values()))[0].entry, best


def _products(tables: Tables, hosts: Hosts, knowledge: Knowledge) -> dict[int, _Shown]:
    """By host: the KVMs and building parts of KVMs that it shows itself to be."""
    found: dict[int, _Shown] = defaultdict(lambda: defaultdict(dict))
    for index, matches, source, seen, packet in _product_signs(tables, hosts, knowledge):
        for match in matches:
            if str(match.entry.kind) in _SHOWN_KINDS:
                layers = found[index][match.id]
                layer = "name" if match.fact.value.startswith(_NAMED) else source
                at = (hosts.hosts[index].input, packet)
                if layer not in layers or at < layers[layer][2]:
                    layers[layer] = (match, seen, at)
    for products in found.values():
        for product, layers in list(products.items()):
            if layers.keys() <= {"port", "oui"}:  # a port only supports what a host says of itself
                layers.pop("port", None)
            if not layers:
                del products[product]
    return {index: products for index, products in found.items() if products}


def _product_signs(
    tables: Tables, hosts: Hosts, knowledge: Knowledge
) -> Iterator[tuple[int, tuple[Match, ...], str, str, int]]:
    by_mac = {(host.input, host.mac): index for index, host in enumerate(hosts.hosts) if host.mac}
    by_address = {(host.input, address): index for index, host in enumerate(hosts.hosts) for address in host.addresses}
    for index, host in enumerate(hosts.hosts):
        if host.mac:
            yield index, knowledge.match_oui(host.mac), "oui", f"link-layer address {host.mac[:8]}…", host.first_packet
    leases = tables[DhcpRequest]
    for row in range(len(leases)):
        at = by_mac.get((int(leases["input"][row]), leases["mac"][row]))
        if at is not None:
            name, vendor, asked = (leases[column][row] for column in ("host_name", "vendor_class", "parameters"))
            matches = knowledge.match_dhcp(
                name or "", vendor or "", [int(code) for code in (asked or "").split(",") if code]
            )
            yield at, matches, "dhcp", f"DHCP name {name!r}, class {vendor!r}", int(leases["packet"][row])
    heard = tables[Announcement]
    for row in range(len(heard)):
        at = by_mac.get((int(heard["input"][row]), heard["mac"][row]))
        if at is None:
            continue
        name, service, text = heard["name"][row] or "", heard["service"][row] or "", heard["text"][row]
        if heard["protocol"][row] == "mdns":
            matches = knowledge.match_mdns(
                service,
                name.removesuffix(f".{service}"),
                name if name.endswith(".local") else f"{name}.local",
                text.split(";"),
            )
            yield at, matches, "mdns", f"announces {name} {service}".strip(), int(heard["packet"][row])
        elif heard["protocol"][row] == "ssdp":
            yield at, knowledge.match_ssdp(server=text, name=name), "ssdp", f"SSDP {text}", int(heard["packet"][row])
    yield from _page_signs(tables, by_address, knowledge)
    yield from _port_signs(tables, hosts, knowledge)


def _page_signs(
    tables: Tables, by_address: dict[tuple[int, str], int], knowledge: Knowledge
) -> Iterator[tuple[int, tuple[Match, ...], str, str, int]]:
    """Web pages and certificates that local hosts serve."""
    responders = tables[FlowRow]["resp_h"]

    def server(number: int, flow_row: int) -> int | None:
        return by_address.get((number, responders[flow_row]))

    pages = tables[Http]
    for row, flow_row in enumerate(flow_rows_of(pages, tables).tolist()):
        at = server(int(pages["input"][row]), flow_row)
        if at is not None:
            icon = pages["favicon_mmh3"][row]
            headers = [tuple(mark.split(": ", 1)) for mark in pages["marks"][row].split("\n") if ": " in mark]
            matches = knowledge.match_http(
                title=pages["title"][row] or "",
                path=pages["path"][row] or "",
                headers=[(name, value) for name, value in headers],
                favicon_md5=pages["favicon_md5"][row] or "",
                favicon_mmh3=None if icon == np.iinfo(np.int64).min else int(icon),
            )
            seen = f"serves page {pages['title'][row]!r}" if pages["title"][row] else f"serves {pages['path'][row]}"
            yield at, matches, "http", seen, int(pages["packet"][row])
    shown = tables[Tls]
    rows = flow_rows_of(shown, tables)
    for row in np.flatnonzero(shown.present("certificate_sha256") | shown.present("subject_cn")).tolist():
        at = server(int(shown["input"][row]), int(rows[row]))
        if at is not None:
            matches = knowledge.match_certificate(
                subject_cn=shown["subject_cn"][row] or "",
                subject_org=shown["subject_org"][row] or "",
                subject_ou=shown["subject_ou"][row] or "",
                issuer_cn=shown["issuer_cn"][row] or "",
                issuer_org=shown["issuer_org"][row] or "",
                issuer_ou=shown["issuer_ou"][row] or "",
                sha256=shown["certificate_sha256"][row] or "",
                names=(shown["san"][row] or "").split(","),
            )
            yield at, matches, "certificate", f"certificate {shown['subject_cn'][row]!r}", int(shown["packet"][row])


def _port_signs(
    tables: Tables, hosts: Hosts, knowledge: Knowledge
) -> Iterator[tuple[int, tuple[Match, ...], str, str, int]]:
    """Ports of products at which hosts answer, or call what serves the product; shared ports tell nothing."""
    flows = tables[FlowRow]

    def telling(protocol: str, port: int) -> tuple[Match, ...]:
        found = knowledge.match_ports(protocol, port)
        return tuple(one for one in found if one.grade is not Grade.LOW and str(one.entry.kind) in _SHOWN_KINDS)

    for row, port, matches in flows_on_known_ports(flows, flows["established"], telling):
        for index in sorted({int(hosts.orig[row]), int(hosts.resp[row])} - {-1}):
            seen = f"{'answers' if index == hosts.resp[row] else 'calls'} port {port}"
            yield index, matches, "port", seen, int(flows["first_packet"][row])


def tenant_signs(tables: Tables, hosts: Hosts, profile: Profile) -> Table[TenantSign]:
    """Which company each host on a local network seems to belong to, and by which sign."""
    found: dict[tuple[int, str, str], tuple[int, Any]] = {}
    handed = _handed_out(tables, hosts)

    def note(index: int | None, tenant: str | None, layer: str, packet: int, ts: Any) -> None:
        if index is None or not tenant or tenant in _NO_TENANT or hosts.hosts[index].role in ("gateway", "kvm"):
            return
        if layer in _APPENDED and (hosts.lan_of(hosts.hosts[index]), tenant) in handed:
            return
        key = (index, tenant, layer)
        if key not in found or packet < found[key][0]:
            found[key] = (packet, ts)

    for source in (_lease_tenants, _announced_tenants, _asked_tenants, _served_tenants):
        source(tables, hosts, note)
    own = {_company(domain) or domain for domain in profile.company_domains}  # one word: a NetBIOS domain
    rows = [
        {
            "lan": hosts.lan_of(hosts.hosts[index]),
            "input": hosts.hosts[index].input,
            "host": hosts.hosts[index].key,
            "tenant": tenant,
            "layer": layer,
            "own": tenant in own,
            "packet": packet,
            "ts": ts,
        }
        for (index, tenant, layer), (packet, ts) in sorted(found.items())
        if hosts.lan_of(hosts.hosts[index])
    ]
    return Table(
        TenantSign, {name: column.array([row[name] for row in rows]) for name, column in TenantSign.columns.items()}
    )


Note = Callable[[int | None, str | None, str, int, Any], None]


def _handed_out(tables: Tables, hosts: Hosts) -> set[tuple[str, str]]:
    """Networks and the company part of domains that their servers and routers give to everybody who joins."""
    leases, heard = tables[DhcpRequest], tables[Announcement]
    given = zip(*(leases[name].tolist() for name in ("input", "message", "domain", "search_domains")), strict=True)
    domains = [
        (number, one)
        for number, message, domain, search in given
        if message in _FROM_SERVER
        for one in (domain, *(search or "").split(","))
        if one
    ]
    for row in np.flatnonzero((heard["protocol"] == "ndp") & (heard["service"] == "router")).tolist():
        shown = dict(part.partition("=")[::2] for part in heard["text"][row].split(";"))
        domains += [(int(heard["input"][row]), one) for one in shown.get("search", "").split()]
    return {
        (hosts.lans.get(number, f"input {number}"), company)
        for number, domain in set(domains)
        if (company := _company(domain))
    }


def _company(domain: str) -> str | None:
    """The company part of a domain: the label before the public suffix, or before an ending such as ``.local``."""
    registered = registrable_domain(domain)
    labels = (registered or domain).strip(".").lower().split(".")
    return (labels[0] if registered else labels[-2]) if len(labels) > 1 else None


def _by_mac(hosts: Hosts) -> dict[tuple[int, str | None], int]:
    return {(host.input, host.mac): index for index, host in enumerate(hosts.hosts) if host.mac}


def _by_address(hosts: Hosts) -> dict[tuple[int, str], int]:
    return {(host.input, address): index for index, host in enumerate(hosts.hosts) for address in host.addresses}


def _lease_tenants(tables: Tables, hosts: Hosts, note: Note) -> None:
    """Fully qualified names that clients give the DHCP server: what follows the host's own label."""
    leases, macs = tables[DhcpRequest], _by_mac(hosts)
    for row in range(len(leases)):
        for name in (leases["fqdn"][row], leases["host_name"][row]):
            if name and "." in name.strip("."):
                at = macs.get((int(leases["input"][row]), leases["mac"][row]))
                note(
                    at,
                    _company(name.strip(".").partition(".")[2]),
                    "dhcp",
                    int(leases["packet"][row]),
                    leases["ts"][row],
                )


def _announced_tenants(tables: Tables, hosts: Hosts, note: Note) -> None:
    """NetBIOS domains that hosts register or announce."""
    heard, macs = tables[Announcement], _by_mac(hosts)
    for row in np.flatnonzero(np.isin(heard["protocol"], ("nbns", "browser"))):
        domain = heard["domain"][row]
        if domain:
            at = macs.get((int(heard["input"][row]), heard["mac"][row]))
            note(at, domain.lower(), str(heard["protocol"][row]), int(heard["packet"][row]), heard["ts"][row])


def _asked_tenants(tables: Tables, hosts: Hosts, note: Note) -> None:
    """Directory servers, proxies and enrolment services that only members of a company look for."""
    asked, addresses = tables[NameQuery], _by_address(hosts)
    names = asked["name"].tolist()
    meant = {name: sign for name in set(names) if (sign := _asked_for(name))[0]}
    for row, name in enumerate(names):
        if name in meant:
            tenant, layer = meant[name]
            at = addresses.get((int(asked["input"][row]), asked["client"][row]))
            note(at, tenant, layer, int(asked["packet"][row]), asked["ts"][row])


def _asked_for(name: str) -> tuple[str | None, str]:
    """Company and layer that a name query tells of."""
    directory, discovery = _DIRECTORY.match(name), _DISCOVERY.match(name)
    if directory:
        return _company(directory["domain"]), "ldap"
    if discovery:
        return _company(discovery["domain"]), "wpad" if name.startswith("wpad.") else "discovery"
    return _tenant_label(name), "dns"


def _served_tenants(tables: Tables, hosts: Hosts, note: Note) -> None:
    """Tenant names in the server names of TLS connections."""
    shown = tables[Tls]
    names = shown["server_name"].tolist()
    tenants = {name: tenant for name in set(names) if name and (tenant := _tenant_label(name))}
    rows = flow_rows_of(shown, tables)
    for row, name in enumerate(names):
        if name in tenants and hosts.orig[rows[row]] >= 0:
            note(int(hosts.orig[rows[row]]), tenants[name], "sni", int(shown["packet"][row]), shown["ts"][row])


def _tenant_label(name: str) -> str | None:
    for suffix in _TENANT_SUFFIXES:
        if name.endswith(suffix):
            label = name.removesuffix(suffix).split(".")[-1]
            label = label.removesuffix("-my")
            return label if label and label not in _SHARED_LABELS else None
    return None


def _office_like(tables: Tables, hosts: Hosts) -> set[int]:
    """Hosts that look like managed office computers: a company's domain, a NetBIOS domain, or a directory search."""
    found: set[int] = set()
    handed = _handed_out(tables, hosts)

    def note(index: int | None, tenant: str | None, layer: str, packet: int, ts: Any) -> None:  # noqa: ARG001  (the callback's shape)
        if index is None or not tenant or tenant in _NO_TENANT or layer in ("dns", "sni"):
            return
        if layer not in _APPENDED or (hosts.lan_of(hosts.hosts[index]), tenant) not in handed:
            found.add(index)

    for source in (_lease_tenants, _announced_tenants, _asked_tenants):
        source(tables, hosts, note)
    return found
