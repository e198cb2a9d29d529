"""A stick as the kernel sees it, on the socket, without a kernel: USB/IP and chapter 9 of USB."""

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from tests.vm.rack import MODELS
from tests.vm.sticks import CMD_SUBMIT, CMD_UNLINK, KEPT_OCTETS, Stick

IN, OUT = 1, 0
AT = MODELS[0]["at"]


class Kernel:
    """The other end of a stick's socket."""

    def __init__(self) -> None:
        self.line = socket.socket()
        order = {"stick": 0, "port": 3, **MODELS[0]}
        self.stick = Stick(order, self._take)

    def _take(self, port: int, descriptor: int) -> None:
        assert port == 3
        self.line.close()
        self.line = socket.socket(fileno=os.dup(descriptor))
        self.line.settimeout(5)

    def submit(
        self, sequence: int, direction: int, endpoint: int, length: int, setup: bytes, data: bytes
    ) -> bytes | None:
        head = struct.pack(">IIIII", CMD_SUBMIT, sequence, 0, direction, endpoint)
        request = head + struct.pack(">Iiiii", 0, length, 0, 0, 0) + setup.ljust(8, b"\0") + data
        self.line.sendall(request)
        return self.stick.receive()

    def descriptor(self, kind: int, index: int) -> tuple[int, bytes]:
        setup = struct.pack("<BBHHH", 0x80, 6, kind << 8 | index, 0, 255)
        self.submit(1, IN, 0, 255, setup, b"")
        return self.returned()

    def returned(self) -> tuple[int, bytes]:
        answer = self.line.recv(65536)
        status, length = struct.unpack(">ii", answer[20:28])
        assert len(answer) == 48 + length
        return status, answer[48:]

    def close(self) -> None:
        self.line.close()
        self.stick.socket.close()


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.close()


def test_the_device_says_who_made_it_and_has_no_serial_number(kernel: Kernel) -> None:
    status, descriptor = kernel.descriptor(1, 0)
    assert (status, len(descriptor)) == (0, 18)
    assert struct.unpack("<HH", descriptor[8:12]) == (0x12D1, 0x1001)
    assert tuple(descriptor[14:17]) == (1, 2, 0)
    assert kernel.descriptor(3, 1)[1][2:].decode("utf-16-le") == "HUAWEI Technology"


def test_the_configuration_is_as_long_as_it_says(kernel: Kernel) -> None:
    _, configuration = kernel.descriptor(2, 0)
    total, interfaces = struct.unpack("<HB", configuration[2:5])
    assert (total, interfaces) == (len(configuration), 3)
    endpoints = [configuration[at + 2] for at in _descriptors(configuration, 5)]
    assert endpoints == [0x81, 0x01, 0x82, 0x02, 0x83, 0x03]


def _descriptors(configuration: bytes, kind: int) -> Iterator[int]:
    at = 0
    while at < len(configuration):
        if configuration[at + 1] == kind:
            yield at
        at += configuration[at]


def test_what_it_does_not_have_is_stalled(kernel: Kernel) -> None:
    assert kernel.descriptor(6, 0) == (-32, b"")


def test_only_one_interface_leads_to_the_modem(kernel: Kernel) -> None:
    assert kernel.submit(2, OUT, AT + 1, 3, b"", b"AT\r") == b"AT\r"
    assert kernel.submit(3, OUT, AT, 3, b"", b"AT\r") == b""


def test_what_the_modem_says_goes_to_the_reads_in_turn(kernel: Kernel) -> None:
    kernel.stick.say(b"early")
    kernel.submit(4, IN, AT + 1, 512, b"", b"")
    assert kernel.returned() == (0, b"early")
    kernel.submit(5, IN, AT + 1, 512, b"", b"")
    kernel.stick.say(b"late")
    assert kernel.returned() == (0, b"late")


def test_what_nobody_reads_is_lost_beyond_the_modems_memory(kernel: Kernel) -> None:
    for _ in range(10):
        kernel.stick.say(b"x" * (KEPT_OCTETS // 4))
    kernel.submit(6, IN, AT + 1, 2 * KEPT_OCTETS, b"", b"")
    assert kernel.returned() == (0, b"x" * KEPT_OCTETS)


def test_a_read_can_be_taken_back(kernel: Kernel) -> None:
    kernel.submit(7, IN, AT + 1, 512, b"", b"")
    kernel.line.sendall(struct.pack(">IIIIII24x", CMD_UNLINK, 8, 0, 0, 0, 7))
    kernel.stick.receive()
    answer = kernel.line.recv(65536)
    assert struct.unpack(">i", answer[20:24]) == (-104,)
    kernel.stick.say(b"for nobody")
    kernel.line.setblocking(False)
    with pytest.raises(BlockingIOError):
        kernel.line.recv(65536)


def test_the_end_of_the_socket_is_the_end_of_the_stick(kernel: Kernel) -> None:
    kernel.line.close()
    assert kernel.stick.receive() is None
