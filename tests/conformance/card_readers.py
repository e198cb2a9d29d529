"""Readers of kinds that say who the modem and its card are, and what they can do."""

from pulsarack.modems import identity
from pulsarack.modems.at import abilities, numbers, sim_state, stores
from pulsarack.modems.at.parameters import Value
from tests.conformance.check import Read, Reader
from tests.conformance.replies import Row, Taken


def _identity(row: Row, taken: Taken) -> Read:
    lines = taken.lines
    imei = identity.parse_imei(lines)
    serial, _, extra = next((line for line in lines if line.strip()), "").partition(",")
    read: Read = {
        "manufacturer": identity.parse_name(lines),
        "model": identity.parse_name(lines),
        "revision": identity.parse_revision(lines),
        # A modem is known by its IMEI; what else stands there is a number of the maker's.
        "serial": imei or serial,
        "extra_serial": extra,
        "imsi": identity.parse_imsi(lines),
    }
    return read | ({"imei": imei} if imei else {})


def _labels(row: Row, taken: Taken) -> Read:
    labels = identity.parse_labels(taken.lines)
    read: Read = {label.replace(" ", "_"): text for label, text in labels.items()}
    read["lines"] = [line for line in taken.lines if not identity.parse_labels((line,))]
    read["gcap"] = [part.strip() for part in labels.get("+gcap", "").split(",")]
    return read


def _iccid(row: Row, taken: Taken) -> Read:
    iccid = identity.parse_iccid(taken.lines)
    return {"iccid": iccid, "valid": iccid is not None}


def _pin_state(row: Row, taken: Taken) -> Read:
    return {"state": next(filter(None, map(sim_state.parse_pin_state, taken.said)), None)}


def _card(row: Row, taken: Taken) -> Read:
    card = next(filter(None, map(sim_state.parse_card, taken.said)), None)
    return {"sim": card, "valid": card is not None}


def _tries(row: Row, taken: Taken) -> Read:
    try:
        tries = next(filter(None, map(sim_state.parse_tries, taken.lines)), None)
    except sim_state.CardBlocked:
        tries = None
    return {"retries": tries.pin} if tries else {}


def _pin_counts(row: Row, taken: Taken) -> Read:
    tries = next(filter(None, map(sim_state.parse_tries, taken.lines)), None)
    if tries is None:
        return {}
    return {"pin1": tries.pin, "puk1": tries.puk, "pin2": tries.pin2, "puk2": tries.puk2}


def _stores(row: Row, taken: Taken) -> Read:
    found = [one for line in taken.lines for one in stores.parse_stores(line)]
    return {
        "stores": [
            {"mem": one.name, "used": one.used, "total": one.total, "full": one.full}
            for one in found
        ],
        "pairs": [[one.used, one.total] for one in found],
    }


def _store_choices(row: Row, taken: Taken) -> Read:
    lists = [list(one) for line in taken.lines for one in stores.parse_choices(line)]
    padded = lists + [[]] * (3 - len(lists))
    return {f"mem{number}": names for number, names in enumerate(padded, 1)}


def _expanded(value: Value) -> list[int]:
    return [number for first, last in value.spans for number in range(first, last + 1)]


def _indications(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(abilities.parse_indications, taken.lines)), None)
    if read is None:
        return {}
    return {name: _expanded(getattr(read, name)) for name in ("mode", "mt", "bm", "ds", "bfr")}


def _charsets(row: Row, taken: Taken) -> Read:
    found = [name for line in taken.lines for name in abilities.parse_charsets(line)]
    return {"charset": found[0] if found else None, "charsets": found}


def _commands(row: Row, taken: Taken) -> Read:
    found = abilities.parse_commands(taken.lines)
    wanted = row["parsed"].get("has", {})
    return {"count": len(found), "has": {name: name in found for name in wanted}}


def _own_numbers(row: Row, taken: Taken) -> Read:
    return {"numbers": list(numbers.parse_own_numbers(taken.said))}


def _centre(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(numbers.parse_centre, taken.lines)), None)
    return {} if read is None else {"number": read.number, "toa": read.type_of_address}


READERS: dict[str, Reader] = {
    "identity": _identity,
    "ati": _labels,
    "iccid": _iccid,
    "cpin": _pin_state,
    "qss": _card,
    "csim_retries": _tries,
    "upincnt": _pin_counts,
    "cpms": _stores,
    "cpms_set": _stores,
    "cpms_list": _store_choices,
    "cnmi_list": _indications,
    "cscs": _charsets,
    "cscs_list": _charsets,
    "clac": _commands,
    "cnum": _own_numbers,
    "csca": _centre,
}
