# `ARGS` is handed on: make test ARGS='--test ledger opens_an_account'

# How `run` and `demo` are built: make run PROFILE=release takes nearly three times as long, and is twice as fast.
PROFILE ?= quick
# What `demo` bills: make demo USAGE='--usage FILE.csv --prices FILE.csv'
data = ../shared/data
USAGE ?= $(and $(wildcard $(data)/azure-llm-conv-2023.csv),$(wildcard $(data)/model-prices.csv),\
	--usage $(data)/azure-llm-conv-2023.csv --prices $(data)/model-prices.csv)

.PHONY: help run demo test torture lint lint-format lint-typos lint-machete lint-deny lint-clippy lint-doc bench clean

help: ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: ## The service with a demo tenant, on a PostgreSQL of its own
	.ci/install run
	cargo build --profile $(PROFILE) --bin ledger
	exec target/$(PROFILE)/ledger serve --demo $(ARGS)

demo: ## Bills a usage file through HTTP, and audits the books
	.ci/install run
	cargo build --profile $(PROFILE) --bin ledger
	target/$(PROFILE)/ledger demo $(USAGE) $(ARGS)

test: ## Every test, against a PostgreSQL of its own
	.ci/install test
	cargo build --workspace --bins # cargo builds a program for its own package's tests only
	.ci/with-postgres cargo test --workspace $(ARGS)

torture: ## 20,000 random commands against a plain model; TORTURE_COMMANDS=200000 for a long night, TORTURE_SEED for that one again
	.ci/install build
	TORTURE_COMMANDS=$${TORTURE_COMMANDS:-20000} .ci/with-postgres cargo test -p ledger-tests --test torture $(ARGS)

lint: ## Format, spelling, dependencies, clippy, documentation
	.ci/install lint
	$(MAKE) lint-format lint-typos lint-machete lint-deny lint-clippy lint-doc

lint-format:
	cargo fmt --check

lint-typos:
	target/venv/bin/typos

# Dependencies that nothing uses.
lint-machete:
	cargo machete

# Without `advisories`, whose database lies on a host that not everybody can reach.
lint-deny:
	cargo deny --locked check --hide-inclusion-graph bans licenses sources

# Twice, because the tests switch the failpoints on for the whole workspace, and users have them off.
lint-clippy:
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy -p ledger-core -p ledger-service -- -D warnings

lint-doc:
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items

bench: ## How fast the journal takes events
	.ci/install build
	.ci/with-postgres cargo bench -p ledger-tests --bench append $(ARGS)

clean: ## Away with everything that was built
	cargo clean
