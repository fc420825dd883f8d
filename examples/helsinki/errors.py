"""What the demo says, in one line, when it cannot go on."""


class DemoError(Exception):
    """The demo failed; the message names what and where."""
