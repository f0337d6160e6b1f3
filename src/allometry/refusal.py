"""Refusal: the one exception that speaks to the person at the keyboard.

Raised wherever input, a file or an option cannot be used. Its message is one or
more whole sentences that name the file, line or field and say what to do. The
command line prints it and exits with code 2; Python callers may catch it as the
`ValueError` it is. Anything else that escapes is a defect of ours and keeps its
traceback.
"""


class Refusal(ValueError):
    """A request that cannot be met as it stands, with the remedy in its message."""
