#!/usr/bin/env bash
# Runs the checks of `make lint` or `make test`, all of them, whatever fails on the way; says at the
# end how the test runners closed and what failed. Arguments: lint or test, and the virtual environment.
set -uo pipefail

kind=$1
venv=$2
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=()

step() {
  local name=$1
  shift
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$logs/$name"
  [ "${PIPESTATUS[0]}" = 0 ] || failed+=("$name")
}

step rustfmt cargo fmt --all --check
step clippy cargo clippy --locked --workspace --all-targets -- -D warnings
step without-nats cargo clippy --locked --package mod_rust --no-default-features --features module -- -D warnings
step rustdoc env RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
step ruff "$venv/bin/ruff" check
step ruff-format "$venv/bin/ruff" format --check
step mypy "$venv/bin/mypy"
step basedpyright "$venv/bin/basedpyright" --level error --pythonpath "$venv/bin/python"
if [ "$kind" = test ]; then
  step abi "$venv/bin/python" tools/abi.py
  step cargo-test cargo test --locked --workspace
  step pytest "$venv/bin/pytest" tests
  printf '\n== closing lines\n'
  sed -n 's/^test result: /cargo test: /p' "$logs/cargo-test"
  printf 'pytest: %s\n' "$(grep -E '^=+ .* =+$' "$logs/pytest" | tail -n 1)"
fi

if [ ${#failed[@]} -gt 0 ]; then
  printf '\nfailed: %s\n' "${failed[*]}"
  exit 1
fi
printf '\nall passed\n'
