"""Everything an agent may do in its turn: hear, speak, use its tools, count what it uses up, and remember."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from runyard.jobs import JobContext
from runyard.services.sessions.agents.agent import AgentFailed, ApprovalNeeded
from runyard.services.sessions.agents.speech import Speech
from runyard.services.sessions.memory import Decision, Memory, Pending, Said
from runyard.services.sessions.order import Order
from runyard.services.sessions.words import Reason, Role, Tells
from runyard.services.sessions.workspace import ToolResult, Workspace

SHOWN: Final = 4_000
"""Characters of a result that are told to whoever watches."""

MOST_ITEMS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A tool call that an agent wants.

    Attributes:
        key: the agent's own id for it, one of a kind in the turn.
    """

    key: str
    name: str
    arguments: object


Use: TypeAlias = Callable[[], Awaitable[ToolResult]]


class Turn:
    """One turn. It ends with the agent's answer.

    Attributes:
        order: what the session is for.
        workspace: where the repositories are.
    """

    def __init__(
        self, ctx: JobContext, order: Order, memory: Memory, workspace: Workspace, keep: Callable[[], Awaitable[None]]
    ) -> None:
        self.order = order
        self.workspace = workspace
        self._ctx = ctx
        self._memory = memory
        self._keep = keep
        self._speech = Speech(ctx)

    def close(self) -> None:
        """The turn is over, however it ended."""
        self._speech.close()

    # ---------------------------------------------------------------- hearing and remembering

    @property
    def conversation(self) -> Sequence[Said]:
        """All that was said, the task first."""
        return self._memory.said

    @property
    def state(self) -> bytes:
        """What the agent remembers; empty in the beginning."""
        return self._memory.agent

    def news(self) -> list[str]:
        """What the user said that the agent hasn't heard yet. It is for the agent to :meth:`remember`."""
        self._memory.said += [Said("user", content) for content in self._memory.queue]
        self._memory.queue = []
        new = self._memory.said[self._memory.taken :]
        self._memory.taken = len(self._memory.said)
        return [message.content for message in new if message.role == "user"]

    def asked(self) -> str:
        """What the user has said since the agent spoke last, for agents that remember nothing."""
        self.news()
        last: list[str] = []
        for message in reversed(self._memory.said):
            if message.role == "assistant":
                break
            last.append(message.content)
        return "\n\n".join(reversed(last))

    def remember(self, state: bytes) -> None:
        """Replace what the agent remembers."""
        self._memory.agent = state

    async def keep(self, *, changed: bool = False) -> None:
        """Write down how far the work is: nothing before this point is done twice.

        Args:
            changed: files of the workspace may have changed since the last time.
        """
        if changed:
            self._memory.workspace = await self.workspace.save()
        await self._keep()

    # ---------------------------------------------------------------- speaking

    async def say(self, delta: str) -> None:
        """Show a piece of the message to come."""
        await self._speech.say(delta)

    async def said(self, content: str) -> None:
        """Say a whole message, of which pieces may have been shown."""
        await self._speech.pause()
        self._memory.said.append(Said("assistant", content))
        await self._tell("assistant", content)

    async def broken_off(self) -> str:
        """What was shown so far is all there will be of the message; returns it."""
        if content := await self._speech.pause():
            self._memory.said.append(Said("assistant", content))
            await self._tell("assistant", content)
        return content

    async def start_over(self) -> None:
        """What was shown of the message is void."""
        if await self._speech.pause():
            await self.note("The message above was broken off, and begins anew.")

    async def note(self, content: str) -> None:
        """Tell the user something about the work itself."""
        await self._ctx.emit(Tells.NOTE, {"content": content})

    async def log(self, output: bytes) -> None:
        """Pass on what a program printed."""
        await self._ctx.log(output)

    async def _tell(self, role: Role, content: str) -> None:
        await self._ctx.emit(Tells.SAID, {"role": role, "content": content})

    # ---------------------------------------------------------------- the budget

    def check_budget(self) -> None:
        """Look whether there is anything left, before a request to a model.

        Raises:
            AgentFailed: there isn't.
        """
        budget, usage = self.order.budget, self._memory.usage
        if usage.turns >= budget.turns:
            raise AgentFailed(Reason.BUDGET, f"All {budget.turns} requests to the model that it may make are used up.")
        if usage.tokens >= budget.tokens:
            text = f"It has used {usage.tokens} tokens; {budget.tokens} were allowed."
            raise AgentFailed(Reason.BUDGET, text)

    async def count(self, *, input_tokens: int, output_tokens: int) -> None:
        """A request to a model was answered."""
        usage = self._memory.usage
        usage.turns += 1
        usage.input_tokens += input_tokens
        usage.output_tokens += output_tokens
        await self._ctx.emit(Tells.USAGE, self._memory.usage.told())

    # ---------------------------------------------------------------- tools

    async def announce(self, requests: Sequence[Request]) -> None:
        """Say which calls are to come, so that a person can decide about all that need one together."""
        for request in requests:
            if request.name in self.order.approve and self._pending(request) is None:
                await self._ask(request)

    async def use(self, request: Request) -> ToolResult:
        """Use a tool of the workspace, and tell about it; one that is called wrongly gives a result like others.

        Raises:
            ApprovalNeeded: nobody has decided yet whether it may be used.
        """

        async def use() -> ToolResult:
            if not isinstance(request.arguments, Mapping):
                return ToolResult(ok=False, content=f"The arguments of {request.name!r} are no JSON object.")
            return await self.workspace.call(request.name, request.arguments, tell=self._ctx.log)

        return await self.call(request, use)

    async def call(self, request: Request, use: Use) -> ToolResult:
        """Use a tool of the agent's own, and tell about it.

        Args:
            use: does it.

        Raises:
            ApprovalNeeded: nobody has decided yet whether it may be used.
        """
        await self.announce([request])
        pending = self._pending(request)
        if pending is None:
            result = await self._use(await self._tell_call(request), use)
        elif pending.decision is None:
            raise ApprovalNeeded
        elif pending.decision.approved:
            await self._tell_decision(pending, pending.decision)
            result = await self._use(pending.call, use)
        else:
            await self._tell_decision(pending, pending.decision)
            why = pending.decision.comment or "no reason was given"
            result = ToolResult(ok=False, content=f"The user does not allow this call: {why}")
            await self._tell_result(pending.call, result)
        if pending is not None:
            self._memory.pending.remove(pending)
        return result

    async def _use(self, call: str, use: Use) -> ToolResult:
        self._memory.usage.tool_calls += 1
        result = await use()
        await self._tell_result(call, result)
        return result

    def _pending(self, request: Request) -> Pending | None:
        return next((one for one in self._memory.pending if one.key == request.key), None)

    async def _ask(self, request: Request) -> None:
        call = await self._tell_call(request)
        self._memory.pending.append(Pending(call, request.key, request.name))
        await self._ctx.emit(Tells.APPROVAL, {"call": call, "state": "needed"})

    async def _tell_call(self, request: Request) -> str:
        self._memory.calls += 1
        call = f"call-{self._memory.calls}"
        await self._ctx.emit(
            Tells.TOOL_CALL, {"call": call, "name": request.name, "arguments": _shortened(request.arguments)}
        )
        return call

    async def _tell_decision(self, pending: Pending, decision: Decision) -> None:
        body = {"call": pending.call, "state": "approved" if decision.approved else "refused", "by": decision.by}
        await self._ctx.emit(Tells.APPROVAL, {**body, "comment": decision.comment} if decision.comment else body)

    async def _tell_result(self, call: str, result: ToolResult) -> None:
        content, truncated = result.content[:SHOWN], result.truncated or len(result.content) > SHOWN
        body = {"call": call, "ok": result.ok, "content": content, "truncated": truncated}
        await self._ctx.emit(Tells.TOOL_RESULT, body)


def _shortened(value: object) -> object:
    """Arguments for those who watch: a file's whole text isn't what they want to see."""
    match value:
        case str():
            return value if len(value) <= SHOWN else f"{value[:SHOWN]}… ({len(value)} characters)"
        case dict():
            return {str(name)[:SHOWN]: _shortened(item) for name, item in list(value.items())[:MOST_ITEMS]}
        case list():
            return [_shortened(item) for item in value[:MOST_ITEMS]]
        case _:
            return value
