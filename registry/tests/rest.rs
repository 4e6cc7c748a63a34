//! The REST API of the embedded server, asked as a foreign client asks it: paths, statuses, error codes, content types.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, in its helpers as well"
)]

use std::net::SocketAddr;

use eventwright_registry::server::{Server, ServerConfig};
use reqwest::Method;
use serde_json::{Value, json};

struct Registry(Server);

async fn start() -> Registry {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Registry(
        Server::start(ServerConfig { listen, max_body_bytes: 64 * 1024, ..ServerConfig::default() }).await.unwrap(),
    )
}

impl Registry {
    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.request(method, format!("{}{path}", self.0.url()));
        let response = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let response = response.send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/vnd.schemaregistry.v1+json", "{path}");
        let (status, text) = (response.status().as_u16(), response.text().await.unwrap());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.ask(Method::GET, path, None).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.ask(method, path, Some(body.to_string())).await
    }

    async fn register(&self, subject: &str, body: Value) -> (u16, Value) {
        self.send(Method::POST, &format!("/subjects/{subject}/versions"), body).await
    }

    /// Asks, and checks status and error code.
    async fn refuses(&self, method: Method, path: &str, body: Option<&str>, expected: (u16, u64)) {
        let (status, answer) = self.ask(method, path, body.map(str::to_owned)).await;
        assert_eq!((status, answer["error_code"].as_u64()), (expected.0, Some(expected.1)), "{path}: {answer}");
        assert!(answer["message"].as_str().is_some_and(|message| !message.is_empty()));
    }
}

const V1: &str = r#"{"type":"record","name":"R","fields":[]}"#;
const V2: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":0}]}"#;
const PROTO: &str = "syntax = \"proto3\"; message M { int32 a = 1; }";

#[tokio::test]
async fn answers_have_confluents_shape() {
    let registry = start().await;
    assert_eq!(registry.register("s", json!({"schema": V1})).await, (200, json!({"id": 1})));
    assert_eq!(registry.register("s", json!({"schema": V2, "schemaType": "AVRO"})).await, (200, json!({"id": 2})));
    assert_eq!(registry.register("p", json!({"schema": PROTO, "schemaType": "PROTOBUF"})).await.1, json!({"id": 3}));
    let check = async |path: &str, expected: Value| assert_eq!(registry.get(path).await, (200, expected), "{path}");
    check("/", json!({})).await;
    check("/subjects", json!(["p", "s"])).await;
    check("/subjects?subjectPrefix=s", json!(["s"])).await;
    check("/subjects?subjectPrefix=:*:s", json!(["s"])).await;
    check("/subjects/s/versions", json!([1, 2])).await;
    check("/subjects/s/versions/1", json!({"subject": "s", "version": 1, "id": 1, "schema": V1})).await;
    check("/subjects/s/versions/latest", json!({"subject": "s", "version": 2, "id": 2, "schema": V2})).await;
    check("/subjects/s/versions/-1/schema", serde_json::from_str(V2).unwrap()).await;
    check("/subjects/s/versions/1/referencedby", json!([])).await;
    check("/schemas/ids/1", json!({"schema": V1})).await;
    check("/schemas/ids/1?subject=s&fetchMaxId=true", json!({"schema": V1, "maxId": 3})).await;
    check("/schemas/ids/3", json!({"schema": PROTO, "schemaType": "PROTOBUF"})).await;
    check("/schemas/ids/3/schema", json!(PROTO)).await;
    check("/schemas/ids/2/subjects", json!(["s"])).await;
    check("/schemas/ids/2/versions", json!([{"subject": "s", "version": 2}])).await;
    check("/schemas/types", json!(["AVRO", "PROTOBUF", "JSON"])).await;
    check("/schemas?subjectPrefix=p", json!([registry.get("/subjects/p/versions/1").await.1])).await;
    check("/contexts", json!(["."])).await;
    check("/mode", json!({"mode": "READWRITE"})).await;
    check("/mode/s?defaultToGlobal=true", json!({"mode": "READWRITE"})).await;
    check("/config", json!({"compatibilityLevel": "BACKWARD"})).await;
    check("/config/s?defaultToGlobal=true", json!({"compatibilityLevel": "BACKWARD"})).await;
    check("/health", json!({"status": "UP"})).await;
    let found = registry.send(Method::POST, "/subjects/s", json!({"schema": V1})).await;
    assert_eq!(found, (200, json!({"subject": "s", "version": 1, "id": 1, "schema": V1})));
    registry.0.stop().await;
}

/// Method, path, body; status and error code.
type Case<'a> = (&'a Method, &'a str, Option<&'a str>, (u16, u64));

#[tokio::test]
async fn errors_have_confluents_codes() {
    let registry = start().await;
    registry.register("s", json!({"schema": V1})).await;
    let (get, post, put, delete) = (Method::GET, Method::POST, Method::PUT, Method::DELETE);
    let cases: [Case<'_>; 29] = [
        (&get, "/nope", None, (404, 404)),
        (&put, "/subjects", None, (405, 405)),
        (&get, "/subjects/t/versions", None, (404, 40401)),
        (&get, "/subjects/t/versions/1", None, (404, 40401)),
        (&get, "/subjects/s/versions/9", None, (404, 40402)),
        (&get, "/subjects/s/versions/0", None, (422, 42202)),
        (&get, "/subjects/s/versions/one", None, (422, 42202)),
        (&get, "/subjects/%0a/versions", None, (422, 42208)),
        (&get, "/subjects/:.other:s/versions", None, (422, 42208)),
        (&get, "/subjects/%ff/versions", None, (400, 400)),
        (&get, "/schemas/ids/9", None, (404, 40403)),
        (&get, "/schemas/ids/9/versions", None, (404, 40403)),
        (&get, "/schemas/ids/nine", None, (404, 404)),
        (&post, "/subjects/t", Some(r#"{"schema":"\"int\""}"#), (404, 40401)),
        (&post, "/subjects/s", Some(r#"{"schema":"\"int\""}"#), (404, 40403)),
        (&post, "/subjects/s", Some(r#"{"schema":"{"}"#), (422, 42201)),
        (&post, "/subjects/s/versions", Some(r#"{"schema":"\"int\""}"#), (409, 409)),
        (&post, "/subjects/s/versions", Some(r#"{"schema":""}"#), (422, 42201)),
        (&post, "/subjects/s/versions", Some(r#"{"schema":"{}","schemaType":"XML"}"#), (422, 42201)),
        (&post, "/subjects/s/versions", Some(r#"{"schema":"\"int\"","ruleSet":{"domainRules":[{}]}}"#), (422, 422)),
        (&post, "/subjects/s/versions", Some("not JSON"), (400, 400)),
        (&post, "/compatibility/subjects/s/versions/9", Some(r#"{"schema":"\"int\""}"#), (404, 40402)),
        (&put, "/config", Some(r#"{"compatibility":"SOME"}"#), (422, 42203)),
        (&put, "/config/s", Some(r#"{"compatibility":"FULL","compatibilityGroup":"major"}"#), (422, 422)),
        (&get, "/config/s", None, (404, 40408)),
        (&put, "/mode", Some(r#"{"mode":"WRITE"}"#), (422, 42204)),
        (&get, "/mode/s", None, (404, 40409)),
        (&delete, "/subjects/s?permanent=true", None, (404, 40405)),
        (&delete, "/subjects/s/versions/1?permanent=true", None, (404, 40407)),
    ];
    for (method, path, body, expected) in cases {
        registry.refuses(method.clone(), path, body, expected).await;
    }
    let large = json!({"schema": "x".repeat(65 * 1024)}).to_string();
    registry.refuses(post, "/subjects/s/versions", Some(&large), (413, 413)).await;
    assert_eq!(registry.get("/subjects/s/versions").await.1, json!([1]));
    registry.0.stop().await;
}

#[tokio::test]
async fn a_check_says_why_only_when_it_is_asked_to() {
    let registry = start().await;
    registry.register("s", json!({"schema": V1})).await;
    let check = async |query: &str, schema: &str| {
        let path = format!("/compatibility/subjects/s/versions/latest{query}");
        registry.send(Method::POST, &path, json!({"schema": schema})).await.1
    };
    assert_eq!(check("", V2).await, json!({"is_compatible": true}));
    assert_eq!(check("?verbose=true", V2).await, json!({"is_compatible": true, "messages": []}));
    assert_eq!(check("", "\"int\"").await, json!({"is_compatible": false}));
    let answer = check("?verbose=true", "\"int\"").await;
    let messages = answer["messages"].as_array().unwrap();
    assert!(messages[0].as_str().unwrap().contains("errorType:'TYPE_MISMATCH'"), "{answer}");
    assert!(messages.contains(&json!("{oldSchemaVersion: 1}")), "{answer}");
    registry.0.stop().await;
}

#[tokio::test]
async fn protobuf_comes_as_text_or_as_a_descriptor_and_goes_out_as_either() {
    let registry = start().await;
    registry.register("text", json!({"schema": PROTO, "schemaType": "PROTOBUF"})).await;
    let (_, answer) = registry.get("/schemas/ids/1?format=serialized").await;
    let serialized = answer["schema"].as_str().unwrap();
    assert_ne!(serialized, PROTO);
    // As Python's client registers it; it is the same schema, so it has the same id and shows the same text.
    let body = json!({"schema": serialized, "schemaType": "PROTOBUF"});
    assert_eq!(registry.register("serialized", body).await, (200, json!({"id": 1})));
    let (_, version) = registry.get("/subjects/serialized/versions/1").await;
    assert_eq!(version["schema"], json!(PROTO));
    let (_, version) = registry.get("/subjects/serialized/versions/1?format=serialized").await;
    assert_eq!(version["schema"], json!(serialized));
    registry.0.stop().await;
}

#[tokio::test]
async fn json_schema_is_stored_compared_and_referred_to() {
    let registry = start().await;
    let body = |text: &str| json!({"schema": text, "schemaType": "JSON"});
    const ITEM: &str = r#"{"type":"object","properties":{"sku":{"type":"string"}},"additionalProperties":false}"#;
    assert_eq!(registry.register("item", body(ITEM)).await, (200, json!({"id": 1})));
    let shown = json!({"subject": "item", "version": 1, "id": 1, "schema": ITEM, "schemaType": "JSON"});
    assert_eq!(registry.get("/subjects/item/versions/1").await, (200, shown));
    let narrow =
        ITEM.replace("\"sku\":", "\"sku\":{\"type\":\"string\"},\"n\":").replace("}}", "}},\"required\":[\"n\"]");
    let path = "/compatibility/subjects/item/versions/latest?verbose=true";
    let (_, answer) = registry.send(Method::POST, path, body(&narrow)).await;
    let messages = answer["messages"].to_string();
    assert!(messages.contains("REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL"), "{answer}");
    assert_eq!(registry.register("item", body(&narrow)).await.0, 409);

    const ORDER: &str = r#"{"type":"object","properties":{"item":{"$ref":"item.json"}}}"#;
    assert_eq!(registry.register("order", body(ORDER)).await.0, 422, "nothing is fetched");
    let mut referring = body(ORDER);
    referring["references"] = json!([{"name": "item.json", "subject": "item", "version": 1}]);
    assert_eq!(registry.register("order", referring.clone()).await, (200, json!({"id": 2})));
    assert_eq!(registry.get("/subjects/item/versions/1/referencedby").await.1, json!([2]));
    referring["references"] = json!([{"name": "item.json", "subject": "avro", "version": 1}]);
    registry.register("avro", json!({"schema": V1})).await;
    assert_eq!(registry.register("order", referring).await.0, 422, "a reference has the same language");
    registry.0.stop().await;
}

#[tokio::test]
async fn settings_are_put_and_taken_away() {
    let registry = start().await;
    let put = async |path: &str, body: Value| registry.send(Method::PUT, path, body).await.1;
    let full = json!({"compatibility": "FULL"});
    assert_eq!(put("/config/s", full.clone()).await, full);
    assert_eq!(registry.get("/config/s").await.1, json!({"compatibilityLevel": "FULL"}));
    assert_eq!(registry.ask(Method::DELETE, "/config/s", None).await.1, json!({"compatibilityLevel": "FULL"}));
    registry.refuses(Method::DELETE, "/config/s", None, (404, 40401)).await;
    assert_eq!(put("/config", json!({"compatibility": "none"})).await, json!({"compatibility": "NONE"}));
    assert_eq!(registry.ask(Method::DELETE, "/config", None).await.1, json!({"compatibilityLevel": "NONE"}));
    assert_eq!(registry.get("/config").await.1, json!({"compatibilityLevel": "BACKWARD"}));

    assert_eq!(put("/mode/s", json!({"mode": "READONLY"})).await, json!({"mode": "READONLY"}));
    registry.refuses(Method::POST, "/subjects/s/versions", Some(r#"{"schema":"\"int\""}"#), (422, 42205)).await;
    assert_eq!(registry.ask(Method::DELETE, "/mode/s", None).await.1, json!({"mode": "READONLY"}));
    assert_eq!(registry.register("s", json!({"schema": "\"int\""})).await, (200, json!({"id": 1})));
    registry.0.stop().await;
}

#[tokio::test]
async fn hostile_bodies_are_refused_and_harm_nothing() {
    let registry = start().await;
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(5000), close.repeat(5000));
    for schema in [nested("[", "]"), nested("{\"type\":", "}"), nested("{", ""), "\u{0}".into()] {
        assert_eq!(registry.register("s", json!({"schema": schema})).await.0, 422);
        let proto = json!({"schema": schema, "schemaType": "PROTOBUF"});
        assert_eq!(registry.register("s", proto).await.0, 422);
    }
    let nested_messages = nested("message M{", "}");
    let proto = json!({"schema": nested_messages, "schemaType": "PROTOBUF"});
    assert_eq!(registry.register("s", proto).await.0, 422);
    registry.refuses(Method::POST, "/subjects/s/versions", Some(&nested("[", "]")), (400, 400)).await;
    assert_eq!(registry.get("/subjects").await, (200, json!([])));
    registry.0.stop().await;
}

#[tokio::test]
async fn a_server_says_where_it_cannot_listen() {
    let registry = start().await;
    let listen = registry.0.url().trim_start_matches("http://").parse().unwrap();
    let error = Server::start(ServerConfig { listen, ..ServerConfig::default() }).await.unwrap_err();
    let expected = format!("cannot listen on {listen} for the schema registry: choose another address or port");
    assert_eq!(error.to_string(), expected);
    assert!(std::error::Error::source(&error).is_some());
    registry.0.stop().await;
}
