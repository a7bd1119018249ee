#!/usr/bin/env bash
# Builds the site into build/site, by the tools of docs-requirements.txt in an environment of its own; a link that leads
# nowhere fails it.
set -euo pipefail

venv=build/docs-venv
python=${PYO3_PYTHON:-python3}
wanted=$("$python" --version)$'\n'$(cat tools/docs-requirements.txt)
if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r tools/docs-requirements.txt
  printf '%s\n' "$wanted" >"$venv/made-from"
fi
"$python" tools/llms.py
"$venv/bin/zensical" build --clean --strict --config-file zensical.toml
# llms.txt names the pages as they were written.
(cd docs && find . -name '*.md' -o -name llms.txt) | while read -r page; do
  install -D -m 644 "docs/$page" "build/site/$page"
done
echo "build/site/index.html"
