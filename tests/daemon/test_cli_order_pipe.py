"""The pipe: orders in, results and messages out, nothing acknowledged before it is written."""

import asyncio
import io
import json
import os
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from click.testing import CliRunner, Result

from pulsarack.daemon.cli import order_pipe
from pulsarack.daemon.cli.root import root
from pulsarack.daemon.client import ProtocolTrouble
from pulsarack.daemon.control_arguments import ORDERS_A_REQUEST
from pulsarack.daemon.control_protocol import CallError


def run(daemon: Any, lines: list[str], *options: str) -> tuple[Result, list[dict[str, Any]]]:
    args = ["--socket", str(daemon.path), "order", "pipe", *options]
    result = CliRunner().invoke(root, args, input="".join(f"{line}\n" for line in lines))
    return result, [json.loads(line) for line in result.stdout.splitlines()]


def new(args: dict[str, Any]) -> dict[str, Any]:
    """Takes an order; its id is the number at the end of its text."""
    bad = {None: "BAD_ARGUMENT", "bad": "UNKNOWN_PRODUCT"}.get(args.get("text"))
    if bad is not None:
        return {"error": {"code": bad, "message": "no such thing", "remedy": "see the list"}}
    return {"order": {"id": int(args["text"]), "state": "QUEUED", "repeated": False}}


def accept(daemon: Any) -> None:
    """Takes every order."""
    daemon.answers["order.new_many"] = lambda arguments: {
        "orders": [new(one) for one in arguments.orders]
    }


def test_a_line_that_nobody_can_read_disturbs_no_other(fake_daemon: Any) -> None:
    """The daemon could not say whose answer its refusal is, and the pipe broke off."""
    accept(fake_daemon)
    fake_daemon.answers["messages.follow"] = lambda arguments: [
        {"id": 10, "order": {"kios1": 1, "admin1": 2}[arguments.agent], "text": "told"}
    ]
    lines = [
        '{"agent": "kios1", "text": "1"}',
        '{"agent": "kios1", "text": "\\ud800"}',
        '{"agent": "kios1", "text": NaN}',
        '{"agent": "kios1", "text": ' + "[" * 500 + "]" * 500 + "}",
        '{"agent": "kios1", "text": "' + "x" * 1_000_000 + '"}',
        '{"agent": "admin1", "text": "2"}',
    ]
    result, out = run(fake_daemon, lines)
    assert result.exit_code == 0, result.output
    accepted = [line["line"] for line in out if line["kind"] == "accepted"]
    refused = {line["line"]: line["error"]["code"] for line in out if line["kind"] == "refused"}
    assert sorted(accepted) == [1, 6]
    assert refused == {2: "BAD_JSON", 3: "BAD_JSON", 4: "BAD_ARGUMENT", 5: "LINE_TOO_LONG"}


def test_orders_are_placed_told_and_acknowledged(fake_daemon: Any) -> None:
    accept(fake_daemon)
    fake_daemon.answers["messages.follow"] = lambda arguments: [
        {"id": 10 + n, "order": n, "text": f"{arguments.agent} {n}"}
        for n in ({"kios1": [99, 1], "admin1": [2]}[arguments.agent])
    ]
    lines = [
        '{"agent": "kios1", "text": "1", "client_reference": "r1"}',
        "",
        '{"agent": "admin1", "text": "2"}',
        '{"agent": "admin1", "text": "bad"}',
        '{"agent": "admin1", "colour": "red"}',
        '{"text": "1"}',
        "nonsense",
        '{"agent": "kios1", "text": "3", "text": "4"}',
    ]
    result, out = run(fake_daemon, lines)
    assert result.exit_code == 0, result.output
    accepted = {line["line"]: line["order"]["id"] for line in out if line["kind"] == "accepted"}
    refused = {line["line"]: line["error"]["code"] for line in out if line["kind"] == "refused"}
    messages = {line["message"]["id"] for line in out if line["kind"] == "message"}
    assert accepted == {1: 1, 3: 2}
    assert refused == {4: "UNKNOWN_PRODUCT", 5: "BAD_ARGUMENT", 6: "BAD_ARGUMENT", 7: "BAD_JSON",
                       8: "BAD_ARGUMENT"}  # fmt: skip
    # 109 is an older order's; it waited for the same agent.
    assert messages == {109, 11, 12}
    acks = {args["id"] for name, args in fake_daemon.asked if name == "messages.ack"}
    assert acks == messages


def test_many_orders_pass_in_parallel(fake_daemon: Any) -> None:
    count = order_pipe.LINES_AHEAD * 2
    finished: asyncio.Queue[int] = asyncio.Queue()

    def place(arguments: Any) -> dict[str, Any]:
        for one in arguments.orders:
            # So quick that the message may well arrive before the answer does.
            finished.put_nowait(int(one["text"]))
        return {"orders": [new(one) for one in arguments.orders]}

    async def follow(arguments: Any) -> AsyncGenerator[dict[str, Any], None]:
        while True:
            number = await finished.get()
            yield {"id": number, "order": number, "text": "done"}

    fake_daemon.answers |= {"order.new_many": place, "messages.follow": follow}
    lines = [json.dumps({"agent": "kios1", "text": str(n)}) for n in range(1, count + 1)]
    result, out = run(fake_daemon, lines)
    assert result.exit_code == 0
    assert sum(line["kind"] == "accepted" for line in out) == count
    assert sum(line["kind"] == "message" for line in out) == count
    assert sum(name == "messages.follow" for name, _ in fake_daemon.asked) == 1
    requests = [len(args["orders"]) for name, args in fake_daemon.asked if name == "order.new_many"]
    assert sum(requests) == count
    assert max(requests) > 1, "what gathers goes together"
    assert order_pipe.ORDERS_A_REQUEST == ORDERS_A_REQUEST


def test_a_lone_line_does_not_wait_for_another(fake_daemon: Any) -> None:
    accept(fake_daemon)
    fake_daemon.answers["messages.follow"] = []
    ours, theirs = os.pipe()

    async def work(source: BinaryIO) -> list[dict[str, Any]]:
        told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        pipe = asyncio.create_task(order_pipe.run(fake_daemon.path, source, told.put_nowait))
        found = []
        for number in (1, 2):
            os.write(theirs, f'{{"agent": "kios1", "text": "{number}"}}\n'.encode())
            found.append(await asyncio.wait_for(told.get(), 30))
        os.close(theirs)
        pipe.cancel()
        await asyncio.gather(pipe, return_exceptions=True)
        return found

    with os.fdopen(ours, "rb") as source:
        found = asyncio.run(work(source))
    assert [line["order"]["id"] for line in found] == [1, 2]


def test_long_orders_go_in_several_requests(fake_daemon: Any) -> None:
    """A request has a longest line, and what was refused with it would be none of their fault."""
    accept(fake_daemon)
    fake_daemon.answers["messages.follow"] = lambda arguments: [
        {"id": n, "order": n, "text": "told"} for n in range(1, 41)
    ]
    long = "\u00e9" * 2000
    lines = [json.dumps({"agent": "a", "text": str(n), "x": long}) for n in range(1, 41)]
    lines = [json.dumps(json.loads(line), ensure_ascii=False) for line in lines]
    result, out = run(fake_daemon, lines)
    assert result.exit_code == 0, result.output
    assert sum(line["kind"] == "accepted" for line in out) == 40
    assert not [line for line in out if line["kind"] == "refused"]


def test_a_request_that_is_refused_as_a_whole_is_told_of_each_line(fake_daemon: Any) -> None:
    fake_daemon.answers["order.new_many"] = CallError("NOT_ALLOWED", "siti may not", "ask root")
    result, out = run(fake_daemon, ['{"agent": "a", "text": "1"}', '{"agent": "a", "text": "2"}'])
    assert result.exit_code == 0
    shown = {"code": "NOT_ALLOWED", "message": "siti may not", "remedy": "ask root"}
    assert [(line["line"], line["error"]) for line in out] == [(1, shown), (2, shown)]


def test_an_order_that_was_finished_before_is_not_waited_for(fake_daemon: Any) -> None:
    finished = {"id": 1, "state": "FAILED", "repeated": True}
    fake_daemon.answers["order.new_many"] = {"orders": [{"order": finished}]}
    fake_daemon.answers["messages.follow"] = []
    result, out = run(fake_daemon, ['{"agent": "kios1", "text": "1"}'])
    assert result.exit_code == 0
    assert [line["kind"] for line in out] == ["accepted"]


def test_an_empty_input_ends_at_once(fake_daemon: Any) -> None:
    assert run(fake_daemon, [])[0].exit_code == 0


@pytest.mark.parametrize("options", [(), ("--agent", "kios1")])
def test_a_daemon_that_stops_ends_the_pipe(fake_daemon: Any, options: tuple[str, ...]) -> None:
    accept(fake_daemon)

    def follow(arguments: Any) -> Iterator[Any]:
        raise CallError("STOPPING", "the daemon is stopping", "try again when it is back")
        yield

    fake_daemon.answers["messages.follow"] = follow
    result, _ = run(fake_daemon, ['{"agent": "kios1", "text": "1"}'], *options)
    assert result.exit_code == 1
    assert result.stderr == "pulsarack: the daemon is stopping; try again when it is back\n"


def test_without_a_daemon(tmp_path: Path) -> None:
    args = ["--socket", str(tmp_path / "none"), "order", "pipe"]
    result = CliRunner().invoke(root, args, input='{"agent": "a", "text": "1"}\n')
    assert result.exit_code == 1
    assert "no daemon answers" in result.stderr


async def test_a_message_that_was_not_written_is_not_acknowledged(fake_daemon: Any) -> None:
    accept(fake_daemon)
    fake_daemon.answers["messages.follow"] = [{"id": 5, "order": 1, "text": "x"}]

    def write(line: dict[str, Any]) -> None:
        if line["kind"] == "message":
            raise BrokenPipeError

    source = io.BytesIO(b'{"agent": "kios1", "text": "1"}\n')
    with pytest.raises((BrokenPipeError, ProtocolTrouble)):
        await order_pipe.run(fake_daemon.path, source, write)
    assert "messages.ack" not in [name for name, _ in fake_daemon.asked]
