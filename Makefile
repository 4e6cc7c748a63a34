# Every target is a thin name for a script or a cargo command; `make` alone lists them.
.DEFAULT_GOAL := help
.PHONY: help demo test lint miri fuzz chaos bench bench-kafka package kafka-up kafka-down clean

# `make kafka-up` takes Kafka's usual port; the tests start one of their own, on another.
KAFKA_PORT ?= 9092
ARGS ?=
# What `scripts/test.sh` compiles with: lints of the same compile the C libraries beneath once for both.
FEATURES := tls,redis,sqlite,postgres
MINUTES ?= 5

help: ## list these targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run the reference system in one process: no Docker, no Java
	@scripts/setup.sh demo
	cargo run --release -- $(ARGS)

test: ## run every test, against a real Kafka that it starts and stops; ARGS="name" for some of them
	@scripts/setup.sh test
	scripts/test.sh $(ARGS)

# Without the other features, code that is there in their place is looked at; with `tls` still, for the C libraries' sake.
lint: ## check format, lints, the promised Rust version, and the shell scripts
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features $(FEATURES) -- -D warnings
	cargo clippy -p eventwright --features tls -- -D warnings
	scripts/check-msrv.sh
	scripts/check-style.sh
	@if command -v shellcheck > /dev/null; then shellcheck scripts/*.sh .ci/run && echo "shellcheck: no findings"; \
	else echo "shellcheck is not installed: the shell scripts were not checked"; fi

miri: ## run the tests of all unsafe code under Miri, which finds undefined behaviour (rustup's nightly, miri and rust-src)
	cargo +nightly miri test -p eventwright-wire --lib avro
	cargo +nightly miri test -p eventwright --lib context::content

fuzz: ## try new hostile inputs on all that takes bytes or text from outside, for MINUTES=5
	cargo run -p eventwright-fuzz -- $(MINUTES)

chaos: ## hurt consumers, brokers, connections and stores under load, and check that nothing is lost; ARGS="--help"
	@scripts/setup.sh test
	cargo run --release -p eventwright-chaos -- $(ARGS)

bench: ## measure the codecs beside their peers, code generation and checks; ARGS="--quick" for a short run
	cargo bench -p eventwright-bench -- $(ARGS)

bench-kafka: ## measure producer and consumer beside rdkafka alone, on a real Kafka that it starts and stops; ARGS="--quick"
	scripts/bench-kafka.sh $(ARGS)

package: ## assemble and compile the .crate file of every package, in target/package
	cargo package --workspace --exclude eventwright-codegen-tests --exclude eventwright-corpus-tests --exclude eventwright-bench --exclude eventwright-fuzz --exclude eventwright-chaos --allow-dirty

kafka-up: ## start a real Kafka on 127.0.0.1:9092 (KAFKA_PORT, and scripts/kafka.sh help)
	@KAFKA_PORT=$(KAFKA_PORT) scripts/kafka.sh start

kafka-down: ## stop it; its data stays until make clean
	@KAFKA_PORT=$(KAFKA_PORT) scripts/kafka.sh stop

clean: ## delete target/, and what make kafka-up stored
	@KAFKA_PORT=$(KAFKA_PORT) scripts/kafka.sh clean
	cargo clean
