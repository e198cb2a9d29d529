"""Readers of kinds that say how a modem stands with the network."""

from dataclasses import asdict

from pulsarack.modems.at import abilities, operators, registration, service, signal
from tests.conformance.check import Read, Reader
from tests.conformance.replies import Row, Taken


def _registration(row: Row, taken: Taken) -> Read:
    reports = [(line, registration.parse_report(line)) for line in taken.said]
    found = [(line, report) for line, report in reports if report is not None]
    if not found:
        return {"missing": True}
    line, report = found[0]
    return {
        "solicited": line in taken.lines,
        "n": report.mode,
        "stat": report.state,
        "state": report.state_name,
        "lac": report.lac,
        "ci": report.ci,
        "act": report.act if isinstance(row["parsed"].get("act"), int) else report.technology,
    }


def _selection(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(operators.parse_selection, taken.lines)), None)
    if read is None:
        return {}
    return {"mode": read.mode, "format": read.form, "operator": read.name, "act": read.act}


def _scan(row: Row, taken: Taken) -> Read:
    return {
        "networks": [
            {
                "stat": one.state,
                "long": one.long_name,
                "short": one.short_name,
                "plmn": one.plmn,
                "act": one.technology,
            }
            for one in operators.parse_scan(taken.lines)
        ]
    }


def _quality(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(signal.parse_quality, taken.said)), None)
    if read is None:
        return {}
    rssi, ber = (99 if value is None else value for value in (read.rssi, read.ber))
    return {"rssi": rssi, "ber": ber, "dbm": read.dbm}


def _extended(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(signal.parse_extended, taken.said)), None)
    if read is None:
        return {}
    return {
        **asdict(read),
        "lte": {"rsrq_db": read.ratio_db, "rsrp_dbm": read.dbm},
        "umts": {"rscp_dbm": read.dbm, "ecio_db": read.ratio_db},
        "gsm": {"rssi_dbm": read.dbm},
    }


def _huawei_quality(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(signal.parse_huawei, taken.said)), None)
    if read is None:
        return {}
    return {"sysmode": read.radio, "values": list(read.values), "service": read.served}


def _system(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(service.parse_system, taken.said)), None)
    if read is None:
        return {}
    return {
        "srv_status": read.service,
        "srv_domain": read.domain,
        "roam_status": read.roaming,
        "sys_mode": read.mode,
        "sim_state": read.card,
        "sys_submode": read.submode,
    }


def _serving_network(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(service.parse_network, taken.notices)), None)
    if read is None:
        return {}
    names = asdict(read)
    return {**names, "roam": names.pop("roaming")}


def _serving_radio(row: Row, taken: Taken) -> Read:
    read = next(filter(None, map(service.parse_radio, taken.said)), None)
    if read is None:
        return {}
    return {"access": read.radio, "service": read.radio, "domain": read.domain}


def _function(row: Row, taken: Taken) -> Read:
    return {"fun": next(filter(_is_number, map(abilities.parse_function, taken.lines)), None)}


def _is_number(value: int | None) -> bool:
    return value is not None


READERS: dict[str, Reader] = {
    "creg": _registration,
    "cgreg": _registration,
    "cereg": _registration,
    "c5greg": _registration,
    "cops": _selection,
    "cops_scan": _scan,
    "csq": _quality,
    "rssi": _quality,
    "cesq": _extended,
    "xcesq": _extended,
    "hcsq": _huawei_quality,
    "sysinfo": _system,
    "sysinfoex": _system,
    "zdonr": _serving_network,
    "zpas": _serving_radio,
    "zpasr": _serving_radio,
    "cfun": _function,
}
