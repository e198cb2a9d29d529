"""The language of the control socket: bytes in any pieces, lines of any nonsense."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsarack.daemon import json_text
from pulsarack.daemon.control_arguments import ARGUMENTS, STREAMS
from pulsarack.daemon.control_protocol import (
    LINE_LIMIT,
    BadRequest,
    CallError,
    Calls,
    Lines,
    TooLong,
    check_arguments,
    decode_request,
    encode_error,
)


def cut(data: bytes, pieces: list[int], limit: int = 20) -> list[bytes | None]:
    """The lines when the data arrives in pieces; None is a line that was too long."""
    lines = Lines(limit)
    found: list[bytes | TooLong] = []
    for size in pieces:
        found += lines.feed(data[:size])
        data = data[size:]
    found += lines.feed(data)
    return [None if isinstance(line, TooLong) else line for line in found]


@given(
    st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\n", b"")), max_size=6),
    st.lists(st.integers(1, 30), max_size=30),
)
def test_lines_are_the_same_however_they_arrive(lines: list[bytes], pieces: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    expected = [
        None if len(line) > 20 else line for line in lines if line.strip() or len(line) > 20
    ]
    assert cut(data, pieces) == expected
    assert cut(data, [1] * len(data)) == expected


def test_a_line_without_end_takes_no_memory() -> None:
    lines = Lines(limit=100)
    for _ in range(1000):
        assert lines.feed(b"x" * 99) == []
        assert len(lines._rest) <= 200
    (too_long, after) = lines.feed(b"\nhello\n")
    assert isinstance(too_long, TooLong)
    assert after == b"hello"


BAD = [
    (b"", None, "BAD_JSON"),
    (b"hello", None, "BAD_JSON"),
    (b'{"id": 1, "call": "status"', None, "BAD_JSON"),
    (b"\xff\xfe", None, "BAD_JSON"),
    (b"[" * 60000, None, "BAD_REQUEST"),
    (b'{"id": 1, "call": "x", "args": {"a": ' + b"[" * 5000, None, "BAD_JSON"),
    (b"[]", None, "BAD_REQUEST"),
    (b"null", None, "BAD_REQUEST"),
    (b"{}", None, "BAD_REQUEST"),
    (b'{"call": "status"}', None, "BAD_REQUEST"),
    (b'{"id": 7}', 7, "BAD_REQUEST"),
    (b'{"id": "a", "call": 5}', "a", "BAD_REQUEST"),
    (b'{"id": 7, "call": "status", "args": []}', 7, "BAD_REQUEST"),
    (b'{"id": true, "call": "status"}', None, "BAD_REQUEST"),
    (b'{"id": [1], "call": "status"}', None, "BAD_REQUEST"),
    (b'{"id": 99999999999999999999, "call": "status"}', None, "BAD_REQUEST"),
    (b'{"id": 1, "call": "order.new", "args": {"text": "a", "text": "b"}}', 1, "BAD_REQUEST"),
    (b'{"id": 1, "call": "order.new", "args": {"text": "a", "\\u0074ext": "a"}}', 1, "BAD_REQUEST"),
    (b'{"id": 1, "call": "status", "args": {}, "args": {}}', 1, "BAD_REQUEST"),
    (b'{"id": 1, "id": 2, "call": "status"}', None, "BAD_REQUEST"),
    (b'{"id": 1, "call": "status", "odd": {"x": [{"y": 1, "y": 1}]}}', 1, "BAD_REQUEST"),
    # As many colons as keys that were kept: what was dropped had one, an escape puts one in.
    (b'{"id": 1, "call": "x", "args": {"a": "b", "a": "\\u003a"}}', 1, "BAD_REQUEST"),
    (b'{"id": 1, "call": "x", "id": 2}', None, "BAD_REQUEST"),
    (b'{"id": 1, "call": "x", "args": {"a": 1}, "args": {}}', 1, "BAD_REQUEST"),
]


@pytest.mark.parametrize(("line", "request_id", "code"), BAD)
def test_what_is_no_request_gets_an_error(line: bytes, request_id: Any, code: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode_request(line)
    assert caught.value.request_id == request_id
    assert caught.value.error.code == code
    answer = json.loads(encode_error(request_id, caught.value.error))
    assert answer["id"] == request_id
    assert answer["error"]["remedy"]


def test_a_line_that_was_too_long_says_the_limit() -> None:
    with pytest.raises(BadRequest, match=str(LINE_LIMIT)):
        decode_request(TooLong())


@given(st.binary(max_size=200))
def test_no_line_breaks_the_decoder(line: bytes) -> None:
    try:
        decode_request(line)
    except BadRequest as bad:
        assert encode_error(bad.request_id, bad.error).count(b"\n") == 1


_KEYS = st.sampled_from(["id", "call", "args", "text", "agent", "odd", "a:b", "x"])
_SCALARS = st.sampled_from(["1", "-2.5", '"S10.0812"', '"a:b"', '"\\u003a"', "null", "true", "[]"])


def _object(pairs: st.SearchStrategy[list[tuple[str, str]]]) -> st.SearchStrategy[str]:
    written = pairs.map(lambda found: ", ".join(f'"{key}" :{value}' for key, value in found))
    return written.map(lambda inside: "{" + inside + "}")


_OBJECTS = _object(st.lists(st.tuples(_KEYS, _SCALARS), max_size=4))
_LISTS = st.lists(_OBJECTS, max_size=2).map(lambda found: f"[{', '.join(found)}]")
_VALUES = _SCALARS | _OBJECTS | _LISTS | _object(st.lists(st.tuples(_KEYS, _OBJECTS), max_size=2))


@given(st.permutations(["id", "call", "args"]), st.lists(st.tuples(_KEYS, _VALUES), max_size=3))
def test_a_key_that_is_written_twice_is_always_seen(
    order: list[str], more: list[tuple[str, str]]
) -> None:
    own = {"id": "1", "call": '"order.new"', "args": more[-1][1] if more else "{}"}
    pairs = [(key, own[key]) for key in order] + more[:-1]
    line = ("{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}").encode()
    try:
        json_text.refuse_repeated_keys(line)
    except json_text.RepeatedKey:
        with pytest.raises(BadRequest):
            decode_request(line)


def registry() -> Calls:
    calls = Calls()

    async def handler(arguments: Any, peer: Any) -> Any:
        return None

    for name in ARGUMENTS:
        calls.add(name, handler)
    return calls


ARGUMENT_ERRORS = [
    ("agent.new", {"code": "a"}, "agent.new: argument name is missing", "takes code, name"),
    ("agent.new", {"code": "a", "name": "b", "x": 1}, "argument x is not known", "code, name"),
    ("agent.new", {"code": 5, "name": "b"}, "argument code: expected str, got int", ""),
    ("order.show", {"id": "1"}, "argument id: expected int, got str", "takes id"),
    ("order.show", {"id": 1.5}, "argument id: expected int", ""),
    ("order.show", {"id": True}, "argument id: expected int, got bool", ""),
    ("status", {"x": 1}, "status: argument x is not known", "status takes no arguments"),
    (
        "product.import",
        {"rows": [{"code": "a"}]},
        "argument rows[0].operator is missing",
        "takes rows",
    ),
    ("order.new", {"agent": "a"}, "give either text, or product and destination", "agent, text?"),
    (
        "order.new",
        {"agent": "a", "text": "t", "product": "S10", "destination": "0812"},
        "give either text",
        "",
    ),
    ("order.new", {"agent": "a", "product": "S10"}, "give either text", ""),
    ("order.new", {"agent": "a", "text": "t", "repeat_index": 2}, "repeat_index stands in", ""),
    (
        "agent.credit",
        {"code": "a", "amount": 1e5, "because": "b", "who": "c"},
        "argument amount: expected int, got float",
        "",
    ),
]


@pytest.mark.parametrize(("name", "args", "message", "remedy"), ARGUMENT_ERRORS)
def test_a_wrong_argument_is_named(
    name: str, args: dict[str, Any], message: str, remedy: str
) -> None:
    call = registry().find(name)
    with pytest.raises(CallError) as caught:
        check_arguments(call, args)
    assert caught.value.code == "BAD_ARGUMENT"
    assert message in caught.value.message
    assert remedy in caught.value.remedy
    assert "$" not in caught.value.message


def test_an_unknown_call_lists_the_known_ones() -> None:
    with pytest.raises(CallError, match=r"no call 'order\.gnu'.*order\.new") as caught:
        registry().find("order.gnu")
    assert caught.value.code == "UNKNOWN_CALL"


def test_a_call_is_registered_once() -> None:
    calls = registry()
    with pytest.raises(ValueError, match="already"):
        calls.add("status", calls.find("status").answer)  # type: ignore[arg-type]  # it is one
    assert set(calls.names()) == set(ARGUMENTS)
    assert all((calls.find(name).stream is not None) == (name in STREAMS) for name in ARGUMENTS)
