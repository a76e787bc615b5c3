//! Messages into mbox files and Maildirs, as Python's `mailbox` module reads them.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::server::Server;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// Prints of each message, in order: its flags, its envelope's line or the time of its file, and its bytes with
/// CRLF and without the quotes of `From `, in hexadecimal.
const READER: &str = r"
import mailbox, os, re, sys
path = sys.argv[1]
def crlf(raw): return re.sub(rb'(?m)^>(>*From )', rb'\1', raw).replace(b'\n', b'\r\n')
if os.path.isdir(path):
    box = mailbox.Maildir(path, create=False)
    keys = sorted(box.keys(), key=lambda key: int(re.search(r'Q(\d+)', key)[1]))
    for key in keys:
        message = box.get_message(key)
        raw = box.get_bytes(key).replace(b'\n', b'\r\n')
        print(message.get_flags(), int(message.get_date()), raw.hex(), sep='|')
else:
    box = mailbox.mbox(path, create=False)
    for key in box.keys():
        print('', box.get_message(key).get_from(), crlf(box.get_bytes(key)).hex(), sep='|')
";

/// A message as Python reads it.
#[derive(Debug)]
struct Read {
    flags: String,
    when: String,
    raw: Vec<u8>,
}

fn read(path: &Path) -> Vec<Read> {
    let output =
        Command::new("python3").args(["-c", READER]).arg(path).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    let line = |line: &str| {
        let [flags, when, hex] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let bytes = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap());
        Read { flags: flags.to_owned(), when: when.to_owned(), raw: bytes.collect() }
    };
    String::from_utf8(output.stdout).unwrap().lines().map(line).collect()
}

/// Messages that are hard to tell apart in an mbox.
fn odd_messages() -> Vec<Vec<u8>> {
    [
        &b"Return-Path: <bounce@example.org>\r\nFrom: a@example.org\r\nSubject: plain\r\n\r\nHello.\r\n"[..],
        b"From: \"spaces in\"@example.org\r\nSubject: From here\r\n\r\nFrom the start\r\n>From quoted\r\n>>>From thrice\r\n From not\r\n>from not\r\n\r\nFrom a@b Thu Jan  1 00:00:00 1970\r\n\r\nnot a message\r\n",
        b"From: b@example.org\r\nSubject: no body\r\n\r\n",
        b"Return-Path: <>\r\nSubject: bytes\r\n\r\n\xe9\xff\r\n\r\n\r\n",
        b"From: c@example.org\r\nSubject: folded\r\n\tand more\r\nContent-Length: 5\r\n\r\nFrom \r\nFrom\r\n",
    ]
    .map(<[u8]>::to_vec)
    .to_vec()
}

fn deliver(server: &Server, messages: &[Vec<u8>]) {
    let mut observer = server.observe();
    for (raw, flags) in messages.iter().zip([
        "",
        "\\Seen \\Answered $Work",
        "\\Flagged \\Deleted",
        "\\Draft $Forwarded",
        "$Work Junk",
    ]) {
        observer.append_raw("INBOX", raw, flags, "03-Mar-2024 04:05:06 +0200");
    }
}

/// Runs a script with paths as arguments.
fn run(server: &Server, source: &str, paths: &[&Path]) -> crate::output::Output {
    let paths: Vec<_> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    Script::new(source).on(server).options(&["--no-cache"]).args(&paths).changes_nothing().stderr("").run()
}

const EXPORT: &str =
    r#"$LOGIN:mailbox("INBOX"):search({ any = { { deleted = true }, { deleted = false } } }):export(arg[1])"#;

on_both!(an_mbox_is_read_by_python, |server| {
    let messages = odd_messages();
    deliver(server, &messages);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("box");
    for round in 1..=2 {
        run(server, EXPORT, &[&path]);
        let found = read(&path);
        assert_eq!(found.len(), round * messages.len());
        for (read, raw) in found.iter().zip(messages.iter().cycle()) {
            assert_eq!(String::from_utf8_lossy(&read.raw), String::from_utf8_lossy(raw));
            assert_eq!(&read.raw, raw);
        }
        let envelopes: Vec<_> = found.iter().take(5).map(|read| read.when.as_str()).collect();
        assert_eq!(
            envelopes,
            [
                "bounce@example.org Sun Mar  3 02:05:06 2024",
                "MAILER-DAEMON Sun Mar  3 02:05:06 2024",
                "b@example.org Sun Mar  3 02:05:06 2024",
                "MAILER-DAEMON Sun Mar  3 02:05:06 2024",
                "c@example.org Sun Mar  3 02:05:06 2024",
            ]
        );
    }
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
});

on_both!(a_maildir_is_read_by_python, |server| {
    let messages = odd_messages();
    deliver(server, &messages);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("box/");
    let source =
        format!("local report = {EXPORT}\nprint(report.action, #report, table.concat(report.notes, '; '))");
    let output = run(server, &source, &[&path]);
    assert_eq!(
        output.stdout.lines().last(),
        Some(
            "exported\t5\tthe keyword $Work is not kept in a Maildir; the keyword Junk is not kept in a Maildir"
        )
    );
    let found = read(&path);
    for (read, raw) in found.iter().zip(&messages) {
        assert_eq!(&read.raw, raw);
        assert_eq!(read.when, "1709431506");
    }
    let flags: Vec<_> = found.iter().map(|read| read.flags.as_str()).collect();
    assert_eq!(flags, ["", "RS", "FT", "DP", ""]);
    // Once more, now that it is there; without the slash.
    run(server, EXPORT, &[&directory.path().join("box")]);
    assert_eq!(fs::read_dir(path.join("cur")).unwrap().count(), 10);
    assert_eq!(fs::read_dir(path.join("tmp")).unwrap().count(), 0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("cur"))), (0o700, 0o700));
    assert!(fs::read_dir(path.join("cur")).unwrap().all(|file| mode(&file.unwrap().path()) == 0o600));
});

on_both!(what_is_no_archive_is_not_added_to, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("notes"), "From the desk of\n").unwrap();
    fs::write(at("text"), "Dear Ann\n").unwrap();
    fs::write(at("empty"), "").unwrap();
    fs::write(at("unended"), "From a Sun Mar  3 02:05:06 2024\nSubject: x\n\nno line end").unwrap();
    symlink(at("empty"), at("link")).unwrap();
    symlink(at("nowhere"), at("dangling")).unwrap();
    fs::create_dir(at("full")).unwrap();
    fs::write(at("full/other"), "").unwrap();
    fs::create_dir(at("locked")).unwrap();
    let mut locked = fs::File::create(at("locked/box")).unwrap();
    locked.write_all(b"From a Sun Mar  3 02:05:06 2024\n\n").unwrap();
    fcntl_lock(&locked, FlockOperation::LockExclusive).unwrap();
    assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
    let paths = [
        at("text"),
        at("link"),
        at("dangling"),
        at("full"),
        at("locked/box"),
        at("pipe"),
        at("missing/box"),
        at("missing/box/"),
        at("text/"),
        PathBuf::from("/dev/full"),
        at("empty"),
        at("unended"),
    ];
    let output = run(
        server,
        r#"
        local all = $LOGIN:mailbox("INBOX"):all()
        for _, path in ipairs(arg) do
          local ok, err = pcall(all.export, all, path)
          local name = path:match "[^/]+/?$"
          if ok then print(name, #err) else
            print(name, ok, err.kind, (err.message:gsub("`.*/(.)", "`%1")), err.hint)
            err:ignore()
          end
        end
        print(#all:filter({ uid = 99 }):export "never-made", run({ "ls" }).stdout)
        "#,
        &paths.iter().map(PathBuf::as_path).collect::<Vec<_>>(),
    );
    insta::allow_duplicates! { insta::assert_snapshot!(output.table().replace(directory.path().to_str().unwrap(), "$TMP"), @"
    text | false | config | `text` exists already and is no mbox: no messages are added to it | export to an mbox file, to a new name, or, with `/` at its end, to a Maildir
    link | false | config | `link` is a symbolic link: no messages are added to it | export to an mbox file, to a new name, or, with `/` at its end, to a Maildir
    dangling | false | config | `dangling` is a symbolic link: no messages are added to it | export to an mbox file, to a new name, or, with `/` at its end, to a Maildir
    full | false | config | the directory `full` has other things in it and is no Maildir | name a Maildir, or a directory that is empty or does not exist yet
    box | false | config | `box` is being written to by another program: no messages are added to it | export to an mbox file, to a new name, or, with `/` at its end, to a Maildir
    pipe | false | config | `pipe` is no file: no messages are added to it | export to an mbox file, to a new name, or, with `/` at its end, to a Maildir
    box | false | config | `box` is in a directory that does not exist | create the directory first
    box/ | false | config | `` is in a directory that does not exist | create the directory first
    text/ | false | config | `` can't be written: Not a directory (os error 20) | check the path, its permissions and the disk
    full | false | config | `full` is no file: no messages are added to it | export to an mbox file, to a new name, or, with `/` at its end, to a Maildir
    $USER@127.0.0.1: exported 1 message from INBOX to $TMP/empty
    empty | 1
    $USER@127.0.0.1: exported 1 message from INBOX to $TMP/unended
    unended | 1
    0 | script.lua
    ") }
    assert_eq!(fs::read(at("text")).unwrap(), b"Dear Ann\n");
    assert_eq!(fs::metadata(at("locked/box")).unwrap().len(), 33);
    assert!(!at("nowhere").exists() && !at("full/cur").exists());
    assert_eq!((read(&at("empty")).len(), read(&at("unended")).len()), (1, 2));
});

on_both!(what_does_not_fit_is_taken_back, |server| {
    let mail = |name: &str| Mail::new(name).body(&"0123456789abcde\r\n".repeat(1024));
    server.seed("INBOX", &["a", "b", "c", "d"].map(mail));
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    let before = b"From a@b Sun Mar  3 02:05:06 2024\nSubject: x\n\nold\n\n";
    fs::write(at("box"), before).unwrap();
    fs::create_dir(at("dir")).unwrap();
    // No file may become larger than 40 KiB, and who tries is told so rather than killed.
    let limited = "trap '' XFSZ; ulimit -f 80; exec \"$@\"";
    let output = Script::new(
        r#"
        local inbox = $LOGIN:mailbox "INBOX"
        for _, path in ipairs(arg) do
          local ok, err = pcall(inbox:all().export, inbox:all(), path)
          print(path:match "[^/]+/?$", ok, ok and #err or (err.message:gsub("`.*/", "`")))
          if not ok then err:ignore() end
        end
        "#,
    )
    .on(server)
    .program("/bin/sh")
    .options(&["-c", limited, "sh", env!("CARGO_BIN_EXE_imapscript"), "-q"])
    .args(&[at("box").to_str().unwrap(), at("new").to_str().unwrap(), at("dir").to_str().unwrap()])
    .changes_nothing()
    .stderr("")
    .run();
    let full = "can't be written: File too large (os error 27)";
    assert_eq!(output.stdout, format!("box\tfalse\t`box` {full}\nnew\tfalse\t`new` {full}\ndir\ttrue\t4\n"));
    assert_eq!(fs::read(at("box")).unwrap(), before);
    assert!(!at("new").exists());
});

on_both!(messages_of_several_mailboxes_go_into_one_archive, |server| {
    server
        .seed("INBOX", &["a", "b", "gone"].map(Mail::new))
        .seed("Box", &[Mail::new("c")])
        .seed("Other", &[]);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("box");
    let output = Script::new(
        r#"
        local account = $LOGIN
        local both = account:mailbox("INBOX"):all() + account:mailbox("Box"):all()
        account:mailbox("INBOX"):search({ subject = "gone" }):move "Other"
        local report = both:export(arg[1])
        print(#report, report.skipped[1].reason, report.skipped[1].uids[1])
        local ok, err = pcall(function() both:filter(function(message) both:export(arg[1]) return true end) end)
        print(ok, err.message)
        err:ignore()
        "#,
    )
    .on(server)
    .args(&[path.to_str().unwrap()])
    .stderr("")
    .run();
    insta::allow_duplicates! { insta::assert_snapshot!(output.table().replace(directory.path().to_str().unwrap(), "$TMP"), @"
    $USER@127.0.0.1: moved 1 message from INBOX to Other
    $USER@127.0.0.1: exported 2 messages from INBOX to $TMP/box
      skipped 1 message (UID 3): no longer in the mailbox
    $USER@127.0.0.1: exported 1 message from Box to $TMP/box
    3 | no longer in the mailbox | 3
    false | the function failed on message 1 of INBOX: a: $DIR/script.lua:7: a function that judges messages can't change anything
    ") }
    let subjects: Vec<_> = read(&path)
        .iter()
        .map(|read| {
            String::from_utf8_lossy(&read.raw)
                .split("Subject: ")
                .nth(1)
                .unwrap()
                .lines()
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(subjects, ["a", "b", "c"]);
});
