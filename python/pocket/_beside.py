"""Another project's `pocket` in the same environment."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

OTHER = re.compile(r"pocket-[^-]+(?:-py[\d.]+)?\.(?:dist|egg)-info", re.IGNORECASE)


def warn_of_another(folder: Path) -> None:
    """Warn where the distribution `pocket`, which has a module of this name, lies in the same folder."""
    for entry in folder.iterdir():
        if OTHER.fullmatch(entry.name):
            warnings.warn(
                f"{entry.name} in {folder} is another project's: both install `pocket`, and one overwrites the other; "
                "pip uninstall pocket, then pip install --force-reinstall freeswitch-pocket",
                RuntimeWarning,
                stacklevel=3,
            )
