"""Good inputs to begin with: recorded modems, packaged recipes, the example configuration."""

import json
import tomllib
from functools import cache
from pathlib import Path

from pulsarack.modems.profile import SHIPPED
from pulsarack.modems.simulator.rack import load_rack
from pulsarack.ussd.recipe import Recipe
from pulsarack.ussd.shelf import PACKAGED, load_shelf
from tests.trace_player import TRACES

ROOT = Path(__file__).resolve().parents[2]
RACKS = ROOT / "modems" / "simulator" / "racks"


@cache
def answers() -> tuple[bytes, ...]:
    """What recorded modems said, one exchange each, as bytes on the port."""
    found: list[bytes] = []
    for path in sorted(TRACES.glob("*.trace")):
        said = b""
        for line in path.read_text("utf-8").splitlines():
            if line.startswith("> ") and said:
                found.append(said)
                said = b""
            elif line.startswith("<> "):
                said += b"\r\n> "
            elif line.startswith("<| "):
                said += line[3:].encode() + b"\r\n"
            elif line.startswith("< ") and not line.startswith("< @"):
                said += b"\r\n" + line[2:].encode() + b"\r\n"
        found.append(said)
    return tuple(dict.fromkeys(found))


@cache
def cusd_lines() -> tuple[str, ...]:
    """The +CUSD lines of the recordings, and some of other shapes."""
    recorded = [
        line.decode("latin-1")
        for said in answers()
        for line in said.split(b"\r\n")
        if line.startswith(b"+CUSD:")
    ]
    return (
        *dict.fromkeys(recorded),
        '+CUSD: 1,"1. Cek saldo\n2. Keluar",15',
        '+CUSD: 0,"00530061006C0064006F",72',
        '+CUSD: 0,"D3B29B0C0AC3DD",15',
        '+CUSD: 2,"Paket "Hemat" aktif",15',
        "+CUSD: 4",
        "+CUSD: 0,saldo 5000,15",
    )


@cache
def recipe_files() -> tuple[bytes, ...]:
    """The packaged recipes as they lie on the disk."""
    return tuple(path.read_bytes() for path in sorted(PACKAGED.glob("*.toml")))


@cache
def recipes() -> tuple[Recipe, ...]:
    """The same, read."""
    return tuple(load_shelf().recipes.values())


@cache
def operator_texts() -> tuple[str, ...]:
    """Every sample of every packaged recipe."""
    return tuple(
        sample.text
        for recipe in recipes()
        for pattern in recipe.patterns
        for sample in pattern.samples
    )


@cache
def pattern_sources() -> tuple[str, ...]:
    """Every pattern of the packaged recipes as its author wrote it."""
    found: list[str] = []
    for content in recipe_files():
        for pattern in tomllib.loads(content.decode())["pattern"]:
            found += [pattern[key] for key in ("match", "entry") if key in pattern]
    return tuple(found)


@cache
def rack_files() -> tuple[bytes, ...]:
    """The rack files that come along."""
    return tuple(path.read_bytes() for path in sorted(RACKS.glob("*.toml")))


@cache
def profile_files() -> tuple[bytes, ...]:
    """The modem profiles that come along."""
    return tuple(path.read_bytes() for path in sorted(SHIPPED.glob("*.toml")))


@cache
def config_file() -> bytes:
    """The configuration with every key in it."""
    return (ROOT / "docs" / "pulsarack.example.toml").read_bytes()


@cache
def truth_file() -> bytes:
    """The books of a simulated rack: one line of each kind."""
    chips = [
        {"iccid": modem.chip.iccid, "operator": modem.chip.operator, "stock": modem.chip.stock}
        for modem in load_rack(RACKS / "four.toml").modems
    ]
    chip = chips[0]["iccid"]
    top_up = {"kind": "top_up", "at": 1, "operator": "telkomsel", "chip": chip}
    top_up |= {"destination": "6281200000012", "denomination": 10, "cost": 10150}
    lines: list[dict[str, object]] = [
        {"kind": "rack", "at": 0, "chips": chips},
        {**top_up, "serial_number": "8123", "delivered": True, "reason": None, "fault": None},
        {**top_up, "serial_number": None, "delivered": False, "reason": "BUSY", "fault": "hang"},
        {"kind": "stock_in", "at": 2, "chip": chip, "amount": 100000},
        {"kind": "stock", "at": 3, "chip": chip, "stock": 5000},
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
