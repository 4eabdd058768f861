"""Errors that the user can mend."""


class UserError(Exception):
    """Its text names the key or file, the value seen and what is allowed; shown without a traceback, exit status 2."""
