"""The program under mocks: a trap for outputs that are used as text."""

import os

# An output inside an f-string becomes an apology instead of a value; with this it is an exception.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "1"
