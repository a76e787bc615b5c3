//! Messages and attachments into files, and never over what is there.

use crate::harness::Script;
use crate::mail::Mail;
use crate::sandbox_server::on_both;
use crate::scripted::{Scripted, ScriptedServer};
use crate::server::{Server, Tls};
use std::fs;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// A message with attachments: the parameter that names each as the header has it, and its content.
fn with_attachments(subject: &str, attachments: &[(&str, &str)]) -> Vec<u8> {
    let mut raw = format!(
        "From: someone@example.org\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThe text.\r\n"
    );
    for (name, content) in attachments {
        raw.extend([
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; ",
            name,
            "\r\nContent-Transfer-Encoding: base64\r\n\r\n",
            content,
            "\r\n",
        ]);
    }
    raw += "--b--\r\n";
    raw.into_bytes()
}

fn deliver(server: &Server, raw: &[u8]) {
    server.observe().append_raw("INBOX", raw, "", "29-Feb-2020 23:59:58 +0000");
}

on_both!(a_message_is_saved_as_it_is, |server| {
    deliver(server, b"Subject: a\r\n\r\nFrom here \xe9\xff\r\n.\r\nno line end");
    deliver(server, b"Subject: b\r\n\r\nbare\nline\rends\r\n");
    let output = Script::new(
        r#"
        for message in $LOGIN:mailbox("INBOX"):all():messages { "raw" } do
          local path = "$DIR/" .. message.subject .. ".eml"
          message:save(path)
          print(io.open(path, "rb"):read("a") == message:raw(), run({ "stat", "-c", "%a %F", path }).stdout)
        end
        print(run({ "ls", "-A", "$DIR" }).stdout)
        "#,
    )
    .on(server)
    .options(&["--no-cache"])
    .changes_nothing()
    .stderr("")
    .run();
    assert_eq!(
        output.stdout,
        "true\t600 regular file\n\ntrue\t600 regular file\n\na.eml\nb.eml\nscript.lua\n\n"
    );
});

on_both!(a_message_is_saved_over_nothing, |server| {
    server.seed("INBOX", &[Mail::new("a")]);
    let output = Script::new(
        r#"
        run { "sh", "-c", "echo mine > there; ln -s there link; ln -s $DIR/nowhere dangling; mkdir dir; mkfifo pipe" }
        local kept
        for message in $LOGIN:mailbox("INBOX"):all():messages() do kept = message end
        for _, path in ipairs { "there", "link", "dangling", "dir", "pipe", "missing/x.eml", "there/x.eml", "dir/", "..", "", "a\0b", ("x"):rep(300) } do
          local ok, err = pcall(kept.save, kept, path)
          print(path:sub(1, 20):gsub("%z", "NUL"), ok, err.kind, (err.message:gsub("xxx+", "xxx")), err.hint)
          err:ignore()
        end
        print(run({ "sh", "-c", "cat there; ls -A . dir" }).stdout)
        "#,
    )
    .on(server)
    .options(&["--no-cache"])
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! { insta::assert_snapshot!(output.table(), @"
    there | false | config | `there` exists already and is not replaced | remove it, or choose another name
    link | false | config | `link` exists already and is not replaced | remove it, or choose another name
    dangling | false | config | `dangling` exists already and is not replaced | remove it, or choose another name
    dir | false | config | `dir` exists already and is not replaced | remove it, or choose another name
    pipe | false | config | `pipe` exists already and is not replaced | remove it, or choose another name
    missing/x.eml | false | config | `missing/x.eml` is in a directory that does not exist | create the directory first
    there/x.eml | false | config | `there/x.eml` can't be written: not a directory | check the path, its permissions and the disk
    dir/ | false | config | `dir/` is no name of a file | name the file to write
    .. | false | config | `..` is no name of a file | name the file to write
     | false | script | a path is empty or has a NUL character in it | it wants the name of a file
    aNULb | false | script | a path is empty or has a NUL character in it | it wants the name of a file
    xxxxxxxxxxxxxxxxxxxx | false | config | `xxx` can't be written: File name too long (os error 36) | check the path, its permissions and the disk
    mine
    .:
    dangling
    dir
    link
    pipe
    script.lua
    there

    dir:
    ") }
});

on_both!(attachments_are_saved_under_harmless_names, |server| {
    let long = format!("filename=\"{}.pdf\"", "x".repeat(300));
    deliver(
        server,
        &with_attachments(
            "odd",
            &[
                ("filename=\"../../x\"", "MQ=="),
                ("filename=\"CON\"", "Mg=="),
                ("filename=\"\"", "Mw=="),
                (&long, "NA=="),
                ("filename*=utf-8''a%00b.txt", "NQ=="),
                ("filename=\"/etc/passwd\"", "Ng=="),
                ("filename*=utf-8''%E2%80%AEgpj.exe", "Nw=="),
                ("filename=\"empty.txt\"", ""),
            ],
        ),
    );
    deliver(
        server,
        &with_attachments(
            "alike",
            &[
                ("filename=report.tar.gz", "b25l"),
                ("filename=report.tar.gz", "dHdv"),
                ("filename=report.tar.gz", "b25l"),
                ("filename=.hidden", "aA=="),
            ],
        ),
    );
    server.seed("INBOX", &[Mail::new("none")]);
    deliver(server, &[b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n--b--\r\n".as_slice()].concat());
    deliver(server, b"Subject: only\r\nContent-Type: application/pdf; name=only.pdf\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db");
    let output = Script::new(
        r#"
        local all = $LOGIN:mailbox("INBOX"):all()
        for _ = 1, 2 do
          local report = all:save "$DIR/out"
          print(report.action, #report, #report.saved, report.target, table.concat(report.uids, " "))
          for _, path in ipairs(report.saved) do print((path:gsub("xxx+", "xxx")), io.open(path, "rb"):read "a") end
          for _, remark in ipairs(report.skipped) do print(remark.reason, table.concat(remark.uids, " ")) end
        end
        print(run({ "stat", "-c", "%a", "$DIR/out", "$DIR/out/x" }).stdout)
        print(run({ "sh", "-c", "ls -A | sed 's/xxx*/xxx/'; ls -A out | wc -l" }).stdout)
        "#,
    )
    .on(server)
    .options(&["--no-cache"])
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! { insta::assert_snapshot!(output.table(), @"
    $USER@127.0.0.1: saved 13 attachments of 4 messages from INBOX to $DIR/out
      created directory $DIR/out
      skipped 1 message (UID 2): saved there already, byte for byte
    saved | 4 | 13 | $DIR/out | 1 2 4 5
    $DIR/out/x | 1
    $DIR/out/_CON | 2
    $DIR/out/attachment | 3
    $DIR/out/xxx.pdf | 4
    $DIR/out/a_b.txt | 5
    $DIR/out/passwd | 6
    $DIR/out/gpj.exe | 7
    $DIR/out/empty.txt | 
    $DIR/out/report.tar.gz | one
    $DIR/out/report.tar (2).gz | two
    $DIR/out/hidden | h
    $DIR/out/message.eml | Subject: inner

    body
    $DIR/out/only.pdf | a=b
    saved there already, byte for byte | 2
    $USER@127.0.0.1: saved 0 attachments of 0 messages from INBOX to $DIR/out
      skipped 4 messages (UID 1:2,4:5): saved there already, byte for byte
    saved | 0 | 0 | $DIR/out | 
    saved there already, byte for byte | 1 2 4 5
    700
    600

    out
    script.lua
    13
    ") }
});

on_both!(attachments_are_saved_over_nothing, |server| {
    deliver(server, &with_attachments("a", &[("filename=a.txt", "bmV3"), ("filename=b.txt", "Yg==")]));
    deliver(server, &with_attachments("b", &[("filename=c.txt", "Yw==")]));
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("out")).unwrap();
    fs::write(at("out/a.txt"), "old").unwrap();
    fs::write(at("target"), "new").unwrap();
    symlink(at("target"), at("out/a (2).txt")).unwrap();
    symlink(at("nowhere"), at("out/b.txt")).unwrap();
    fs::create_dir(at("out/c.txt")).unwrap();
    Script::new(r#"for _, path in ipairs($LOGIN:mailbox("INBOX"):all():save(arg[1]).saved) do print(path:match "[^/]+$") end"#)
        .on(server)
        .options(&["-q"])
        .args(&[at("out").to_str().unwrap()])
        .stdout("a (3).txt\nb (2).txt\nc (2).txt\n")
        .stderr("")
        .run();
    assert_eq!(fs::read(at("out/a.txt")).unwrap(), b"old");
    assert_eq!(fs::read(at("target")).unwrap(), b"new");
    assert!(!at("nowhere").exists() && fs::read_dir(at("out/c.txt")).unwrap().next().is_none());
});

on_both!(where_attachments_cant_be_saved_is_said, |server| {
    deliver(server, &with_attachments("a", &[("filename=a.txt", "YQ==")]));
    let output = Script::new(
        r#"
        run { "sh", "-c", "echo x > file" }
        local all = $LOGIN:mailbox("INBOX"):all()
        for _, path in ipairs { "file", "missing/deep", "/proc/out", "", 5 } do
          local ok, err = pcall(all.save, all, path)
          print(path, ok, err.kind, err.message, err.hint)
          err:ignore()
        end
        print(#all:filter({ uid = 99 }):save "never-made", run({ "ls" }).stdout)
        "#,
    )
    .on(server)
    .options(&["--no-cache"])
    .changes_nothing()
    .stderr("")
    .run();
    insta::allow_duplicates! { insta::assert_snapshot!(output.table(), @"
    file | false | config | `file` can't be written: not a directory | check the path, its permissions and the disk
    missing/deep | false | config | `missing/deep` is in a directory that does not exist | create the directory first
    /proc/out | false | config | `/proc/out` is in a directory that does not exist | create the directory first
     | false | script | a path is empty or has a NUL character in it | it wants the name of a directory
    5 | false | script | `save` wants the name of a directory but got 5 | nil
    0 | file
    script.lua
    ") }
});

on_both!(attachments_that_are_gone_or_do_not_fit_are_told_of, |server| {
    for (name, subject) in [("a", "a"), ("b", "b"), ("c", "c")] {
        deliver(
            server,
            &with_attachments(subject, &[(&format!("filename={name}.txt"), &"eHh4".repeat(200_000))]),
        );
    }
    server.seed("Box", &[]);
    // No file may become larger than 512 KiB, which is enough for the journal, and who tries is told so rather than killed.
    let limited = "trap '' XFSZ; ulimit -f 1024; exec \"$@\"";
    let source = r#"
        local inbox = $LOGIN:mailbox "INBOX"
        local all = inbox:all()
        inbox:search({ subject = "b" }):move "Box"
        local ok, report = pcall(all.save, all, "out")
        if ok then
          print(#report.saved, report.skipped[1].reason, report.skipped[1].uids[1])
        else
          print(report.kind, report.message, #report.report)
          report:ignore()
        end
        print(run({ "ls", "-A", "out" }).stdout)
    "#;
    let script = |source: &str| Script::new(source).on(server).options(&["-q"]).stderr("");
    let output = Script::new(source)
        .on(server)
        .program("/bin/sh")
        .options(&["-c", limited, "sh", env!("CARGO_BIN_EXE_imapscript"), "-q"])
        .stderr("")
        .run();
    assert_eq!(output.stdout, "config\t`out/a.txt` can't be written: File too large (os error 27)\t0\n\n");
    let again =
        source.replace(r#"search({ subject = "b" }):move "Box""#, "search({ subject = 'a' }):move 'Box'");
    assert_eq!(script(&again).run().stdout, "1\tno longer in the mailbox\t1\nc.txt\n\n");
});

/// A server that answers each FETCH of the one message of INBOX with the same items.
fn telling(items: &str) -> (ScriptedServer, Server) {
    let scripted = Scripted::new().greet().serve();
    let scripted = scripted.on("UID SEARCH", "* SEARCH 1\r\n{tag} OK done\r\n");
    let started = scripted
        .on("UID FETCH", format!("* 1 FETCH (UID 1 FLAGS () {items})\r\n{{tag}} OK done\r\n"))
        .start();
    let server = Server::at(started.address, Tls::None);
    (started, server)
}

const SAVE: &str = r#"
    local all = $LOGIN:mailbox("INBOX"):search { uid = 1 }
    local ok, report = pcall(all.save, all, "out")
    if ok then print(#report.saved, io.open(report.saved[1]):read "a") else
      print(report.kind, report.message)
      report:ignore()
    end
"#;

#[test]
fn what_a_server_can_not_describe_is_looked_at_here() {
    let raw = String::from_utf8(with_attachments("a", &[("filename=a.txt", "YQ==")])).unwrap();
    let items = format!(
        "RFC822.SIZE {0} INTERNALDATE NIL BODYSTRUCTURE NIL BODY[HEADER.FIELDS (SUBJECT)] {{2}}\r\n\r\n BODY[] {{{0}}}\r\n{raw}",
        raw.len()
    );
    let (_started, server) = telling(&items);
    Script::new(SAVE).on(&server).options(&["-q"]).stdout("1\ta\n").stderr("").run();
}

#[test]
fn attachments_that_are_too_large_or_empty_have_failed() {
    let part = |size: u64| {
        format!(
            "RFC822.SIZE 100 INTERNALDATE NIL BODYSTRUCTURE (\"application\" \"pdf\" (\"name\" \"a.pdf\") NIL NIL \"base64\" {size}) \
             BODY[HEADER.FIELDS (SUBJECT)] {{2}}\r\n\r\n BODY[1] NIL"
        )
    };
    let failed = |size, reason: &str| {
        let (started, server) = telling(&part(size));
        let stdout = format!(
            "$USER@127.0.0.1: saved 0 attachments of 0 messages from INBOX to out\n  created directory out\n  \
             FAILED 1 message (UID 1): {reason}\npartial\tsaved 0, failed 1, in doubt 0: {reason}\n"
        );
        Script::new(SAVE).on(&server).options(&["-q"]).stdout(&stdout).run();
        started.received().iter().filter(|command| command.text.contains("BODY.PEEK[1]")).count()
    };
    let large = "an attachment has 68157440 bytes, more than the 67108864 that are loaded at most";
    assert_eq!(failed(68_157_440, large), 0, "it is not asked for");
    assert_eq!(failed(10, "the server gave nothing of an attachment"), 1);
}
