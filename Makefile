# make help lists what there is. `make run` needs a Rust toolchain and a C compiler, nothing else.

DATA ?= ./cloakroom-data
PORT ?=
TARGET = $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run test lint bench demo torture openapi

help:
	@echo 'make run [PORT=7070] [DATA=./cloakroom-data]   build and start the server'
	@echo 'make demo      the server, nginx and an example application behind one origin'
	@echo 'make test      all tests (installs Debian packages they need, where it may)'
	@echo 'make lint      formatting, clippy, documentation, house style'
	@echo 'make bench     what sessions cost, beside a bare handler and tower-sessions'
	@echo '               ARGS=sweep: while a million expired ones are removed; ARGS=lists: pages and'
	@echo '               searches by size; ARGS=logins: verification during 500 logins at once;'
	@echo '               ARGS=memory: a million sessions in memory'
	@echo 'make openapi   docs/openapi.json anew, after a change of /v1'
	@echo 'make torture   every long race at its full count, into docs/evidence/'

run:
	@cargo build -p cloakroom-server
	@exec '$(TARGET)/debug/cloakroom' serve --data '$(DATA)' $(if $(PORT),--listen '127.0.0.1:$(PORT)')

demo:
	@python3 examples/legacy-data-manager/demo.py

test:
	@scripts/test

lint:
	@scripts/lint

bench:
	@$(if $(filter lists logins,$(ARGS)),cargo build --release -p cloakroom-server,:)
	@CLOAKROOM_BINARY='$(abspath $(TARGET))/release/cloakroom' \
	    cargo run --release --manifest-path bench/Cargo.toml -- $(ARGS)

torture:
	@scripts/torture

openapi:
	@cargo build -p cloakroom-server
	@'$(TARGET)/debug/cloakroom' openapi > docs/openapi.json
