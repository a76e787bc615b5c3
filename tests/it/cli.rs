//! The command line: options, output, exit codes, files.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_every;
use crate::server::{Server, Tls};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use tempfile::TempDir;

/// Runs the program without a script of the harness's.
fn imapscript(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_imapscript"))
        .args(arguments)
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_says_it_all() {
    let (status, stdout, stderr) = imapscript(&["--help"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(stdout, @"
    Lua scripts for IMAP mailboxes: filters and housekeeping that cannot lose mail

    Usage: imapscript [OPTIONS] SCRIPT [ARGS]...
           imapscript plan|apply|undo|settle|restore|history|why|check|repl|schedule|status|
                      accounts|oauth|sandbox|imapfilter|types|completions|man …

    Commands:
      plan         Write down what a script would do, and change nothing
      apply        Do what a plan says and nothing else
      undo         Take back what a run did: the last one, unless its number is given
      settle       Look after what runs left open or in doubt, and hold nothing any more
      restore      Put what a purge has archived back into a mailbox, but what is there already
      history      List the runs that changed something, or what one of them did
      why          Tell which rule of which run touched a message, or which rule of a script would take
                   it
      accounts     List the accounts that scripts can use by their names
      check        Find what is wrong with scripts without running them: no server is contacted and
                   nothing is done
      oauth        Log in with the provider of an account that uses OAuth 2.0
      repl         Try things out, line by line
      schedule     Let a script run by itself, by systemd's timers or by cron
      status       Tell how scripts fared: when each last ran well, and what went wrong since
      sandbox      Keep an embedded server with sample mail running, for any mail client
      imapfilter   Run an imapfilter configuration as it is
      types        Write type files, so that an editor knows imapscript's functions
      completions  Print what a shell needs to complete the command line
      man          Print the manual page
      help         Print this message or the help of the given subcommand(s)

    Arguments:
      <SCRIPT>   The script to run; `-` reads it from standard input
      [ARGS]...  What the script finds in `arg`

    Options:
      -n, --dry-run               Change nothing; show what would be done
          --on-failure <COMMAND>  Run this by the shell if the script fails, with what went wrong on its
                                  standard input
          --ping <URL>            Fetch this URL when the script did all that it wanted, for a service
                                  that tells you when it stops coming
          --sandbox[=<ADDR>]      Run against an embedded server full of sample mail, or against one
                                  that `imapscript sandbox` started
          --state <DIR>           Keep the journal and the locks here [default: where the system keeps
                                  programs' state]
          --config <FILE>         Read the accounts from here [default: imapscript/accounts.toml where
                                  you keep programs' settings]
          --account <NAME>        Mean this account where a script says `account()`
          --allow <LIST>          Do only this, whatever the script wants: words such as
                                  `read,mark,move`, joined by commas
          --limit <N>             Let the run move away, trash or purge at most this many messages, in
                                  one action or several, in place of 1000 and half of a mailbox at once
                                  and 5000 in all
          --no-create             Create no mailboxes for messages that are moved, copied or added
          --no-cache              Remember nothing of messages from run to run, and use nothing that was
                                  remembered
          --wait[=<SECONDS>]      Wait until no other run changes the account; not longer than so many
                                  seconds
          --timeout <SECONDS>     Wait this long for the server, in seconds, each time
      -q, --quiet                 Print nothing but errors
      -v, --verbose...            Print more: actions that found nothing to do, too
          --json                  Print what happened as one JSON object at the end, in place of lines;
                                  what the script prints itself goes to standard error then
          --log <FILE>            Add what happens to this file, with every message that is acted on
          --log-format <FORMAT>   Write the log as `text` or as `json` [default: text]
          --trace <FILE>          Write what goes over the wire to a file, without the secrets
      -h, --help                  Print help
      -V, --version               Print version

    Exit codes: 0 done, 1 the script failed, 2 usage, 3 configuration, 4 authentication, 5 connection,
    6 the server refused, 7 a limit stopped it, 8 partly done or in doubt, 9 another run is at work,
    130 interrupted.
    ");
}

#[test]
fn help_of_the_sandbox() {
    let (status, stdout, stderr) = imapscript(&["sandbox", "--help"]);
    assert_eq!((status, stderr.as_str()), (Some(0), ""));
    insta::assert_snapshot!(stdout, @"
    Keep an embedded server with sample mail running, for any mail client

    Usage: imapscript sandbox [OPTIONS]

    Options:
          --port <PORT>           The loopback port to listen on; 0 takes a free one [default: 1143]
          --without <CAPABILITY>  Switch a capability off, such as MOVE; may be given several times
          --empty                 Start with empty mailboxes
      -h, --help                  Print help
    ");
}

#[test]
fn a_wrong_command_line_is_usage() {
    for arguments in [
        &[][..],
        &["--nonsense", "x.lua"],
        &["--timeout", "0", "x.lua"],
        &["--timeout", "soon", "x.lua"],
        &["-q", "-v", "x.lua"],
        &["--sandbox=localhost", "x.lua"],
        &["--sandbox=192.0.2.1:143", "Cargo.toml"],
        &["sandbox", "--port", "99999"],
    ] {
        let (status, stdout, stderr) = imapscript(arguments);
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with("error: "), "{arguments:?}: {stderr}");
    }
    let (_, _, stderr) = imapscript(&["--sandbox=192.0.2.1:143", "Cargo.toml"]);
    assert_eq!(
        stderr,
        "error: `--sandbox=192.0.2.1:143` is not on this machine\n\
         hint: a sandbox listens on a loopback address such as 127.0.0.1:1143\n"
    );
}

#[test]
fn a_script_that_is_not_there_says_so() {
    let (status, stdout, stderr) = imapscript(&["/no/such.lua"]);
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert_eq!(
        stderr,
        "error: the script `/no/such.lua` can't be read: No such file or directory (os error 2)\n\
         hint: give the path of a Lua file, or `-` for standard input\n"
    );
    assert_eq!(imapscript(&["/tmp"]).0, Some(1));
    assert_eq!(
        imapscript(&["--quiet", "history"]).2,
        "error: the script `history` can't be read: No such file or directory (os error 2)\n\
         hint: a command stands before its options: `imapscript history --state DIR`\n"
    );
}

#[test]
fn a_script_may_come_from_standard_input() {
    // The harness's own script becomes an argument.
    Script::new("")
        .options(&["-"])
        .args(&["two"])
        .stdin("print(arg[0], #arg, arg[2])\nlocal x = nil + 1\n")
        .status(1)
        .stdout("stdin\t2\ttwo\n")
        .stderr(
            "error: attempt to perform arithmetic on a nil value\n --> stdin:2:1\n  |\n2 | local x = nil + 1\n  | ^^^^^^^^^^^^^^^^^\n",
        )
        .run();
}

on_every!(quiet_says_nothing_and_verbose_also_what_found_nothing, |server| {
    let source = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        inbox:search({ subject = "a" }):mark "seen"
        inbox:search({ subject = "nothing" }):move "Box"
        log.info "info"
        log.warn "warn"
    "#;
    server.seed("INBOX", &[Mail::new("a")]);
    let marked = "$USER@127.0.0.1: marked 1 message in INBOX: \\Seen\n";
    let idle = "$USER@127.0.0.1: moved 0 messages from INBOX to Box\n";
    Script::new(source).on(server).stdout(marked).stderr("info: info\nwarn: warn\n").run();
    Script::new(source).on(server).options(&["-q"]).stdout("").stderr("warn: warn\n").run();
    Script::new(source)
        .on(server)
        .options(&["-v"])
        .stdout(&format!("{marked}{idle}"))
        .stderr("info: info\nwarn: warn\n")
        .run();
    Script::new("$LOGIN:noop()").on(server).stdout("").stderr("").run();
    Script::new("$LOGIN:noop()")
        .on(server)
        .options(&["--verbose"])
        .stdout("done, nothing was changed\n")
        .stderr("")
        .run();
});

on_every!(promise_25_a_trace_has_everything_but_the_password, |server| {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("trace");
    // What was there is replaced, and its permissions too.
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    server.seed("INBOX", &[Mail::new("a")]);
    for auth in ["login", "plain"] {
        let source = format!(
            "local settings = $LOGIN_SETTINGS\nsettings.auth = '{auth}'\nlogin(settings):mailbox('INBOX'):all():mark 'seen'"
        );
        let trust = server.ca_file.as_ref().map(|_| "ca_file = '$CA',").unwrap_or_default();
        let settings = format!(
            "{{ host = '$HOST', port = $PORT, tls = '$TLS', user = '$USER', {trust} password = secret.env 'PW' }}"
        );
        Script::new(&source.replace("$LOGIN_SETTINGS", &settings))
            .on(server)
            .env("PW", "$PASSWORD")
            .options(&["-q", "--trace", path.to_str().unwrap()])
            .stdout("")
            .stderr("")
            .run();
        let trace = fs::read_to_string(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // "pass" itself, and what AUTHENTICATE PLAIN makes of it.
        let encoded = {
            use base64::Engine;
            base64::engine::general_purpose::STANDARD
                .encode(format!("\0{}\0{}", server.user, server.password))
        };
        let words = trace.split(|c: char| !c.is_ascii_alphanumeric());
        assert!(!trace.contains(&encoded) && !words.into_iter().any(|word| word == "pass"), "{trace}");
        assert!(
            trace.contains("<secret>") && trace.contains(" C: ") && trace.contains(" S: * OK "),
            "{trace}"
        );
        assert!(trace.contains("UID STORE 1 +FLAGS.SILENT (\\Seen)") && trace.contains("LOGOUT"), "{trace}");
    }
});

#[test]
fn promise_24_a_trace_does_not_go_through_a_symbolic_link() {
    let directory = TempDir::new().unwrap();
    let (target, link) = (directory.path().join("target"), directory.path().join("link"));
    fs::write(&target, "precious").unwrap();
    symlink(&target, &link).unwrap();
    for path in [&link, &directory.path().join("no/such/directory")] {
        Script::new("print 'never'")
            .options(&["--trace", path.to_str().unwrap()])
            .status(3)
            .stdout("")
            .stderr_contains("error: the trace file `")
            .stderr_contains("hint: it must be in a directory you can write to, and no symbolic link\n")
            .run();
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn a_silent_server_is_waited_for_no_longer_than_said() {
    let scripted = crate::scripted::Scripted::new().greet().stall().start();
    Script::new("$LOGIN:noop()")
        .on(&Server::at(scripted.address, Tls::None))
        .options(&["--timeout", "1"])
        .status(5)
        .stdout("")
        .stderr_contains("error: the server did not answer within 1 second\n")
        .stderr_contains("hint: the server or the line may be slow; `--timeout SECONDS` waits longer\n")
        .run();
}

#[test]
fn each_failure_has_its_exit_code() {
    let server = Server::dovecot(Tls::Implicit);
    let with = |settings: &str| {
        format!(
            "login {{ host = '127.0.0.1', user = '$USER', password = 'pass', {settings} }}:select 'INBOX'"
        )
    };
    for (source, status) in [
        (with("port = $PORT, ca_file = '$CA'"), 0),
        (with("port = $PORT, ca_file = '$CA'").replace("'INBOX'", "'Missing'"), 6),
        (with("port = $PORT, ca_file = '$CA'").replace("'pass'", "'wrong'"), 4),
        (with("port = $PORT, ca_file = '$CA'").replace("'pass'", "secret.env 'UNSET'"), 3),
        (with("port = $PORT, ca_file = '/no/such.pem'"), 3),
        (with("port = $PORT"), 5),
        (with("port = 1"), 5),
        (with("port = $PORT, ca_file = '$CA'").replace("'127.0.0.1'", "'no-such-host.invalid'"), 5),
        (with("port = 0"), 1),
        (with("tls = 'none'").replace("'127.0.0.1'", "'192.0.2.1'"), 3),
        (with("port = $PORT, ca_file = '$CA'").replace(":select", ":selekt"), 1),
    ] {
        Script::new(&source).on(&server).status(status).stdout("").run();
    }
}
