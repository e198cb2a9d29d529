"""The gate before every call of the control socket: who may make it, and that it is recorded.

It stands around the handler of each call that is registered, streams too, so that no handler can
be reached past it. What a role does not allow is refused before the handler sees anything.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec

from pulsarack.daemon.admins import masking
from pulsarack.daemon.admins.admins import Admins, UserStanding
from pulsarack.daemon.admins.rights import RIGHTS_OF, RULES, Right, Rule, roles_for
from pulsarack.daemon.admins.witness import ACT, Pending, refused
from pulsarack.daemon.control_protocol import Call, CallError, Peer
from pulsarack.modems.timing import Clock
from pulsarack.queue.admin_acts import Act, ActOutcome

NOT_ALLOWED = "NOT_ALLOWED"
Work = Callable[[], Awaitable[Any]]


class Gate:
    """One for all calls."""

    def __init__(self, admins: Admins, clock: Clock) -> None:
        self._admins = admins
        self._clock = clock

    def before(self, call: Call) -> Call:
        """The call as it may be registered; raises KeyError for one without a rule."""
        rule = RULES[call.name]
        if call.stream is not None:
            return replace(call, stream=self._stream(call, rule))
        return replace(call, answer=self._answer(call, rule))

    def _answer(self, call: Call, rule: Rule) -> Any:
        handler = call.answer
        assert handler is not None

        async def answer(args: msgspec.Struct, peer: Peer) -> Any:
            standing = await self._let_in(call.name, rule, args, peer)
            return await handler(args, peer.named(standing.login))

        async def record(args: msgspec.Struct, peer: Peer) -> Any:
            standing = await self._let_in(call.name, rule, args, peer)
            act = self._act(standing, call.name, rule, args)
            how = self._ahead if rule.ahead else self._together
            return await how(act, lambda: handler(args, peer.named(standing.login)))

        return record if rule.acts else answer

    def _stream(self, call: Call, rule: Rule) -> Any:
        handler = call.stream
        assert handler is not None

        async def stream(args: msgspec.Struct, peer: Peer) -> AsyncGenerator[Any, None]:
            standing = await self._let_in(call.name, rule, args, peer)
            recorded = not rule.acts
            named = peer.named(standing.login)
            async with contextlib.aclosing(handler(args, named)) as events:
                async for event in events:
                    if not recorded:  # before anything is shown
                        await self._admins.record(self._act(standing, call.name, rule, args))
                        recorded = True
                    elif rule.right is not Right.SEE:  # the role may be gone by now
                        await self._let_in(call.name, rule, args, peer)
                    yield event

        return stream

    async def _let_in(
        self, name: str, rule: Rule, args: msgspec.Struct, peer: Peer
    ) -> UserStanding:
        standing = self._admins.known(peer.uid) or await self._admins.standing(peer.uid)
        if rule.right in RIGHTS_OF[standing.role]:
            return standing
        error = _not_allowed(standing, name, rule)
        self._admins.not_allowed(standing, name, error)
        act = self._act(standing, name, rule, args)
        await self._admins.refused(refused(act, error.code, error.message))
        raise error

    async def _together(self, act: Act, work: Work) -> Any:
        """Answer a call whose act is recorded where it is stored (`witness.write`)."""
        pending = Pending(act, self._admins.keeps_refusals(act.uid))
        token = ACT.set(pending)
        try:
            return await work()
        except CallError as error:
            if not pending.noted:
                await self._admins.refused(refused(act, error.code, error.message))
            raise
        finally:
            ACT.reset(token)
            self._admins.noted(pending)

    async def _ahead(self, act: Act, work: Work) -> Any:
        """Answer a call whose act is done to something else: recorded before, ended behind."""
        begun = await self._admins.record(replace(act, outcome=ActOutcome.BEGUN))
        act = replace(act, begun=begun.id)
        try:
            result = await work()
        except CallError as error:
            await self._admins.end(refused(self._now(act), error.code, error.message))
            raise
        except Exception as error:
            failed = refused(self._now(act), type(error).__name__, str(error))
            await self._admins.end(replace(failed, outcome=ActOutcome.FAILED))
            raise
        await self._admins.end(self._now(act))
        return result

    def _act(self, standing: UserStanding, name: str, rule: Rule, args: msgspec.Struct) -> Act:
        return Act(
            at=self._clock.now_ms(),
            uid=standing.uid,
            login=standing.login,
            role=standing.role.value,
            call=name,
            subject=masking.subject(args, rule.subject),
            arguments=masking.kept(name, args),
            outcome=ActOutcome.DONE,
        )

    def _now(self, act: Act) -> Act:
        return replace(act, at=self._clock.now_ms())


def _not_allowed(standing: UserStanding, name: str, rule: Rule) -> CallError:
    enough = roles_for(rule.right)
    message = f"{standing.login} is {standing.role} here and may not use {name} ({standing.why})"
    whom = "LOGIN" if " " in standing.login else standing.login
    remedy = (
        f"a role that may ({', '.join(enough)}) is given by:"
        f" sudo pulsarack admin role {whom} {enough[0]}"
    )
    return CallError(NOT_ALLOWED, message, remedy)
