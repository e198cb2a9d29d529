"""Small servers of the queue's tests, whose databases are made older here."""

from tests.queue.conftest import new_world, shop, template, world

__all__ = ["new_world", "shop", "template", "world"]
