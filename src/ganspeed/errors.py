"""Errors that the user can correct, and the request to stop, with the exit status of each."""


class UserError(Exception):
    """Names the key or file, the value seen and what is allowed; printed without a traceback, exit status 2."""


class Stopped(Exception):  # noqa: N818 not an error
    """Stopped by a signal: training so far is saved, and running again continues from there. Exit status 75."""
