"""How much the tests try: enough in ``make test``, all of it in ``make test-slow``."""

import os

ALL = bool(os.environ.get("APERTIS_MAGIC_SLOW"))
