//! Ctrl-C ends whatever is going on, with exit code 130.

use super::MOVES;
use crate::{
    harness::Script,
    scripted::{Scripted, ScriptedServer},
    server::{Server, Tls},
};

/// Runs a script that says `ready` and then goes on for ever; Ctrl-C must end it.
#[track_caller]
fn endless(source: &str) {
    let server = Scripted::new().greet().serve().start();
    let account = Server::at(server.address, Tls::None);
    // It asks for something, so that the test knows when it has begun.
    let run = Script::new(&format!("local account = $LOGIN account:noop() {source}")).on(&account).spawn();
    server.wait_for("NOOP");
    run.signal("INT");
    let output = run.finish();
    assert_eq!(output.status, Some(130), "{source}: {output}");
    assert!(output.stderr.starts_with("error: interrupted\n"), "{output}");
    assert!(!output.stderr.contains("panicked") && !output.stdout.contains("survived"), "{output}");
    server.wait_for("LOGOUT");
}

#[test]
fn an_endless_loop() {
    endless("while true do end");
    endless("repeat local s = ('x'):rep(10) until false");
    endless("local function f() return f() end f()");
}

#[test]
fn an_endless_loop_inside_pcall() {
    endless("while true do pcall(function() while true do end end) end print 'survived'");
    endless("while true do xpcall(function() while true do end end, function(e) return e end) end");
    endless("pcall(pcall, pcall, function() while true do end end) while true do pcall(error) end");
}

#[test]
fn an_endless_loop_inside_coroutines() {
    endless("coroutine.wrap(function() while true do end end)()");
    endless(
        "local c = coroutine.create(function() while true do end end) while true do coroutine.resume(c) end",
    );
    endless(
        "while true do pcall(coroutine.wrap(function() while true do pcall(function() while true do end end) end end)) end",
    );
    endless(
        "local c = coroutine.wrap(function() while true do coroutine.yield() end end) while true do c() end",
    );
}

#[test]
fn an_endless_loop_inside_callbacks_and_metamethods() {
    endless("table.sort({ 3, 2, 1 }, function() while true do end end)");
    endless("; ('x'):gsub('x', function() while true do end end)");
    endless("local t = setmetatable({}, { __index = function() while true do end end }) print(t.x)");
    endless("local t <close> = setmetatable({}, { __close = function() while true do end end })");
}

#[test]
fn a_long_sleep() {
    endless("sleep(100000)");
    endless("while true do pcall(sleep, 100000) end");
}

/// A server that falls silent at a command, and a run of the script that waits for it.
#[track_caller]
fn silent_at(verb: &str, source: &str, expected: i32) -> (crate::output::Output, ScriptedServer) {
    let server = Scripted::new().capabilities(MOVES).greet().serve_until(verb).stall().start();
    let account = Server::at(server.address, Tls::None);
    let run = Script::new(source).on(&account).options(&["--timeout", "3600"]).spawn();
    server.wait_for(verb);
    run.signal("INT");
    let output = run.finish();
    assert_eq!(output.status, Some(expected), "{verb}: {output}");
    assert!(!output.stderr.contains("panicked"), "{output}");
    (output, server)
}

#[test]
fn waiting_for_a_silent_server() {
    for verb in ["LOGIN", "SELECT", "UID SEARCH", "UID FETCH"] {
        let (output, server) = silent_at(verb, super::WALK, 130);
        assert!(output.stderr.starts_with("error: interrupted\n"), "{output}");
        server.drain();
        assert!(!server.verbs().contains(&"UID MOVE".to_owned()));
    }
}

#[test]
fn waiting_for_a_silent_server_inside_pcall() {
    let source = r#"
        local account = $LOGIN
        while true do pcall(function() account:mailbox("INBOX"):search { seen = false } end) end
    "#;
    silent_at("UID SEARCH", source, 130);
}

#[test]
fn waiting_for_a_greeting() {
    let server = Scripted::new().send("* O").stall().start();
    let account = Server::at(server.address, Tls::None);
    let run = Script::new("print 'begun' $LOGIN:noop()").on(&account).options(&["--timeout", "3600"]).spawn();
    server.wait_for_connection();
    run.signal("INT");
    assert_eq!(run.finish().status, Some(130));
}

#[test]
fn waiting_for_a_tls_handshake() {
    let server = Scripted::new().stall().start();
    let account = Server::at(server.address, Tls::Implicit);
    let run = Script::new("$LOGIN:noop()").on(&account).options(&["--timeout", "3600"]).spawn();
    server.wait_for_connection();
    run.signal("INT");
    assert_eq!(run.finish().status, Some(130));
}

#[test]
fn listening_to_a_server_that_never_stops() {
    let flood = "* 5 EXISTS\r\n".repeat(1 << 10);
    let server = Scripted::new().greet().serve_until("UID SEARCH").flood(flood, usize::MAX).start();
    let account = Server::at(server.address, Tls::None);
    let run = Script::new(super::SEARCH).on(&account).options(&["--timeout", "3600"]).spawn();
    server.wait_for("UID SEARCH");
    run.signal("INT");
    let output = run.finish();
    assert_eq!(output.status, Some(130), "{output}");
}

#[test]
fn an_interrupt_while_mail_is_moved_waits_for_the_outcome() {
    // The server answers only after the interrupt: what it did must be told.
    let server = Scripted::new()
        .capabilities(MOVES)
        .greet()
        .serve_until("UID MOVE")
        .pause()
        .send("* OK [COPYUID 8 1:3 11:13] moved\r\n{tag} OK done\r\n")
        .serve()
        .start();
    let account = Server::at(server.address, Tls::None);
    let source = r#"print(#$LOGIN:mailbox("INBOX"):all():move("Archive").moved) while true do end"#;
    let run = Script::new(source).on(&account).spawn();
    server.wait_for("UID MOVE");
    run.signal("INT");
    server.go_on();
    let output = run.finish();
    assert_eq!(output.status, Some(130), "{output}");
    assert!(output.stdout.contains("moved 3 messages from INBOX to Archive\n"), "{output}");
}

#[test]
fn a_second_interrupt_ends_the_process() {
    let server = Scripted::new().capabilities(MOVES).greet().serve_until("UID MOVE").stall().start();
    let account = Server::at(server.address, Tls::None);
    let run = Script::new(super::WALK).on(&account).options(&["--timeout", "3600"]).spawn();
    server.wait_for("UID MOVE");
    run.signal("INT");
    run.signal("TERM");
    assert_eq!(run.finish().status, Some(130));
}

#[test]
fn a_termination_is_an_interrupt() {
    let server = Scripted::new().greet().serve_until("UID SEARCH").stall().start();
    let account = Server::at(server.address, Tls::None);
    let run = Script::new(super::SEARCH).on(&account).options(&["--timeout", "3600"]).spawn();
    server.wait_for("UID SEARCH");
    run.signal("TERM");
    assert_eq!(run.finish().status, Some(130));
}
