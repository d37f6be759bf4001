"""Tables from short entries: columns left out are empty, zero or absent, times are in seconds."""

from __future__ import annotations

from farmwatch.records import DERIVED_TABLES, NETWORK_TABLES, TELEMETRY_TABLES, Rows, Tables

RECORDS = {record.table: record for record in (*NETWORK_TABLES, *TELEMETRY_TABLES, *DERIVED_TABLES)}
EMPTY = {str: "", int: 0, float: 0.0, bool: False}


def table_of(name, entries):
    """A table from dictionaries."""
    record = RECORDS[name]
    rows = Rows(record)
    for entry in entries:
        unknown = entry.keys() - record.columns.keys()
        assert not unknown, f"{name} has no column {', '.join(sorted(unknown))}"
        values = {}
        for column in record.columns.values():
            given = entry.get(column.name)
            if column.type not in EMPTY:
                values[column.name] = None if given is None and column.absent else int((given or 0) * 1e9)
            else:
                values[column.name] = given if given is not None or column.absent else EMPTY[column.type]
        rows.add(**values)
    return rows.table()


def tables_of(**entries):
    """Tables by name."""
    return Tables(table_of(name, listed) for name, listed in entries.items())


def turned(tables):
    """The same tables with their rows in the opposite order."""
    return Tables(table.where(range(len(table) - 1, -1, -1)) for table in tables)


class Net:
    """A small network on which things are said: builds the tables a capture of it would give."""

    def __init__(self, number=0, *, gateway="3c:a6:2f:00:00:01"):
        self.number = number
        self.gateway = gateway
        self.macs = {}
        self.rows = {"inputs": [{"input": number, "path": f"{number}.pcap", "sha256": "ab" * 32, "kind": "pcap",
                                 "packets": 1, "first_ts": 0, "last_ts": 3600, "complete": True}],
                     "flows": [], "hosts": []}  # fmt: skip

    def host(self, mac, *addresses):
        """A host on the link."""
        for address in addresses:
            self.macs[address] = mac
        return addresses[0]

    def _seen(self, address, mac, ttl, packets):
        here = [row for row in self.rows["hosts"] if (row["mac"], row["address"]) == (mac, address)]
        known = here[0] if here else None
        if known is None:
            at = len(self.rows["hosts"])
            known = {"input": self.number, "mac": mac, "address": address, "first_ts": at,
                     "ttl": ttl, "packets": 0}  # fmt: skip
            self.rows["hosts"].append(known)
        known["packets"] += packets

    def flow(self, orig, resp, port=443, *, hops=12, **columns):
        """A flow; ends that are not hosts on the link are behind the gateway, ``hops`` routers away."""
        number = len(self.rows["flows"])
        row = {
            "input": self.number,
            "flow": number,
            "ts": 10 * number,
            "last_ts": 10 * number + 5,
            "proto": "tcp",
            "orig_h": orig,
            "orig_p": 50000 + number,
            "resp_h": resp,
            "resp_p": port,
            "first_packet": 10 * number + 1,
            "last_packet": 10 * number + 9,
            "orig_pkts": 10,
            "resp_pkts": 10,
            "established": True,
        }
        for side, address in (("orig", orig), ("resp", resp)):
            linked = address in self.macs
            row[f"{side}_mac"] = self.macs.get(address, self.gateway)
            row[f"{side}_ttl"] = 64 if linked else 64 - hops
            if columns.get(f"{side}_pkts", 10) and row[f"{side}_mac"]:
                self._seen(address, row[f"{side}_mac"], row[f"{side}_ttl"], 10)
        self.rows["flows"].append(row | columns)
        return number

    def add(self, table, **columns):
        """A row of any other table."""
        self.rows.setdefault(table, []).append({"input": self.number} | columns)

    def tables(self):
        """Everything said so far."""
        for row in self.rows["inputs"]:
            row["flows"] = len(self.rows["flows"])
        return tables_of(**self.rows)
