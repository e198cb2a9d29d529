"""Events of what is done about the service: by admins, and backups."""

from pulsarack.daemon.logs.catalogue.event import Event

EVENTS = (
    Event(
        "admin.acted",
        "info",
        "Somebody did something over the socket, or was refused; `seal` proves the row of the"
        " record.",
        "Nothing; who did what: pulsarack admin log",
        "act uid login role call subject outcome code seal",
    ),
    Event(
        "admin.role_set",
        "warning",
        "A user of the machine was given a role, or it was taken away.",
        "See that it was meant: pulsarack admin list",
        "uid login role before by",
    ),
    Event(
        "admin.login_changed",
        "warning",
        "A uid that was given a role has another login now: the account was deleted, and its"
        " number given anew. It has no role.",
        "If he is to have one: pulsarack admin role LOGIN ROLE",
        "uid login was",
    ),
    Event(
        "admin.uids_hidden",
        "error",
        "The kernel does not tell who calls: everybody is a viewer.",
        "Take PrivateUsers= out of the unit.",
        "uid remedy",
    ),
    Event(
        "admin.unrecorded",
        "error",
        "How an act ended could not be recorded; that it began is.",
        "Look at the disk, and write down what became of it.",
        "call uid why",
    ),
    Event(
        "admin.refusal_unrecorded",
        "warning",
        "A refusal could not be recorded.",
        "Look at the disk, or at who sends so much.",
        "uid why",
    ),
    Event(
        "backup.made",
        "info",
        "A backup was made.",
        "Nothing; see: pulsarack backup list",
        "bytes newest_order seconds removed why",
    ),
    Event(
        "backup.failed",
        "error",
        "No backup could be made; the older ones are kept.",
        "Do what the line says; then: pulsarack backup now",
        "why remedy",
    ),
    Event(
        "backup.not_before_upgrade",
        "warning",
        "The database was upgraded without a backup just before.",
        "Do what the line says, and make one now: pulsarack backup now",
        "why remedy",
    ),
    Event(
        "backup.reopened",
        "warning",
        "Agents that a restore had stopped may order again.",
        "Make sure that what was done after the backup is settled: docs/backups.md",
        "agents uid",
    ),
)
