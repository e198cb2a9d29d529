"""With --corpus DIR: operators' texts from elsewhere break nothing and sell nothing."""

import json
from pathlib import Path

import pytest

from pulsarack.ussd.kinds import Channel, ReplyKind
from pulsarack.ussd.reply import explain
from pulsarack.ussd.shelf import Shelf


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    directory = metafunc.config.getoption("--corpus")
    lines = Path(directory, "operator_replies.jsonl").read_text().splitlines()
    metafunc.parametrize("row", [json.loads(line) for line in lines])


def test_foreign_texts_are_not_sales(shelf: Shelf, row: dict[str, str]) -> None:
    for name in shelf.names():
        reading = explain(shelf.get(name), row["text"], Channel(row["channel"]))
        assert reading.reply is not None or reading.why
        if reading.reply is not None:
            assert reading.reply.kind is not ReplyKind.SUCCESS
