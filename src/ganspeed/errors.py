"""Errors that the user can mend, the wish to stop, and the exit status that each of them is told by."""


class UserError(Exception):
    """Its text names the key or file, the value seen and what is allowed; shown without a traceback, exit status 2."""


class Stopped(Exception):  # noqa: N818 it is no error
    """Asked to end by a signal: what there was is saved, running again goes on from there. Exit status 75."""
