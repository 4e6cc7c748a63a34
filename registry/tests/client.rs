//! The client against the embedded server and against servers that misbehave, over HTTP.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, in its helpers as well"
)]

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use eventwright_registry::server::{Server, ServerConfig};
use eventwright_registry::{
    Format, InProcess, Reference, ReferenceEntry, RegistryAuth, RegistryClient, RegistryConfig, RegistryError,
    SchemaId, SchemaText, SubjectVersion, VersionSpec,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

const V1: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
const V2: &str =
    r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"int","default":0}]}"#;
const BAD: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;

async fn start() -> (Server, RegistryClient) {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = Server::start(ServerConfig { listen, ..ServerConfig::default() }).await.unwrap();
    let client = RegistryClient::new(RegistryConfig::new(&server.url())).unwrap();
    (server, client)
}

#[tokio::test(start_paused = true)]
async fn a_registry_in_the_process_answers_as_one_at_a_socket_does() {
    let registry = InProcess::new();
    let client = registry.client();
    assert_eq!(client.register("a/b c", &avro(V1)).await.unwrap(), SchemaId(1));
    assert_eq!(client.lookup("a/b c", &avro(V1)).await.unwrap().map(|found| found.version), Some(1));
    let refused = client.register("a/b c", &avro(BAD)).await.unwrap_err();
    assert_eq!((refused.status(), refused.error_code()), (Some(409), Some(409)));
    registry.stop();
    let error = registry.client().schema_by_id(SchemaId(1)).await.unwrap_err();
    assert!(error.is_infrastructure(), "{error}");
    assert_eq!(error.to_string(), "cannot read schema 1 at http://in-process: it is stopped");
    registry.start();
    assert_eq!(registry.client().schema_by_id(SchemaId(1)).await.unwrap().text, V1);
}

fn avro(text: &str) -> SchemaText {
    SchemaText { format: Format::Avro, text: text.into(), references: vec![] }
}

fn reference(name: &str, subject: &str, version: u32) -> ReferenceEntry {
    ReferenceEntry { name: name.into(), subject: subject.into(), version }
}

#[tokio::test]
async fn what_is_registered_is_found_again() {
    let (server, client) = start().await;
    assert_eq!(client.register("s", &avro(V1)).await.unwrap(), SchemaId(1));
    assert_eq!(client.register("s", &avro(V2)).await.unwrap(), SchemaId(2));
    assert_eq!(client.register("s", &avro(V1)).await.unwrap(), SchemaId(1));
    assert_eq!(client.subjects().await.unwrap(), ["s"]);
    assert_eq!(client.versions("s").await.unwrap(), [1, 2]);
    let latest = client.version("s", VersionSpec::Latest).await.unwrap();
    assert_eq!((latest.version, latest.id, latest.text.as_str()), (2, SchemaId(2), V2));
    assert_eq!(client.version("s", VersionSpec::Number(1)).await.unwrap().id, SchemaId(1));
    assert_eq!(client.subject_versions_of(SchemaId(2)).await.unwrap(), [("s".to_owned(), 2)]);
    let found = client.lookup("s", &avro(V1)).await.unwrap();
    assert_eq!(found, Some(SubjectVersion { subject: "s".into(), version: 1, id: SchemaId(1) }));
    assert_eq!(client.lookup("s", &avro(BAD)).await.unwrap(), None);
    assert_eq!(client.lookup("t", &avro(V1)).await.unwrap(), None);
    server.stop().await;
}

#[tokio::test]
async fn subjects_with_any_characters_survive_the_way_through_a_url() {
    let (server, client) = start().await;
    for subject in ["a/b", "a b", "50%", "a?b=c", "a#b", "a+b", "ü", "..."] {
        client.register(subject, &avro(V1)).await.unwrap();
        assert_eq!(client.versions(subject).await.unwrap(), [1], "{subject}");
        assert!(client.subjects().await.unwrap().contains(&subject.to_owned()), "{subject}");
    }
    for subject in ["", ".", ".."] {
        let error = client.versions(subject).await.unwrap_err();
        assert!(!error.is_retriable() && error.to_string().contains("cannot be a subject's name"), "{error}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_schema_comes_with_all_that_it_refers_to_in_the_order_of_use() {
    let (server, client) = start().await;
    let file = |text: &str, references| SchemaText {
        format: Format::Protobuf,
        text: format!("syntax = \"proto3\"; {text}"),
        references,
    };
    let (a, b) = (reference("a.proto", "a", 1), reference("b.proto", "b", 1));
    client.register("a", &file("message A {}", vec![])).await.unwrap();
    let b_text = "import \"a.proto\"; message B { A a = 1; }";
    client.register("b", &file(b_text, vec![a.clone()])).await.unwrap();
    let c = file("import \"b.proto\"; import \"a.proto\"; message C { B b = 1; A a = 2; }", vec![b, a]);
    let id = client.register("c", &c).await.unwrap();

    let schema = client.schema_by_id(id).await.unwrap();
    assert_eq!((schema.id, schema.format, &schema.text), (id, Format::Protobuf, &c.text));
    let names: Vec<&str> = schema.references.iter().map(|reference| reference.name.as_str()).collect();
    assert_eq!(names, ["a.proto", "b.proto"]);
    let expected = Reference { name: "b.proto".into(), text: format!("syntax = \"proto3\"; {b_text}") };
    assert_eq!(schema.references[1], expected);
    assert_eq!(client.version("c", VersionSpec::Latest).await.unwrap().references, c.references);
    server.stop().await;
    // It is kept for ever.
    assert_eq!(client.schema_by_id(id).await.unwrap(), schema);
}

#[tokio::test]
async fn references_are_bounded_by_their_bytes() {
    let (server, client) = start().await;
    let doc = "x".repeat(1 << 20);
    let text = |at: usize| format!(r#"{{"type":"record","name":"R{at}","doc":"{doc}","fields":[]}}"#);
    for at in 0..16 {
        client.register(&format!("r{at}"), &avro(&text(at))).await.unwrap();
    }
    let all = (0..16).map(|at| reference(&format!("R{at}"), &format!("r{at}"), 1)).collect();
    let user = SchemaText { format: Format::Avro, text: "\"R0\"".into(), references: all };
    let error = client.register("user", &user).await.unwrap_err().to_string();
    assert!(error.contains("it refers to schemas of more than 16777216 bytes together"), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn levels_and_checks_say_what_the_registry_says() {
    let (server, client) = start().await;
    assert_eq!(client.level(None).await.unwrap().as_deref(), Some("BACKWARD"));
    assert_eq!(client.level(Some("s")).await.unwrap(), None);
    client.set_level(Some("s"), "FULL_TRANSITIVE").await.unwrap();
    assert_eq!(client.level(Some("s")).await.unwrap().as_deref(), Some("FULL_TRANSITIVE"));
    client.set_level(None, "NONE").await.unwrap();
    assert_eq!(client.level(None).await.unwrap().as_deref(), Some("NONE"));
    assert_eq!(client.set_level(None, "SOME").await.unwrap_err().error_code(), Some(42203));

    client.register("s", &avro(V1)).await.unwrap();
    let check = async |text| client.check_compatibility("s", VersionSpec::Latest, &avro(text)).await.unwrap();
    assert!(check(V2).await.is_compatible);
    let answer = check(BAD).await;
    assert!(!answer.is_compatible && answer.messages[0].contains("TYPE_MISMATCH"), "{answer:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_says_what_was_asked_where_and_what_came_of_it() {
    let (server, client) = start().await;
    client.register("s", &avro(V1)).await.unwrap();
    let check = |error: RegistryError, status, code, text: &str| {
        assert_eq!((error.status(), error.error_code()), (Some(status), Some(code)));
        assert!(!error.is_retriable());
        assert_eq!(error.is_not_found(), status == 404);
        let expected = format!("cannot {}", text.replace("URL", &server.url()));
        assert!(error.to_string().starts_with(&expected), "{error}");
    };
    let error = client.schema_by_id(SchemaId(9)).await.unwrap_err();
    check(error, 404, 40403, "read schema 9 at URL: the registry answered 404 (error code 40403): Schema 9 not found");
    let error = client.version("s", VersionSpec::Number(7)).await.unwrap_err();
    check(error, 404, 40402, "read version 7 of `s` at URL: the registry answered 404");
    check(client.versions("t").await.unwrap_err(), 404, 40401, "list the versions of `t` at URL");
    let error = client.register("s", &avro(BAD)).await.unwrap_err();
    check(error, 409, 409, "register a schema under `s` at URL: the registry answered 409");
    check(client.register("s", &avro("{")).await.unwrap_err(), 422, 42201, "register a schema under `s` at URL");
    check(client.lookup("s", &avro("{")).await.unwrap_err(), 422, 42201, "look up a schema under `s` at URL");
    server.stop().await;
}

/// Answers every connection with the same bytes, and hands out what it was asked.
async fn canned(answer: String) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let n_bytes = connection.read(&mut request).await.unwrap_or(0);
            let _ = sender.send(String::from_utf8_lossy(&request[..n_bytes]).into_owned());
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    (url, requests)
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// A URL where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn client_of(urls: &[&str]) -> RegistryClient {
    let urls = urls.iter().map(|&url| url.to_owned()).collect();
    RegistryClient::new(RegistryConfig { urls, auth: None, timeout: Duration::from_millis(500) }).unwrap()
}

#[tokio::test]
async fn the_next_url_is_asked_when_one_gives_no_answer_that_counts() {
    let (server, _) = start().await;
    let (overloaded, _) = canned(http("429 Too Many Requests", "")).await;
    let (broken, mut asked) = canned(http("503 Service Unavailable", "down")).await;
    let nobody = nobody().await;
    let client = client_of(&[&nobody, &broken, &overloaded, &server.url()]);
    assert_eq!(client.register("s", &avro(V1)).await.unwrap(), SchemaId(1));
    assert!(asked.recv().await.is_some());
    // The one that answered is asked first from now on.
    assert_eq!(client.versions("s").await.unwrap(), [1]);
    assert!(asked.try_recv().is_err());
    server.stop().await;

    let error = client.subjects().await.unwrap_err();
    assert!(error.is_retriable() && error.source().is_none(), "the last one asked is the overloaded one: {error:?}");
    for url in [&nobody, &broken, &overloaded] {
        assert!(error.to_string().contains(url.as_str()), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_counts_is_not_asked_for_again_elsewhere() {
    let (first, _) = canned(http("401 Unauthorized", r#"{"error_code":401,"message":"who are you"}"#)).await;
    let (second, mut asked) = canned(http("200 OK", "[]")).await;
    let error = client_of(&[&first, &second]).subjects().await.unwrap_err();
    assert_eq!((error.status(), error.is_retriable(), error.is_not_found()), (Some(401), false, false));
    assert!(asked.try_recv().is_err());
}

#[tokio::test]
async fn a_registry_that_is_down_is_an_error_worth_a_retry_that_names_the_url() {
    let nobody = nobody().await;
    let error = client_of(&[&nobody]).subjects().await.unwrap_err();
    let expected = format!("cannot list the subjects at {nobody}: cannot connect; is the registry running?");
    assert_eq!((error.to_string(), error.is_retriable()), (expected, true));
    assert!(error.source().is_some());

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = client_of(&[&format!("http://{}", silent.local_addr().unwrap())]).subjects().await.unwrap_err();
    assert!(error.is_retriable() && error.to_string().ends_with("no answer in time"), "{error}");
}

#[tokio::test]
async fn something_that_is_no_registry_is_told_apart() {
    let check = async |answer: String, expected: &str| {
        let (url, _requests) = canned(answer).await;
        let error = client_of(&[&url]).subjects().await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_not_found());
        error.is_retriable()
    };
    assert!(!check(http("200 OK", "<html>"), "expected the registry's JSON, found `<html>`").await);
    assert!(!check(http("404 Not Found", ""), "is this the base URL of a schema registry?").await);
    assert!(!check(http("404 Not Found", "<html>nope"), "answered 404: `<html>nope`").await);
    assert!(check("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[".into(), "broke before the answer").await);
    assert!(check("SSH-2.0".into(), "broke before the answer").await);
}

#[tokio::test]
async fn credentials_go_to_their_registry_and_into_no_message() {
    let unauthorized = http("401 Unauthorized", "");
    let check = async |userinfo: &str, auth: Option<RegistryAuth>, expected: &str| {
        let (url, mut requests) = canned(unauthorized.clone()).await;
        let url = url.replace("http://", &format!("http://{userinfo}"));
        let config = RegistryConfig { auth, ..RegistryConfig::new(&url) };
        let shown = format!("{config:?}");
        let client = RegistryClient::new(config).unwrap();
        let error = client.subjects().await.unwrap_err();
        let request = requests.recv().await.unwrap();
        assert!(request.contains(expected), "{request}");
        let shown = format!("{shown} {client:?} {error} {error:?}");
        assert!(!shown.contains("secret") && !shown.contains("c2VjcmV0"), "{shown}");
    };
    let basic = RegistryAuth::Basic { user: "me".into(), password: "secret".into() };
    check("", Some(basic), "authorization: Basic bWU6c2VjcmV0\r\n").await;
    check("me:secret@", None, "authorization: Basic bWU6c2VjcmV0\r\n").await;
    check("", Some(RegistryAuth::Bearer("secret".into())), "authorization: Bearer secret\r\n").await;
}

#[tokio::test]
async fn a_level_is_set_whatever_the_registry_answers_with() {
    let (url, mut requests) = canned(http("200 OK", r#"{"compatibilityLevel":"FULL"}"#)).await;
    client_of(&[&url]).set_level(Some("s"), "FULL").await.unwrap();
    assert!(requests.recv().await.unwrap().starts_with("PUT /config/s HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_schema_of_an_unknown_language_is_an_error_that_asking_again_does_not_help() {
    let (url, _requests) = canned(http("200 OK", r#"{"schema":"{}","schemaType":"XML"}"#)).await;
    let error = client_of(&[&url]).schema_by_id(SchemaId(1)).await.unwrap_err();
    assert!(error.to_string().ends_with("expected the schemaType AVRO, PROTOBUF or JSON, found `XML`"), "{error}");
    assert!(!error.is_retriable());
}

#[tokio::test]
async fn a_client_without_a_usable_url_is_not_made() {
    let check = |urls: &[&str], expected: &str| {
        let urls = urls.iter().map(|&url| url.to_owned()).collect();
        let config = RegistryConfig { urls, ..RegistryConfig::new("") };
        assert!(RegistryClient::new(config).unwrap_err().to_string().contains(expected));
    };
    check(&[], "no URL is given");
    check(&[""], "expected something like http://localhost:8081");
    check(&["http://ok", "nonsense"], "cannot use the registry URL at nonsense");
}
