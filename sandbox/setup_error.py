"""The one error of set-up, apart from the modules that raise it so that they need not import each other."""


class SetupError(RuntimeError):
    """A tool could not be found or brought; the message is one clear sentence with the fix."""
