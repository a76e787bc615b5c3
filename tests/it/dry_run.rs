//! `imapscript -n`: what is told, and what is refused.

use std::fs;

use crate::harness::Script;
use crate::mail::Mail;
use crate::proxy::Capability;
use crate::sandbox_server::on_both;
use crate::server::Server;

fn fill(server: &Server) {
    let build = |number: u8| {
        Mail::new(&format!("[build] {number}")).from("ci@example.org").date("05-Mar-2020 10:00:00 +0000")
    };
    server.seed(
        "INBOX",
        &[
            build(1),
            build(2),
            build(3),
            build(4),
            Mail::new(
                "a subject that is much longer than any line of a terminal has room for, and goes on and on",
            )
            .from("somebody.with.a.long.name@mail.example.org")
            .date("06-Mar-2020 10:00:00 +0000"),
            Mail::new("\u{202e}esrever").date("07-Mar-2020 10:00:00 +0000"),
        ],
    );
    server.seed("Trash", &[]);
}

on_both!(each_action_is_told_with_examples, |server| {
    fill(server);
    Script::new(
        r#"
        local account = $LOGIN
        local done = rules(account:mailbox "INBOX") {
          { "build noise", where = { subject = "[build]" }, mark = "seen", move = "CI" },
          { "the rest", where = { newer_than = "300y" }, trash = true },
        }
        print(tostring(done["build noise"].reports[2]))
        account:create "Empty"
        account:rename("Empty", "Void")
        account:subscribe "Void"
        account:mailbox("Void"):append("From: a@b.org\r\nSubject: new\r\n\r\nx", { date = "2024-02-29T10:00:00+00:00" })
        for message in account:mailbox("Void"):all():messages() do message:save "new.eml" end
        account:mailbox("CI"):all():export "ci.mbox"
        "#,
    )
    .on(server)
    .options(&["-n"])
    .changes_nothing()
    .stderr("dry run: nothing is changed\n")
    .stdout(
        "$USER@127.0.0.1: would mark 4 messages in INBOX: \\Seen (build noise)\n\
         \x20   2020-03-05  ci@example.org  [build] 1\n\
         \x20   2020-03-05  ci@example.org  [build] 2\n\
         \x20   2020-03-05  ci@example.org  [build] 3\n\
         \x20   … and 1 more\n\
         $USER@127.0.0.1: would move 4 messages from INBOX to CI (build noise)\n\
         \x20 would create mailbox CI\n\
         \x20   2020-03-05  ci@example.org  [build] 1\n\
         \x20   2020-03-05  ci@example.org  [build] 2\n\
         \x20   2020-03-05  ci@example.org  [build] 3\n\
         \x20   … and 1 more\n\
         $USER@127.0.0.1: would trash 2 messages from INBOX to Trash (the rest)\n\
         \x20   2020-03-06  somebody.with.a.long.name…  a subject that is much longer…\n\
         \x20   2020-03-07  someone@example.org         \\u{202e}esrever\n\
         $USER@127.0.0.1: would move 4 messages from INBOX to CI (build noise)\n\
         \x20 would create mailbox CI\n\
         $USER@127.0.0.1: would create Empty\n\
         $USER@127.0.0.1: would rename Empty to Void\n\
         $USER@127.0.0.1: would subscribe to Void\n\
         $USER@127.0.0.1: would append 1 message to Void\n\
         \x20   2024-02-29  a@b.org  new\n\
         would save message 4000000000 of Void to new.eml\n\
         $USER@127.0.0.1: would export 4 messages from CI to ci.mbox\n\
         \x20   2020-03-05  ci@example.org  [build] 1\n\
         \x20   2020-03-05  ci@example.org  [build] 2\n\
         \x20   2020-03-05  ci@example.org  [build] 3\n\
         \x20   … and 1 more\n\
         nothing was changed; this would mark 4 messages, move 4 messages, trash 2 messages, create 1 mailbox, \
         rename 1 mailbox, subscribe to 1 mailbox, append 1 message, export 4 messages\n",
    )
    .run();
});

on_both!(promise_19_nothing_that_changes_anything_leaves, |server| {
    fill(server);
    let directory = tempfile::tempdir().unwrap();
    let (trace, files) = (directory.path().join("trace"), directory.path().join("files"));
    fs::create_dir(&files).unwrap();
    let source = r#"
        allow "purge"
        local account, files = $LOGIN, arg[1]
        local inbox = account:select "INBOX"
        inbox:search({ subject = "[build]" }):mark "flagged"
        inbox:search({ flagged = true }):copy "New/Mailbox"
        inbox:search({ flagged = true }):move "Other"
        account:mailbox("Other"):all():trash()
        account:mailbox("@trash"):all():purge()
        inbox:append "Subject: x\r\n\r\ny"
        account:create "More"
        account:rename("More", "Less")
        account:delete "Less"
        account:subscribe "INBOX"
        inbox:all():save(files .. "/attachments")
        inbox:all():export(files .. "/all.mbox")
        inbox:all():export(files .. "/maildir/")
        inbox:all():pipe { "touch", files .. "/touched" }
        for message in inbox:all():messages() do message:save(files .. "/" .. message.uid) end
        "#;
    Script::new(source)
        .on(server)
        .options(&["-n", "-q", "--trace", trace.to_str().unwrap()])
        .args(&[files.to_str().unwrap()])
        .changes_nothing()
        .stdout("")
        .stderr("")
        .run();
    assert_eq!(fs::read_dir(&files).unwrap().count(), 0);
    let trace = fs::read_to_string(&trace).unwrap();
    assert!(trace.contains("EXAMINE \"INBOX\""), "{trace}");
    for verb in [
        "SELECT",
        "STORE",
        "COPY",
        "MOVE",
        "EXPUNGE",
        "APPEND",
        "CREATE",
        "DELETE",
        "RENAME",
        "SUBSCRIBE",
        "CLOSE",
    ] {
        let sent = |line: &&str| {
            let mut words = line.split(" C: ").nth(1).unwrap_or_default().split_whitespace().skip(1);
            words.next().is_some_and(|word| word == verb) || words.next().is_some_and(|word| word == verb)
        };
        assert_eq!(trace.lines().find(sent), None, "{verb}");
    }
});

on_both!(programs_whose_answers_steer_the_script_must_only_read, |server| {
    fill(server);
    let run = |source: &str, options: &[&str]| {
        Script::new(&format!("local inbox = $LOGIN:mailbox 'INBOX'\n{source}")).on(server).options(options)
    };
    for (name, source) in [
        ("run", "run { 'touch', 'made' }"),
        ("pipe", "for message in inbox:all():messages() do message:pipe { 'touch', 'made' } end"),
    ] {
        run(source, &["-n"])
            .status(1)
            .stderr_contains(&format!("a dry run can't tell what `{name}` would change, and does not run it"))
            .stderr_contains(
                "hint: where the program changes nothing, say so: `reads = true` beside its arguments",
            )
            .run();
        let source = source.replace("'made'", "'made', reads = true");
        run(&format!("{source}\nassert(io.open 'made')"), &["-n"]).changes_nothing().run();
        run(&format!("{source}\nassert(io.open 'made')"), &[]).stdout("").run();
    }
    run("run { 'true', reads = 'yes' }", &[])
        .status(1)
        .stderr_contains("`run` wants `reads` as true or false")
        .run();
});

on_both!(what_a_real_run_refuses_is_refused, |server| {
    fill(server);
    server.seed("Full", &[Mail::new("x")]);
    for (status, source, part) in [
        (1, "inbox:all():purge()", "may not"),
        (6, "account:examine('INBOX'):all():mark 'seen'", "read-only"),
        (6, "account:delete 'Full'", "not empty"),
        (6, "account:mailbox('None'):all()", "the server refused EXAMINE"),
        (6, "account:status 'None'", "the server refused STATUS"),
        (6, "account:rename('Full', 'Trash')", "exists already"),
        (6, "account:rename('None', 'Some')", "there would be no mailbox `None`"),
        (1, "account:rename('INBOX', 'Some')", "INBOX can't be renamed"),
        (6, "account:create 'Full'", "exists already"),
        (
            6,
            "account:rename('Full', 'Void') account:mailbox('Full'):all()",
            "there would be no mailbox `Full`",
        ),
        (3, "for message in inbox:all():messages() do message:save 'no/such' end", "does not exist"),
        (3, "for message in inbox:all():messages() do message:save 'one' end", "exists already"),
        (8, "for i = 1, 51 do inbox:all():copy('new' .. i) end", "51 mailboxes would be created"),
    ] {
        let source = format!("local account = $LOGIN\nlocal inbox = account:mailbox 'INBOX'\n{source}");
        Script::new(&source)
            .on(server)
            .options(&["-n", "-q"])
            .status(status)
            .changes_nothing()
            .stderr_contains(part)
            .run();
    }
});

on_both!(raw_searches_rest_on_what_is_there_now, |server| {
    fill(server);
    Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:search({ subject = "[build]" }):mark "seen"
        print(#inbox:search { seen = true }, #inbox:search { raw = "SEEN" }, #inbox:search { raw = "SUBJECT build" })
        "#,
    )
    .on(server)
    .options(&["-n", "-q"])
    .changes_nothing()
    .stdout("4\t0\t4\n")
    .stderr(&"warning: `raw` and `gmail` are answered by the server as if nothing were planned in INBOX\n".repeat(2))
    .run();
});

#[test]
fn nothing_to_do_is_said() {
    Script::new("local inbox = $LOGIN:mailbox 'INBOX' inbox:search({ seen = true }):trash()")
        .on(Server::sandbox().seed("Trash", &[]))
        .options(&["-n"])
        .stdout("nothing was changed, and nothing would be\n")
        .stderr("dry run: nothing is changed\n")
        .run();
}

#[test]
fn journal_and_locks_are_left_alone() {
    let server = Server::sandbox();
    fill(&server);
    let home = tempfile::tempdir().unwrap();
    let source = "$LOGIN:mailbox('INBOX'):search({ subject = '[build]' }):move 'CI'";
    Script::new(source).on(&server).home(home.path()).options(&["-n", "-q"]).changes_nothing().run();
    assert!(!home.path().join("state").exists());
    Script::new(source).on(&server).home(home.path()).options(&["-q"]).run();
    // An action without an end: a run that was cut.
    let db = rusqlite::Connection::open(home.path().join("state/imapscript/journal.db")).unwrap();
    assert_eq!(db.execute("UPDATE actions SET ended = NULL", []).unwrap(), 2);
    let source = "local ci = $LOGIN:mailbox 'CI' ci:all():mark 'seen' ci:all():move 'INBOX'";
    Script::new(source)
        .on(&server)
        .home(home.path())
        .options(&["-n", "-q"])
        .changes_nothing()
        .stderr(
            "warning: $USER@127.0.0.1: an earlier run was cut, and what it had begun would be looked after first; \
             that is not foreseen\n",
        )
        .run();
    let open: i64 =
        db.query_row("SELECT count(*) FROM actions WHERE ended IS NULL", [], |row| row.get(0)).unwrap();
    assert_eq!(open, 2);
}

#[test]
fn what_is_held_would_be_left_alone() {
    let server = Server::sandbox_without(&[Capability::Move, Capability::Uidplus]);
    fill(&server);
    let home = tempfile::tempdir().unwrap();
    let source = "$LOGIN:mailbox('INBOX'):search({ subject = '[build]' }):move 'CI'";
    Script::new(source).on(&server).home(home.path()).options(&["-n"]).changes_nothing().run();
    Script::new(source).on(&server).home(home.path()).options(&["-q"]).status(8).run();
    let output = Script::new("$LOGIN:mailbox('INBOX'):search({ deleted = true }):trash()")
        .on(&server)
        .home(home.path())
        .options(&["-n"])
        .changes_nothing()
        .run();
    assert!(output.stdout.contains("would trash 0 messages from INBOX to Trash"), "{output}");
    assert!(output.stdout.contains("skipped 4 messages (UID 1:4): held since an earlier run"), "{output}");
}

#[test]
fn what_lua_itself_would_change_is_held_back() {
    let server = Server::sandbox();
    let home = tempfile::TempDir::new().unwrap();
    let source = r#"
        local file = io.open("written", "w")
        file:write "yes"
        file:close()
        for _, call in ipairs {
          function() return os.execute "touch made" end,
          function() return io.popen("touch made", "r") end,
          function() return os.remove "written" end,
          function() return os.rename("written", "made") end,
        } do
          local ok, err = pcall(call)
          print(ok, not ok and err.message, not ok and err.hint:match "reads = true")
          if not ok then err:ignore() end
        end
        print(os.getenv "NOTHING", os.date("%Y") ~= nil, run({ "echo", "x", reads = true }).stdout)"#;
    let script = || Script::new(source).on(&server).home(home.path());
    let dry = script().options(&["-n", "-q"]).run();
    let line = |name: &str| {
        format!("false\ta dry run changes nothing, and `{name}` may: it is not done\treads = true\n")
    };
    let held: String = ["os.execute", "io.popen", "os.remove", "os.rename"].map(line).concat();
    assert_eq!(dry.stdout, format!("{held}nil\ttrue\tx\n\n"), "{dry}");
    assert!(home.path().join("written").exists() && !home.path().join("made").exists());
    // A real run is trusted.
    let real = script().run();
    assert!(real.stdout.starts_with("true\tfalse\tfalse\n"), "{real}");
    assert!(home.path().join("made").exists());
}
