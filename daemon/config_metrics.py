"""[metrics]: figures for a monitor such as Prometheus, and whether the daemon is well.

Off without `listen`: who has no monitor saves the memory of it, and no port is open that nobody
asked for. What is served needs no password, so only this machine may ask, unless `other_hosts`
says otherwise.
"""

import ipaddress
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ValidationInfo

from pulsarack.daemon.config_fields import Section, explained
from pulsarack.daemon.config_http import split_listen


def _listen(listen: str, others: ValidationInfo) -> str:
    host, _ = split_listen(listen)
    # False where `other_hosts` is no truth value: then that is the mistake that is told.
    if not others.data.get("other_hosts", True) and not _is_loopback(host):
        raise ValueError(
            'write a loopback address such as "127.0.0.1:9290", or other_hosts = true if other'
            " machines may read the figures"
        )
    return listen


class MetricsSection(Section):
    """[metrics]: where figures are served, as /metrics, /healthz and /readyz.

    `other_hosts`: `listen` may be an address that other machines reach.
    """

    ABOUT: ClassVar[str] = (
        "Figures for a monitor such as Prometheus, and whether the daemon is well: /metrics,"
        " /healthz and /readyz. docs/metrics.md explains every figure; monitoring/ has alert rules"
        " and a dashboard."
    )

    # Before what is judged by it.
    other_hosts: bool = explained(
        False,
        "Whether listen may be an address that other machines reach. What is served needs no"
        " password: no agent and no number is in it, but every stock and turnover.",
    )
    listen: Annotated[str, AfterValidator(_listen)] | None = explained(
        None,
        "Without this key nothing is served, and nothing is in memory for it (10 MB; 2 beside"
        " [http]).",
        "127.0.0.1:9290",
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
