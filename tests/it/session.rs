//! A script logs in, looks around, and everything ends as it should.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;

on_both!(a_search_and_a_move, |server| {
    server.seed("INBOX", &[Mail::new("b1").from("ci@example.org"), Mail::new("hi")]);
    Script::new(
        r#"
        local account = $LOGIN
        local found = account:mailbox("INBOX"):search { from = "ci@example.org" }
        print(#found)
        print(#found:move("CI").moved)
        "#,
    )
    .on(server)
    .loses_nothing()
    .stdout("1\n$USER@127.0.0.1: moved 1 message from INBOX to CI\n  created mailbox CI\n1\n")
    .stderr("")
    .mailbox("INBOX", &["hi"])
    .mailbox("CI", &["b1"])
    .run();
});
