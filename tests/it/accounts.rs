//! Accounts that a file describes.

use crate::harness::Script;
use crate::mail::Mail;
use crate::server::{Server, Tls};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

const COUNT: &str = r#"print(#account("work"):mailbox("INBOX"):all())"#;

fn described(server: &Server) {
    server.seed("INBOX", &["a", "b"].map(Mail::new));
    let script = Script::new(
        r#"
        local work = account "work"
        print(work.name, work:mailbox("INBOX"):search({ subject = "a" }):move("Done").moved.mailbox)
        assert(work.name == account().name)
        print(#account():mailbox("INBOX"):all())
        "#,
    );
    let output = script
        .on(server)
        .accounts("[work]\n$SERVER\npassword = { env = \"PASSWORD\" }\n")
        .mailbox("INBOX", &["b"])
        .mailbox("Done", &["a"])
        .run();
    assert_eq!(
        output.stdout,
        "work: moved 1 message from INBOX to Done\n  created mailbox Done\nwork\tDone\n1\n"
    );
}

#[test]
fn an_account_is_used_by_its_name_in_the_sandbox() {
    described(&Server::sandbox());
}

#[test]
fn an_account_is_used_by_its_name_on_dovecot() {
    described(&Server::dovecot(Tls::Implicit));
    described(&Server::dovecot(Tls::Starttls));
}

#[test]
fn an_account_that_is_named_twice_is_one_connection() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    Script::new(r#"account("work"):noop(); account():noop(); account("work"):noop()"#)
        .on(&server)
        .home(home.path())
        .accounts("[work]\n$SERVER\npassword = { env = \"PASSWORD\" }\n")
        .options(&["--trace", "$DIR/trace"])
        .run();
    let trace = fs::read_to_string(home.path().join("trace")).unwrap();
    assert_eq!((trace.matches(" LOGOUT").count(), trace.matches(" NOOP").count()), (1, 3), "{trace}");
}

#[test]
fn the_one_that_is_meant_is_named_or_the_only_one() {
    let (server, other) = (Server::sandbox(), Server::sandbox());
    server.seed("INBOX", &[Mail::new("a")]);
    other.seed("INBOX", &["x", "y"].map(Mail::new));
    let text = format!(
        "# Two.\n[work]\n$SERVER\npassword = {{ env = \"PASSWORD\" }}\n\n[home]\nhost = \"{}\"\nport = {}\ntls = \"none\"\nuser = {:?}\n\
         password = {{ env = \"PASSWORD\" }}\n",
        other.address.ip(),
        other.address.port(),
        other.user
    );
    let run = |source: &str, options: &[&str]| {
        let script = Script::new(source).on(&server).accounts(&text).options(options);
        script.spawn().finish()
    };
    let count = r#"print(#account():mailbox("INBOX"):all())"#;
    assert_eq!(run(count, &["--account", "home"]).stdout, "2\n");
    assert_eq!(run(count, &["--account", "work"]).stdout, "1\n");
    assert_eq!(run(COUNT, &["--account", "home"]).stdout, "1\n");
    for (source, options, message) in [
        (count, &[][..], "it must be said which account is meant"),
        (count, &["--account", "hom"], "there is no account `hom` in `$DIR/config/imapscript/accounts.toml`"),
        (r#"account "wrok""#, &[], "there is no account `wrok` in `$DIR/config/imapscript/accounts.toml`"),
    ] {
        let output = run(source, options);
        assert_eq!(output.status, Some(3), "{output}");
        assert!(output.stderr.contains(message), "{output}");
        assert!(output.stderr.contains("there is work and home"), "{output}");
    }
}

#[test]
fn without_a_file_it_is_said_how_to_begin_one() {
    let output = Script::new(COUNT).status(3).run();
    assert!(
        output.stderr.contains("the accounts file `$DIR/config/imapscript/accounts.toml` can't be read"),
        "{output}"
    );
    assert!(output.stderr.contains("`imapscript accounts add` begins one"), "{output}");
}

#[test]
fn a_sandbox_needs_no_file() {
    Script::new(r#"assert(#account("work"):mailbox("INBOX"):all() > 10); assert(account().name == "me")"#)
        .options(&["--sandbox"])
        .run();
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    for (text, place, message) in [
        ("[work]\nhost = \"a\nuser = \"b\"\n", "2:10", "invalid basic string"),
        (
            "[work]\nhost = \"a\"\nuser = \"b\"\npasswort = \"canary\"\n",
            "4:1",
            "unknown field `passwort`, expected one of `host`",
        ),
        ("[work]\nhost = \"a\"\n", "1:2", "missing field `user`"),
        ("user = \"b\"\n", "1:1", "`user` is no account: each is a table, `[work]`"),
        ("[work]\nhost = \"a\"\nuser = \"b\"\nport = 0\n", "4:8", "expected a nonzero u16"),
        ("[work]\nhost = \"a\"\nuser = \"b\"\nport = \"imaps\"\n", "4:8", "expected a nonzero u16"),
        (
            "[work]\nhost = \"a\"\nuser = \"b\"\ntls = \"ssl\"\n",
            "4:7",
            "unknown variant `ssl`, expected one of `implicit`, `starttls`",
        ),
        (
            "[work]\nhost = \"a\"\nuser = \"b\"\nspecial_use = { bin = \"x\" }\n",
            "4:17",
            "unknown variant `bin`",
        ),
        ("[a]\nhost = \"a\"\nuser = \"b\"\n\n[a]\n", "5:2", "duplicate key"),
        (
            "[a]\nhost = \"a\"\nuser = \"b\"\nany_host = true\n",
            "1:2",
            "for imapfilter's configurations alone",
        ),
        (
            "[a]\nhost = \"a\"\nuser = \"b\"\ntls = \"offered\"\n",
            "1:2",
            "for imapfilter's configurations alone",
        ),
        (
            "[a]\nhost = \"a\"\nuser = \"b\"\ncertificates = \"x\"\n",
            "1:2",
            "for imapfilter's configurations alone",
        ),
        (
            "[work]\nhost = \"a\"\nuser = \"b\"\npin = []\n",
            "4:7",
            "`pin` names no key: without `pin` the server may have any that is vouched for",
        ),
        (
            "[work]\nhost = \"ä\" \nuser = \"b\"\n  password = { command = \"canary\" }\n",
            "4:14",
            "it must be a table with one of `command` (a list)",
        ),
        (
            "[work]\nhost = \"a\"\nuser = \"b\"\npassword = 1234567\n",
            "4:12",
            "it must be a table with one of `command` (a list)",
        ),
        (
            "[work]\nhost = \"a\"\nuser = \"b\"\npassword = { pass = \"canary\" }\n",
            "4:12",
            "it must be a table with one of",
        ),
        ("[work]\nhost = \"a\"\nuser = \"b\"\npassword = \"canary\n", "4:19", "invalid basic string"),
    ] {
        let output = Script::new("account()").accounts(text).spawn().finish();
        assert_eq!(output.status, Some(3), "{text}{output}");
        let place = format!("$DIR/config/imapscript/accounts.toml:{place}: ");
        assert!(output.stderr.contains(&place), "`{place}` of {text}{output}");
        assert!(output.stderr.contains(message), "`{message}` of {text}{output}");
        assert!(!output.stderr.contains("canary") && !output.stderr.contains("1234567"), "{output}");
    }
}

#[test]
fn a_file_with_a_password_that_others_can_read_is_refused() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    let run = |text: &str, mode: u32| {
        let file = home.path().join("config/imapscript/accounts.toml");
        let script = || Script::new(COUNT).on(&server).home(home.path());
        script().accounts(text).spawn().finish();
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        script().spawn().finish()
    };
    let literal = "[work]\n$SERVER\npassword = \"$PASSWORD\"\n";
    assert_eq!(run(literal, 0o600).stdout, "1\n");
    for mode in [0o604, 0o640, 0o644] {
        let output = run(literal, mode);
        assert_eq!(output.status, Some(3), "{output}");
        assert!(output.stderr.contains("has a password in it and others can read it"), "{output}");
        assert!(output.stderr.contains("chmod 600"), "{output}");
    }
    let named = "[work]\n$SERVER\npassword = { env = \"PASSWORD\" }\n";
    assert_eq!(run(named, 0o644).stdout, "1\n");
    // Whoever can write to it says what is run, and where passwords go.
    for mode in [0o622, 0o664, 0o602] {
        let output = run(named, mode);
        assert_eq!(output.status, Some(3), "{output}");
        assert!(output.stderr.contains("others can write to the accounts file"), "{output}");
    }
}

#[test]
fn secrets_come_from_everywhere_and_line_breaks_at_their_end_do_not_matter() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    let secret = format!("{}\r\n\n", server.password);
    for directory in ["config/imapscript", "credentials", "."] {
        let file = home.path().join(directory).join("secret");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &secret).unwrap();
        let mode = if directory == "credentials" { 0o440 } else { 0o600 };
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }
    for password in [
        "{ file = \"secret\" }",
        "{ file = \"~/secret\" }",
        "{ file = \"$DIR/secret\" }",
        "{ credential = \"secret\" }",
        "{ env = \"OTHER\" }",
        "{ command = [\"/bin/cat\", \"secret\"] }",
    ] {
        let run = |source: &str, text: &str| {
            Script::new(source)
                .on(&server)
                .home(home.path())
                .accounts(text)
                .env("CREDENTIALS_DIRECTORY", "$DIR/credentials")
                .env("OTHER", &secret)
                .stdout("1\n")
                .stderr("")
                .run();
        };
        run(COUNT, &format!("[work]\n$SERVER\npassword = {password}\n"));
    }
}

#[test]
fn credentials_that_are_missing_are_said() {
    let run = |name: &str, set: bool| {
        let text =
            format!("[work]\nhost = \"127.0.0.1\"\nuser = \"a\"\npassword = {{ credential = {name:?} }}\n");
        let script = Script::new(COUNT).accounts(&text);
        let script = if set { script.env("CREDENTIALS_DIRECTORY", "$DIR") } else { script };
        let output = script.spawn().finish();
        assert_eq!(output.status, Some(3), "{output}");
        output.stderr
    };
    assert!(run("x", false).contains("CREDENTIALS_DIRECTORY is not set"));
    assert!(run("x", true).contains("the credential `x` can't be read"));
    for name in ["", "..", "a/b"] {
        assert!(run(name, true).contains("can't be a credential's name"));
    }
}

#[test]
fn another_file_can_be_named() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    let (host, port) = (server.address.ip(), server.address.port());
    let text = format!(
        "[x]\nhost = \"{host}\"\nport = {port}\ntls = \"none\"\nuser = {:?}\npassword = {{ env = \"PASSWORD\" }}\n",
        server.user
    );
    fs::write(home.path().join("my.toml"), text).unwrap();
    let script = || Script::new("print(#account('x'):mailbox('INBOX'):all())").on(&server).home(home.path());
    script().options(&["--config", "my.toml"]).stdout("0\n").run();
    let output = script().options(&["--config", "none.toml"]).status(3).run();
    assert!(output.stderr.contains("the accounts file `none.toml` can't be read"), "{output}");
}

#[test]
fn an_owner_says_what_mailboxes_are_for_and_where_they_are() {
    let server = Server::dovecot(Tls::Implicit);
    server.seed("INBOX", &["a", "b"].map(Mail::new)).seed("Bin", &[]).seed("Mine/Sub", &[Mail::new("deep")]);
    Script::new(r#"account():mailbox("INBOX"):search({ subject = "a" }):trash()"#)
        .on(&server)
        .accounts("[work]\n$SERVER\npassword = { env = \"PASSWORD\" }\nspecial_use = { trash = \"Bin\" }\n")
        .mailbox("Bin", &["a"])
        .run();
    Script::new(r#"print(#account():mailbox("Sub"):all())"#)
        .on(&server)
        .accounts("[work]\n$SERVER\npassword = { env = \"PASSWORD\" }\nnamespace = \"Mine/\"\n")
        .stdout("1\n")
        .run();
    Script::new("account()")
        .on(&server)
        .accounts("[work]\n$SERVER\nspecial_use = { trash = \"@trash\" }\n")
        .status(3)
        .stderr_contains("`special_use` names no mailbox for `trash`")
        .run();
}

#[test]
fn an_owner_limits_what_a_run_may_remove() {
    let server = Server::sandbox();
    let subjects: Vec<String> = (0..40).map(|number| format!("m{number}")).collect();
    server.seed("INBOX", &subjects.iter().map(|subject| Mail::new(subject)).collect::<Vec<_>>());
    let run = |source: &str, limit: u32, options: &[&str]| {
        let text = format!("[work]\n$SERVER\npassword = {{ env = \"PASSWORD\" }}\nlimit = {limit}\n");
        Script::new(source).on(&server).accounts(&text).options(options).spawn().finish()
    };
    let all = r#"account():mailbox("INBOX"):all():move("Old")"#;
    let output = run(all, 39, &[]);
    assert_eq!(output.status, Some(7), "{output}");
    assert!(output.stderr.contains("and 39 are the most of this account in a run"), "{output}");
    let twice =
        r#"local box = account():mailbox("INBOX"); for i = 1, 2 do box:all():oldest(15):move("Old") end"#;
    let output = run(twice, 29, &[]);
    assert_eq!(output.status, Some(8), "{output}");
    assert!(
        output.stderr.contains("after 15 before, and 29 are the most of this account in a run"),
        "{output}"
    );
    // It holds in place of the half of a mailbox; the command line has the last word.
    let output = run(all, 25, &["--limit", "24"]);
    assert_eq!(output.status, Some(7), "{output}");
    assert!(output.stderr.contains("24 are the most in a run"), "{output}");
    let output = run(all, 25, &[]);
    assert_eq!(output.status, Some(0), "{output}");
    let snapshot = server.snapshot();
    assert_eq!((snapshot.subjects("INBOX").len(), snapshot.subjects("Old").len()), (0, 40));
}

#[test]
fn what_an_account_is_reached_by_is_in_the_journal_without_its_password() {
    let server = Server::sandbox();
    server.seed("INBOX", &[Mail::new("a")]);
    let home = TempDir::new().unwrap();
    Script::new(r#"account():mailbox("INBOX"):all():move("Old")"#)
        .on(&server)
        .home(home.path())
        .accounts("[work]\n$SERVER\npassword = \"canary-7f3a\"\n")
        .run();
    // Its password is in the file still.
    let output = Script::command(&["undo"]).on(&server).home(home.path()).spawn().finish();
    assert_eq!(output.status, Some(0), "{output}");
    assert_eq!(server.snapshot().subjects("INBOX"), ["a"]);
    for entry in fs::read_dir(home.path().join("state/imapscript")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(11).any(|window| window == b"canary-7f3a"));
    }
}
