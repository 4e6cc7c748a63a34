#!/usr/bin/env bash
# Measures what rustc takes for generated events: CPU time an event, ours beside prost's and serde's with apache-avro.
#   bench/compile.sh [EVENTS] [RUNS]     (10 and 3 unless given; each event has an older version, which ours reads and
#                                         which all compile)
# A function is made only where somebody calls it: so every version is encoded, decoded, and written and read as JSON by
# a public function. prost has no JSON form and is measured without.
# Only the process of rustc that compiles the crate with the events is counted, without cargo and without dependencies;
# the least of the runs holds.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly EVENTS=${1:-10}
readonly RUNS=${2:-3}
readonly WORK=${CARGO_TARGET_DIR:-$PWD/target}/compile-bench

package() { # NAME DEPENDENCIES
  mkdir -p "$WORK/$1/src"
  printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[dependencies]\n%s\n\n[workspace]\n' "$1" "$2" > "$WORK/$1/Cargo.toml"
  cp Cargo.lock "$WORK/$1/Cargo.lock"
}

version() { # PACKAGE: the version in Cargo.lock
  awk -v name="\"$1\"" '$1 == "name" && $3 == name { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

each() { # FUNCTION: prints what it prints for every event and version
  local event version
  for ((event = 0; event < EVENTS; event++)); do
    for version in 1 2; do "$1" "${event}v$version" "$version"; done
  done
}

own_event() { # the functions that call what is generated
  local event=${1%v*} version=$2
  local i="${event}_$version" type="event$event::v$version::Event$event"
  cat << RUST
pub fn encode$i(event: &$type, out: &mut Vec<u8>) { ::eventwright_wire::Event::encode(event, out).unwrap() }
pub fn decode$i(writer: usize, bytes: &[u8]) -> $type { ::eventwright_wire::Event::decode(writer, bytes).unwrap() }
pub fn write_json$i(event: &$type) -> String { serde_json::to_string(event).unwrap() }
pub fn read_json$i(text: &str) -> $type { serde_json::from_str(text).unwrap() }
RUST
}

prost_event() {
  local i=$1
  cat << RUST
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ::prost::Enumeration)]
#[repr(i32)]
pub enum Kind$i { A = 0, B = 1, C = 2 }
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Line$i {
    #[prost(string, tag = "1")] pub sku: ::prost::alloc::string::String,
    #[prost(int32, tag = "2")] pub quantity: i32,
    #[prost(int64, tag = "3")] pub price: i64,
}
#[derive(Clone, PartialEq, ::prost::Message)]
pub struct Event$i {
    #[prost(string, tag = "1")] pub id: ::prost::alloc::string::String,
    #[prost(string, tag = "2")] pub customer: ::prost::alloc::string::String,
    #[prost(double, tag = "3")] pub amount: f64,
    #[prost(enumeration = "Kind$i", tag = "4")] pub kind: i32,
    #[prost(int64, tag = "5")] pub created_at: i64,
    #[prost(int32, tag = "6")] pub count: i32,
    #[prost(message, repeated, tag = "7")] pub lines: ::prost::alloc::vec::Vec<Line$i>,
    #[prost(btree_map = "string, string", tag = "8")] pub attributes: ::std::collections::BTreeMap<String, String>,
    $([ "$2" = 1 ] || echo '#[prost(string, optional, tag = "9")] pub note: Option<String>, #[prost(string, repeated, tag = "10")] pub tags: Vec<String>,')
}
pub fn encode$i(event: &Event$i, out: &mut Vec<u8>) { ::prost::Message::encode(event, out).unwrap() }
pub fn decode$i(bytes: &[u8]) -> Event$i { ::prost::Message::decode(bytes).unwrap() }
RUST
}

serde_event() {
  local i=$1
  cat << RUST
#[derive(Debug, PartialEq, Eq, Hash, Clone, Copy, serde::Deserialize, serde::Serialize)]
pub enum Kind$i { A, B, C }
#[derive(Debug, PartialEq, Clone, serde::Deserialize, serde::Serialize)]
pub struct Line$i { pub sku: String, pub quantity: i32, pub price: i64 }
#[derive(Debug, PartialEq, Clone, serde::Deserialize, serde::Serialize)]
pub struct Event$i {
    pub id: String, pub customer: String, pub amount: f64, pub kind: Kind$i, pub created_at: i64, pub count: i32,
    pub lines: Vec<Line$i>, pub attributes: std::collections::BTreeMap<String, String>,
    $([ "$2" = 1 ] || echo 'pub note: Option<String>, pub tags: Vec<String>,')
}
pub fn encode$i(writer: &apache_avro::writer::datum::GenericDatumWriter<'_>, event: &Event$i, out: &mut Vec<u8>) {
    writer.write_ser(out, event).unwrap();
}
pub fn decode$i(reader: &apache_avro::reader::datum::GenericDatumReader<'_>, mut bytes: &[u8]) -> Event$i {
    reader.read_deser(&mut bytes).unwrap()
}
pub fn write_json$i(event: &Event$i) -> String { serde_json::to_string(event).unwrap() }
pub fn read_json$i(text: &str) -> Event$i { serde_json::from_str(text).unwrap() }
RUST
}

rustc_timer() { # writes a program that runs rustc and notes its user and system time for the crates with events
  cat > "$WORK/timed-rustc" << 'SCRIPT'
#!/usr/bin/env bash
TIMEFORMAT='%U %S'
case " $* " in
  *" --crate-name ${TIMED_CRATE:-} "*) { time "$@" 2>&3; } 3>&2 2> "$TIMED_FILE" ;;
  *) exec "$@" ;;
esac
SCRIPT
  chmod +x "$WORK/timed-rustc"
}

measure() { # PACKAGE PROFILE
  local best=999999 spent
  export CARGO_TARGET_DIR=$WORK/target CARGO_INCREMENTAL=0 RUSTC_WRAPPER=$WORK/timed-rustc
  export TIMED_CRATE=${1//-/_} TIMED_FILE=$WORK/time
  for ((run = 0; run < RUNS; run++)); do
    touch "$WORK/$1/src/lib.rs"
    cargo build -q --manifest-path "$WORK/$1/Cargo.toml" --profile "$2" 2> "$WORK/errors" || { cat "$WORK/errors" >&2; exit 1; }
    spent=$(awk '{ printf "%d", ($1 + $2) * 1000 }' "$TIMED_FILE")
    [ "$spent" -ge "$best" ] || best=$spent
  done
  printf '%-22s %-8s %8d %12.1f\n' "$1" "$2" "$best" "$(awk "BEGIN { print $best / $EVENTS }")"
}

mkdir -p "$WORK"
rm -rf "$WORK/schemas" && mkdir "$WORK/schemas"
cargo bench -q -p eventwright-bench --bench generation -- --write "$WORK/schemas" $((2 * EVENTS))
package eventwright-events "eventwright-wire = { path = \"$PWD/wire\" }
serde_json = \"1\""
{ cat "$WORK/schemas/events.rs"; each own_event; } > "$WORK/eventwright-events/src/lib.rs"
package prost-events "prost = \"=$(version prost)\""
each prost_event > "$WORK/prost-events/src/lib.rs"
package apache-avro-events "apache-avro = \"=$(version apache-avro)\"
serde = { version = \"1\", features = [\"derive\"] }
serde_json = \"1\""
each serde_event > "$WORK/apache-avro-events/src/lib.rs"
rustc_timer
printf '%-22s %-8s %8s %12s\n' "$EVENTS events" profile "CPU ms" "ms an event"
for profile in dev release; do
  for name in eventwright-events prost-events apache-avro-events; do measure "$name" "$profile"; done
done
echo "goal: <= 200 ms an event in release"
