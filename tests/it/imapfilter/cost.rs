//! What configurations cost on the wire.

use crate::{
    harness::Script,
    mail::Mail,
    server::{Server, Tls},
    turns::Counter,
};
use std::fs;
use tempfile::TempDir;

/// Runs a configuration and gives its output, the commands that were sent, and the turns that it took.
fn run(server: &mut Server, source: &str) -> (String, Vec<String>, usize) {
    let counter = Counter::start(server.address);
    server.address = counter.address;
    let source = format!(
        "options.starttls = false options.info = false\n\
         account = IMAP {{ server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }}\n{source}"
    );
    let home = TempDir::new().unwrap();
    let output = Script::command(&["imapfilter"])
        .script(&source)
        .home(home.path())
        .on(server)
        .args(&["-c", "$DIR/script.lua", "-d", "$DIR/trace"])
        .run();
    let trace = fs::read_to_string(home.path().join("trace")).unwrap();
    let sent = trace.lines().filter(|line| line.contains(" C: ")).map(str::to_owned).collect();
    (output.stdout, sent, counter.turns())
}

#[test]
fn a_compound_search_is_one_command() {
    let mut server = Server::dovecot(Tls::None);
    server.seed(
        "INBOX",
        &[Mail::new("a").from("x@y"), Mail::new("b").from("z@y"), Mail::new("c").flag("\\Seen")],
    );
    let source = "local I = account.INBOX\n\
                  local r = I:is_unseen() * (I:contain_from('x@') + I:contain_from('z@')) - I:contain_subject('b') * I:is_larger(1)\n\
                  print(#r, r:mark_flagged())";
    let (stdout, sent, turns) = run(&mut server, source);
    assert_eq!(stdout, "1\ttrue\n");
    let searches: Vec<_> = sent.iter().filter(|line| line.contains("SEARCH")).collect();
    assert_eq!(searches.len(), 1, "{searches:?}");
    // The greeting, the login, the search with its SELECT, the look before the flags are set, the flags, and the end.
    assert!(turns <= 7, "{turns}: {sent:?}");
}

#[test]
fn patterns_look_at_ten_thousand_messages_in_a_few_turns() {
    let mut server = Server::dovecot(Tls::None);
    let letters: Vec<_> = (0..10).map(|n| Mail::new(&format!("number {n}"))).collect();
    server.seed("INBOX", &letters);
    let mut observer = server.observe();
    observer.ok("SELECT INBOX");
    for _ in 0..10 {
        observer.ok("COPY 1:* INBOX");
    }
    let (stdout, sent, turns) = run(&mut server, "print(#account.INBOX:match_subject('^number [37]$'))");
    assert_eq!(stdout, "2048\n");
    assert!(turns <= 8, "{turns}: {sent:?}");
}

#[test]
fn what_a_loop_asks_of_each_message_is_fetched_of_many() {
    let mut server = Server::dovecot(Tls::None);
    let letters: Vec<_> = (0..40).map(|n| Mail::new(&format!("number {n}"))).collect();
    server.seed("INBOX", &letters);
    let source = "local all = 0\n\
                  for _, m in ipairs(account.INBOX:select_all()) do\n\
                    local mailbox, uid = table.unpack(m)\n\
                    all = all + #mailbox[uid]:fetch_field('Subject') + mailbox[uid]:fetch_size()\n\
                  end\n\
                  print(all)";
    let (stdout, sent, turns) = run(&mut server, source);
    let bytes: usize = letters.iter().map(|letter| letter.subject.len() + 9 + letter.raw().len()).sum();
    assert_eq!(stdout, format!("{bytes}\n"));
    assert!(turns <= 9, "{turns}: {sent:?}");
}

#[test]
fn what_is_never_looked_at_is_never_asked() {
    let mut server = Server::dovecot(Tls::None);
    let (_, sent, _) = run(&mut server, "local r = account.INBOX:is_seen() print 'end'");
    assert!(sent.iter().all(|line| !line.contains("SEARCH")), "{sent:?}");
}
