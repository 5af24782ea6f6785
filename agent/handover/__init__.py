"""Moving the writer on purpose: one site drains, the other proves that it holds all of it and takes over."""
