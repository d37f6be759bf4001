"""What a door is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import Response

from farmwatch.server.problems import Refusal, problem

if TYPE_CHECKING:
    from farmwatch.server.service import Service

__all__ = ["Door"]


@dataclass(frozen=True, slots=True)
class Door:
    """One protocol's addresses; :mod:`farmwatch.server` says how to write one."""

    name: str
    router: Callable[[Service], APIRouter]  #: makes its routes for a server
    prefixes: tuple[str, ...]  #: what its paths begin with
    refuse: Callable[[Refusal], Response] = problem  #: how its clients expect to be refused, also by the gate
    own_check: tuple[str, ...] = ()  #: whole paths that the gate lets pass without a token, because the door checks

    def has(self, path: str) -> bool:
        """Whether a path is this door's."""
        return path.startswith(self.prefixes)
