#!/usr/bin/env bash
# Installs what `make demo` or `make test` needs and this machine lacks, after saying what and why.
#   scripts/setup.sh demo    a C and C++ compiler and make; Rust is only checked
#   scripts/setup.sh test    also Java, Maven, Python, OpenSSL, Redis, PostgreSQL, docker-compose, and a Python
#                            environment in target/venv
# Debian and its relatives: apt-get, as root or through sudo. Elsewhere it prints the command to run and exits 1.
# When nothing is missing it does nothing, in a fraction of a second.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VENV=target/venv
readonly REQUIREMENTS=tests/python/requirements.txt

say() { echo "setup.sh: $*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" > /dev/null 2>&1; }

# ---- what is missing: one line each, "Debian packages | Homebrew formulas | reason"

missing_for_demo() {
  { has cc && has c++ && has make; } || echo "build-essential | (Xcode) | compiles librdkafka, the Kafka client (C, with a C++ part that its build cannot leave out)"
}

missing_for_test() {
  has_java || echo "$(java_package) | openjdk | runs Apache Kafka, which the tests talk to, and Java Avro, their judge (a JDK, 17 or newer)"
  has mvn || echo "maven | maven | fetches the jars of both, once"
  has_python || echo "python3 python3-venv | python | runs Confluent's client in the interoperability tests"
  has openssl || echo "openssl | openssl | makes the certificates of the TLS tests"
  has_openssl_headers || echo "libssl-dev pkg-config | openssl pkgconf | compiles librdkafka with TLS"
  has redis-server || echo "redis-server | redis | is Redis, in which the tests look for events that were handled already"
  has_postgres || echo "postgresql | postgresql | is PostgreSQL, whose transactions hold such events beside what handlers write"
  has_compose || echo "docker-compose | docker-compose | checks docker-compose.yml (needs no Docker engine)"
}

has_java() { # macOS has a java that only complains, so the version is asked for
  has javac || return 1 # a JRE cannot run a .java file
  local major; major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' || true)
  [ "${major:-0}" -ge 17 ]
}
has_python() { [ -x "$VENV/bin/python" ] || python3 -c 'import ensurepip, venv' 2> /dev/null; }
has_openssl_headers() { has pkg-config && pkg-config --exists openssl; }
has_postgres() { has initdb || ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1; } # Debian's is not on the PATH
has_compose() { has docker-compose || docker compose version > /dev/null 2>&1; }

# Debian 13 has no 17 any more; its default is newer. Ubuntu 22.04's default is older, but it has 17.
java_package() {
  if has apt-cache && apt-cache show openjdk-17-jdk-headless > /dev/null 2>&1; then echo openjdk-17-jdk-headless
  else echo default-jdk-headless; fi
}

missing() { # demo|test
  missing_for_demo
  if [ "$1" = test ]; then missing_for_test; fi
}

# ---- installing

check_rust() {
  has cargo && return
  [ ! -f "$HOME/.cargo/env" ] || die "Rust is installed but not on the PATH: run \`. \"\$HOME/.cargo/env\"\`, then this again"
  die "Rust is missing: install it with rustup, as https://rustup.rs describes, then run this again"
}

install_missing() { # demo|test
  local lines; lines=$(missing "$1")
  [ -n "$lines" ] || return 0
  say "\`make $1\` needs, and this machine lacks:"
  local column=1; if ! has apt-get && has brew; then column=2; fi
  awk -F ' *[|] *' -v name="$column" '{ printf "  %-24s %s\n", $name, $3 }' <<< "$lines" >&2
  if has apt-get; then install_with_apt "$1"
  elif has brew; then die "run: $(homebrew_command "$lines")"
  else die "no apt-get here: install the equivalent with your own package manager, then run this again"; fi
  lines=$(missing "$1")
  [ -z "$lines" ] || die "still missing after the installation: $(cut -d '|' -f 1 <<< "$lines" | xargs)"
}

homebrew_command() { # LINES
  local formulas; formulas=$(cut -d '|' -f 2 <<< "$1" | grep -v Xcode | xargs)
  ! grep -q Xcode <<< "$1" || printf 'xcode-select --install; '
  [ -z "$formulas" ] || echo "brew install $formulas"
}

install_with_apt() { # demo|test
  local as_root=() packages
  if [ "$(id -u)" -ne 0 ]; then
    has sudo || die "neither root nor sudo: ask an administrator to run \`apt-get install $(missing "$1" | cut -d '|' -f 1 | xargs)\`"
    as_root=(sudo)
  fi
  say "installing with apt-get${as_root[0]:+ through sudo}"
  ${as_root[@]+"${as_root[@]}"} apt-get update -qq
  packages=$(missing "$1" | cut -d '|' -f 1) # after the update, which tells which Java there is
  # shellcheck disable=SC2086 # a list
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages > /dev/null
}

# The copy of the requirements is written last: an interrupted installation is done again.
make_venv() {
  [ -x "$VENV/bin/python" ] && cmp -s "$REQUIREMENTS" "$VENV/requirements.txt" && return
  say "making a Python environment in $VENV with $(sed -n '/^confluent-kafka/p' "$REQUIREMENTS")"
  rm -rf "$VENV"
  python3 -m venv "$VENV"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$REQUIREMENTS"
  cp "$REQUIREMENTS" "$VENV/requirements.txt"
}

case "${1:-}" in
  demo) check_rust; install_missing demo ;;
  test) check_rust; install_missing test; make_venv ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
