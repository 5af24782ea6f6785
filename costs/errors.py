"""The one error of this room."""


class CostError(ValueError):
    """A price, an assumption or a resource that cannot be priced; the message names key, value and fix."""
