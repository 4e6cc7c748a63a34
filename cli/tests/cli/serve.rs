//! `eventwright registry serve`: where it listens, and how it ends.

use crate::support::{Running, command, run, signal};

fn serve() -> Running {
    let mut command = command();
    command.args(["registry", "serve", "--listen", "127.0.0.1:0"]);
    Running::start(command)
}

#[test]
#[cfg(unix)]
fn a_supervisor_ends_it_well_and_a_person_interrupts_it() {
    for (name, code) in [("TERM", 0), ("INT", 130)] {
        let mut server = serve();
        assert!(server.line().starts_with("http://127.0.0.1:"));
        signal(server.pid(), name);
        assert_eq!(server.end().code, Some(code), "{name}");
    }
}

#[test]
fn an_address_that_is_taken_is_an_error_that_names_it() {
    let mut server = serve();
    let address = server.line().replace("http://", "");
    let mut second = command();
    second.args(["registry", "serve", "--listen", &address]);
    let finished = run(second, "");
    assert_eq!(finished.code, Some(101));
    assert!(finished.stderr.contains(&format!("cannot listen on {address}")), "{}", finished.stderr);
}

#[test]
fn stores_that_do_not_exist_yet_are_refused() {
    for store in ["file:/tmp/x", "kafka:127.0.0.1:9092"] {
        let mut command = command();
        command.args(["registry", "serve", "--store", store]);
        let finished = run(command, "");
        assert_eq!(finished.code, Some(2));
        assert!(finished.stderr.contains("store is not in this version"), "{}", finished.stderr);
    }
}
