"""Keys and clicks that no hardware made, on days when the laptop's own keyboard and pointer were silent.

Remote-control programs put their operator's keys in by software: the system marks them (Windows: LLKHF_INJECTED; Linux:
a device without hardware behind it). A box on USB does not, so a clear answer clears no KVM. Programs that remap keys
take them from the real keyboard and give them out again, so that there too all keys are injected: devices on which one
runs are not judged. Screen readers, dictation and macros inject as well; beside a keyboard that is used they are no
finding, and an arrangement in the roster leaves the device out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from farmwatch.analysis.fleet.contract import FleetDetector, Grade, Hit, param, telling
from farmwatch.analysis.fleet.fleet import Fleet
from farmwatch.analysis.fleet.inputs import excused
from farmwatch.analysis.fleet.tool_proof import many, shown, times
from farmwatch.knowledge import Knowledge
from farmwatch.knowledge.entries import Kind
from farmwatch.records import Claim, Family, InputHook, InputTiming, Record

__all__ = ["InputInjected"]

#: Programs that take keys from the keyboard and give them out again by software (their own documentation).
_REMAPPERS = (
    "evremap", "evsieve", "input-remapper-daemon", "input-remapper-service", "interceptor", "kanata", "kbct", "keyd",
    "keymapperd", "kmonad", "makima", "udevmon", "xremap",
)  # fmt: skip
#: Accessibility, dictation, text expansion, macros, switched keyboards: programs whose work is to make input.
_HELPFUL = frozenset(
    {
        "alfred", "autohotkey.exe", "autohotkey64.exe", "autohotkeyu64.exe", "autokey", "bettertouchtool", "ctfmon.exe",
        "deskflow", "dragon.exe", "espanso", "espanso.exe", "espansod.exe", "hammerspoon", "input-leap",
        "input-leap.exe", "jfw.exe", "karabiner_grabber", "keyboardmaestro", "keyboard maestro engine", "logid",
        "logioptionsplus_agent.exe", "magnify.exe", "narrator.exe", "natspeak.exe", "nvda.exe", "orca", "osk.exe",
        "pad.robot.exe", "phraseexpress.exe", "powertoys.exe", "powertoys.keyboardmanagerengine.exe", "raycast",
        "sapisvr.exe", "solaar", "switch control", "synergy.exe", "synergyc.exe", "tabtip.exe", "talon", "talon.exe",
        "textexpander", "textexpander.exe", "textinputhost.exe", "tobii.service.exe", "voiceaccess.exe",
        "voiceattack.exe", "windowsinternal.composableshell.experiences.textinput.inputapp.exe", "zoomtext.exe",
    }
)  # fmt: skip
_REMAPPED = "SELECT DISTINCT device_id FROM processes_30d WHERE list_contains($remappers, name)"


@dataclass(frozen=True, slots=True)
class InputInjected(FleetDetector):
    """Finds devices that are typed on by software alone, and programs that make input for no known purpose.

    How much input a program makes is told in farmwatch's own format only, and is not weighed.
    """

    id: ClassVar[str] = "input.injected"
    title: ClassVar[str] = "do its keys and clicks come from software while its keyboard is silent?"
    topic: ClassVar[str] = "input that no hardware made"
    signals: ClassVar[tuple[str, ...]] = ("E15", "N13")
    family: ClassVar[Family] = Family.TIMING
    needs: ClassVar[tuple[type[Record], ...]] = ()
    benign: ClassVar[tuple[str, ...]] = (
        "dictation, a screen reader or switch control that the roster does not say",
        "a program that remaps keys under a name farmwatch does not know",
        "pair programming with control given away in meetings",
        "test automation; a virtual machine used through its console",
    )
    group: ClassVar[str] = "input delivery"
    grades: ClassVar[Mapping[str, Grade]] = {
        "alone": Grade(
            Claim.DRIVEN,
            8.0,
            "judged: the mark is certain, its cause is not: remappers look the same (docs/evidence.md, M16)",
        ),
        "in_clumps": Grade(
            Claim.DRIVEN,
            12.0,
            "judged: injected, and held up and let go in clumps as a network does it, which no remapper does "
            "(docs/evidence.md, M16)",
        ),
        "some_days": Grade(
            Claim.DRIVEN, 3.0, "judged: a support session or a remote hand on days off (docs/evidence.md, M16)"
        ),
        "remote_tool": Grade(
            Claim.DRIVEN,
            5.0,
            "judged as a running tool of N1 (docs/evidence.md) that makes input",
            group="remote session",
        ),
        "meeting": Grade(
            Claim.DRIVEN,
            9.0,
            "judged between minutes and long spells of N13 (docs/evidence.md): a meeting client makes input where "
            "another participant controls the screen, here day after day",
            group="hand",
        ),
        "meeting_once": Grade(
            Claim.DRIVEN, 2.0, "judged as minutes of N13 (docs/evidence.md): a colleague took over", group="hand"
        ),
        "program": Grade(
            Claim.DRIVEN, 3.0, "judged: an unknown program makes input; few do, most of them harmless macros"
        ),
    }
    when_clear: ClassVar[str] = "input comes from hardware; a box on USB is hardware too"
    check: ClassVar[str] = "ask which program makes the input, and look for remote-control tools on the device"

    least_events: float = param(500, "Keys and clicks in all: a short working day.", low=50, high=100_000)
    least_days: float = param(3, "Support is over in a day or two.", low=1, high=28)
    daily_events: float = param(50, "Keys and clicks that make a day one of work.", low=5, high=5000)
    hardware_share: float = param(0.02, "Of the injected: a bump against the desk.", low=0.0, high=0.2)
    clumped_share: float = param(0.03, "Hands press two keys within 2 ms in less than 1 %.", low=0.01, high=0.5)
    least_stalls: float = param(20, "Pauses that end in a clump: enough to be no chance.", low=5, high=1000)

    def examine(self, fleet: Fleet) -> Iterable[Hit]:
        """Hits by counts of input, then by programs that make it."""
        for row in fleet.rows(
            f"""
            WITH days AS (
                SELECT device_id, day,
                       coalesce(sum(presses + clicks) FILTER (role = 'injected'), 0) AS injected,
                       coalesce(sum(presses + clicks) FILTER (role <> 'injected'), 0) AS hardware,
                       coalesce(sum(sound_presses) FILTER (role = 'injected'), 0) AS sound,
                       coalesce(sum(clumped) FILTER (role = 'injected'), 0) AS clumped,
                       coalesce(sum(stalls) FILTER (role = 'injected'), 0) AS stalls,
                       coalesce(sum(windows) FILTER (role = 'injected'), 0) AS windows
                FROM input_days GROUP BY device_id, day
            )
            SELECT device_id, sum(injected) AS injected, sum(hardware) AS hardware, sum(sound) AS sound,
                   sum(clumped) AS clumped, sum(stalls) AS stalls, sum(windows) AS windows,
                   count(*) FILTER (injected >= $daily AND hardware <= $share * injected) AS alone,
                   count(*) FILTER (hardware >= $daily) AS by_hand, min(day)::TIMESTAMPTZ AS first,
                   max(day)::TIMESTAMPTZ + INTERVAL 1 DAY - INTERVAL 1 SECOND AS last
            FROM days
            WHERE device_id NOT IN (SELECT device_id FROM excused)
                  AND device_id NOT IN ({_REMAPPED})
            GROUP BY device_id HAVING sum(injected) >= $least AND alone >= 2 ORDER BY device_id
            """,
            daily=int(self.daily_events),
            share=self.hardware_share,
            least=int(self.least_events),
            remappers=list(_REMAPPERS),
        ):
            yield self._counted(row)
        yield from self._programs(fleet)

    def blind(self, fleet: Fleet) -> Mapping[str, str]:
        """Devices without input timing and without a list of programs that make input; remapped and arranged ones."""
        rows = fleet.rows(
            """
            SELECT device_id FROM fleet_devices
            WHERE device_id NOT IN (SELECT device_id FROM presence WHERE name IN ('input_timing', 'input_hooks'))
            ORDER BY device_id
            """
        )
        remapped = fleet.rows(f"{_REMAPPED} ORDER BY device_id", remappers=list(_REMAPPERS))
        return {
            **{row["device_id"]: "input is neither timed nor its programs listed" for row in rows},
            **{row["device_id"]: "a program remaps its keys, so that all of them are injected" for row in remapped},
            **excused(fleet),
        }

    def _counted(self, row: Mapping[str, Any]) -> Hit:
        share = row["clumped"] / row["sound"] if row["sound"] else 0.0
        steady = row["alone"] >= self.least_days and not row["by_hand"]
        clumped = share >= self.clumped_share and row["stalls"] >= self.least_stalls
        days = (
            many(row["alone"], "day")
            if steady
            else f"{many(row['alone'], 'day')}, while on {row['by_hand']} it was used by hand"
        )
        return Hit(
            row["device_id"],
            ("in_clumps" if clumped else "alone") if steady else "some_days",
            f"{row['injected']:,} keys and clicks were made by software while its own keyboard and pointers were "
            f"silent, on {days}",
            observed=f"{row['injected']:,} injected, {row['hardware']:,} from hardware; {100 * share:.1f} % of presses "
            f"in clumps, {many(row['stalls'], 'pause')} with one at the end",
            expected="keys and clicks from the laptop's own devices",
            telling=(telling(InputTiming, row["first"], row["last"], count=row["windows"]),),
        )

    def _programs(self, fleet: Fleet) -> Iterable[Hit]:
        """Programs that the system lists as making input."""
        fleet.make("injecting", _INJECTING)
        join = fleet.label("injecting_tools", "injecting", ("process",), lambda row: _tool(fleet.knowledge, row))
        for row in fleet.rows(
            f"""
            WITH spread AS (
                SELECT process, count(DISTINCT device_id) AS devices FROM injecting GROUP BY process
            )
            SELECT injecting.device_id, injecting.process, label, sum(n) AS n, sum(events) AS events,
                   sum(days)::BIGINT AS days, min(first) AS first, max(last) AS last, any_value(devices) AS devices
            FROM injecting LEFT {join} JOIN spread ON spread.process = injecting.process
                 LEFT JOIN owners AS o ON o.device_id = injecting.device_id
            WHERE NOT list_contains($helpful, injecting.process) AND NOT coalesce(o.accommodation, false)
                  AND NOT coalesce(list_contains($approved, label), false)
                  AND NOT coalesce(list_contains(o.approved_tools, label), false)
                  AND NOT (devices >= 10 AND devices >= 0.02 * (SELECT count(*) FROM fleet_devices))
            GROUP BY injecting.device_id, injecting.process, label ORDER BY injecting.device_id, injecting.process
            """,
            helpful=sorted(_HELPFUL),
            approved=sorted(fleet.profile.approved_tools),
        ):
            counted = f", {many(row['events'], 'event')}" if row["events"] else ""
            meeting = row["label"] is not None and fleet.knowledge.complete[row["label"]].kind is Kind.MEETING
            kind = "meeting client" if meeting else "remote-control tool"
            yield Hit(
                row["device_id"],
                _grade(row["label"] is not None, meeting=meeting, daily=row["days"] >= self.least_days),
                f"the program {shown(row['process'])} makes keyboard or mouse input, on {many(row['days'], 'day')}"
                + (f", and is part of the {kind} {row['label']}" if row["label"] else ""),
                observed=f"{shown(row['process'])}, seen {times(row['n'])}{counted}; "
                f"on {many(row['devices'], 'device')} in all",
                expected="programs for accessibility, text or macros, or none",
                telling=(telling(InputHook, row["first"], row["last"], count=row["n"]),),
            )


_INJECTING = """
    SELECT device_id, lower(process) AS process, count(*) AS n, sum(greatest(coalesce(events, 0), 0)) AS events,
           count(DISTINCT CAST(ts AS DATE)) AS days, min(ts) AS first, max(ts) AS last
    FROM input_hooks
    WHERE kind IN ('injects', 'both') AND enabled IS DISTINCT FROM false AND (events IS NULL OR events >= 100)
    GROUP BY ALL
"""


def _grade(known: bool, *, meeting: bool, daily: bool) -> str:
    if not known:
        return "program"
    if meeting:
        return "meeting" if daily else "meeting_once"
    return "remote_tool"


def _tool(knowledge: Knowledge, row: Mapping[str, Any]) -> str | None:
    """The remote-control tool, or else the meeting client, a program belongs to."""
    found = knowledge.match_process(row["process"])
    for match in found:
        if match.alone and match.entry.kind in (Kind.REMOTE_ACCESS, Kind.RMM):
            return match.id
    return next((match.id for match in found if match.entry.kind is Kind.MEETING), None)
