#!/usr/bin/env bash
# Sees to it that the machine has what `make` needs, and installs by apt what is missing.
# Asks nothing, and touches nothing when nothing is missing. Arguments: extra packages'
# names, each as command-or-header=package, for targets that need more than the rest.
set -euo pipefail

python=${PYO3_PYTHON:-python3}
packages=()

command -v cc >/dev/null || packages+=(gcc libc6-dev)
# A Python that is not Debian's brings its own headers, or no apt can help it.
if ! command -v "$python" >/dev/null || [ "$("$python" -c 'import sys; print(sys.base_prefix)')" = /usr ]; then
  command -v "$python" >/dev/null || packages+=(python3)
  # python3-dev has the headers and the libpython that mod_rust.so is linked to.
  "$python" - 2>/dev/null <<'PY' || packages+=(python3-dev)
import pathlib, sys, sysconfig
library = pathlib.Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("LDLIBRARY"))
header = pathlib.Path(sysconfig.get_paths()["include"], "Python.h")
sys.exit(not (header.exists() and library.suffix == ".so" and library.exists()))
PY
  "$python" -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
fi
for extra in "$@"; do
  compgen -G "${extra%%=*}" >/dev/null || packages+=("${extra##*=}")
done

if [ ${#packages[@]} -gt 0 ]; then
  if ! command -v apt-get >/dev/null; then
    echo "missing: ${packages[*]} (Debian's names); install them and run make again" >&2
    exit 1
  fi
  echo "installing ${packages[*]}"
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
fi

if ! command -v cargo >/dev/null; then
  echo "missing: Rust; install it with rustup (https://rustup.rs) and run make again" >&2
  exit 1
fi
# rustup's minimal profile leaves these two out.
for component in fmt clippy; do
  if ! cargo "$component" --version >/dev/null 2>&1; then
    rustup component add rustfmt clippy
    break
  fi
done
