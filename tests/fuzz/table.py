"""All targets by name: the property tests and ``python -m tests.fuzz`` take them from here."""

from tests.fuzz import (
    file_targets,
    modem_targets,
    order_targets,
    socket_targets,
    ussd_targets,
)
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        *modem_targets.TARGETS,
        *ussd_targets.TARGETS,
        *order_targets.TARGETS,
        *file_targets.TARGETS,
        *socket_targets.TARGETS,
    )
}
