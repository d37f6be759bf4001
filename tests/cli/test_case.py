"""``farmwatch case``: what is listed and shown, what a decision says and does, and what is refused."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from farmwatch.analysis.fleet.weights import Weights
from farmwatch.cli.exits import Exit
from farmwatch.records import Claim, DeviceFact, Family, FarmMember, FoundFarm, Table, Telling
from farmwatch.records.arrow import to_arrow
from farmwatch.store.forget import forget
from tests.analysis.fleet.kept import TS, hit
from tests.cli.case_store import keep_run, new_store, roster

KVM = hit(
    group="kvm", summary="a USB device names itself PiKVM", observed="1d6b:0104 PiKVM \x1b[31mComposite",
    expected="keyboards of ordinary makers", benign=("a hobbyist's own KVM",),
    telling=(Telling("usb_devices", "2026-03-03T00:00:00Z", "2026-03-05T00:00:00Z", 5, ("r1", "r2")),),
)  # fmt: skip
TOOL = hit("tool.unattended", 15.0, grade="service", family=Family.NAMES, summary="AnyDesk waits for its owner")
EDID = hit("edid.kvm", 20.0, grade="identity", family=Family.PLACE, summary="a screen names itself PiKVM")
SITE = hit("farm.site", 24.0, grade="tie", claim=Claim.FARM, family=Family.PLACE, summary="7 laptops share a gateway")
LAN = hit("lan.neighbours", 22.0, grade="seen", claim=Claim.FARM, family=Family.NAMES, summary="3 laptops on one LAN")


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store whose last assessment has two cases, one of them in a farm, and two devices without."""
    made = new_store(tmp_path)
    keep_run(
        made,
        {"lt-0142": [KVM, TOOL], "lt-0143": [KVM, EDID, SITE, LAN], "lt-0200": [TOOL], "lt-0201": []},
        farms={"lt-0143": "farm-7", "lt-0142": "farm-7"},
        unseen={"lt-0142": "usb.kvm_identity"},
    )
    monkeypatch.setenv("FARMWATCH_STORE", str(made.place.folder))
    return made


def states(cli, *arguments) -> dict[str, str]:
    """Devices listed with their states, in order."""
    found = json.loads(cli("case", "list", "--json", *arguments).out)
    return {one["device_id"]: one["state"] for one in found["cases"]}


def decided(cli, *arguments) -> dict[str, object]:
    """What a decision gave as JSON."""
    ran = cli("case", *arguments, "--who", "ana", "--json")
    assert ran.code == Exit.OK, ran.err
    return json.loads(ran.out)


ALL = ("--state", "open", "--state", "new-evidence", "--state", "confirmed", "--state", "dismissed")


def test_the_list_begins_with_the_greatest_need(cli, store):
    """One paragraph a case with what was found; devices that ask for nobody are left out."""
    assert list(states(cli)) == ["lt-0143", "lt-0142"]
    ran = cli("case", "list")
    first, *rest = ran.out.splitlines()
    assert first.split() == ["lt-0143", "driven:", "REVIEW", "farm:", "REVIEW", "open"]
    assert [line.split(maxsplit=1)[1] for line in rest[:2]] == [KVM.summary, SITE.summary]
    assert "2 of 2 cases, 0 dismissed" in ran.err
    assert list(states(cli, "--level", "strong")) == []


def test_show_has_what_an_analyst_needs(cli, store):
    """Evidence with times and record numbers, the chain, blind spots, next steps, decisions; hostile text escaped."""
    cli("case", "note", "lt-0142", "--reason", "called the user", "--who", "bo")
    out = cli("case", "show", "lt-0142").out
    flat = " ".join(out.split())
    for part in (
        "driven: REVIEW", "Farm: farm-7", "usb_devices, 2026-03-03 00:00", "5 rows: r1, r2",
        "-40.0 prior", "+24.0 usb.kvm_identity", "-1.0 sum", "normal: keyboards of ordinary makers",
        "Benign readings considered: a hobbyist's own KVM", "bo noted driven on", "called the user",
        "Not looked at, for lack of data: USB devices that name themselves a remote KVM",
        "Next 1. ask for a photograph", "\\x1b[31m", "a person decides",
    ):  # fmt: skip
        assert part in flat
    assert "\x1b" not in out
    found = json.loads(cli("case", "show", "lt-0142", "--json").out)
    assert found["standing"]["findings"][0]["telling"][0]["record_ids"] == ["r1", "r2"]
    assert found["history"][0]["state"] == "note"


def test_a_quiet_device_can_be_shown(cli, store):
    """It says that there is nothing; where decisions explain everything, that nothing is left."""
    out = cli("case", "show", "LT-0201").out
    assert "No evidence about it." in out
    assert "nothing about it asks for a person" in out
    decided(cli, "dismiss", "lt-0142", "--reason", "help desk")
    assert "No evidence left." in cli("case", "show", "lt-0142").out


def test_a_farm_of_the_report_can_be_shown(cli, store):
    """Its level, its devices as they stand, what they share; other commands say that it is a farm."""
    farm = FoundFarm(
        run_id="r1", ts=TS, farm_id="farm-7", level="strong", decibans=21.5, devices=2, document="",
        summary="2 devices share a gateway",
    )  # fmt: skip
    tied = [
        FarmMember(run_id="r1", ts=TS, farm_id="farm-7", device_id=one, attribute="gateway_mac", value="02:00",
                   decibans=12.0)
        for one in ("lt-0142", "lt-0143")
    ]  # fmt: skip
    tables = {
        record: to_arrow(Table.from_rows(record, rows)) for record, rows in ((FoundFarm, [farm]), (FarmMember, tied))
    }
    store.append(tables, feed="assess", sender="test", received=TS)
    decided(cli, "dismiss", "lt-0142", "--reason", "help desk")
    flat = " ".join(cli("case", "show", "FARM-7").out.split())
    for part in (
        "Farm farm-7: 2 devices", "farm: STRONG", "2 devices share a gateway", "gateway mac 02:00: all (+12.0",
        "lt-0142: driven clear", "driven dismissed", "lt-0143: driven REVIEW", "farm open",
    ):  # fmt: skip
        assert part in flat
    found = json.loads(cli("case", "show", "farm-7", "--json").out)
    assert [one["device_id"] for one in found["members"]] == ["lt-0142", "lt-0143"]
    assert "near: farm-7" in " ".join(cli("case", "show", "farm-8").err.split())
    assert "'farm-7' is a farm" in " ".join(cli("case", "dismiss", "farm-7", "--reason", "x").err.split())


def test_dismissing_acts_at_once_and_says_what_it_explains(cli, store):
    """The case leaves the list, stays under --state dismissed, and its explained findings are shown as such."""
    ran = cli("case", "dismiss", "lt-0142", "--reason", "help desk, ticket 4711", "--who", "ana")
    assert "explains tool.unattended service, usb.kvm_identity identity" in " ".join(ran.out.split())
    assert "Now lt-0142: dismissed, clear" in ran.out
    assert list(states(cli)) == ["lt-0143"]
    assert states(cli, "--state", "dismissed") == {"lt-0142": "dismissed"}
    assert "explained: ana dismissed driven on" in cli("case", "show", "lt-0142").out


def test_what_a_dismissal_explains_is_named_once(cli, store):
    """Two findings of one detector and grade with different causes are one kind to a reader."""
    twice = [hit("farm.signs", 20.0, grade="fortnight", group=cause, summary=cause) for cause in ("tool", "issue")]
    keep_run(store, {"lt-1": [KVM, *twice]}, run="r2", ts=TS + timedelta(days=1))
    ran = cli("case", "dismiss", "lt-1", "--reason", "help desk", "--who", "ana")
    assert ran.out.count("farm.signs fortnight") == 1


def test_new_evidence_comes_back(cli, store):
    """A later assessment with another detector opens the dismissed case again; --new lists what was not there."""
    decided(cli, "dismiss", "lt-0142", "--reason", "help desk")
    keep_run(store, {"lt-0142": [KVM, TOOL], "lt-0143": []}, run="r2", ts=TS + timedelta(days=1))
    assert states(cli) == {}
    keep_run(
        store,
        {"lt-0142": [KVM, TOOL, EDID], "lt-0143": [KVM, TOOL], "lt-0200": [KVM, TOOL]},
        run="r3",
        ts=TS + timedelta(days=2),
    )
    assert states(cli) == {"lt-0143": "open", "lt-0200": "open", "lt-0142": "new evidence after a dismissal"}
    assert states(cli, "--state", "new-evidence") == {"lt-0142": "new evidence after a dismissal"}
    assert list(states(cli, "--new")) == ["lt-0143", "lt-0200"]


def test_confirm_and_reopen(cli, store):
    """A confirmed case is kept as such with its evidence; reopening makes it open again."""
    assert decided(cli, "confirm", "lt-0143", "--reason", "photo")["now"] == {"lt-0143": "confirmed"}
    assert states(cli)["lt-0143"] == "confirmed"
    made = decided(cli, "reopen", "lt-0143", "--reason", "wrong photo")
    assert [(one["claim"], one["state"]) for one in made["decisions"]] == [("driven", "open"), ("farm", "open")]
    assert states(cli)["lt-0143"] == "open"
    ran = cli("case", "reopen", "lt-0143", "--reason", "again")
    assert ran.code == Exit.USAGE
    assert "nothing was decided about lt-0143" in " ".join(ran.err.split())


def test_what_farmwatch_missed_can_be_confirmed(cli, store):
    """Proof from outside is kept, told apart from evidence, listed, undone by reopening, and in the audit."""
    made = decided(cli, "confirm", "lt-0201", "--claim", "driven", "--claim", "farm", "--reason", "seized, case 12")
    assert made["now"] == {"lt-0201": "confirmed"}
    assert states(cli) == {"lt-0143": "open", "lt-0142": "open", "lt-0201": "confirmed"}
    said = "driven, farm: confirmed by a person; farmwatch's own evidence does not show it"
    for listed in (cli("case", "list").out, cli("case", "show", "lt-0201").out):
        assert said in " ".join(listed.split())
    assert "No evidence about it." in cli("case", "show", "lt-0201").out
    assert "ana confirmed farm on" in cli("case", "show", "lt-0201").out
    assert states(cli, "--level", "review") == {"lt-0143": "open", "lt-0142": "open"}
    made = decided(cli, "reopen", "lt-0201", "--reason", "another laptop")
    assert [(one["claim"], one["state"]) for one in made["decisions"]] == [("driven", "open"), ("farm", "open")]
    assert made["now"] == {"lt-0201": "quiet"}
    assert "lt-0201" not in states(cli, *ALL)
    actions = [line.split("\t")[4] for line in cli("case", "audit", "lt-0201").out.splitlines()]
    assert actions == ["driven: confirmed; seized, case 12", "farm: confirmed; seized, case 12",
                       "driven: open; another laptop", "farm: open; another laptop"]  # fmt: skip


def test_devices_that_the_assessment_does_not_have_can_be_confirmed(cli, store):
    """The roster or telemetry once named them, by whatever name; decisions are about the name assessments use."""
    roster(store, **{"lt-0900": {"household": "h1"}})
    told = [DeviceFact(device_id=name, ts=TS, serial=serial, hardware_uuid=None)
            for name, serial in (("lt-0900", "5CG1234XYZ"), ("lt-0901", "5CG9999XYZ"))]  # fmt: skip
    store.append({DeviceFact: to_arrow(Table.from_rows(DeviceFact, told))}, feed="x", sender="test", received=TS)
    roster(store, **{"5CG9999XYZ": {}})
    assert decided(cli, "confirm", "LT-0900", "--reason", "raid")["now"] == {"lt-0900": "confirmed"}
    ran = cli("case", "confirm", "lt-0901", "--reason", "raid", "--who", "ana")
    assert "lt-0901 is 5CG9999XYZ" in ran.err
    assert states(cli)["5CG9999XYZ"] == "confirmed"
    shown = " ".join(cli("case", "show", "lt-0900").out.split())
    assert "not in the last assessment" in shown
    assert "driven: not enough data" in shown
    decided(cli, "reopen", "lt-0900", "--reason", "wrong name")
    assert "lt-0900" not in states(cli, *ALL)
    assert "near: lt-0901, lt-0900" in " ".join(cli("case", "confirm", "lt-09", "--reason", "x").err.split())


def test_one_claim_alone(cli, store):
    """--claim limits a decision; the other claim stays open."""
    decided(cli, "dismiss", "lt-0143", "--claim", "driven", "--reason", "lab bench")
    found = json.loads(cli("case", "list", "--json").out)["cases"]
    assert next(one["states"] for one in found if one["device_id"] == "lt-0143") == {
        "abroad": "quiet", "driven": "dismissed", "farm": "open",
    }  # fmt: skip


def test_suppressions_by_cause_text_and_everywhere(cli, store):
    """They hold for later findings too; one for every device says how many it explains and can be undone."""
    decided(cli, "dismiss", "lt-0142", "--cause", "kvm", "--until", "2026-12-31", "--reason", "the team's KVM")
    assert states(cli, "--state", "dismissed") == {"lt-0142": "dismissed"}
    ran = cli("case", "dismiss", "*", "--about", "pikvm", "--reason", "bench fleet", "--who", "ana")
    assert "explains findings on 2 devices" in ran.out
    assert "driven on every device" in " ".join(ran.out.split())
    assert states(cli, *ALL) == {"lt-0143": "open", "lt-0142": "dismissed"}
    assert "Holds for every device:" in cli("case", "list").out
    flat = " ".join(cli("case", "reopen", "*", "--about", "pikvm", "--reason", "not all of them").out.split())
    assert "undone:" in flat
    assert "bench fleet" in flat
    again = " ".join(cli("case", "reopen", "*", "--reason", "again").out.split())
    assert "nothing that held for every device is undone" in again
    assert "explains findings" not in flat + again
    assert json.loads(cli("case", "list", "--json").out)["everywhere"] == []
    ran = cli("case", "dismiss", "*", "--reason", "all of it")
    assert (ran.code, "--detector" in ran.err) == (Exit.USAGE, True)


def test_a_household_together(cli, store):
    """One decision each for the devices that the roster puts into one household, with what each of them explains."""
    roster(store, **{"lt-0142": {"household": "h9"}, "lt-0143": {"household": "h9"}, "lt-0200": {"household": "h1"}})
    made = decided(cli, "dismiss", "lt-0142", "--with", "household", "--claim", "driven", "--reason", "a couple")
    assert [one["device_id"] for one in made["decisions"]] == ["lt-0142", "lt-0143"]
    assert made["decisions"][1]["reason"] == "a couple (with the household of lt-0142)"
    farm = decided(cli, "dismiss", "lt-0143", "--with", "farm", "--claim", "farm", "--reason", "our own lab")
    assert [one["device_id"] for one in farm["decisions"]] == ["lt-0143"]  # nothing speaks for it of the other
    assert states(cli) == {}
    assert cli("case", "dismiss", "lt-0200", "--with", "site", "--reason", "x").code == Exit.USAGE


FARM = {"lt-1": "farm-9", "lt-2": "farm-9"}
VPN = hit("vpn.client", 6.0, grade="used", claim=Claim.ABROAD, family=Family.NAMES, summary="a VPN client ran")


@pytest.mark.parametrize(
    ("named", "decided_there"),
    [((), ["farm"]), (("--claim", "farm", "--claim", "driven", "--claim", "abroad"), ["farm", "driven"])],
)
def test_beside_a_device_of_a_farm_only_what_asks_is_decided(cli, store, named, decided_there):
    """Of the others the farm alone, or the claims named; never what is clear."""
    found = [SITE, LAN, KVM, EDID, VPN]
    keep_run(store, {"lt-1": found, "lt-2": found}, run="r2", ts=TS + timedelta(days=1), farms=FARM)
    made = decided(cli, "dismiss", "lt-1", "--with", "farm", *named, "--reason", "our own lab")["decisions"]
    assert [one["claim"] for one in made if one["device_id"] == "lt-2"] == decided_there


def test_who_is_left_as_it_is_is_said(cli, store):
    """A farm's other device whose farm claim is clear keeps its place on the list."""
    ran = cli("case", "dismiss", "lt-0143", "--with", "farm", "--reason", "our own lab", "--who", "ana")
    assert "nothing about them asks for this decision: lt-0142" in ran.err
    assert states(cli) == {"lt-0142": "open"}


def test_hints_name_the_store_that_was_given(cli, store, tmp_path, monkeypatch):
    """A command to type next reaches the same store; one of the environment needs no naming."""
    assert "'farmwatch case list' names" in " ".join(cli("case", "show", "zzz").err.split())
    monkeypatch.delenv("FARMWATCH_STORE")
    url = store.place.url
    cli("case", "confirm", "lt-0201", "--reason", "photo", "--store", url)
    ran = cli("case", "dismiss", "lt-0201", "--reason", "blurred", "--store", url)
    assert ran.code == Exit.USAGE
    flat = "".join(ran.err.replace("│", "").split())  # the box wraps long words
    assert f"farmwatchcasereopenlt-0201--claimdriven--reasonblurred--store{url}" in flat
    made = new_store(tmp_path / "empty")
    ran = cli("case", "list", "--store", made.place.url)
    assert f"farmwatch assess --store {made.place.url}" in " ".join(ran.err.split())


def test_a_missing_default_store_says_how_to_name_one(cli, tmp_path, monkeypatch):
    """The option and the variable are named."""
    monkeypatch.delenv("FARMWATCH_STORE", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    for name in ("list", "audit"):
        ran = cli("case", name)
        assert ran.code == Exit.NOTHING
        assert "--store or FARMWATCH_STORE" in " ".join(ran.err.split())


def test_who_decided_is_said_where_it_is_root(cli, store, monkeypatch):
    """Root is nobody in particular."""
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    assert "decided as root; --who" in cli("case", "note", "lt-0142", "--reason", "called").err
    monkeypatch.setattr("getpass.getuser", lambda: "")
    assert cli("case", "note", "lt-0142", "--reason", "called").code == Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("confirm", "lt-0210", "--reason", "x"), "near: lt-0201, lt-0200"),
        (("confirm", "lt-0201"), "Missing option '--reason'"),
        (("show", "lt-0124"), "near: lt-0143, lt-0142"),
        (("dismiss", "lt-0142", "--reason", " "), "must say something"),
        (("dismiss", "lt-0142"), "Missing option '--reason'"),
        (("confirm", "lt-0142", "--reason", "x", "--who", ""), "must say something"),
        (("dismiss", "lt-0201", "--reason", "x"), "nothing speaks for driven of lt-0201"),
        (("dismiss", "lt-0142", "--detector", "usb.kvm", "--reason", "x"), "did you mean usb.kvm_identity"),
        (
            ("dismiss", "lt-0142", "--detector", "usb.kvm_identity", "--grade", "x", "--reason", "x"),
            "there is no grade",
        ),
        (("dismiss", "lt-0142", "--cause", "kvmm", "--reason", "x"), "did you mean kvm"),
        (("dismiss", "*", "--cause", "zzz", "--reason", "x"), "found in the last assessment: edid.kvm, farm.site, kvm"),
        (("dismiss", "lt-0142", "--grade", "identity", "--reason", "x"), "needs --detector"),
        (("dismiss", "lt-0142", "--about", "TeamViewer", "--reason", "x"), "name the claim"),
        (("dismiss", "lt-0142", "--until", "2026-03-09", "--reason", "x"), "not after the end of the last assessment"),
        (("dismiss", "lt-0142", "--until", "soon", "--reason", "x"), "is no date or time"),
        (("confirm", "*", "--reason", "x"), "no device '*'"),
    ],
)
def test_what_is_refused(cli, store, arguments, said):
    """Usage errors name what is wrong and what was meant; nothing is kept."""
    ran = cli("case", *arguments)
    assert ran.code == Exit.USAGE
    assert said in " ".join(ran.err.split())
    assert store.state.cases.decisions() == []


def test_a_store_without_an_assessment(cli, tmp_path):
    """The error says what to run."""
    made = new_store(tmp_path)
    ran = cli("case", "list", "--store", made.place.url)
    assert (ran.code, "farmwatch assess" in ran.err) == (Exit.NOTHING, True)


def test_somebody_was_quicker(cli, store, monkeypatch):
    """A decision made on a view that is out of date is refused with who decided; a note passes."""
    from farmwatch.store.cases import Cases

    monkeypatch.setattr(Cases, "last", lambda self: 0)
    decided(cli, "confirm", "lt-0142", "--reason", "photo")
    ran = cli("case", "dismiss", "lt-0142", "--reason", "help desk", "--who", "bo")
    assert ran.code == Exit.NOTHING
    assert "ana was quicker: driven of lt-0142 confirmed" in ran.err
    assert cli("case", "note", "lt-0142", "--reason", "asked bo").code == Exit.OK


def test_the_audit_lists_every_decision(cli, store):
    """Who, when, what and why, one line each, of one device or all."""
    decided(cli, "confirm", "lt-0142", "--reason", "photo\tof the KVM")
    decided(cli, "note", "lt-0143", "--reason", "later")
    line = cli("case", "audit", "lt-0142").out.rstrip("\n").split("\t")
    assert line[1:] == ["ana", "decide", "lt-0142", "driven: confirmed; photo\\x09of the KVM"]
    assert len(json.loads(cli("case", "audit", "--json").out)) == 2


def test_measured_weights_change_the_list(cli, store, tmp_path):
    """--weights weighs stored findings again; that they are not those of the assessment is said."""
    path = tmp_path / "weights.json"
    path.write_text(Weights({("tool.unattended", "service"): 0.0}, "measured").text())
    ran = cli("case", "list", "--weights", path, "--json")
    assert [one["device_id"] for one in json.loads(ran.out)["cases"]] == ["lt-0143"]
    assert "the assessment was made with weights" in ran.err
    path.write_text("{")
    assert cli("case", "list", "--weights", path).code == Exit.CONFIG


def test_forgetting_a_device_takes_its_case_along(cli, store):
    """Decisions, what they explain and their audit go with everything else."""
    decided(cli, "dismiss", "lt-0142", "--reason", "help desk")
    gone = forget(store, "lt-0142")
    assert gone.left == ()
    assert gone.state["dispositions"] == 1
    assert cli("case", "show", "lt-0142").code == Exit.USAGE
