//! Reading of several mailboxes of an account at once: the same as one after the other, in fewer turns.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::{on_both, on_every};
use crate::scripted::Scripted;
use crate::server::Server;

/// More than go on side by side, so that some begin when others have ended.
const MAILBOXES: usize = 36;

/// Mailboxes with no message, one or several that are all different in something.
fn fill(server: &Server) {
    for n in 0..MAILBOXES {
        let mail = |m: usize| {
            let mut mail =
                Mail::new(&format!("{} {n}.{m}", if m.is_multiple_of(2) { "red" } else { "blue" }))
                    .from(&format!("p{}@example.org", (n + m) % 3))
                    .date(&format!("{:02}-Mar-{} 10:00:00 +0000", m + 1, 2000 + n % 20))
                    .body(&format!("{}\r\n", ["apple", "pear", "fig"][(n * m) % 3].repeat(1 + n * 50)));
            if (n + m).is_multiple_of(2) {
                mail = mail.flag("\\Seen");
            }
            mail
        };
        server.seed(&format!("M{n}"), &(0..n % 5).map(mail).collect::<Vec<_>>());
    }
}

on_every!(at_once_the_same_is_found_as_one_after_the_other, |server| {
    fill(server);
    Script::new(&format!(
        r#"
        local account, all = $LOGIN, {{}}
        for n = 0, {MAILBOXES} - 1 do all[#all + 1] = account:mailbox("M" .. n) end
        local queries = {{
          {{ from = "p1" }}, {{ subject = regex "^red" }}, {{ body = "pear" }}, {{ seen = true, before = "2010-01-01" }},
          {{ larger_than = 2000, except = {{ from = "p0" }} }},
          {{ function(m) return m.subject:find "3" and m:text():find "apple" end }},
          {{ any = {{ {{ body = regex "fig$" }}, {{ header = {{ subject = "2.1" }} }} }} }},
        }}
        local function told(selection)
          local list = {{}}
          for m in selection:messages {{ "text" }} do
            list[#list + 1] = m.mailbox .. ":" .. m.uid .. ":" .. m.subject .. ":" .. #m:text()
          end
          return list
        end
        local function add(one, two) return one and one + two or two end

        -- What each query finds, one mailbox after the other, and what a loop over each mailbox tells of that.
        local expected, counts = {{}}, {{}}
        local union = {{}}
        for at, query in ipairs(queries) do
          expected[at] = {{}}
          for _, mailbox in ipairs(all) do
            local found = mailbox:search(query)
            table.move(told(found), 1, #found, #expected[at] + 1, expected[at])
            union[at] = add(union[at], found)
          end
          counts[at] = #expected[at]
        end

        -- By rules, all at once.
        local list = {{}}
        for at, query in ipairs(queries) do list[at] = {{ "q" .. at, where = query, mark = "$Q" .. at }} end
        local done = rules(all)(list)
        for at in ipairs(queries) do assert(done["q" .. at].matched == counts[at], "rule " .. at) end

        -- By loops, filters and orders of what is of several mailboxes.
        local whole
        for _, mailbox in ipairs(all) do whole = add(whole, mailbox:all()) end
        for at, query in ipairs(queries) do
          local one, other = table.concat(expected[at], "\n"), table.concat(told(union[at]), "\n")
          assert(one == other and one ~= "", "loop " .. at)
          assert(one == table.concat(told(whole:filter(query)), "\n"), "filter " .. at)
          local marked
          for _, mailbox in ipairs(all) do marked = add(marked, mailbox:search {{ keyword = "$Q" .. at }}) end
          assert(one == table.concat(told(marked), "\n"), "marks " .. at)
        end
        local last
        for m in whole:sort("-subject"):messages() do
          assert(not last or last >= m.subject, m.subject)
          last = m.subject
        end
        assert(#whole == {count}, #whole)
        "#,
        count = (0..MAILBOXES).map(|n| n % 5).sum::<usize>()
    ))
    .on(server)
    .stderr("")
    .run();
});

on_both!(what_is_done_comes_in_the_order_of_the_mailboxes, |server| {
    server.seed("A", &["a1", "a2"].map(Mail::new)).seed("B", &["b1"].map(Mail::new)).seed("C", &[]);
    let source = r#"
        local account = $LOGIN
        local all = {}
        for _, name in ipairs { "B", "C", "A", "B" } do all[#all + 1] = account:mailbox(name) end
        print(rules(all) { { "all", where = { subject = regex "1$" }, move = "Old" } }.all.matched)
        print(rules(all) { { "all", where = { subject = regex "." }, move = "Old" } }.all.matched)
    "#;
    let moved =
        |what: &str, from: &str| format!("$USER@127.0.0.1: {what} 1 message from {from} to Old (all)\n");
    let (was, would) = ("moved", "would move");
    let told = |what: &str, create: &str| {
        format!("{}  {create} mailbox Old\n{}2\n{}1\n", moved(what, "B"), moved(what, "A"), moved(what, "A"))
    };
    let planned = Script::new(source).on(server).options(&["-n"]).run().stdout;
    assert_eq!(planned.matches(&format!("{would} 1 message")).count(), 3, "{planned}");
    Script::new(source)
        .on(server)
        .stdout(&told(was, "created"))
        .stderr("")
        .mailbox("Old", &["b1", "a1", "a2"])
        .mailbox("A", &[])
        .run();
});

on_both!(a_mailbox_that_can_not_be_searched_keeps_the_rules_from_no_other, |server| {
    server.seed("A", &["a"].map(Mail::new)).seed("B", &["b"].map(Mail::new));
    let source = |names: &str| {
        format!(
            r#"
            local account, all = $LOGIN, {{}}
            for name in ("{names}"):gmatch "%S+" do all[#all + 1] = account:mailbox(name) end
            rules(all) {{ {{ "all", where = {{ subject = regex "." }}, mark = "flagged" }} }}
            print "not reached"
            "#
        )
    };
    let marked = |name: &str| format!("$USER@127.0.0.1: marked 1 message in {name}: \\Flagged (all)\n");
    let output = Script::new(&source("None A Nowhere B"))
        .on(server)
        .status(8)
        .stdout(&(marked("A") + &marked("B")))
        .stderr_contains("not all was done")
        .stderr_contains("mailbox None, command EXAMINE")
        .stderr_contains("error: Nowhere of $USER@127.0.0.1: the server refused EXAMINE: NO ")
        .run();
    assert_eq!(output.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 2, "{output}");
    // Where nothing could be done, the first refusal is the end of it.
    Script::new(&source("None Nowhere"))
        .on(server)
        .status(6)
        .stdout("")
        .stderr_contains("mailbox None, command EXAMINE")
        .run();
});

const TWO: &str = r#"
    local account = $LOGIN
    rules { account:mailbox "A", account:mailbox "B" } {
      { "all", where = { subject = regex "." }, mark = "flagged" }
    }
"#;

/// What opening a mailbox of three messages answers.
fn opened(validity: u32) -> String {
    format!(
        "* 3 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {validity}] x\r\n* OK [UIDNEXT 4] x\r\n{{tag}} OK [READ-ONLY] x\r\n"
    )
}

const FOUND: &str = "* SEARCH 1 2 3\r\n{tag} OK x\r\n";

#[test]
fn a_line_that_breaks_ends_all_and_is_told_once() {
    let server = Scripted::new()
        .greet()
        .serve_until("EXAMINE")
        .send(opened(7))
        .expect("UID SEARCH", FOUND)
        .expect("EXAMINE \"?B", "* 3 EXI")
        .start();
    let output =
        Script::new(&TWO.replace("$LOGIN", LOGIN)).args(&[server.address.port()]).status(5).stdout("").run();
    assert_eq!(output.stderr.matches("the connection was lost").count(), 1, "{output}");
}

#[test]
fn a_server_that_falls_silent_ends_all_and_is_told_once() {
    let server = Scripted::new().greet().serve_until("EXAMINE").stall().start();
    let output = Script::new(&TWO.replace("$LOGIN", LOGIN))
        .args(&[server.address.port()])
        .options(&["--timeout", "1"])
        .status(5)
        .stdout("")
        .run();
    assert_eq!(output.stderr.matches("the server did not").count(), 1, "{output}");
}

#[test]
fn an_interrupt_ends_all() {
    let server = Scripted::new().greet().serve_until("EXAMINE").stall().start();
    let running = Script::new(&TWO.replace("$LOGIN", LOGIN)).args(&[server.address.port()]).spawn();
    server.wait_for("EXAMINE");
    running.signal("INT");
    let output = running.finish();
    assert_eq!((output.status, output.stderr.matches("interrupted").count()), (Some(130), 1), "{output}");
}

#[test]
fn a_login_that_is_refused_is_tried_and_told_once() {
    let server =
        Scripted::new().greet().serve().on("LOGIN", "{tag} NO [AUTHENTICATIONFAILED] go away\r\n").start();
    let output = Script::new(&TWO.replace("$LOGIN", LOGIN)).args(&[server.address.port()]).status(4).run();
    assert_eq!(output.stderr.matches("go away").count(), 1, "{output}");
    assert_eq!(server.verbs().iter().filter(|verb| *verb == "LOGIN").count(), 1);
}

#[test]
fn a_mailbox_that_was_rebuilt_before_it_was_opened_again_is_left_alone() {
    let one =
        "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 20 BODY[HEADER.FIELDS (SUBJECT)] {12}\r\nSubject: a\r\n)\r\n";
    let told = format!("{one}{{tag}} OK x\r\n");
    let server = Scripted::new()
        .greet()
        .serve_until("EXAMINE")
        .send(opened(7))
        .expect("UID SEARCH", FOUND)
        .expect("EXAMINE \"?B", &opened(7))
        .expect("UID SEARCH", "* SEARCH\r\n{tag} OK x\r\n")
        .expect("EXAMINE \"?A", &opened(8))
        .expect("UID FETCH 1:3 ", &told)
        .serve()
        .start();
    let output =
        Script::new(&TWO.replace("$LOGIN", LOGIN)).args(&[server.address.port()]).status(6).stdout("").run();
    let error = "mailbox `A` was rebuilt on the server (UIDVALIDITY was 7, now is 8)";
    assert!(output.stderr.starts_with(&format!("error: {error}")), "{output}");
}

const LOGIN: &str =
    r#"login { host = "127.0.0.1", port = tonumber(arg[1]), tls = "none", user = "me", password = "pw" }"#;
