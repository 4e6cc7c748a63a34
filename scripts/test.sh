#!/usr/bin/env bash
# Runs every test against a real Apache Kafka, Redis and PostgreSQL, which it starts before and always stops after, whatever
# happens.
#   scripts/test.sh [ARGUMENTS OF cargo test]    (run `scripts/setup.sh test` once before; `make test` does both)
# Environment
#   EVENTWRIGHT_TEST_KAFKA_PORT   the port of that Kafka, and by 10 and 20 above it those of Redis and PostgreSQL; else the first
#                                 free one of 19092, 20092, 21092, ...
set -euo pipefail
cd "$(dirname "$0")/.."

readonly FEATURES=tls,redis,sqlite,postgres

stop() {
  local code=$?
  trap '' INT TERM HUP # a second Ctrl-C must not leave anything running
  scripts/kafka.sh clean || true
  scripts/redis.sh stop || true
  scripts/postgres.sh stop || true
  rm -rf "$DATA"
  exit "$code"
}

answers() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

free_port() { # who takes a port checks it again, so that losing a race here is an error, not a mix-up
  local port
  for port in $(seq 19092 1000 29092); do
    if ! answers "$port" && ! answers $((port + 10)) && ! answers $((port + 20)) && ! answers $((port + 100)); then echo "$port"; return; fi
  done
  echo "test.sh: no free port among 19092, 20092, ..., 29092: set EVENTWRIGHT_TEST_KAFKA_PORT" >&2
  return 1
}

scripts/check-compose.sh

KAFKA_PORT=${EVENTWRIGHT_TEST_KAFKA_PORT:-$(free_port)}
DATA=$(mktemp -d "${TMPDIR:-/tmp}/eventwright-test.XXXXXX")
chmod 711 "$DATA" # PostgreSQL refuses to run as root, and whom it runs as has to reach its folder
KAFKA_DATA=$DATA/kafka REDIS_DATA=$DATA/redis POSTGRES_DATA=$DATA/postgres
REDIS_PORT=$((KAFKA_PORT + 10)) POSTGRES_PORT=$((KAFKA_PORT + 20))
export KAFKA_PORT KAFKA_DATA REDIS_PORT REDIS_DATA POSTGRES_PORT POSTGRES_DATA
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP
scripts/kafka.sh start
scripts/redis.sh start
scripts/postgres.sh start

EVENTWRIGHT_TEST_AVRO=$(scripts/avro.sh)
export EVENTWRIGHT_TEST_AVRO
export EVENTWRIGHT_TEST_BOOTSTRAP="127.0.0.1:$KAFKA_PORT"
export EVENTWRIGHT_TEST_REDIS="redis://127.0.0.1:$REDIS_PORT"
export EVENTWRIGHT_TEST_POSTGRES="postgres://postgres@127.0.0.1:$POSTGRES_PORT/postgres"
export EVENTWRIGHT_TEST_PYTHON="$PWD/target/venv/bin/python"
cargo test --workspace --features "$FEATURES" "$@"
