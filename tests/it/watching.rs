//! `watch`: functions that are called as messages come.

use crate::dovecot::dovecot;
use crate::harness::{Running, Script};
use crate::mail::Mail;
use crate::proxy::Capability::{Idle, Notify};
use crate::proxy::{Capability, Proxy};
use crate::scripted::{Scripted, ScriptedServer};
use crate::server::{Server, Tls};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Moves what comes into two mailboxes to another one. What is done every few minutes is done all the time.
const MOVES: &str = r#"
    local account = $KEYED
    local function to(target)
        return function(new) new:move(target) end
    end
    watch { [account:mailbox "INBOX"] = to "Old", [account:mailbox "Lists"] = to "Read", poll = 0.1, renew = 0.2 }
    print "after"
"#;

/// Waits until a mailbox has these subjects, in any order.
#[track_caller]
fn wait_for(server: &Server, mailbox: &str, subjects: &[&str]) {
    let (mut wanted, deadline) = (subjects.to_vec(), Instant::now() + Duration::from_secs(60));
    wanted.sort_unstable();
    loop {
        let snapshot = server.snapshot();
        let is_there = snapshot.mailboxes.contains_key(mailbox);
        let mut found = if is_there { snapshot.subjects(mailbox) } else { vec![] };
        found.sort_unstable();
        if is_there && found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{mailbox} has {found:?} and not {wanted:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn seeded(server: &Server) -> &Server {
    server.seed("INBOX", &[Mail::new("a")]).seed("Lists", &[]).seed("Old", &[]).seed("Read", &[])
}

#[track_caller]
fn sees_to_news(server: &Server) {
    let running = Script::new(MOVES).on(seeded(server)).spawn();
    // What is there already is new at first.
    wait_for(server, "Old", &["a"]);
    server.seed("Lists", &[Mail::new("b")]);
    wait_for(server, "Read", &["b"]);
    server.seed("INBOX", &[Mail::new("c"), Mail::new("d")]);
    wait_for(server, "Old", &["a", "c", "d"]);
    ends_well(running);
}

#[track_caller]
fn ends_well(running: Running) {
    running.signal("TERM");
    let output = running.finish();
    assert_eq!((output.status, output.stderr.as_str()), (Some(0), ""), "{output}");
    assert!(output.stdout.ends_with("after\n"), "{output}");
}

#[test]
fn news_is_told_by_notify() {
    sees_to_news(&Server::dovecot(Tls::Implicit));
    sees_to_news(&Server::dovecot(Tls::Implicit).compressed());
}

#[test]
fn news_is_heard_by_idle() {
    sees_to_news(&Server::dovecot_without(&[Notify]));
    sees_to_news(&Server::sandbox());
    sees_to_news(&Server::sandbox().compressed());
}

#[test]
fn news_is_asked_for() {
    sees_to_news(&Server::dovecot_without(&[Notify, Idle]));
}

/// How often connections are cut: a thousand times in the whole test.
fn cuts() -> usize {
    if std::env::var("IMAPSCRIPT_SWEEP").is_ok_and(|sweep| sweep == "full") { 1000 } else { 12 }
}

#[track_caller]
fn survives_cuts(hidden: &[Capability]) {
    let proxy = Proxy::start(dovecot().plain, hidden);
    let mut server = Server::at(proxy.address, Tls::None);
    server.plain = dovecot().plain;
    // Much may come between two cuts, and all of it is moved at once.
    let source = format!("limit(5000)\n{MOVES}");
    let running = Script::new(&source).on(seeded(&server)).options(&["-q"]).spawn();
    // What breaks before the first look at each mailbox ends the script.
    server.seed("Lists", &[Mail::new("b")]);
    wait_for(&server, "Old", &["a"]);
    wait_for(&server, "Read", &["b"]);
    let mut subjects = vec!["a".to_owned()];
    for number in 0..cuts() {
        let subject = format!("m{number}");
        server.seed("INBOX", &[Mail::new(&subject)]);
        subjects.push(subject);
        thread::sleep(Duration::from_millis(u64::try_from(number * 7 % 40).unwrap()));
        proxy.cut();
    }
    // Each is moved once.
    wait_for(&server, "Old", &subjects.iter().map(String::as_str).collect::<Vec<_>>());
    wait_for(&server, "INBOX", &[]);
    running.signal("TERM");
    let output = running.finish();
    assert_eq!(output.status, Some(0), "{output}");
}

#[test]
fn what_comes_while_connections_break_is_seen_to_once() {
    survives_cuts(&[]);
    survives_cuts(&[Notify]);
}

#[test]
fn a_function_that_fails_is_told_and_called_again_for_what_comes_next() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("bad")]).seed("Old", &[]);
    let source = r#"
        local account, calls = $LOGIN, 0
        watch { [account:mailbox "INBOX"] = function(new)
            calls = calls + 1
            account:create("Call" .. calls)
            for message in new:messages() do
                if message.subject == "bad" then error "not this one" end
            end
            new:move "Old"
        end }
        print "after"
    "#;
    let running = Script::new(source).on(&server).options(&["-q"]).spawn();
    wait_for(&server, "Call1", &[]);
    server.seed("INBOX", &[Mail::new("good")]);
    wait_for(&server, "Old", &["good"]);
    running.signal("TERM");
    let output = running.finish();
    assert_eq!(output.status, Some(8), "{output}");
    assert_eq!(
        output.stderr,
        "error: INBOX of $USER@127.0.0.1: not this one ($DIR/script.lua:7)\n\
         error: a function of `watch` failed once\n"
    );
    assert_eq!(output.stdout, "after\n");
    assert_eq!(server.snapshot().subjects("INBOX"), ["bad"]);
}

#[test]
fn sighup_calls_all_functions_with_all_messages() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]).seed("Old", &[]);
    let source = r#"
        local account, calls = $LOGIN, 0
        watch { [account:mailbox "INBOX"] = function(new)
            calls = calls + 1
            print(calls, #new)
            if calls == 1 then account:create "Begun" else new:move "Old" end
        end }
    "#;
    let running = Script::new(source).on(&server).options(&["-q"]).spawn();
    wait_for(&server, "Begun", &[]);
    running.signal("HUP");
    wait_for(&server, "Old", &["a", "b"]);
    running.signal("INT");
    let output = running.finish();
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), "1\t2\n2\t2\n"), "{output}");
}

// A watch goes on for longer than a monitor waits for its end.
#[test]
fn a_monitor_hears_that_a_watch_goes_on() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    let running = Script::new(MOVES).on(seeded(&server)).home(home.path()).spawn();
    wait_for(&server, "Old", &["a"]);
    let well = || {
        let words = ["status", "script.lua", "--max-age", "1h"];
        Script::command(&words).home(home.path()).spawn().finish().status == Some(0)
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    while !well() {
        assert!(Instant::now() < deadline, "nothing is noted");
        thread::sleep(Duration::from_millis(50));
    }
    ends_well(running);
}

// Each answer to news is a run of its own: it can be undone by itself, and while the watch rests others may act.
#[test]
fn each_answer_is_a_run_and_others_may_act_in_between() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    let running = Script::new(MOVES).on(seeded(&server)).home(home.path()).spawn();
    wait_for(&server, "Old", &["a"]);
    server.seed("INBOX", &[Mail::new("b")]);
    wait_for(&server, "Old", &["a", "b"]);
    // While it is being told, the lock is still held.
    let undone = Script::command(&["undo", "--wait"]).on(&server).home(home.path()).run();
    assert!(undone.stdout.contains("moved 1 message from Old to INBOX"), "{undone}");
    // What comes back is new once more.
    wait_for(&server, "Old", &["a", "b"]);
    ends_well(running);
    let history = Script::command(&["history"]).on(&server).home(home.path()).run();
    assert!(history.stdout.lines().count() >= 4, "{history}");
}

#[test]
fn a_dry_run_calls_each_function_once() {
    let server = Server::sandbox();
    Script::new(MOVES).on(seeded(&server)).options(&["-n", "-q"]).stdout("after\n").changes_nothing().run();
}

#[test]
fn what_fails_at_the_first_look_ends_the_script() {
    let server = Server::sandbox();
    let output =
        Script::new(r#"watch { [$LOGIN:mailbox "None"] = function() end }"#).on(&server).status(6).run();
    assert!(output.stderr.contains("None"), "{output}");
}

#[test]
fn what_is_no_mailbox_with_a_function_is_refused() {
    let server = Server::sandbox();
    for (argument, error) in [
        ("{ function() end }", "`watch` wants mailboxes as keys but got a integer"),
        ("{ [account:mailbox \"INBOX\"] = 1 }", "`watch` wants a function for INBOX but got a integer"),
        ("{ renow = 1 }", "`watch` wants mailboxes as keys but got `renow`"),
        ("{ poll = 0 }", "`poll` must be a number of seconds above 0"),
        ("{ connections = 0 }", "`connections` must be a positive whole number"),
        ("{ poll = 1 }", "`watch` got no mailbox"),
    ] {
        let source = format!("local account = $LOGIN\nwatch({argument})");
        let output = Script::new(&source).on(&server).status(1).stdout("").run();
        assert!(output.stderr.starts_with(&format!("error: {error}\n")), "{output}");
    }
}

#[track_caller]
fn waits(server: &Server) {
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    let source = r#"
        local account = $LOGIN
        print(#account:mailbox("INBOX"):wait(60))
        print(#account:mailbox("INBOX"):wait(0.2))
        account:create "Ready"
        print(table.concat(account:mailbox("INBOX"):wait().uids, " "))
        print(#account:mailbox("INBOX"):wait(0))
    "#;
    let running = Script::new(source).on(server).options(&["-q"]).spawn();
    wait_for(server, "Ready", &[]);
    server.seed("INBOX", &[Mail::new("c")]);
    let output = running.finish();
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), "2\n0\n3\n0\n"), "{output}");
}

#[test]
fn a_script_can_wait_for_news_of_one_mailbox() {
    waits(&Server::sandbox());
    waits(&Server::dovecot(Tls::Implicit));
}

#[test]
fn a_wait_goes_on_where_the_line_broke() {
    let proxy = Proxy::start(dovecot().plain, &[]);
    let mut server = Server::at(proxy.address, Tls::None);
    server.plain = dovecot().plain;
    server.seed("INBOX", &[Mail::new("a")]).seed("Old", &[]);
    let source = r#"
        local account = $KEYED
        local inbox = account:mailbox "INBOX"
        print(#inbox:wait())
        account:create "Ready"
        local new = inbox:wait(60)
        print(#new)
        new:move "Old"
    "#;
    let running = Script::new(source).on(&server).options(&["-q"]).spawn();
    wait_for(&server, "Ready", &[]);
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(100));
        proxy.cut();
    }
    server.seed("INBOX", &[Mail::new("b")]);
    let output = running.finish();
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), "1\n1\n"), "{output}");
    assert_eq!(output.stderr, "", "{output}");
    wait_for(&server, "Old", &["b"]);
}

/// What stands before a server that is down may take connections, and end them.
#[test]
fn a_wait_goes_on_where_something_before_the_server_hangs_up_on_tls() {
    let server = Server::dovecot(Tls::Implicit);
    server.seed("INBOX", &[Mail::new("a")]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut front = Server::at(listener.local_addr().unwrap(), Tls::Implicit);
    (front.user, front.password) = (server.user.clone(), server.password.clone());
    let behind = server.address;
    thread::spawn(move || {
        for (number, client) in listener.incoming().enumerate() {
            let client = client.unwrap();
            if (1..=2).contains(&number) {
                continue;
            }
            let there = TcpStream::connect(behind).unwrap();
            let ways = [(&client, &there), (&there, &client)].map(|(from, to)| {
                let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                thread::spawn(move || std::io::copy(&mut from, &mut to))
            });
            if number == 0 {
                thread::sleep(Duration::from_secs(1));
                client.shutdown(Shutdown::Both).ok();
                there.shutdown(Shutdown::Both).ok();
            }
            drop(ways);
        }
    });
    let source = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        print(#inbox:wait())
        print(#inbox:wait(60))
    "#;
    let running = Script::new(source).on(&front).options(&["-q"]).spawn();
    thread::sleep(Duration::from_secs(2));
    server.seed("INBOX", &[Mail::new("b")]);
    let output = running.finish();
    assert_eq!((output.status, output.stdout.as_str()), (Some(0), "1\n1\n"), "{output}");
}

#[test]
fn a_wait_fails_where_the_line_is_down_at_its_end() {
    let proxy = Proxy::start(dovecot().plain, &[]);
    let mut server = Server::at(proxy.address, Tls::None);
    server.plain = dovecot().plain;
    server.seed("INBOX", &[]);
    let source = r#"
        local account = $LOGIN
        print(#account:mailbox("INBOX"):wait())
        account:create "Ready"
        print(#account:mailbox("INBOX"):wait(2))
    "#;
    let running = Script::new(source).on(&server).options(&["-q"]).spawn();
    wait_for(&server, "Ready", &[]);
    drop(proxy);
    let output = running.finish();
    assert_eq!((output.status, output.stdout.as_str()), (Some(5), "0\n"), "{output}");
    assert!(output.stderr.contains("no news is heard from there until it is back"), "{output}");
}

// It says at the beginning of each IDLE that there is something new, and there is not.
#[test]
fn a_server_that_tells_of_news_without_end_is_not_asked_without_end() {
    let server = || {
        let idle = "+ go on\r\n* 9 EXISTS\r\n{tag} OK done\r\n";
        let scripted = Scripted::new().capabilities("IMAP4rev1 IDLE").greet().serve();
        scripted.on("IDLE", idle).on("", "").on("UID SEARCH", "* SEARCH\r\n{tag} OK done\r\n").start()
    };
    let idles = |server: &ScriptedServer| server.verbs().iter().filter(|verb| *verb == "IDLE").count();
    let waited = server();
    let source = r#"local inbox = $LOGIN:mailbox "INBOX" inbox:wait(0) print(#inbox:wait(1))"#;
    let output = Script::new(source).on(&Server::at(waited.address, Tls::None)).stdout("0\n").run();
    let count = idles(&waited);
    assert!((1..=12).contains(&count), "{count}: {output}");
    let watched = server();
    let source = r#"watch { [$LOGIN:mailbox "INBOX"] = function() end }"#;
    let account = Server::at(watched.address, Tls::None);
    let running = Script::new(source).on(&account).spawn();
    watched.wait_for("IDLE");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(1) {
        thread::sleep(Duration::from_millis(10));
    }
    let (count, most) = (idles(&watched), begun.elapsed().as_millis() / 100 + 2);
    assert!(u128::try_from(count).unwrap() <= most, "{count} in {:?}", begun.elapsed());
    running.signal("TERM");
    assert_eq!(running.finish().status, Some(0));
}
