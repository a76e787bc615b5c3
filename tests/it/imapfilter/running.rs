//! How runs begin, wait, are written down and end.

use super::case::{Case, mail};
use crate::{
    harness::Script,
    mail::Mail,
    output::Output,
    proxy::Capability,
    scripted::Scripted,
    server::{Server, Tls},
};
use std::{fs, thread, time::Duration};
use tempfile::TempDir;

#[test]
fn news_of_a_mailbox_wake_a_configuration() {
    let server = Server::dovecot(Tls::None);
    let source = "options.starttls = false options.info = false\n\
                  account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n\
                  io.stderr:write('waiting\\n') print(account.INBOX:enter_idle()) print(#account.INBOX:select_all())";
    let script = Script::command(&["imapfilter"]).script(source).on(&server).args(&["-c", "$DIR/script.lua"]);
    let running = script.spawn();
    // As long as it does not wait yet, the news wait for it in the mailbox: so they come again.
    let mut observer = server.observe();
    observer.ensure("INBOX");
    for n in 0..100 {
        thread::sleep(Duration::from_millis(100));
        if running.has_ended() {
            break;
        }
        observer.append("INBOX", &Mail::new(&format!("news {n}")));
    }
    let output = running.finish();
    assert_eq!(output.status, Some(0), "{output}");
    assert!(output.stdout.starts_with("true\tEXISTS\n"), "{output}");
}

/// Waits in INBOX of a server that says this, and gives what came of it.
fn waited(options: &str, news: &str) -> Output {
    let server = Scripted::new()
        .capabilities("IMAP4rev1 IDLE")
        .greet()
        .serve_until("IDLE")
        .send("+ idling\r\n")
        .send(news)
        .send("{tag} OK done\r\n")
        .expect("^DONE$", "")
        .serve()
        .start();
    let source = format!(
        "options.starttls = false {options}\n\
         account = IMAP {{ server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }}\n\
         print(account.INBOX:enter_idle())"
    );
    let at = Server::at(server.address, Tls::None);
    let script = Script::command(&["imapfilter"]).script(&source).on(&at);
    script.args(&["-c", "$DIR/script.lua"]).spawn().finish()
}

#[test]
fn news_that_wake_are_of_new_messages_or_any() {
    for (options, news, stdout) in [
        ("", "* 0 RECENT\r\n", "true\tRECENT\n"),
        ("", "* 1 EXPUNGE\r\n* OK still here\r\n* 4 exists\r\n", "true\tEXISTS\n"),
        ("options.wakeonany = true", "* OK still here\r\n* 1 EXPUNGE\r\n", "true\tEXPUNGE\n"),
    ] {
        let output = waited(options, news);
        assert_eq!((output.status, output.stdout.as_str()), (Some(0), stdout), "{output}");
    }
    let left = waited("", "* BYE enough\r\n");
    assert_eq!(left.status, Some(2), "{left}");
    assert!(left.stderr.starts_with("error: the server closed the session: enough\n"), "{left}");
}

#[test]
fn a_signal_ends_the_wait() {
    let server = Server::dovecot(Tls::None);
    let source = "options.starttls = false\n\
                  account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n\
                  os.execute('(sleep 1; kill -USR1 $PPID) & sleep 0')\n\
                  print(select('#', account.INBOX:enter_idle()))";
    Script::command(&["imapfilter"])
        .script(source)
        .on(&server)
        .args(&["-c", "$DIR/script.lua"])
        .stdout("1\n")
        .run();
}

#[test]
fn a_daemon_goes_on_in_the_background() {
    let home = TempDir::new().unwrap();
    let server = Server::dovecot(Tls::None);
    server.seed("INBOX", &[Mail::new("a")]);
    let source = "options.starttls = false\n\
                  account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n\
                  print(#account.INBOX:select_all())\n\
                  local n = 0\n\
                  become_daemon(0.1, function()\n\
                    n = n + 1\n\
                    account.INBOX:select_all():add_flags({ 'Round' .. n })\n\
                    if n == 3 then io.open('$DIR/done', 'w'):close() os.exit(0) end\n\
                  end)";
    Script::command(&["imapfilter"])
        .script(source)
        .home(home.path())
        .on(&server)
        .args(&["-c", "$DIR/script.lua", "-p", "$DIR/pid"])
        .stdout("1\n")
        .run();
    for _ in 0..300 {
        if home.path().join("done").exists() && !home.path().join("pid").exists() {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let snapshot = server.snapshot();
    assert_eq!(snapshot.mailboxes["INBOX"][0].flags, ["Round1", "Round2", "Round3"]);
    assert!(!home.path().join("pid").exists(), "the file with the process's number is gone");
}

#[test]
fn decoded_text_is_matched_where_that_is_wanted() {
    let source = "local I = account.INBOX\n\
                  print(#I:match_subject('Gr\\195\\188\\195\\159e'), #I:match_header('Gr\\195\\188\\195\\159e'))\n\
                  options.decode = true\n\
                  print(#I:match_subject('Gr\\195\\188\\195\\159e'), #I:match_header('Subject: Gr\\195\\188\\195\\159e'))\n\
                  print(#I:match_body('See the file'), #I:match_message('Hello world'))";
    let encoded = |server: &Server| {
        server.seed("INBOX", &[Mail::new("=?utf-8?q?Gr=C3=BC=C3=9Fe?=")]);
    };
    assert_eq!(Case::new(source).prepare(encoded).ours().output.stdout, "0\t0\n2\t2\n1\t1\n");
}

#[test]
fn a_run_is_in_the_journal() {
    let home = TempDir::new().unwrap();
    let server = Server::dovecot(Tls::None);
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    let before = server.snapshot();
    let source = "options.starttls = false\n\
                  account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n\
                  account.INBOX:contain_subject('a'):mark_flagged()\n\
                  account.INBOX:contain_subject('a'):move_messages(account.Archive)";
    Script::command(&["imapfilter"])
        .script(source)
        .home(home.path())
        .on(&server)
        .args(&["-c", "$DIR/script.lua"])
        .stdout(
            "$USER@127.0.0.1: marked 1 message in INBOX: \\Flagged\n\
             $USER@127.0.0.1: moved 1 message from INBOX to Archive\n",
        )
        .mailbox("Archive", &["a"])
        .run();
    let history = Script::command(&["history"]).home(home.path()).run();
    assert!(history.stdout.contains("script.lua"), "{history}");
    assert_ne!(mail(&before), mail(&server.snapshot()));
}

#[test]
fn a_limit_stops_a_run() {
    let case = Case::new("account.INBOX:select_all():delete_messages()").args(&["--limit", "3"]);
    let ran = case.ours();
    assert_eq!(ran.output.status, Some(7), "{}", ran.output);
    assert_eq!(ran.after.mailboxes["INBOX"].len(), 7);
}

#[test]
fn trust_is_given_on_the_command_line_or_by_certificates_that_were_accepted() {
    let server = Server::dovecot(Tls::Implicit);
    server.seed("INBOX", &[Mail::new("a")]);
    let run = |source: &str, args: &[&str], status: i32, stdout: &str| {
        let home = TempDir::new().unwrap();
        if args.contains(&"accepted") {
            fs::create_dir(home.path().join(".imapfilter")).unwrap();
            fs::copy(server.ca_file.as_ref().unwrap(), home.path().join(".imapfilter/certificates")).unwrap();
        }
        let args: Vec<_> = args.iter().filter(|arg| **arg != "accepted").copied().collect();
        Script::command(&["imapfilter"])
            .script(&format!(
                "{source} account = IMAP {{ server = '$HOST', port = $PORT, ssl = 'auto', username = '$USER', password = '$PASSWORD' }}\n\
                 print(#account.INBOX:select_all())"
            ))
            .home(home.path())
            .on(&server)
            .args(&["-c", "$DIR/script.lua"])
            .args(&args)
            .status(status)
            .stdout(stdout)
            .run()
    };
    run("", &["-t", "$CA"], 0, "1\n");
    run("", &["accepted"], 0, "1\n");
    run("options.certificates = false", &[], 5, "");
    run("options.hostnames = false", &[], 5, "");
    let unchecked = run("options.certificates = false options.hostnames = false", &[], 0, "1\n");
    assert_eq!(unchecked.stderr, "warning: $USER@127.0.0.1: the server's certificate is not checked\n");
    let refused = run("", &["-l", "$DIR/log"], 5, "");
    assert!(refused.stderr.contains("unknown authority"), "{refused}");
    assert!(refused.stderr.contains("hint: name its authority's certificate with `-t`"), "{refused}");
}

#[test]
fn certificates_that_are_none_are_called_what_the_user_calls_them() {
    let (server, home) = (Server::dovecot(Tls::Implicit), TempDir::new().unwrap());
    fs::create_dir(home.path().join(".imapfilter")).unwrap();
    fs::write(home.path().join(".imapfilter/certificates"), "nothing").unwrap();
    Script::command(&["imapfilter"])
        .script("IMAP { server = '$HOST', port = $PORT, ssl = 'auto', username = 'me', password = 'x' }.INBOX:check_status()")
        .home(home.path())
        .on(&server)
        .args(&["-c", "$DIR/script.lua"])
        .status(2)
        .stderr_contains("`certificates` `$DIR/.imapfilter/certificates` can't be used: it holds no certificate")
        .run();
}

#[test]
fn a_password_in_the_clear_needs_no_trust() {
    let server = Server::dovecot(Tls::None);
    let source = "options.starttls = false\n\
                  account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n\
                  print(#account.INBOX:select_all())";
    let script = Script::command(&["imapfilter"]).script(source).on(&server);
    script.args(&["-c", "$DIR/script.lua", "-t", "/etc/ssl/certs"]).stdout("0\n").run();
}

#[test]
fn starttls_is_used_where_it_is_offered() {
    let server = Server::dovecot(Tls::Starttls);
    let source = "account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n\
                  print(#account.INBOX:select_all())";
    let script =
        || Script::command(&["imapfilter"]).script(source).on(&server).args(&["-c", "$DIR/script.lua"]);
    script().args(&["-t", "$CA"]).stdout("0\n").run();
    script().status(5).run();
    script().args(&["-V"]).run();
}

#[test]
fn errors_are_written_to_a_log_as_well() {
    let home = TempDir::new().unwrap();
    let server = Server::dovecot(Tls::None);
    Script::command(&["imapfilter"])
        .script("error('boo')")
        .home(home.path())
        .on(&server)
        .args(&["-c", "$DIR/script.lua", "-l", "$DIR/log"])
        .status(2)
        .stderr_contains("boo")
        .run();
    assert!(fs::read_to_string(home.path().join("log")).unwrap().ends_with(" boo\n"));
}

#[test]
fn what_can_only_be_marked_is_held() {
    let server = Server::dovecot_without(&[Capability::Move, Capability::Uidplus]);
    server.seed("INBOX", &[Mail::new("a"), Mail::new("b")]);
    let home = TempDir::new().unwrap();
    let source = "options.starttls = false options.info = false\n\
                  account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n\
                  account.INBOX:contain_subject('a'):move_messages(account.Archive)\n\
                  print(#account.INBOX:select_all(), #account.INBOX:is_deleted())";
    let run = |status: i32, stdout: &str| {
        let script = Script::command(&["imapfilter"]).script(source).home(home.path()).on(&server);
        let output = script.args(&["-c", "$DIR/script.lua"]).status(status).run();
        assert!(output.stdout.ends_with(stdout), "{output}");
    };
    run(8, "1\t0\n");
    // The original is not moved a second time.
    run(0, "1\t0\n");
    assert_eq!(server.snapshot().subjects("Archive"), ["a"]);
}

#[test]
fn an_attachment_called_bye_is_one() {
    let source = "account['Junk mail']:append_message('Content-Type: application/pdf; name=\"* BYE.pdf\"\\r\\n\\r\\nx\\r\\n')\n\
                  print(account['Junk mail'][1]:fetch_structure()['1'].name, #account.INBOX:select_all())";
    assert_eq!(Case::new(source).ours().output.stdout, "* BYE.pdf\t7\n");
}

#[test]
fn a_dry_run_shows_what_would_be_done() {
    let source = "local I = account.INBOX print(I:is_seen():move_messages(account['Junk mail']), #I:is_seen())\n\
                  print(I:is_flagged():delete_messages(), account:create_mailbox('new'), #account.new:select_all())";
    let case = Case::new(source).args(&["-n"]);
    let ran = case.ours();
    assert_eq!(ran.output.status, Some(0), "{}", ran.output);
    for part in [
        "would move 2 messages from INBOX to Junk mail\n",
        "true\t0\n",
        "would purge 1 message from INBOX\n",
        "true\ttrue\t0\n",
        "nothing was changed; this would move 2 messages, purge 1 message, create 1 mailbox\n",
    ] {
        assert!(ran.output.stdout.contains(part), "{part} is not in {}", ran.output);
    }
    assert_eq!(ran.after.mailboxes["INBOX"].len(), 7);
}
