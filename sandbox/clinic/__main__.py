"""``python -m sandbox.clinic``: the stand-in application without packing it first."""

import sys

from .server import main

sys.exit(main())
