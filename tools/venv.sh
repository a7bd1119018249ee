#!/usr/bin/env bash
# Makes the virtual environment of the tools and of pocket, or leaves it when it is as it should be.
# Arguments: the folder of the environment.
set -euo pipefail

venv=$1
python=${PYO3_PYTHON:-python3}
requirements=$(dirname "$0")/requirements.txt
# An environment of another Python than mod_rust's would test something else.
wanted=$("$python" -c 'import sys; print(sys.version, sys.base_prefix)')$'\n'$(cat "$requirements")

if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
  # The one that is named may be that of the environment which goes.
  base=$("$python" -c 'import sys; print(sys._base_executable)')
  rm -rf "$venv"
  "$base" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements"
  printf '%s\n' "$wanted" >"$venv/made-from"
fi
