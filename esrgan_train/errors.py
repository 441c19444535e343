"""The one exception for mistakes that a user can mend."""

from __future__ import annotations


class UserError(ValueError):
    """A wrong option, file or device.

    The message is one line that names the option or file, its value, and the remedy. Commands print it
    to stderr without a traceback and exit with status 2.
    """
