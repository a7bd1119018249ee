"""The FreeSWITCH installations for the tests, `make abi` and `make install`; `python tools/switches.py` lists them.

Found as the pytest plugin finds them, and with no virtual environment: that package is in the source tree.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

from freeswitch_pocket.real.installed import NONE_FOUND, FreeSwitch, SwitchError, at_prefix, find, main

sys.path.pop(0)

__all__ = ["NONE_FOUND", "FreeSwitch", "SwitchError", "at_prefix", "find", "main"]

if __name__ == "__main__":
    sys.exit(main())
