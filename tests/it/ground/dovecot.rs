//! Dovecot comes up, is seeded and inspected, and lacks what is taken away.

use super::tls::handshake;
use crate::{
    dovecot_config,
    mail::Mail,
    observer::Observer,
    proxy::Capability,
    server::{Server, Tls, on_dovecot},
};
use std::{io::Read, path::Path};

on_dovecot!(observer_seeds_and_inspects, |server| {
    let mails =
        [Mail::new("one").flag("\\Seen").flag("$Work"), Mail::new("two").date("02-Apr-2023 11:12:13 +0000")];
    server.seed("INBOX", &mails).seed("Lists/rust &- \\co", &[Mail::new("one").from("list@example.org")]);
    let snapshot = server.snapshot();
    assert_eq!(snapshot.subjects("INBOX"), ["one", "two"]);
    let one = snapshot.mailboxes["INBOX"].iter().find(|seen| seen.subject == "one").unwrap();
    assert_eq!(one.id, "<one@example.org>");
    assert_eq!(one.flags, ["$Work", "\\Seen"]);
    assert_eq!(one.size, mails[0].raw().len() as u64);
    let two = snapshot.mailboxes["INBOX"].iter().find(|seen| seen.subject == "two").unwrap();
    assert_eq!(two.date, "02-Apr-2023 11:12:13 +0000");
    assert_eq!(snapshot.digests().values().sum::<usize>(), 3);
    assert_eq!(snapshot.mailboxes["Lists/rust &- \\co"][0].subject, "one");
    assert!(snapshot.subjects("Trash").is_empty());
    assert!(server.snapshot() == snapshot, "looking changes nothing");
});

#[test]
fn every_test_has_an_account_of_its_own() {
    let first = Server::dovecot(Tls::None);
    first.seed("INBOX", &[Mail::new("mine").header("List-Id", "<x.example.org>").body("Body.\r\n")]);
    assert!(Server::dovecot(Tls::None).snapshot().subjects("INBOX").is_empty());
}

#[test]
fn a_wrong_password_is_refused() {
    let server = Server::dovecot(Tls::None);
    let reply = Observer::connect(server.plain).command("LOGIN someone wrong").pop().unwrap().text;
    assert!(reply.contains(" NO [AUTHENTICATIONFAILED]"), "{reply}");
}

#[test]
fn dovecot_offers_what_the_tests_need() {
    let mut observer = Server::dovecot(Tls::None).observe();
    let words = offered(&mut observer);
    for word in
        ["MOVE", "UIDPLUS", "ESEARCH", "LITERAL+", "SPECIAL-USE", "UNSELECT", "NAMESPACE", "ID", "ENABLE"]
    {
        assert!(words.contains(&word.to_owned()), "{word} is not in {words:?}");
    }
    assert!(Observer::connect(Server::dovecot(Tls::None).plain).greeting.contains("STARTTLS"));
}

#[test]
fn dovecot_shows_its_certificate() {
    let server = Server::dovecot(Tls::Implicit);
    let mut stream = handshake(server.address, server.ca_file.as_deref()).unwrap();
    let mut start = [0; 4];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"* OK");
}

#[test]
fn each_version_of_dovecot_has_its_configuration() {
    let mut layout = dovecot_config::Layout {
        directory: Path::new("/tmp/x"),
        user: "nobody",
        group: "nogroup",
        certificate: Path::new("/tmp/x/server.crt"),
        key: Path::new("/tmp/x/server.key"),
        port: 10143,
        tls_port: 10993,
        logins: None,
    };
    let old = dovecot_config::text("2.3.19.1 (9b53102964)", &layout);
    assert!(
        old.contains("ssl_cert = </tmp/x/server.crt\n") && old.contains("mdbox:/tmp/x/mail/%u\n"),
        "{old}"
    );
    let new = dovecot_config::text("2.4.1-4 (7d8c0e5759)", &layout);
    assert!(
        new.starts_with("dovecot_config_version = 2.4.0\n")
            && new.contains("mail_path = /tmp/x/mail/%{user}\n")
    );
    let authority = Path::new("/tmp/x/ca.crt");
    layout.logins = Some(dovecot_config::Logins { introspection: "http://127.0.0.1:1/", authority });
    let logins = ["2.3.19.1", "2.4.1"].map(|version| dovecot_config::text(version, &layout));
    assert!(logins.iter().all(|text| text.contains(" scram-sha-256 ") && text.contains("/tmp/x/ca.crt\n")));
    for text in [old, new].iter().chain(&logins) {
        assert_eq!(text.matches('{').count(), text.matches('}').count(), "{text}");
        assert!(!text.contains("<dir>") && !text.contains("<user>"), "{text}");
    }
}

#[test]
fn what_is_hidden_is_not_offered() {
    use Capability::{Esearch, LiteralPlus, Move, Uidplus};
    let server = Server::dovecot_without(&[Move, Uidplus, Esearch, LiteralPlus]);
    let mut observer = Observer::connect(server.address);
    let login = observer.ok(&format!("LOGIN {} pass", server.user)).pop().unwrap().text;
    let listed = offered(&mut observer).join(" ");
    for text in [&observer.greeting, &login, &listed] {
        assert!(text.contains("IMAP4rev1"), "{text}");
        for word in ["MOVE", "UIDPLUS", "ESEARCH", "SEARCHRES", "LITERAL", "STARTTLS"] {
            assert!(!text.contains(word), "{word} is in {text}");
        }
    }
}

#[test]
fn what_is_hidden_is_refused() {
    for (hidden, command) in [
        (Capability::Move, "UID MOVE 1 Trash"),
        (Capability::Move, "move 1 Trash"),
        (Capability::Uidplus, "UID EXPUNGE 1"),
        (Capability::Esearch, "UID SEARCH RETURN (COUNT) ALL"),
        (Capability::LiteralPlus, "SELECT {5+}"),
    ] {
        let server = Server::dovecot_without(&[hidden]);
        server.seed("INBOX", &[Mail::new("stays")]);
        let mut observer = Observer::login(server.address, &server.user, "pass");
        observer.ok("SELECT INBOX");
        let reply = observer.command(command).pop().unwrap().text;
        assert!(reply.contains(&format!(" BAD {hidden:?} was not offered")), "{command}: {reply}");
        assert_eq!(server.snapshot().subjects("INBOX"), ["stays"]);
    }
}

#[test]
fn the_rest_of_a_session_is_carried_unchanged() {
    let server = Server::dovecot_without(&[Capability::Uidplus]);
    let mut observer = Observer::login(server.address, &server.user, "pass");
    let decoy =
        Mail::new("decoy").body("a OK [COPYUID 1 2 3] x\r\n* CAPABILITY UIDPLUS\r\na UID EXPUNGE 1\r\n");
    observer.append("INBOX", &decoy);
    observer.ok("SELECT INBOX");
    let replies = observer.ok("UID COPY 1 Archive");
    assert!(!replies.iter().any(|reply| reply.text.contains("COPYUID")), "the code went with the capability");
    let direct = server.snapshot();
    assert_eq!(observer.snapshot(), direct);
    assert_eq!(direct.digests().values().copied().collect::<Vec<_>>(), [2]);
    assert_eq!(direct.mailboxes["INBOX"][0].size, decoy.raw().len() as u64);
}

/// The words of a CAPABILITY response.
fn offered(observer: &mut Observer) -> Vec<String> {
    observer.ok("CAPABILITY")[0].text.split(' ').map(str::to_owned).collect()
}
