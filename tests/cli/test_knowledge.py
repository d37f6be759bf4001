"""``farmwatch knowledge``: list, show, check."""

from __future__ import annotations

import json

from farmwatch.cli.exits import Exit
from farmwatch.knowledge import load_knowledge


def test_list_has_every_entry_once_a_line(cli):
    """Id, kind and name, tab-separated, for grep and cut."""
    lines = cli("knowledge", "list").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == sorted(load_knowledge().complete)
    assert all(len(line.split("\t")) == 3 for line in lines)


def test_list_of_one_kind(cli):
    """``--kind`` selects; an unknown kind lists those there are."""
    lines = cli("knowledge", "list", "--kind", "kvm").out.splitlines()
    assert lines
    assert {line.split("\t")[1] for line in lines} == {"kvm"}
    ran = cli("knowledge", "list", "--kind", "toaster")
    assert ran.code == Exit.USAGE
    assert "kvm" in ran.err


def test_show_gives_facts_with_grade_and_source(cli):
    """Every fact says how sure it is and where it was read."""
    shown = " ".join(cli("knowledge", "show", "pikvm").out.split())
    assert shown.startswith("pikvm: PiKVM")
    assert "grade high" in shown
    assert "Benign reasons:" in shown


def test_show_takes_any_name_and_tells_all_that_is_known(cli):
    """By name or alias, in any case; what an idle device asks and how a tunnel shrinks packets are facts as well."""
    shown = " ".join(cli("knowledge", "show", "PiKVM").out.split())
    assert "stun.l.google.com:19302 every 10 to 60 s" in shown
    assert "MSS of 1253 over IPv4" in " ".join(cli("knowledge", "show", "Astrill").out.split())
    assert "NAT" not in cli("knowledge", "show", "jetkvm").out.partition("idle:")[2]


def test_show_of_an_unknown_id_suggests_one(cli):
    """A typo is answered with the id that is there."""
    ran = cli("knowledge", "show", "pikvn")
    assert ran.code == Exit.USAGE
    assert "pikvm" in ran.err


def test_check_lists_all_faults_with_code_4(cli, tmp_path):
    """A wrong file is refused whole, every fault named."""
    own = tmp_path / "own.toml"
    own.write_text('[[entry]]\nid = "x y"\n\n[[entry]]\nid = "z z"\n')
    ran = cli("knowledge", "check", own)
    assert ran.code == Exit.CONFIG
    assert ran.err.count("own.toml") >= 2


def test_check_of_the_empty_file_is_fine(cli, tmp_path):
    """No entries are no faults."""
    own = tmp_path / "own.toml"
    own.write_text("")
    ran = cli("knowledge", "check", own)
    assert ran.code == Exit.OK
    assert "no faults" in ran.err


def test_check_of_a_missing_file_is_usage(cli, tmp_path):
    """A path that is not there is the caller's mistake."""
    assert cli("knowledge", "check", tmp_path / "none.toml").code == Exit.USAGE


def test_import_writes_a_file_that_check_accepts(cli, tmp_path):
    """A LOLRMM export becomes a knowledge file; what was left out is said with its reason."""
    export, own = tmp_path / "lolrmm.json", tmp_path / "own.toml"
    tool = {
        "Name": "Brand New Remote",
        "Category": "RMM",
        "Artifacts": {"Network": [{"Domains": ["relay.brandnewremote.example"], "Ports": [443]}]},
    }
    export.write_text(json.dumps([tool]))
    ran = cli("knowledge", "import", export, "-o", own)
    assert ran.code == Exit.OK, ran.err
    assert "1 tools: 1 new facts" in ran.err
    assert "left out" in ran.err
    assert cli("knowledge", "check", own).code == Exit.OK
    shown = cli("knowledge", "list", "--knowledge", own).out
    assert "Brand New Remote" in shown
