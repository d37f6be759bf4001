"""The recipes of remote tools, one file for each family; :data:`TOOLS` has them all in a fixed order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.lab.hand.tools import kvm, rdp, rtc, rtc_browser, rustdesk, ssh, terminals, vnc

if TYPE_CHECKING:
    from tests.lab.hand.tool import Tool

TOOLS: tuple[Tool, ...] = (
    *vnc.TOOLS,
    *rdp.TOOLS,
    *ssh.TOOLS,
    *rtc.TOOLS,
    *rustdesk.TOOLS,
    *kvm.TOOLS,
    *rtc_browser.TOOLS,
    *terminals.TOOLS,
)
"""Every recipe, in the order tables list them."""


def tool(name: str) -> Tool:
    """Return the recipe of a tool by its name.

    Raises:
        KeyError: when no recipe has the name.
    """
    return {each.name: each for each in TOOLS}[name]
