# `make help` lists the targets. `make demo` and `make test` need no others before them.

# rustup's folder, for shells that were started before it was installed.
export PATH := $(PATH):$(HOME)/.cargo/bin
# mod_rust, pocket and the tools are all built for one Python: PYO3_PYTHON, or python3 on PATH.
python = $(shell $(or $(PYO3_PYTHON),python3) -c 'import sys; print(sys.executable)')
with_python = PYO3_PYTHON="$(python)"

VENV := build/venv
PREFIX ?=
DESTDIR ?=
SWITCH ?= pocket

.DEFAULT_GOAL := help
.PHONY: help prepare build module pocket wheel bindings abi install deb demo docs test bench lint clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "  %-10s %s\n", $$1, $$2}'

prepare: # what the machine lacks, and the Python tools
	@tools/prepare.sh
	@tools/venv.sh $(VENV)

build: module pocket ## build build/mod_rust.so, and pocket into build/venv

module: prepare # the module for FreeSWITCH
	$(with_python) cargo build --locked --release --package mod_rust --lib
	@# install puts a new file there: a running switch keeps the one that it has mapped.
	@install -D -m 755 target/release/libmod_rust.so build/mod_rust.so

wheel: prepare ## build the wheel of pocket, freeswitch-pocket, for one Python (PYO3_PYTHON) into build/wheels
	@rm -rf build/wheels
	CARGO_TARGET_DIR=build/target-pocket $(VENV)/bin/maturin build --quiet --locked --release \
		--compatibility linux --interpreter $(VENV)/bin/python --out build/wheels
	@printf 'pip install %s\n' build/wheels/*.whl

pocket: wheel # the embedded switch, as its users install it
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-index --no-deps \
		--force-reinstall build/wheels/*.whl

bindings: ## make bindings/src/api.rs from include/ (needs libclang)
	@tools/prepare.sh '/usr/lib/llvm-*/lib/libclang*.so*=libclang-dev'
	cargo run --locked --quiet --package freeswitch-sys --features generate --bin generate

abi: ## check include/ against the headers of the FreeSWITCH found
	@$(python) tools/abi.py

install: ## install for the FreeSWITCH found, or under PREFIX=; DESTDIR= is honoured
	@$(python) tools/install.py --prefix="$(PREFIX)" --destdir="$(DESTDIR)"

deb: module ## build/deb/freeswitch-mod-rust_*.deb, for the system's Python (PYO3_PYTHON=/usr/bin/python3)
	@$(with_python) tools/deb.sh

demo: build ## place a call to 5555555 and show it; SWITCH=freeswitch: on the FreeSWITCH found
	@$(VENV)/bin/python tools/demo.py $(SWITCH)

docs: ## build the site from docs/ into build/site
	@$(with_python) tools/docs.sh

test: build ## every check and every test, on pocket and on each FreeSWITCH found
	@$(with_python) tools/check.sh test $(VENV)

bench: build ## measure BENCH= (see benches/) on the FreeSWITCH found, beside its own modules
	@PYTHONPATH=tests:tools $(VENV)/bin/python benches/$(or $(BENCH),echo).py $(ARGS)

lint: prepare ## rustfmt, clippy, rustdoc, ruff, mypy and basedpyright alone
	@$(with_python) tools/check.sh lint $(VENV)

clean: ## remove all that was built
	rm -rf build target
