//! A turn is a change of direction on the wire, from the server to the client and back: what a slow line costs.

use crate::harness::Script;
use crate::mail::Mail;
use crate::proxy::Capability;
use crate::server::{Server, Tls};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Who sent last, how often the client began to send after the server, and how much the server sent.
#[derive(Default)]
struct Count {
    client_sent: bool,
    turns: usize,
    down: usize,
}

/// Carries connections to a server, one after the other, and counts their turns.
pub(crate) struct Counter {
    pub(crate) address: SocketAddr,
    count: Arc<Mutex<Count>>,
}

impl Counter {
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let count = Arc::new(Mutex::new(Count::default()));
        let counted = Arc::clone(&count);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let server = TcpStream::connect(upstream).unwrap();
                let streams = [(&client, &server, true), (&server, &client, false)];
                for (from, to, by_client) in streams {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    to.set_nodelay(true).unwrap();
                    let count = Arc::clone(&counted);
                    thread::spawn(move || carry(from, to, by_client, &count));
                }
            }
        });
        Self { address, count }
    }
}

impl Counter {
    /// The turns so far.
    pub(crate) fn turns(&self) -> usize {
        self.count.lock().unwrap().turns
    }

    /// Gives the turns, and the bytes that the server sent, and begins to count anew.
    pub(crate) fn take(&self) -> (usize, usize) {
        let count = std::mem::take(&mut *self.count.lock().unwrap());
        (count.turns, count.down)
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, by_client: bool, count: &Mutex<Count>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        let mut count = count.lock().unwrap();
        if by_client && !count.client_sent {
            count.turns += 1;
        }
        count.client_sent = by_client;
        count.down += if by_client { 0 } else { length };
        // Under the lock, so that nobody can answer before it is counted.
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Write).ok();
}

/// Runs a script on Dovecot over TLS and gives its turns.
fn turns(source: &str, stdout: &str) -> usize {
    turns_with(&["a", "b"].map(Mail::new), source, stdout)
}

/// Does the same with messages of the test's own. Compression must not cost any.
fn turns_with(messages: &[Mail], source: &str, stdout: &str) -> usize {
    let turns = turns_on(Server::dovecot(Tls::Implicit), messages, source, stdout);
    assert_eq!(
        turns_on(Server::dovecot(Tls::Implicit).compressed(), messages, source, stdout),
        turns,
        "compressed"
    );
    turns
}

fn turns_on(mut server: Server, messages: &[Mail], source: &str, stdout: &str) -> usize {
    server.seed("INBOX", messages).seed("Box", &[]);
    let counter = Counter::start(server.address);
    server.address = counter.address;
    Script::new(source).on(&server).stdout(stdout).stderr("").run();
    counter.count.lock().unwrap().turns
}

#[test]
fn logging_in_asking_and_logging_out_take_five_turns() {
    // Two of TLS and its hello, one each of LOGIN, STATUS and LOGOUT.
    assert_eq!(turns("print($LOGIN:status('INBOX').messages)", "2\n"), 5);
}

#[test]
fn a_search_is_one_turn_with_its_select() {
    assert_eq!(turns("print(#$LOGIN:mailbox('INBOX'):search { seen = false })", "2\n"), 5);
}

#[test]
fn text_in_header_fields_is_looked_at_here_in_the_same_turn() {
    assert_eq!(turns("print(#$LOGIN:mailbox('INBOX'):search { subject = 'a' })", "1\n"), 5);
}

#[test]
fn a_server_that_keeps_no_results_is_asked_in_one_more() {
    // The plain port has no TLS, which is two turns.
    let server = Server::dovecot_without(&[Capability::Esearch]);
    let source = "print(#$LOGIN:mailbox('INBOX'):search { subject = 'a' })";
    assert_eq!(turns_on(server, &["a", "b"].map(Mail::new), source, "1\n"), 4);
}

#[test]
fn of_what_is_only_looked_at_no_more_is_fetched_than_is_judged() {
    let home = tempfile::tempdir().unwrap();
    let trace = home.path().join("trace");
    let server = Server::dovecot(Tls::Implicit);
    server.seed("INBOX", &["a", "b"].map(Mail::new));
    let source = r#"
      local inbox = $LOGIN:mailbox "INBOX"
      print(#inbox:search { subject = "a" }, #inbox:search { older_than = "1d" })
    "#;
    let options = ["--trace", trace.to_str().unwrap()];
    Script::new(source).on(&server).options(&options).stdout("1\t2\n").run();
    let trace = std::fs::read_to_string(&trace).unwrap();
    let asked: Vec<_> = trace.lines().filter_map(|line| Some(line.split_once("UID FETCH ")?.1)).collect();
    let (subject, date) = ("BODY.PEEK[HEADER.FIELDS (SUBJECT)]", "INTERNALDATE");
    assert_eq!(
        asked,
        [format!("$ (UID FLAGS RFC822.SIZE {subject})"), format!("$ (UID FLAGS {date} RFC822.SIZE)")]
    );
}

#[test]
fn a_list_of_thousands_costs_no_more() {
    let source = r#"
      local wanted = { "someone@" }
      for n = 1, 2000 do wanted[#wanted + 1] = ("u%d@example.org"):format(n) end
      print(#$LOGIN:mailbox("INBOX"):search { from = wanted })
    "#;
    assert_eq!(turns(source, "2\n"), 5);
}

#[test]
fn a_move_is_checked_and_done_in_few_turns() {
    let moved = "$USER@127.0.0.1: moved 1 message from INBOX to Box\n";
    assert_eq!(turns("$LOGIN:mailbox('INBOX'):search({ subject = 'a' }):move 'Box'", moved), 7);
}

#[test]
fn what_a_loop_needs_comes_with_its_headers() {
    let header =
        r#"for m in $LOGIN:mailbox("INBOX"):all():messages { "headers" } do print(m.headers.subject) end"#;
    assert_eq!(turns(header, "a\nb\n"), 6);
    let parts =
        r#"for m in $LOGIN:mailbox("INBOX"):all():messages { "attachments" } do print(#m.attachments) end"#;
    assert_eq!(turns(parts, "0\n0\n"), 6);
}

#[test]
fn a_loop_fetches_contents_in_large_batches() {
    // Twelve messages of half a MiB are two batches.
    let body = "0123456789abcde\r\n".repeat(32 * 1024);
    let mail: Vec<_> = (0..12).map(|n| Mail::new(&format!("{n}")).body(&body)).collect();
    let source = r#"
      local bytes = 0
      for m in $LOGIN:mailbox("INBOX"):all():messages { "text" } do bytes = bytes + #m:text() end
      print(bytes)
    "#;
    assert_eq!(turns_with(&mail, source, &format!("{}\n", 12 * 32 * 1024 * 16)), 8);
}

#[test]
fn attachments_are_saved_without_the_texts() {
    // The parts of all messages are told in one turn and fetched in another.
    let source = r#"print(#$LOGIN:mailbox("INBOX"):all():save("$DIR/out").saved)"#;
    let mail = |name: &str| {
        Mail::new(name)
            .header("Content-Type", &format!("application/pdf; name={name}.pdf"))
            .header("Content-Transfer-Encoding", "base64")
            .body("YQ==\r\n")
    };
    let told = "$USER@127.0.0.1: saved 1 attachment of 1 message from INBOX to $DIR/out\n  created directory $DIR/out\n  \
                skipped 1 message (UID 2): saved there already, byte for byte\n1\n";
    assert_eq!(turns_with(&["a", "a"].map(mail), source, told), 7);
}

#[test]
fn a_copy_to_another_account_takes_few_turns_in_both() {
    let [mut from, mut to] = [(); 2].map(|()| Server::dovecot(Tls::Implicit));
    from.seed("INBOX", &["a", "b", "c"].map(Mail::new));
    to.seed("Box", &[]);
    let counters = [&mut from, &mut to].map(|server| {
        let counter = Counter::start(server.address);
        server.address = counter.address;
        counter
    });
    let source = r#"print(#$LOGIN:mailbox("INBOX"):all():copy($OTHER:mailbox "Box"))"#;
    let output = Script::new(source).on(&from).and(&to).run();
    assert!(output.stdout.ends_with("3\n"), "{output}");
    // Two of TLS and its hello and one of LOGIN in each; there the search, the look, and what is in the messages; here
    // the names' form, where new ones begin, the messages, and what they have become; then LOGOUT.
    assert_eq!(counters.map(|counter| counter.turns()), [7, 8]);
}

#[test]
fn hundreds_of_rules_take_as_many_turns_as_a_few() {
    let mails: Vec<_> =
        (0..40).map(|n| Mail::new(&format!("m{n}")).from(&format!("p{n}@example.org"))).collect();
    let rules = |count: usize| {
        format!(
            r#"
            local list = {{}}
            for n = 1, {count} do
              list[n] = {{ "rule " .. n, where = {{ from = ("p%d@"):format(n), older_than = "7d" }}, mark = "seen" }}
              if n % 2 == 0 then list[n].move = "Box" end
            end
            local done = rules($LOGIN:mailbox "INBOX")(list)
            local matched = 0
            for _, rule in pairs(done) do matched = matched + rule.matched end
            print(matched)
            "#
        )
    };
    // Two of TLS and its hello, one each of LOGIN, the search with a look at what it found, the look before acting, the
    // marks and the moves that wait for them, and LOGOUT.
    let turns = |count: usize| {
        let mut server = Server::dovecot(Tls::Implicit);
        server.seed("INBOX", &mails).seed("Box", &[]);
        let counter = Counter::start(server.address);
        server.address = counter.address;
        let output = Script::new(&rules(count)).on(&server).run();
        assert!(output.stdout.ends_with(&format!("\n{}\n", count.min(39))), "{output}");
        counter.count.lock().unwrap().turns
    };
    assert_eq!(turns(4), 8);
    assert_eq!(turns(200), 8);
}

/// Makes mailboxes with a message each, and gives the turns that a script takes on them.
fn turns_in_many(count: usize, source: &str, stdout: &str) -> usize {
    let mut server = Server::dovecot(Tls::Implicit);
    for n in 1..=count {
        server.seed(&format!("M{n}"), &[Mail::new("a").from(&format!("p{n}@example.org"))]);
    }
    let counter = Counter::start(server.address);
    server.address = counter.address;
    let source = format!(
        r#"
        local account, all = $LOGIN, {{}}
        for n = 1, {count} do all[n] = account:mailbox("M" .. n) end
        {source}
        "#
    );
    Script::new(&source).on(&server).stdout(stdout).stderr("").run();
    counter.turns()
}

#[test]
fn many_mailboxes_are_searched_in_as_many_turns_as_one() {
    let source = r#"print(rules(all) { { "all", where = { from = "p1" }, stop = true } }.all.matched)"#;
    // Two of TLS and its hello, one each of LOGIN, NAMESPACE, the searches with the looks at what they found, and LOGOUT.
    assert_eq!(turns_in_many(1, source, "1\n"), 6);
    assert_eq!(turns_in_many(30, source, "11\n"), 6);
}

#[test]
fn tasks_that_read_one_account_share_its_turns() {
    let source = |count: usize| {
        format!(
            r#"
            local tasks, found = {{}}, 0
            for n = 1, {count} do
              tasks[n] = function()
                local of = all[n]:search {{ from = "p" .. n }}
                found = found + #of
              end
            end
            parallel(tasks)
            print(found)
            "#
        )
    };
    assert_eq!(turns_in_many(1, &source(1), "1\n"), 6);
    // As many, if all are there before the login is over, as they should; by themselves they would take 21.
    let turns = turns_in_many(16, &source(16), "16\n");
    assert!((6..=10).contains(&turns), "{turns}");
}
