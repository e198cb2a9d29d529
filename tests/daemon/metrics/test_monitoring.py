"""What the alert rules, the dashboard and the manual say of metrics is true of the metrics.

promtool itself checks the rules in `make test-peers`; here is what needs no program: names, labels
and kinds, as far as a text of PromQL shows them.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pulsarack.daemon.metrics.table import METRICS, PROCESS, Described, Kind
from tests.daemon.test_doctor_commands import resolve

ROOT = Path(__file__).resolve().parents[3]
MONITORING = ROOT / "monitoring"
MANUAL = ROOT / "docs" / "metrics.md"
KNOWN = {one.name: one for one in (*METRICS, *PROCESS)}
# What Prometheus adds to everything it scrapes, or says itself.
OF_PROMETHEUS = {"instance", "job", "le"}
NOT_OURS = {"up"}
_NAME = re.compile(r"\b((?:pulsarack|process)_\w+)(?:\{([^}]*)\})?(\[)?")


def exposed() -> dict[str, Described]:
    """The names of samples, with what they are of."""
    found: dict[str, Described] = {}
    for one in KNOWN.values():
        if one.kind is Kind.HISTOGRAM:
            found |= {f"{one.name}_{part}": one for part in ("bucket", "count", "sum")}
        else:
            found[one.name] = one
    return found


def rules() -> list[dict[str, str]]:
    """The rules of alerts.yml: its lines have one form, so that no parser of YAML is needed."""
    found: list[dict[str, str]] = []
    folded = ""
    for line in (MONITORING / "alerts.yml").read_text().splitlines():
        key, colon, value = line.strip().removeprefix("- ").partition(": ")
        if line.lstrip().startswith("- alert:"):
            found.append({"alert": value})
        elif folded and line.startswith(" " * 10) and not line.strip().endswith(":"):
            found[-1][folded] += f" {line.strip()}"
            continue
        elif found and colon:
            found[-1][key] = "" if value == ">-" else value.strip('"')
        folded = key if value == ">-" else ""
    return found


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    return found


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression, with where it stands."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


def problems(expr: str) -> list[str]:
    """What is wrong with the metrics in an expression."""
    known, found = exposed(), []
    for name, selector, ranged in _NAME.findall(expr):
        one = known.get(name)
        if one is None:
            found.append(f"there is no {name}")
            continue
        used = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", selector))
        if extra := used - set(one.labels) - OF_PROMETHEUS:
            found.append(f"{name} has no {extra}")
        counted = one.kind is not Kind.GAUGE
        # A counter says something only by how it grows; of a gauge other functions know more.
        if counted and not ranged:
            found.append(f"{name} is a {one.kind}: take rate() of it")
        if ranged and not counted and not re.search(r"(predict_linear|changes)\(", expr):
            found.append(f"{name} is a gauge: no rate() of it")
    if not found:
        labels = {label for name, _, _ in _NAME.findall(expr) for label in known[name].labels}
        by = re.findall(r"by \(([^)]*)\)", expr)
        grouped = {label for text in by for label in text.split(", ")}
        found = [f"nothing there has {one}" for one in grouped - labels - OF_PROMETHEUS]
    return found


@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ("pulsarack_nonsense > 1", "there is no"),
        ('pulsarack_chips{agent="A1"}', "has no"),
        ("pulsarack_refused_total > 1", "take rate"),
        ("rate(pulsarack_chips[5m])", "no rate"),
        ("sum by (agent) (pulsarack_chips)", "nothing there has"),
        ("rate(pulsarack_order_seconds[5m])", "there is no"),
    ],
)
def test_what_is_wrong_is_seen(expr: str, wrong: str) -> None:
    assert wrong in problems(expr)[0]


def test_alerts_and_dashboard_use_metrics_as_they_are() -> None:
    found = {where: wrong for where, expr in expressions() if (wrong := problems(expr))}
    assert found == {}
    assert len(list(expressions())) > 80


def test_every_alert_says_what_is_wrong_and_what_to_type() -> None:
    found = rules()
    assert len(found) == len({one["alert"] for one in found}) > 25
    for one in found:
        assert set(one) >= {"alert", "expr", "labels", "summary", "command"}, one
        assert re.fullmatch(r"\{severity: (critical|warning|info)\}", one["labels"]), one
        assert one["summary"].endswith("."), one
        assert re.match(r"(pulsarack|systemctl|journalctl|iostat|df|du|top) ?", one["command"]), one


def test_the_commands_of_alerts_can_be_typed() -> None:
    for one in rules():
        shown = re.sub(r"\{\{[^}]*\}\}", "8962100000000000018", one["command"])
        for command in shown.split("; "):
            words = shlex.split(command)
            if words[0] == "pulsarack":
                resolve(words[1:])


def test_every_alert_is_tried_by_promtool() -> None:
    """The number of all rules stands in their test, and what promtool runs on is there."""
    tested = (MONITORING / "alerts.test.yml").read_text()
    assert f"value: {len(rules())}}}" in tested
    used = {name for one in rules() for name, _, _ in _NAME.findall(one["expr"])}
    assert {name for name in used if f"'{name}{{" not in tested} == set()


def test_the_dashboard_is_one_that_grafana_loads() -> None:
    """By hand what its schema wants: there is no Grafana here to be asked."""
    board = dashboard()
    assert board["id"] is None and board["uid"] and board["schemaVersion"] >= 36
    variables = {one["name"] for one in board["templating"]["list"]}
    assert variables == {"datasource", "instance"}
    ids, taken = [], set()
    for panel in board["panels"]:
        ids.append(panel["id"])
        assert panel["type"] in {"row", "stat", "timeseries", "table"} and panel["title"]
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["refId"] and target["datasource"]["uid"] == "${datasource}"
            used = set(re.findall(r"\$(\w+)", target["expr"]))
            assert used <= {"instance", "__rate_interval"}, target["expr"]
    assert len(ids) == len(set(ids))


def row(one: Described) -> str:
    """How a metric stands in the manual."""
    labels = ", ".join(f"`{label}`" for label in one.labels) or "-"
    return f"| `{one.name}` | {one.kind} | {labels} | {one.says} |"


def test_the_manual_explains_every_metric() -> None:
    wanted = [row(one) for one in (*METRICS, *PROCESS)]
    there = [line for line in MANUAL.read_text().splitlines() if line.startswith("| `")]
    there = [line for line in there if re.match(r"\| `(pulsarack|process)_", line)]
    assert there == wanted, "put into docs/metrics.md:\n" + "\n".join(wanted)


def test_the_manual_names_every_alert() -> None:
    text = MANUAL.read_text()
    assert [one["alert"] for one in rules() if f"`{one['alert']}`" not in text] == []


def test_only_the_metrics_load_the_library() -> None:
    """Whoever wants no metrics does not pay for them: nothing else imports it when loaded."""
    loads = re.compile(r"^(?:from|import) (?:prometheus_client|pulsarack\.daemon\.metrics)", re.M)
    for path in (ROOT / "daemon").rglob("*.py"):
        if path.parent.name != "metrics":
            assert not loads.search(path.read_text()), path
