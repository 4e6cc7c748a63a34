//! `pull`: what a registry's subjects become, that nothing is lost or written over, and that what was pulled is in order.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Finished, Registry, command, run};

/// A folder to pull into, and the registry to pull from.
struct World {
    folder: TempDir,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), registry: Registry::start() }
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let mut command = command();
        command.current_dir(self.folder.path()).args(arguments).args(["--registry", &self.registry.url]);
        run(command, "")
    }

    fn avro(&self, subject: &str, schema: &Value, references: &[(&str, u32)]) {
        let schema = if let Value::String(text) = schema { text.clone() } else { schema.to_string() };
        self.register(subject, json!({"schema": schema}), references);
    }

    fn proto(&self, subject: &str, text: &str, references: &[(&str, u32)]) {
        let schema = format!("syntax = \"proto3\"; package p; {text}");
        self.register(subject, json!({"schema": schema, "schemaType": "PROTOBUF"}), references);
    }

    /// References have the names of their subjects.
    fn register(&self, subject: &str, mut body: Value, references: &[(&str, u32)]) {
        let entry = |(name, version): &(&str, u32)| json!({"name": name, "subject": name, "version": version});
        body["references"] = references.iter().map(entry).collect();
        self.registry.register(subject, &body);
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.folder.path().join(path)).unwrap()
    }

    fn manifest(&self) -> String {
        self.read("schemas/events.toml")
    }
}

/// Returns all files of a folder with their texts.
fn files(folder: &Path) -> Vec<(String, String)> {
    let (mut open, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn record(name: &str, fields: &[&str]) -> Value {
    let field = |field: &&str| {
        let (name, kind) = field.split_once(' ').unwrap_or((field, "string"));
        match kind.split_once('=') {
            Some((kind, default)) => json!({"name": name, "type": kind, "default": default.parse::<i32>().unwrap()}),
            None => json!({"name": name, "type": kind}),
        }
    };
    json!({"type": "record", "name": name, "fields": fields.iter().map(field).collect::<Vec<_>>()})
}

/// Each way to name a subject, with references in both languages, and a level of one's own.
fn every_strategy() -> World {
    let world = World::new();
    world.avro("a.Money", &record("a.Money", &["cents long"]), &[]);
    world.avro("a.Money", &record("a.Money", &["cents long", "more int=0"]), &[]);
    world.avro("orders-value", &record("a.OrderCreated", &["id", "price a.Money"]), &[("a.Money", 1)]);
    world.avro("orders-value", &record("a.OrderCreated", &["id", "price a.Money", "n int=1"]), &[("a.Money", 2)]);
    world.avro("orders-key", &record("a.OrderKey", &["id"]), &[]);
    world.registry.http("PUT", "/config/orders-value", r#"{"compatibility":"FULL"}"#);
    world.registry.http("PUT", "/config/orders-key", r#"{"compatibility":"FULL"}"#);
    world.avro("users-a.Joined", &record("a.Joined", &["id"]), &[]);
    world.avro("users-a.Left", &record("a.Left", &["id"]), &[]);
    world.avro("b.Paid", &record("b.Paid", &["id"]), &[]);
    world.avro("a.Colour", &json!({"type": "enum", "name": "a.Colour", "symbols": ["RED"]}), &[]);
    world.proto("common/cash.proto", "message Cash { int64 cents = 1; }", &[]);
    world.proto("common/cash.proto", "message Cash { int64 cents = 1; string currency = 2; }", &[]);
    let bill = "import \"common/cash.proto\"; message Bill { Cash cash = 1; }";
    world.proto("bills-value", bill, &[("common/cash.proto", 1)]);
    world.proto("bills-value", &bill.replace(" }", " int32 n = 2; }"), &[("common/cash.proto", 2)]);
    world
}

#[test]
fn subjects_of_every_strategy_become_a_manifest_that_passes_the_check() {
    let world = every_strategy();
    let pulled = world.run(&["pull"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    let expected = [
        "a.Colour: type Colour -> shared/colour/v1.avsc",
        "a.Money: type Money -> shared/money/v1 to v2.avsc",
        "b.Paid: event Paid on b.Paid -> paid/v1.avsc",
        "bills-value: event Bill on bills -> bill/v1 to v2.proto",
        "common/cash.proto: type Cash -> shared/cash/v1 to v2.proto",
        "orders-value: event OrderCreated on orders -> order_created/v1 to v2.avsc",
        "users-a.Joined: event Joined on users -> joined/v1.avsc",
        "users-a.Left: event Left on users -> left/v1.avsc",
        "orders-key: key of orders -> orders_key/v1.avsc",
    ];
    assert_eq!(pulled.stdout.lines().collect::<Vec<_>>(), expected);
    assert!(pulled.stderr.contains("b.Paid: the registry does not know the topic of Paid"), "{}", pulled.stderr);
    let manifest = world.manifest();
    for table in [
        "[defaults]\ncompatibility = \"BACKWARD\"\n",
        "[event.OrderCreated]\nformat = \"avro\"\nfolder = \"order_created\"\ntopic = \"orders\"\nsubject = \"topic\"\n\
         compatibility = \"FULL\"\nkey_schema = \"orders_key\"\nuses.v1 = { Money = \"v1\" }\nuses.v2 = { Money = \"v2\" }\n",
        "topic = \"users\"\nsubject = \"topic-record\"\n",
        "[type.Cash]\nformat = \"protobuf\"\nfolder = \"shared/cash\"\nimport = \"common/cash.proto\"\n",
        "uses.v1 = { Cash = \"v1\" }\nuses.v2 = { Cash = \"v2\" }\n",
    ] {
        assert!(manifest.contains(table), "{table} is not in {manifest}");
    }
    assert_eq!(world.read("schemas/schemas.lock").lines().filter(|line| !line.starts_with('#')).count(), 13);
    // What was pulled is what is registered: the check, the plan and the lock find nothing to do.
    assert_eq!(world.run(&["check"]).code, Some(0));
    let plan = world.run(&["plan"]);
    assert_eq!(plan.code, Some(0), "{plan:?}");

    let before = files(world.folder.path());
    let again = world.run(&["pull"]);
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""), "{again:?}");
    assert!(again.stderr.ends_with("nothing to do\n"), "{}", again.stderr);
    assert_eq!(files(world.folder.path()), before);
}

#[test]
fn what_is_registered_since_is_added_and_nothing_else_changes() {
    let world = every_strategy();
    assert_eq!(world.run(&["pull"]).code, Some(0));
    // People put comments and keys into a manifest, and they stay.
    let manifest = world.manifest().replace("[event.Paid]", "# ours\n[event.Paid]").replace("b.Paid\"", "payments\"");
    fs::write(world.folder.path().join("schemas/events.toml"), &manifest).unwrap();
    world.avro("a.Money", &record("a.Money", &["cents long", "more int=0", "third int=0"]), &[]);
    let order = record("a.OrderCreated", &["id", "price a.Money", "n int=1", "m int=1"]);
    world.avro("orders-value", &order, &[("a.Money", 3)]);
    world.avro("refunds-value", &record("a.Refunded", &["id", "price a.Money"]), &[("a.Money", 3)]);
    let before = files(world.folder.path());
    let dry = world.run(&["pull", "--dry-run"]);
    assert_eq!(dry.code, Some(100), "{dry:?}");
    assert_eq!(files(world.folder.path()), before);

    let pulled = world.run(&["pull"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    assert_eq!(pulled.stdout, dry.stdout);
    let expected = [
        "a.Money: type Money -> shared/money/v3.avsc",
        "orders-value: event OrderCreated -> order_created/v3.avsc",
        "refunds-value: event Refunded on refunds -> refunded/v1.avsc",
    ];
    assert_eq!(pulled.stdout.lines().collect::<Vec<_>>(), expected);
    let grown = world.manifest();
    assert!(grown.contains("# ours\n[event.Paid]") && grown.contains("topic = \"payments\""), "{grown}");
    assert!(grown.contains("[event.OrderCreated]\nuses.v3 = { Money = \"v3\" }\n"), "{grown}");
    assert!(grown.ends_with("subject = \"topic\"\nuses.v1 = { Money = \"v3\" }\n"), "{grown}");
    let now = files(world.folder.path());
    for (name, text) in before.iter().filter(|(name, _)| name.ends_with(".avsc") || name.ends_with(".proto")) {
        assert!(now.contains(&(name.clone(), text.clone())), "{name} has changed");
    }
    assert_eq!(world.run(&["check"]).code, Some(0));
    assert_eq!(world.run(&["plan"]).code, Some(0));
}

#[test]
fn what_fits_into_no_manifest_is_left_out_with_the_reason() {
    let world = World::new();
    world.avro("ok-value", &record("a.Ok", &["id"]), &[]);
    world.register("json-value", json!({"schema": "{}", "schemaType": "JSON"}), &[]);
    world.avro("text-value", &json!("\"string\""), &[]);
    world.avro("ok-key", &json!("\"string\""), &[]);
    world.avro("lost-key", &record("a.LostKey", &["id"]), &[]);
    world.avro("custom", &record("a.Custom", &["id"]), &[]);
    world.avro("..%2F..%2Fup-value", &record("a.Up", &["id"]), &[]);
    world.avro("many-value", &record("a.Many", &["id"]), &[]);
    world.avro("many-a.One", &record("a.One", &["id"]), &[]);
    world.proto("x.proto", "message X {}", &[]);
    let pulled = world.run(&["pull"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    for expected in [
        "json-value is left out: nothing is generated of JSON Schema",
        "text-value is left out: its schema is `string`, and an event is a record",
        "ok-key is left out: its key is string, and keys with a schema are records",
        "lost-key is left out: no event is on its topic",
        "custom is left out: it is named after neither a topic (`-value`, `-key`) nor its record",
        "../../up-value is left out: no topic can have the name that it is made of",
        "many-value is left out: other events of its topic have subjects of their own",
        "x.proto is left out: it is named after neither",
    ] {
        assert!(pulled.stderr.contains(expected), "{expected:?} is not in {}", pulled.stderr);
    }
    let names: Vec<_> = files(world.folder.path()).into_iter().map(|(name, _)| name).collect();
    let expected = ["schemas/events.toml", "schemas/ok/v1.avsc", "schemas/one/v1.avsc", "schemas/schemas.lock"];
    assert_eq!(names, expected);
}

#[test]
fn names_that_collide_are_told_apart_and_no_file_is_written_over() {
    let world = World::new();
    world.avro("a-value", &record("x.Order", &["id"]), &[]);
    world.avro("b-value", &record("y.Order", &["id"]), &[]);
    world.avro("c-value", &record("y.order", &["id"]), &[]);
    let there = world.folder.path().join("schemas/order");
    fs::create_dir_all(&there).unwrap();
    fs::write(there.join("v1.avsc"), "mine").unwrap();
    let pulled = world.run(&["pull"]);
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    let expected = [
        "a-value: event Order on a -> order_2/v1.avsc",
        "b-value: event YOrder on b -> y_order/v1.avsc",
        "c-value: event Order2 on c -> order2/v1.avsc",
    ];
    assert_eq!(pulled.stdout.lines().collect::<Vec<_>>(), expected);
    assert_eq!(world.read("schemas/order/v1.avsc"), "mine");
}

#[test]
fn deleted_versions_leave_no_gap_and_broken_histories_are_named() {
    let world = World::new();
    for fields in [&["id"][..], &["id", "bad int=0"], &["id", "n int=0"]] {
        world.avro("orders-value", &record("a.Order", fields), &[]);
    }
    world.registry.http("DELETE", "/subjects/orders-value/versions/2", "");
    world.avro("a.Kept", &json!({"type": "fixed", "name": "a.Kept", "size": 4}), &[]);
    world.registry.http("PUT", "/config/a.Kept", r#"{"compatibility":"FULL"}"#);
    world.registry.http("PUT", "/config/broken-value", r#"{"compatibility":"NONE"}"#);
    world.avro("broken-value", &record("a.Broken", &["id"]), &[]);
    world.avro("broken-value", &record("a.Broken", &["id int"]), &[]);
    world.registry.http("DELETE", "/config/broken-value", "");
    let pulled = world.run(&["pull"]);
    assert_eq!(pulled.code, Some(100), "{pulled:?}");
    for expected in [
        "a.Kept: its level is FULL, and the manifest gives it BACKWARD\n  help: `eventwright plan` shows it",
        "orders-value: without the deleted version 2; files are numbered without a gap",
        "error[TYPE_MISMATCH]",
        "--> schemas/broken/v2.avsc",
        "what was registered cannot be mended",
    ] {
        assert!(pulled.stderr.contains(expected), "{expected:?} is not in {}", pulled.stderr);
    }
    assert!(world.read("schemas/order/v2.avsc").contains("\"n\""));
    assert_eq!(world.run(&["pull"]).code, Some(0), "nothing is pulled twice");
}

#[test]
fn only_what_is_asked_for_and_what_it_refers_to_is_pulled_without_the_prefix() {
    let world = World::new();
    world.avro("dev.a.Money", &record("a.Money", &["cents long"]), &[]);
    let references = json!([{"name": "a.Money", "subject": "dev.a.Money", "version": 1}]);
    let order = record("a.Order", &["price a.Money"]).to_string();
    world.registry.register("dev.orders-value", &json!({"schema": order, "references": references}));
    world.avro("dev.others-value", &record("a.Other", &["id"]), &[]);
    world.avro("orders-value", &record("a.Order", &["id"]), &[]);
    let mut command = command();
    command.current_dir(world.folder.path()).args(["pull", "--subject", "or*", "--into", "contracts"]);
    command.args(["--registry", &world.registry.url]).env("EVENTWRIGHT_PREFIX", "dev.");
    let pulled = run(command, "");
    assert_eq!(pulled.code, Some(0), "{pulled:?}");
    let expected =
        ["a.Money: type Money -> shared/money/v1.avsc", "orders-value: event Order on orders -> order/v1.avsc"];
    assert_eq!(pulled.stdout.lines().collect::<Vec<_>>(), expected);
    assert!(world.read("contracts/order/v1.avsc").contains("a.Money"));

    let nothing = world.run(&["pull", "--subject", "nothing*"]);
    assert_eq!(nothing.code, Some(101), "{nothing:?}");
    assert!(nothing.stderr.contains("has no such subject"), "{nothing:?}");
}

#[test]
fn a_version_of_ours_and_one_of_the_registry_that_are_both_new_are_told_of() {
    let world = World::new();
    world.avro("orders-value", &record("a.Order", &["id"]), &[]);
    assert_eq!(world.run(&["pull"]).code, Some(0));
    let ours = record("a.Order", &["id", "ours int=0"]).to_string();
    fs::write(world.folder.path().join("schemas/order/v2.avsc"), &ours).unwrap();
    world.avro("orders-value", &record("a.Order", &["id", "theirs int=0"]), &[]);
    let pulled = world.run(&["pull"]);
    assert_eq!(pulled.code, Some(100), "{pulled:?}");
    let expected =
        "orders-value is left out: it has versions that the manifest has not, and Order v2 is not registered";
    assert!(pulled.stderr.contains(expected), "{}", pulled.stderr);
    assert_eq!(world.read("schemas/order/v2.avsc"), ours);

    // With ours out of the way, the registry's version takes the number.
    fs::remove_file(world.folder.path().join("schemas/order/v2.avsc")).unwrap();
    assert_eq!(world.run(&["pull"]).code, Some(0));
    assert!(world.read("schemas/order/v2.avsc").contains("theirs"));
}
