from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from farmwatch.errors import KnowledgeError
from farmwatch.knowledge import Knowledge, Layer, Sign, load_knowledge
from farmwatch.knowledge.lolrmm import import_lolrmm

Write = Callable[..., Path]


def tool(name: str, domains: list[str], **more: Any) -> dict[str, Any]:
    """A tool as LOLRMM's rmm_tools.json has it."""
    return {
        "Name": name,
        "Category": "RMM",
        "Details": {
            "Website": "https://example.com",
            "PEMetadata": [{"Filename": "", "OriginalFileName": "newagent.exe"}],
            "InstallationPaths": ["C:\\Program Files\\NewTool\\*", "newtool.exe", None],
        },
        "Artifacts": {
            "Disk": [{"File": "C:\\ProgramData\\NewTool\\log.txt", "OS": "Windows"}],
            "EventLog": [{"EventID": 7045, "ServiceName": "NewToolService"}],
            "Registry": None,
            "Network": [{"Description": "Known remote domains", "Domains": domains, "Ports": [443, "7777"]}],
        },
        **more,
    }


def load_back(text: str, write: Write) -> Knowledge:
    return load_knowledge([write(text, "imported.toml")])


def test_a_new_tool_becomes_an_entry(knowledge: Knowledge, write: Write) -> None:
    path = write(json.dumps([tool("New “Tool” \u007f", ["relay1.newtool.example", "www.newtool.example"])]), "rmm.json")
    text, summary = import_lolrmm(path, knowledge)
    assert (summary.tools, summary.new_entries, summary.extended_entries) == (1, 1, 0)
    own = load_back(text, write)
    (match,) = own.match_domain("relay1.newtool.example")
    assert match.sign is Sign.SESSION
    assert own.match_domain("www.newtool.example") == ()
    assert {m.id for m in own.match_process("newagent.exe")} == {match.id}
    assert {m.id for m in own.match_service("NewToolService")} == {match.id}
    assert {m.id for m in own.match_path("C:/Program Files/NewTool/bin/x.dll")} == {match.id}
    assert {m.id for m in own.match_ports("tcp", 7777)} == {match.id}
    assert summary.left_out["port half the net uses"] == 1
    assert match.entry.name.startswith("New “Tool”")


def test_a_known_tool_gets_only_what_is_new(knowledge: Knowledge, write: Write) -> None:
    """Facts graded by hand stay as they are; the host of another tool is not taken over."""
    item = tool("AnyDesk", ["*.anydesk.com", "boot.net.anydesk.com", "router15.teamviewer.com", "eu.newdesk.example"])
    text, summary = import_lolrmm(write(json.dumps([item]), "rmm.json"), knowledge)
    assert (summary.new_entries, summary.extended_entries) == (0, 1)
    own = load_back(text, write)
    assert {m.id for m in own.match_domain("eu.newdesk.example")} == {"anydesk"}
    assert {m.id for m in own.match_domain("router15.teamviewer.com")} == {"teamviewer"}
    assert own.entries["anydesk"].name == "AnyDesk"
    assert (
        own.match_domain("boot.net.anydesk.com")[0].source == knowledge.match_domain("boot.net.anydesk.com")[0].source
    )
    assert summary.left_out["host of another known tool"] == 1


def test_an_import_of_what_is_shipped_brings_nothing(knowledge: Knowledge, write: Write) -> None:
    item = {"Name": "RustDesk", "Artifacts": {"Network": [{"Domains": ["rs-ny.rustdesk.com", "user_managed"]}]}}
    text, summary = import_lolrmm(write(json.dumps(item), "rmm.json"), knowledge)
    assert summary.facts == 0
    assert "[[entry]]" not in text


def test_the_csv_of_tools_is_read_like_the_json(knowledge: Knowledge, tmp_path: Path) -> None:
    item = tool("New Tool", ["agents.newtool.example"])
    path = tmp_path / "rmm_tools.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(["Name", "Category", "Filename", "OriginalFileName", "InstallationPaths", "Artifacts"])
        rows.writerow(["New Tool", "RMM", "", "newagent.exe", "C:\\Program Files\\NewTool\\*, newtool.exe",
                       json.dumps(item["Artifacts"])])  # fmt: skip
    as_json = tmp_path / "rmm_tools.json"
    as_json.write_text(json.dumps([item]))
    assert import_lolrmm(path, knowledge)[0] == import_lolrmm(as_json, knowledge)[0]


def test_the_list_of_domains_is_read(knowledge: Knowledge, write: Write) -> None:
    path = write("URI,RMM_Tool\nagents.newtool.example,New Tool\n*.newtool.example,New Tool\n,\n", "rmm_domains.csv")
    text, summary = import_lolrmm(path, knowledge)
    assert summary.facts == 2
    assert load_back(text, write).match_domain("agents.newtool.example")


def test_the_flat_list_is_read(knowledge: Knowledge, write: Write) -> None:
    text = (
        "tool,category,layer,value,source\n"
        "New Tool,RAT,domain,agents.newtool.example,page 3\n"
        "New Tool,RAT,path,newtool.exe,page 3\n"
        "New Tool,RAT,registry,HKLM\\x,page 3\n"
    )
    made, summary = import_lolrmm(write(text, "flat.csv"), knowledge)
    own = load_back(made, write)
    (match,) = own.match_domain("agents.newtool.example")
    assert (match.source, str(match.entry.kind)) == ("page 3", "remote_access")
    assert {fact.layer for fact in own.facts_of(match.id)} == {Layer.DOMAIN, Layer.PROCESS}
    assert summary.facts == 2


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "holds no tool"),
        ("[]", "holds no tool"),
        ("[{]", "neither JSON nor CSV"),
        ("a,b\n1,2\n", "holds no tool"),
        ("Name,Artifacts\nX,{broken\n", "neither JSON nor CSV"),
        ("- Name: AnyDesk\n", "holds no tool"),
    ],
)
def test_other_files_are_refused(knowledge: Knowledge, write: Write, text: str, part: str) -> None:
    with pytest.raises(KnowledgeError, match=part):
        import_lolrmm(write(text, "x.json"), knowledge)


@pytest.mark.parametrize("value", [None, 7, "x", ["x"], {"a": 1}])
def test_unexpected_shapes_inside_a_tool_are_passed_over(knowledge: Knowledge, write: Write, value: Any) -> None:
    items = [{"Name": "New Tool", "Details": value, "Artifacts": value},
             {"Name": "Other", "Artifacts": {"Disk": value, "EventLog": value, "Network": value}}, value]  # fmt: skip
    text, _ = import_lolrmm(write(json.dumps(items), "x.json"), knowledge)
    load_back(text, write)


def test_hostile_values_stay_inside_their_quotes(knowledge: Knowledge, write: Write) -> None:
    name = 'x"]\n[[entry]]\nid = "anydesk"\ndisabled = true\n#\\'
    item = {"Name": name, "Artifacts": {"EventLog": [{"ServiceName": name}]}}
    text, _ = import_lolrmm(write(json.dumps(item), "x.json"), knowledge)
    assert "anydesk" in load_back(text, write).entries


def test_files_that_cannot_be_read_are_refused(knowledge: Knowledge, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="cannot be read"):
        import_lolrmm(tmp_path / "none.json", knowledge)
    (tmp_path / "bad.json").write_bytes(b"\xff\xff")
    with pytest.raises(KnowledgeError, match="is not UTF-8"):
        import_lolrmm(tmp_path / "bad.json", knowledge)
