"""The agent that needs nothing but this machine: the analyst's report, opened in prose by the yard's language model."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Final

from runyard.services.sessions.agents.agent import AgentFailed
from runyard.services.sessions.agents.tools import ANALYSE
from runyard.services.sessions.agents.turn import Request, Turn
from runyard.services.sessions.analyst import Analysis
from runyard.services.sessions.analyst.prose import brief, checked
from runyard.services.sessions.analyst.report import markdown, summary
from runyard.services.sessions.memory import Said
from runyard.services.sessions.words import Reason
from runyard.services.sessions.workspace import SurveyFailed, ToolResult
from runyard.text import Message, Sampling, TextProvider, TextRefused

PROSE: Final = Sampling(max_tokens=160, temperature=0, stop=["\n\n", "Notes:"])
TALK: Final = Sampling(
    max_tokens=512, temperature=0.3, top_p=0.9, seed=0, system="You are a helpful assistant. Answer shortly and truly."
)
TALKED_OF: Final = 6_000
"""Characters of a conversation that a small model is shown, the newest."""

NO_PROSE: Final = "The report has no opening in prose: {why}."
NO_ANSWER: Final = """\
This session has no repository to analyse, and there is nobody to answer otherwise: {why}.

Name repositories in the session and I report on their structure, languages, entry points, dependencies, tests, \
history, licence and open ends."""


class EmbeddedAgent:
    """See :class:`~runyard.services.sessions.agents.agent.Agent`. It reads and reports, and changes nothing."""

    def __init__(self, text: TextProvider) -> None:
        self._text = text

    async def run(self, turn: Turn) -> str:
        """A report on the repositories, as the task asks for it; without any, the language model's answer."""
        asked = turn.asked()
        if not turn.order.repositories:
            return await self._talk(turn)
        analysis = await _analyse(turn)
        if any(message.role == "assistant" for message in turn.conversation):
            answer = await asyncio.to_thread(summary, analysis, asked)
        else:
            opening = await self._opening(turn, analysis, asked)
            answer = await asyncio.to_thread(markdown, analysis, asked, opening=opening)
        await turn.say(answer)
        return answer

    def break_off(self, state: bytes, _said: str) -> bytes:
        """The conversation is all it knows."""
        return state

    async def _opening(self, turn: Turn, analysis: Analysis, asked: str) -> str:
        """Sentences of the language model, as far as they are true."""
        prompt = await asyncio.to_thread(brief, analysis, asked)
        turn.check_budget()
        try:
            prose = await self._text.generate(prompt, PROSE)
        except TextRefused as refused:
            await turn.note(NO_PROSE.format(why=refused))
            return ""
        await self._count(turn, prompt, prose)
        return await asyncio.to_thread(checked, prose, analysis)

    async def _talk(self, turn: Turn) -> str:
        turn.check_budget()
        messages = _newest(turn)
        pieces: list[str] = []
        try:
            async with aclosing(self._text.stream(messages, TALK)) as stream:
                async for piece in stream:
                    pieces.append(piece)
                    await turn.say(piece)
        except TextRefused as refused:
            if not pieces:
                return NO_ANSWER.format(why=refused)
            await turn.note(f"The answer is broken off: {refused}.")
        answer = "".join(pieces)
        await self._count(turn, "\n".join(message.content for message in messages), answer)
        return answer

    async def _count(self, turn: Turn, prompt: str, answer: str) -> None:
        """In the model's own tokens where it tells them, else four characters are one."""
        try:
            counts = [len(await self._text.tokenize(text)) for text in (prompt, answer)]
        except TextRefused:
            counts = [len(text) // 4 for text in (prompt, answer)]
        await turn.count(input_tokens=counts[0], output_tokens=counts[1])


async def _analyse(turn: Turn) -> Analysis:
    found: list[Analysis] = []

    async def use() -> ToolResult:
        try:
            found.append(await turn.workspace.analyse())
        except SurveyFailed as failed:
            return ToolResult(ok=False, content=str(failed))
        return ToolResult(ok=True, content=await asyncio.to_thread(summary, found[0], ""))

    result = await turn.call(Request(key=ANALYSE, name=ANALYSE, arguments={}), use)
    if not found:
        raise AgentFailed(Reason.AGENT_FAILED, result.content)
    return found[0]


def _newest(turn: Turn) -> list[Message]:
    """The end of the conversation; its last message in any case."""
    chosen: list[Said] = []
    length = 0
    for said in reversed(turn.conversation):
        length += len(said.content)
        if chosen and length > TALKED_OF:
            break
        chosen.append(said)
    return [Message(said.role, said.content[-TALKED_OF:]) for said in reversed(chosen)]
