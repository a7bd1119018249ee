#!/usr/bin/env bash
# Makes build/deb/freeswitch-mod-rust_*.deb of build/mod_rust.so, and has lintian look at it where that is installed.
# It is for the system's own Python, whose libpython the package depends on.
set -euo pipefail

python=${PYO3_PYTHON:-python3}
if [ "$("$python" -c 'import sys; print(sys.base_prefix)')" != /usr ]; then
  echo "the package is for the system's Python: make deb PYO3_PYTHON=/usr/bin/python3" >&2
  exit 1
fi
version=3.8.0
if [ "$(build/tools/bin/cargo-deb --version 2>/dev/null)" != "cargo-deb $version" ]; then
  cargo install --quiet --locked --force --root build/tools --version "$version" cargo-deb
fi
rm -rf build/deb
mkdir -p build/deb
strip --strip-unneeded --remove-section=.comment -o build/deb/mod_rust.so build/mod_rust.so
PATH="$PWD/build/tools/bin:$PATH" cargo deb --quiet --locked --no-build --output build/deb/
rm build/deb/mod_rust.so
if command -v lintian >/dev/null; then
  lintian --fail-on error build/deb/*.deb
fi
