//! Servers that do not compress as they should.

use super::{Case, MOVES, WALK, WALKED};
use crate::{
    harness::Script,
    scripted::Scripted,
    server::{Server, Tls},
};
use flate2::{Compression, write::DeflateEncoder};
use std::io::Write;

/// What a server sends that has compressed this, and nothing before it.
pub(super) fn deflated(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(vec![], Compression::default());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.flush().unwrap();
    encoder.get_ref().clone()
}

fn offering() -> Scripted {
    Scripted::new().capabilities(&format!("{MOVES} COMPRESS=DEFLATE")).greet()
}

/// A server that says OK to COMPRESS and sends something right behind it.
fn saying(bytes: impl AsRef<[u8]>, times: usize) -> Case {
    let scripted = offering().serve_until("COMPRESS").send([b"{tag} OK on\r\n", bytes.as_ref()].concat());
    Case::new(scripted.flood(bytes, times - 1).stall()).script(WALK).compressed()
}

const BROKEN: &str = "what the server compressed can't be read: it is no deflated data";

#[test]
fn what_is_not_deflated() {
    // The second has a header of zlib.
    for bytes in [&b"\xff\xff\xff\xff"[..], b"\x78\x9c\x01\x05\x00\xfa\xff"] {
        saying(bytes, 1)
            .fails(5, BROKEN)
            .hinting("hint: `compress = false` among the account's settings goes without compression\n");
    }
}

#[test]
fn what_comes_along_with_the_reply_is_deflated() {
    let scripted = offering()
        .serve_until("COMPRESS")
        .send([b"{tag} OK on\r\n".to_vec(), deflated("* OK [ALERT] hear\r\n* BYE so long\r\n")].concat());
    let ended = Case::new(scripted).script(WALK).compressed().run(5);
    let said: Vec<_> = ended.output.stderr.lines().take(2).collect();
    assert_eq!(
        said,
        ["alert: $USER@127.0.0.1: hear", "error: the server closed the session: so long"],
        "{}",
        ended.output
    );
}

#[test]
fn a_deflated_stream_that_breaks_off() {
    let bytes = deflated("* OK [ALERT] hear\r\n* BYE so long\r\n");
    let cut = [b"{tag} OK on\r\n", &bytes[..bytes.len() / 2]].concat();
    Case::new(offering().serve_until("COMPRESS").send(cut))
        .script(WALK)
        .compressed()
        .fails(5, "the connection was lost: the server hung up");
}

#[test]
fn a_gigabyte_in_a_megabyte() {
    let megabyte = deflated("x".repeat(1 << 20));
    assert!(megabyte.len() < 2 << 10);
    saying(megabyte, 1 << 10)
        .fails(5, "the server sent what can't be right: a line of more than 65536 bytes");
}

#[test]
fn nothing_without_end() {
    saying(b"\x00\x00\x00\xff\xff".repeat(1 << 10), 1 << 10)
        .fails(5, "what the server compressed can't be read: it says nothing, without end");
}

#[test]
fn a_refusal_is_taken_once() {
    for answer in ["{tag} NO not now\r\n", "{tag} BAD what\r\n"] {
        let case = Case::new(offering().on("COMPRESS", answer).serve()).script(WALK);
        let ended = case.compressed().changes().prints(WALKED);
        assert_eq!(ended.verbs().iter().filter(|verb| *verb == "COMPRESS").count(), 1);
    }
}

#[test]
fn an_ok_before_the_command() {
    let early = "{tag} OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\na4 OK on\r\n";
    Case::new(offering().on("LOGIN", early).serve())
        .compressed()
        .fails(5, "the server sent what can't be right: a reply to no command of ours: `a4 OK on`");
}

#[test]
fn nobody_is_asked_who_does_not_offer_it_or_is_this_machine() {
    let bare = Scripted::new().capabilities(MOVES).greet().serve();
    for case in [Case::new(bare).compressed(), Case::new(offering().serve())] {
        assert!(!case.prints("3\n").verbs().contains(&"COMPRESS".to_owned()));
    }
}

#[test]
fn silence_behind_the_reply() {
    let silent = || offering().serve_until("COMPRESS").send("{tag} OK on\r\n").stall();
    let case = Case::new(silent()).script(WALK).compressed().silent();
    case.fails(5, "the server did not answer within 1 second");
    let server = silent().start();
    let account = Server::at(server.address, Tls::None).compressed();
    let run = Script::new(WALK).on(&account).options(&["--timeout", "3600"]).spawn();
    server.wait_for("COMPRESS");
    run.signal("INT");
    let output = run.finish();
    assert_eq!(
        (output.status, output.stderr.lines().next()),
        (Some(130), Some("error: interrupted")),
        "{output}"
    );
}
