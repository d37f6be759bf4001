"""``Knowledge``: everything known, with one matcher per layer.

Matchers take what a decoder or collector read and return every fact it meets as ``Match`` objects, strongest sign
first, without the vendor's shop window (``Sign.WEB``). Hosts, texts and addresses are normalised here; callers pass
them as seen. Matchers never fail on input: what is not a name or address meets nothing.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property, lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from farmwatch.errors import KnowledgeError
from farmwatch.knowledge.domains import DomainIndex, normal_domain
from farmwatch.knowledge.entries import ENDPOINT_LAYERS, Entry, Fact, Layer, Match, Sign, StunBeacon, TunnelMtu
from farmwatch.knowledge.loading import Document, Merged, merge, parse_port, read_document
from farmwatch.knowledge.oui import MakerNames, OuiIndex
from farmwatch.knowledge.patterns import ConditionIndex, TextIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Knowledge", "knowledge_version", "load_knowledge"]

#: Shipped knowledge; files under ``endpoint`` hold only what an endpoint shows and are read when first needed.
_DATA = Path(__file__).parent / "data"

_WIDE = 1000  #: ports; a range this wide tells nothing of who uses one of them

_PROGRAM_END = re.compile(r"(?i)(?:\.app| \(deleted\))\Z")
_UNIT_END = re.compile(r"(?i)\.(?:service|socket)\Z")
_BUNDLE = re.compile(r"(?i)\.app(?=/)")
_MOST_BUNDLES = 4  #: inside each other

_MEASURE = {Sign.SESSION: 0, Sign.PRESENCE: 1, Sign.WEB: 2}


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _with_and_without(end: re.Pattern[str], text: str) -> tuple[str, ...]:
    shorter = end.sub("", text)
    return (text,) if shorter == text else (text, shorter)


def _ranked(matches: Iterable[Match]) -> tuple[Match, ...]:
    return tuple(sorted((m for m in matches if m.fact.sign is not Sign.WEB), key=lambda m: _MEASURE[m.fact.sign]))


class Knowledge:
    """What tools, devices and services look like. Make one with ``load_knowledge``."""

    def __init__(self, quick: Merged, own: Sequence[Document], version: str, ieee_lists: Sequence[Path] = ()) -> None:
        self._quick = quick
        self._own = tuple(own)
        self._makers = MakerNames(ieee_lists)
        self.version = version

    # ---- entries ----

    @property
    def entries(self) -> Mapping[str, Entry]:
        """Entries by id with the facts a capture shows. ``complete`` has the endpoint facts as well."""
        return self._quick.entries

    @cached_property
    def complete(self) -> Mapping[str, Entry]:
        """All entries with all facts, endpoint layers included; read on first use."""
        return merge([*_shipped_documents(), *_shipped_endpoint_documents(), *self._own]).entries

    @property
    def beacons(self) -> tuple[StunBeacon, ...]:
        """NAT tests that devices repeat while idle."""
        return self._quick.beacons

    @property
    def tunnel_mtus(self) -> tuple[TunnelMtu, ...]:
        """How tunnels shrink packets."""
        return self._quick.mtus

    def entry(self, entry_id: str) -> Entry | None:
        """The entry of this id with network facts, or None."""
        return self._quick.entries.get(entry_id)

    def find(self, name: str) -> Entry | None:
        """The entry of this id, name or alias, without regard to case, with all facts; None where there is none."""
        return self.complete.get(self._names.get(name.strip().casefold(), ""))

    @cached_property
    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for entry in self.complete.values():
            names.update(dict.fromkeys((alias.casefold() for alias in entry.aliases), entry.id))
        for entry in self.complete.values():
            names.update({entry.name.casefold(): entry.id, entry.id: entry.id})
        return names

    def facts_of(self, entry_id: str, *layers: Layer) -> tuple[Fact, ...]:
        """All facts of an entry, or those of some layers; empty for an unknown id."""
        source = self.complete if not layers or ENDPOINT_LAYERS & set(layers) else self.entries
        entry = source.get(entry_id)
        return tuple(fact for fact in entry.facts if not layers or fact.layer in layers) if entry else ()

    def tunnels_for_mss(self, mss: int, ip_version: int) -> tuple[TunnelMtu, ...]:
        """Tunnels whose inner MTU gives exactly this MSS (bytes) over IPv4 (4) or IPv6 (6)."""
        return tuple(t for t in self.tunnel_mtus if mss == (t.mss_ipv4 if ip_version == 4 else t.mss_ipv6))

    # ---- layers a capture shows ----

    def _layer(self, layer: Layer) -> list[tuple[str, Match]]:
        source = self.complete if layer in ENDPOINT_LAYERS else self.entries
        return [
            (fact.value, Match(entry, fact, ""))
            for entry in source.values()
            for fact in entry.facts
            if fact.layer is layer
        ]

    @cached_property
    def _domains(self) -> DomainIndex[Match]:
        return DomainIndex(self._layer(Layer.DOMAIN))

    def match_domain(self, name: str) -> tuple[Match, ...]:
        """Facts a DNS name, TLS server name or HTTP host meets.

        A fact naming the host itself beats a wildcard of the same vendor; a host that is known to be the vendor's web
        site meets nothing of that vendor.
        """
        seen = normal_domain(name)
        if not seen:
            return ()
        found = self._domains.find(seen)
        return self._nearest(found, seen) if found else ()

    def domain_owners(self, name: str) -> set[str]:
        """Ids of all entries with a fact about a name, the vendor's web site included."""
        return {match.entry.id for match in self._domains.find(normal_domain(name))}

    @staticmethod
    def _nearest(found: list[Match], seen: str) -> tuple[Match, ...]:
        nearest: dict[str, str] = {}  # vendor -> value of its most specific fact, which comes first
        return _ranked(
            Match(match.entry, match.fact, seen)
            for match in found
            if nearest.setdefault(match.entry.vendor, match.fact.value) == match.fact.value
        )

    @cached_property
    def _ports(self) -> dict[tuple[str, int], list[Match]]:
        table: dict[tuple[str, int], list[Match]] = {}
        for value, match in self._layer(Layer.PORT):
            protocol, low, high = parse_port(value) or ("", 1, 0)
            for port in range(low, high + 1) if high - low < _WIDE else ():
                table.setdefault((protocol, port), []).append(match)
        return table

    def match_ports(self, protocol: str, port: int) -> tuple[Match, ...]:
        """Entries known to use a port (``tcp`` or ``udp``). Candidates only: none of them ever fires alone.

        A range of a thousand ports or more meets nothing: anything lands in it.
        """
        found = self._ports.get((protocol, port))
        return _ranked(Match(m.entry, m.fact, f"{protocol}/{port}") for m in found) if found else ()

    @cached_property
    def _networks(self) -> list[tuple[int, int, int, Match]]:
        """IP version, first and last address as numbers: comparing them is ten times faster than asking a network."""
        from ipaddress import ip_network

        blocks = [(ip_network(value), match) for value, match in self._layer(Layer.NETWORK)]
        return [(one.version, int(one.network_address), int(one.broadcast_address), match) for one, match in blocks]

    def match_address(self, address: str) -> tuple[Match, ...]:
        """Services that publish the address block an IP address lies in. Candidates only."""
        from ipaddress import ip_address

        try:
            ip = ip_address(address)
        except ValueError:
            return ()
        version, number = ip.version, int(ip)
        found = [m for kind, low, high, m in self._networks if low <= number <= high and kind == version]
        return _ranked(Match(m.entry, m.fact, address) for m in found) if found else ()

    @cached_property
    def _certificates(self) -> ConditionIndex[Match]:
        return ConditionIndex(self._layer(Layer.CERT))

    def match_certificate(self, *, subject_cn: str = "", subject_org: str = "", subject_ou: str = "",
                          issuer_cn: str = "", issuer_org: str = "", issuer_ou: str = "", sha256: str = "",
                          names: Sequence[str] = ()) -> tuple[Match, ...]:  # fmt: skip
        """Facts a peer's X.509 certificate meets.

        Args:
            subject_cn: common name of the subject; the next four likewise.
            subject_org: organisation.
            subject_ou: organisational unit.
            issuer_cn: common name of the issuer.
            issuer_org: organisation of the issuer.
            issuer_ou: organisational unit of the issuer.
            sha256: hex digest of the certificate.
            names: DNS names it is for; compared as domains, ``*.x`` standing for any host below ``x``.
        """
        seen = {"subject.cn": subject_cn, "subject.o": subject_org, "subject.ou": subject_ou, "issuer.cn": issuer_cn,
                "issuer.o": issuer_org, "issuer.ou": issuer_ou, "sha256": sha256.replace(":", "")}  # fmt: skip
        shown = f"subject {subject_cn or subject_org}, issuer {issuer_cn or issuer_org}"
        found = [Match(m.entry, m.fact, shown) for m in self._certificates.find(seen)]
        for name in names:
            host = "any" + name[1:] if name.startswith("*.") else name
            found.extend(self.match_domain(host))
        return _ranked({(m.entry.id, m.fact): m for m in found}.values())

    @cached_property
    def _texts(self) -> dict[Layer, TextIndex[Match]]:
        return {}

    def _match_text(self, layer: Layer, *texts: str) -> tuple[Match, ...]:
        if layer not in self._texts:
            self._texts[layer] = TextIndex(self._layer(layer))
        index = self._texts[layer]
        return _ranked(Match(m.entry, m.fact, text) for text in texts if text for m in index.find(text))

    def _match_name(self, layer: Layer, *spellings: str) -> tuple[Match, ...]:
        """Facts a name meets; an entry that has the very name beats the patterns of others."""
        found = self._match_text(layer, *spellings)
        exact = {match.entry.id for match in found if match.fact.value.lower() == match.seen.lower()}
        return tuple(match for match in found if match.entry.id in exact) if exact else found

    @cached_property
    def _conditions(self) -> dict[Layer, ConditionIndex[Match]]:
        return {}

    def _match_conditions(self, layer: Layer, seen: Mapping[str, str | Sequence[str]]) -> tuple[Match, ...]:
        if layer not in self._conditions:
            self._conditions[layer] = ConditionIndex(self._layer(layer))
        shown = ", ".join(
            f"{key} {text if isinstance(text, str) else ' '.join(text)}" for key, text in seen.items() if text
        )
        return _ranked(Match(m.entry, m.fact, shown) for m in self._conditions[layer].find(seen))

    def match_alpn(self, *protocols: str) -> tuple[Match, ...]:
        """Facts the application protocols offered in TLS or QUIC meet."""
        return self._match_text(Layer.ALPN, *protocols)

    def match_ja4(self, ja4: str) -> tuple[Match, ...]:
        """Facts a JA4 fingerprint meets; they never fire alone."""
        return self._match_text(Layer.JA4, ja4)

    @cached_property
    def _ouis(self) -> OuiIndex:
        return OuiIndex(self._layer(Layer.OUI))

    def match_oui(self, mac: str) -> tuple[Match, ...]:
        """Entries whose maker's block a MAC lies in, longest block first; nothing for locally administered ones."""
        return tuple(Match(m.entry, m.fact, mac) for m in self._ouis.find(mac))

    def maker(self, mac: str) -> str:
        """Who the MAC's block was sold to, for display; empty where unknown or locally administered."""
        return self._makers.name(mac)

    def match_dhcp(self, hostname: str = "", vendor_class: str = "",
                   parameters: Sequence[int] = ()) -> tuple[Match, ...]:  # fmt: skip
        """Facts a DHCP client's options 12, 60 and 55 meet."""
        listed = ",".join(str(number) for number in parameters)
        host = hostname.partition(".")[0]
        return self._match_conditions(
            Layer.DHCP, {"hostname": host, "vendor_class": vendor_class, "parameters": listed}
        )

    def match_mdns(self, service: str = "", instance: str = "", host: str = "",
                   txt: Sequence[str] = ()) -> tuple[Match, ...]:  # fmt: skip
        """Facts an mDNS announcement meets.

        Args:
            service: type such as ``_pikvm._tcp``, with or without ``.local``.
            instance: name before the type.
            host: host name announced, with ``.local``.
            txt: ``key=value`` texts of the TXT record.
        """
        kind = service.rstrip(".").removesuffix(".local")
        return self._match_conditions(
            Layer.MDNS, {"service": kind, "instance": instance, "host": host.rstrip("."), "txt": txt}
        )

    def match_ssdp(self, server: str = "", name: str = "") -> tuple[Match, ...]:
        """Facts the server line and friendly name of an SSDP announcement meet.

        Maker and model stand in the description that an announcement points to, which a capture seldom holds.
        """
        return self._match_conditions(Layer.SSDP, {"server": server, "name": name})

    def match_http(self, *, title: str = "", path: str = "", headers: Sequence[tuple[str, str]] = (),
                   favicon_md5: str = "", favicon_mmh3: int | None = None) -> tuple[Match, ...]:  # fmt: skip
        """Facts one HTTP exchange meets, over all its layers.

        Args:
            title: title of the page.
            path: request path; a query is ignored.
            headers: response headers; values are compared as ``name: value``.
            favicon_md5: hex MD5 of the icon.
            favicon_mmh3: MurmurHash3 of the icon's base64, as Shodan computes it.
        """
        icons = (f"md5:{favicon_md5.lower()}" if favicon_md5 else "",
                 f"mmh3:{favicon_mmh3}" if favicon_mmh3 is not None else "")  # fmt: skip
        return _ranked(
            (
                *self._match_text(Layer.HTTP_TITLE, title.strip()),
                *self._match_text(Layer.HTTP_HEADER, *(f"{name}: {value}" for name, value in headers)),
                *self._match_text(Layer.FAVICON, *icons),
                *self._match_text(Layer.HTTP_PATH, path.partition("?")[0]),
            )
        )

    # ---- layers an endpoint shows ----

    def match_process(self, name: str) -> tuple[Match, ...]:
        """Facts an executable's name meets.

        Folders before the name are ignored; so are ``.app`` of a bundle and ``(deleted)``, which Linux puts behind the
        name of a running program whose file was replaced (proc(5)).
        """
        return self._match_name(Layer.PROCESS, *_with_and_without(_PROGRAM_END, _file_name(name)))

    def match_path(self, path: str) -> tuple[Match, ...]:
        """Facts a file path meets.

        Backslash and slash are the same, and a drive or root before it is optional. A file in a bundle meets what is
        known of the bundle's folder.
        """
        path = path.replace("\\", "/")
        bundles = [path[: found.end()] for found in islice(_BUNDLE.finditer(path), _MOST_BUNDLES)]
        return self._match_text(Layer.PATH, path, *bundles)

    def match_service(self, name: str) -> tuple[Match, ...]:
        """Facts a service's name meets: a Windows service, a launchd label, a systemd unit with or without its type."""
        return self._match_name(Layer.SERVICE, *_with_and_without(_UNIT_END, name))

    def match_package(self, name: str) -> tuple[Match, ...]:
        """Facts a package's name or an application's bundle identifier meets."""
        return self._match_name(Layer.PACKAGE, name)

    def match_command(self, line: str) -> tuple[Match, ...]:
        """Facts a command line meets."""
        return self._match_text(Layer.COMMAND, line)

    def match_signer(self, subject: str) -> tuple[Match, ...]:
        """Facts the subject of a code-signing certificate meets."""
        return self._match_text(Layer.SIGNER, subject)

    def match_usb(self, fields: Mapping[str, str]) -> tuple[Match, ...]:
        """Facts a USB device's descriptors meet; keys as ``CONDITION_KEYS[Layer.USB]``, ids as four hex digits."""
        return self._match_conditions(Layer.USB, fields)

    def match_hid(self, descriptor: str, use: str = "") -> tuple[Match, ...]:
        """Facts a HID report descriptor meets.

        Args:
            descriptor: its SHA-256 in hex; the first 16 digits suffice.
            use: ``keyboard``, ``absolute pointer`` or ``relative mouse`` where known.
        """
        uses = (use,) if use else ("keyboard", "absolute pointer", "relative mouse")
        return self._match_conditions(Layer.HID, {"descriptor": descriptor.lower()[:16], "use": uses})

    def match_edid(self, fields: Mapping[str, str]) -> tuple[Match, ...]:
        """Facts a display's identity meets; keys as ``CONDITION_KEYS[Layer.EDID]``, product as four hex digits."""
        return self._match_conditions(Layer.EDID, fields)


@lru_cache(maxsize=1)
def _shipped_documents() -> tuple[Document, ...]:
    return tuple(read_document(path) for path in sorted(_DATA.glob("*.toml")))


@lru_cache(maxsize=1)
def _shipped_endpoint_documents() -> tuple[Document, ...]:
    return tuple(read_document(path) for path in _endpoint_files())


def _endpoint_files() -> list[Path]:
    return sorted((_DATA / "endpoint").glob("*.toml"))


def _place_files() -> list[Path]:
    """Countries, kinds of networks and regions, which modules of their own read: they are part of what is known."""
    return sorted((_DATA / "places").glob("*.json"))


def load_knowledge(own: Sequence[Path] = (), ieee_lists: Sequence[Path] = ()) -> Knowledge:
    """Load the shipped knowledge and then the user's files, later ones winning.

    Args:
        own: TOML files that add, override or switch off entries.
        ieee_lists: IEEE ``oui.csv``, ``mam.csv``, ``oui36.csv`` for makers' names.

    Raises:
        KnowledgeError: with every fault found.
    """
    return _load(tuple(own), tuple(ieee_lists)) if own or ieee_lists else _shipped_knowledge()


@lru_cache(maxsize=1)
def _shipped_knowledge() -> Knowledge:
    return _load((), ())


def _load(own: tuple[Path, ...], ieee_lists: tuple[Path, ...]) -> Knowledge:
    added = _read_all(own)
    documents = (*_shipped_documents(), *added)
    digest = hashlib.sha256(b"".join(document.digest for document in documents))
    for path in (*_endpoint_files(), *_place_files()):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return Knowledge(merge(documents), added, digest.hexdigest()[:12], ieee_lists)


def _read_all(paths: Iterable[Path]) -> list[Document]:
    """Read files, reporting the faults of all of them together."""
    documents: list[Document] = []
    bad: list[KnowledgeError] = []
    for path in paths:
        try:
            documents.append(read_document(path))
        except KnowledgeError as error:
            bad.append(error)
    if len(bad) == 1:
        raise bad[0]
    if bad:
        raise KnowledgeError("knowledge", [f"{error.path}: {fault}" for error in bad for fault in error.faults])
    return documents


def knowledge_version() -> str:
    """Short hash over all shipped knowledge, for the report."""
    return _shipped_knowledge().version
