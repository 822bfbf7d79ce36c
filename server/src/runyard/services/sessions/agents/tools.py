"""What can be named as a tool: those of the workspace, and those that agents bring along."""

from __future__ import annotations

from typing import Final

from runyard.services.sessions.hand import tools as hand

ANALYSE: Final = "analyse"
"""The embedded agent's: find out the facts about the repositories."""

RUN: Final = "run"
"""Of the workspace; for a command-line agent it is the whole agent."""

TOOLS: Final = (*hand.TOOLS, ANALYSE)
