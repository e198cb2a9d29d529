"""pulsarack: a daemon for prepaid-airtime servers.

The code lives in the five folders beside this one; the symbolic links here make
them one import package. Always write ``from pulsarack.queue import ...``: by its
short name ``queue`` is the standard library's.
"""
