"""Small servers of the queue's tests, whose databases are backed up and put back here."""

from tests.queue.conftest import new_world, shop, template, world

__all__ = ["new_world", "shop", "template", "world"]
