//! What a second pair of eyes found.

use crate::{
    harness::Script,
    scripted::Scripted,
    server::{Server, Tls},
};

#[test]
fn without_namespaces_the_delimiter_is_what_the_root_says() {
    let server = Scripted::new()
        .greet()
        .serve()
        .on("NAMESPACE", "{tag} BAD unknown\r\n")
        .on("LIST", "* LIST (\\Noselect) \".\" \"\"\r\n{tag} OK done\r\n")
        .start();
    Script::new("$LOGIN:create(\"a/b\")")
        .on(&Server::at(server.address, Tls::None))
        .stdout("$USER@127.0.0.1: created a/b\n")
        .stderr("")
        .run();
    let commands: Vec<String> = server.finish().into_iter().map(|command| command.text).collect();
    assert!(commands.iter().any(|command| command.ends_with(" CREATE \"a.b\"")), "{commands:?}");
}

#[test]
fn keys_that_must_all_match_need_no_parentheses() {
    let server = Scripted::new().greet().serve().start();
    Script::new("print(#$LOGIN:mailbox(\"INBOX\"):search { subject = \"Canned\" })")
        .on(&Server::at(server.address, Tls::None))
        .stdout("3\n")
        .stderr("")
        .run();
    let commands: Vec<String> = server.finish().into_iter().map(|command| command.text).collect();
    let searched = commands.iter().any(|command| command.ends_with(" UID SEARCH UNDELETED SUBJECT \"Canned\""));
    assert!(searched, "{commands:?}");
}
