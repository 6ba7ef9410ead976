# The commands of this project; the checks in .ci/run call the same ones. `make` alone explains them.

CONFIG ?= config/quickstart.yaml
BINARY := $(or $(CARGO_TARGET_DIR),target)/release/portcullis

# Dependencies are brought here by scripts/fetch, once; after that nothing below touches the network.
export CARGO_NET_OFFLINE := true
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

.DEFAULT_GOAL := help
.PHONY: help run test lint format format-check clippy docs architecture dependencies advisories schema schema-check \
  image image-check image-lint bench bench-load bench-instructions bench-baseline fuzz security mutants fetch release

help: ## this list
	@echo "Start here:  make run   then paste a curl line it prints"
	@echo "Before a commit:  make lint test"
	@echo
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "Settings:  make run CONFIG=my.yaml   make test T=some_test_name   make fuzz TARGET=path SECONDS=60"

run: fetch ## build and start the gateway with config/quickstart.yaml (CONFIG=FILE for another)
	@# The unoptimised build: it is there in less than half the time, and nobody measures here.
	cargo run --locked --quiet -- run -c $(CONFIG)

test: fetch ## everything that must hold: unit, integration and documentation tests (T=NAME for some)
	@scripts/needs nextest chromium node npm venv
	@scripts/python
	@scripts/node
	cargo test --locked --doc --quiet
	cargo nextest run --locked --no-fail-fast $(T)

lint: format-check clippy docs architecture schema-check dependencies ## all checks that are not tests

format: ## write every file the way rustfmt wants it
	cargo fmt

format-check: ## fails when `make format` would change something
	cargo fmt --check

clippy: fetch ## the compiler's and clippy's lints, warnings denied
	cargo clippy --locked --all-targets -- -D warnings

docs: fetch ## the API documentation, every link resolved, warnings denied
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

architecture: fetch ## import direction and the other rules of the tree
	cargo test --locked --quiet --test architecture --test house

dependencies: fetch ## which crates, licences and sources may be in Cargo.lock (deny.toml)
	@scripts/needs deny
	cargo deny --offline --log-level error check bans licenses sources

advisories: ## known vulnerabilities of what Cargo.lock names (needs a network once)
	@scripts/needs deny
	scripts/advisories

schema: fetch ## write config/schema.json and docs/configuration.md from the types
	cargo run --locked --quiet -- schema > config/schema.json
	cargo run --locked --quiet -- schema --docs > docs/configuration.md

schema-check: fetch ## fails when `make schema` would change something
	@cargo run --locked --quiet -- schema | diff -u config/schema.json - || { echo "run \`make schema\`"; exit 1; }
	@cargo run --locked --quiet -- schema --docs | diff -u docs/configuration.md - || { echo "run \`make schema\`"; exit 1; }

bench: fetch ## criterion benches of the hot path, for people (see benches/README.md)
	cargo bench --locked

bench-load: release ## beside haproxy, nginx and envoy, against the bars of benches/README.md (about 20 minutes)
	@scripts/needs haproxy nginx nginx-lua wrk h2load valgrind python3 venv
	@scripts/python benches/load/requirements.txt bench-python
	$(or $(CARGO_TARGET_DIR),target)/bench-python/bin/python benches/load/run.py --binary $(BINARY) $(BENCH)

bench-instructions: release ## instructions per request, against the committed baseline: the gate of the checks
	@scripts/needs valgrind python3
	python3 benches/instructions/count.py --binary $(BINARY) $(BENCH)

bench-baseline: release ## take today's instruction count as the new baseline (say why in the commit)
	@scripts/needs valgrind python3
	python3 benches/instructions/count.py --binary $(BINARY) --update

fuzz: ## run one fuzz target on new inputs (TARGET=path SECONDS=60)
	@scripts/needs fuzz
	@scripts/fetch fuzz/Cargo.toml
	@# What it finds on the way stays out of the committed corpus, which holds what somebody chose.
	mkdir -p fuzz/target/found/$(or $(TARGET),path)
	@# The fuzzer's instrumentation is unstable; this lets the stable compiler do it.
	RUSTC_BOOTSTRAP=1 cargo fuzz run $(or $(TARGET),path) fuzz/target/found/$(or $(TARGET),path) \
	  fuzz/corpus/$(or $(TARGET),path) -- -max_total_time=$(or $(SECONDS),60)

security: fetch ## write the tests that carry a requirement's id into docs/security.md
	@# The check leaves the page as it should be beside its verdict.
	cargo test --locked --quiet --test security_map the_page_names > target/tmp/security.log || true
	cp target/tmp/security.md docs/security.md

mutants: fetch ## break the checks of the gateway one by one and expect red each time (long)
	@scripts/needs nextest python3
	python3 tests/mutants/run.py

image: ## build the container image, with an engine or without one (minutes; ENGINE=podman NAME=registry/name:tag)
	@scripts/image

image-check: ## run the image that `make image` left: not root, read-only, one health check, one request, one stop
	@scripts/needs python3 bwrap
	scripts/image-check

image-lint: ## the Dockerfile, the manifests, the compose file and the systemd units, each by the tool of its world
	@scripts/image-lint

release: fetch
	cargo build --locked --release

fetch:
	@scripts/fetch
