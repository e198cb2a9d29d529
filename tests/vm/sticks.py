"""USB sticks made inside the guest, by the kernel's own virtual host controller (USB/IP).

This file runs in the guest, on its Python alone. The controller, vhci_hcd, is handed one end of
a socket for each stick and speaks USB/IP on it (Linux, Documentation/usb/usbip_protocol.rst);
we answer at the other end as a stick would: descriptors, and two bulk endpoints an interface.
So the kernel's own `option` driver makes real ttys, under names that it chooses. One of the
interfaces leads to a modem, which is outside; the others take bytes and say nothing.

Standard input and output carry one JSON object a line. We are told to `plug` and `unplug`
sticks, what a stick shall `say`, and to set the clock; we tell what a stick has `heard`. When
standard input ends, all sticks are pulled.
"""

import base64
import json
import os
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

ATTACH = Path("/sys/devices/platform/vhci_hcd.0/attach")
HIGH_SPEED = 3  # enum usb_device_speed of linux/usb/ch9.h
CMD_SUBMIT, CMD_UNLINK, RET_SUBMIT, RET_UNLINK = 1, 2, 3, 4
TO_DEVICE = 0
STALL, UNLINKED = -32, -104  # -EPIPE, -ECONNRESET
HEADER_OCTETS = 48
PACKET_OCTETS = 512
# What a stick keeps for a host that does not read; the rest is lost, as in the real one.
KEPT_OCTETS = 4096
_LANGUAGE = b"\x04\x03\x09\x04"


def device_descriptor(vendor: int, product: int, has_serial: bool) -> bytes:
    """USB 2.0, 9.6.1."""
    names = (1, 2, 3 if has_serial else 0)
    return struct.pack("<BBHBBBBHHHBBBB", 18, 1, 0x200, 0, 0, 0, 64, vendor, product, 0, *names, 1)


def configuration(interfaces: int) -> bytes:
    """USB 2.0, 9.6.3: vendor-class interfaces, each with a bulk endpoint in and one out."""
    parts = b""
    for number in range(interfaces):
        parts += struct.pack("<9B", 9, 4, number, 0, 2, 0xFF, 0xFF, 0xFF, 0)
        for address in (0x81 + number, 0x01 + number):
            parts += struct.pack("<BBBBHB", 7, 5, address, 2, PACKET_OCTETS, 0)
    return struct.pack("<BBHBBBBB", 9, 2, 9 + len(parts), interfaces, 1, 0, 0xA0, 250) + parts


def attach(port: int, descriptor: int) -> None:
    """Hand the kernel its end of a stick's socket; it keeps it."""
    ATTACH.write_text(f"{port} {descriptor} {(1 << 16) | (port + 2)} {HIGH_SPEED}")


class Stick:
    """One stick in a port of the virtual controller."""

    def __init__(self, order: dict[str, Any], plug_in: Callable[[int, int], None] = attach) -> None:
        self.name = order["stick"]
        self._at = order["at"]
        self._texts = {1: order["maker"], 2: order["model"], 3: order["serial"] or ""}
        ids = int(order["vendor"], 16), int(order["product"], 16)
        self._device = device_descriptor(*ids, bool(order["serial"]))
        self._configuration = configuration(order["interfaces"])
        # By endpoint: sequence number and length.
        self._reads: dict[int, deque[tuple[int, int]]] = {}
        self._to_say = bytearray()
        self._received = bytearray()
        self.socket, theirs = socket.socketpair()
        plug_in(order["port"], theirs.fileno())
        theirs.close()

    def say(self, data: bytes) -> None:
        """The modem says something to the host."""
        self._to_say += data[: max(0, KEPT_OCTETS - len(self._to_say))]
        self._flush()

    def receive(self) -> bytes | None:
        """USB/IP from the kernel; what the modem has heard, or None if it is unplugged."""
        data = self.socket.recv(65536)
        if not data:
            return None
        self._received += data
        heard = b""
        while len(self._received) >= HEADER_OCTETS:
            header = bytes(self._received[:HEADER_OCTETS])
            command, sequence, _, direction, endpoint = struct.unpack(">IIIII", header[:20])
            _, length = struct.unpack(">Ii", header[20:28])
            carries = length if command == CMD_SUBMIT and direction == TO_DEVICE else 0
            if len(self._received) < HEADER_OCTETS + carries:
                break
            body = bytes(self._received[HEADER_OCTETS : HEADER_OCTETS + carries])
            del self._received[: HEADER_OCTETS + carries]
            if command == CMD_UNLINK:
                self._unlink(sequence, struct.unpack(">I", header[20:24])[0])
            elif endpoint == 0:
                self._control(sequence, direction, header[40:48], length)
            elif direction == TO_DEVICE:
                self._return(sequence, 0, b"", length)
                heard += body if endpoint - 1 == self._at else b""
            else:
                self._reads.setdefault(endpoint, deque()).append((sequence, length))
        self._flush()
        return heard

    def _flush(self) -> None:
        reads = self._reads.get(self._at + 1)
        while reads and self._to_say:
            sequence, length = reads.popleft()
            self._return(sequence, 0, bytes(self._to_say[:length]))
            del self._to_say[:length]

    def _control(self, sequence: int, direction: int, setup: bytes, length: int) -> None:
        answer = self._answer(setup)
        if answer is None:
            self._return(sequence, STALL)
        elif direction == TO_DEVICE:
            self._return(sequence, 0, b"", length)
        else:
            self._return(sequence, 0, answer)

    def _answer(self, setup: bytes) -> bytes | None:
        """To a request on the control pipe (USB 2.0, 9.4); None for a stall."""
        kind, request, value, _, length = struct.unpack("<BBHHH", setup)
        if kind & 0x80 == 0:
            return b""
        if (kind, request) == (0x80, 6):
            descriptor = self._descriptor(value >> 8, value & 0xFF)
            return None if descriptor is None else descriptor[:length]
        answer: bytes = {0: b"\0\0", 8: b"\1"}.get(request, bytes(length))[:length]
        return answer

    def _descriptor(self, kind: int, index: int) -> bytes | None:
        if kind == 1:
            return self._device
        if kind == 2:
            return self._configuration
        if kind == 3:
            text = self._texts.get(index, "").encode("utf-16-le")
            return _LANGUAGE if index == 0 else bytes([len(text) + 2, 3]) + text
        return None

    def _unlink(self, sequence: int, victim: int) -> None:
        status = 0
        for reads in self._reads.values():
            for read in [read for read in reads if read[0] == victim]:
                reads.remove(read)
                status = UNLINKED
        self.socket.sendall(struct.pack(">IIIIIi24x", RET_UNLINK, sequence, 0, 0, 0, status))

    def _return(
        self, sequence: int, status: int, data: bytes = b"", length: int | None = None
    ) -> None:
        length = len(data) if length is None else length
        head = struct.pack(">IIIII", RET_SUBMIT, sequence, 0, 0, 0)
        self.socket.sendall(head + struct.pack(">iiiii8x", status, length, 0, 0, 0) + data)


class Bus:
    """All sticks, and the line to whoever has the modems."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._sticks: dict[int, Stick] = {}
        self._input = b""

    def run(self) -> None:
        """Until standard input ends."""
        self._tell(event="ready")
        while True:
            for key, _ in self._selector.select():
                if key.data is not None:
                    self._from_kernel(key.data)
                elif not self._from_outside():
                    return

    def _from_outside(self) -> bool:
        data = os.read(sys.stdin.fileno(), 65536)
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            getattr(self, "_do_" + order["do"])(order)
        return bool(data)

    def _from_kernel(self, stick: Stick) -> None:
        if self._sticks.get(stick.name) is not stick:
            return  # pulled in the same round
        try:
            heard = stick.receive()
        except OSError:
            heard = None
        if heard is None:
            self._pull(stick.name)
            self._tell(event="gone", stick=stick.name)
        elif heard:
            self._tell(event="heard", stick=stick.name, data=base64.b64encode(heard).decode())

    def _do_plug(self, order: dict[str, Any]) -> None:
        stick = Stick(order)
        self._sticks[stick.name] = stick
        self._selector.register(stick.socket, selectors.EVENT_READ, stick)

    def _do_unplug(self, order: dict[str, Any]) -> None:
        self._pull(order["stick"])

    def _do_say(self, order: dict[str, Any]) -> None:
        stick = self._sticks.get(order["stick"])
        if stick is not None:
            try:
                stick.say(base64.b64decode(order["data"]))
            except OSError:
                self._pull(stick.name)

    def _do_clock(self, order: dict[str, Any]) -> None:
        if order["forward"]:
            now = time.clock_gettime(time.CLOCK_REALTIME)
            time.clock_settime(time.CLOCK_REALTIME, now + order["forward"])
        self._tell(event="clock", now=time.clock_gettime(time.CLOCK_REALTIME))

    def _pull(self, name: int) -> None:
        stick = self._sticks.pop(name, None)
        if stick is not None:
            self._selector.unregister(stick.socket)
            stick.socket.close()

    def _tell(self, **event: Any) -> None:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    Bus().run()
