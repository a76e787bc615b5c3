//! Runs in a row, as cron makes them: nothing is left behind but what the journal must know.

use crate::harness::Script;
use crate::mail::Mail;
use crate::server::Server;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How many runs there are: a thousand in the whole test, fewer elsewhere.
fn runs() -> usize {
    if std::env::var("IMAPSCRIPT_SWEEP").is_ok_and(|sweep| sweep == "full") { 1000 } else { 60 }
}

fn files(directory: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, found);
        } else {
            found.insert(entry);
        }
    }
}

#[test]
fn runs_in_a_row_leave_nothing_behind() {
    let server = Server::sandbox();
    let home = TempDir::new().unwrap();
    fs::create_dir_all(home.path().join("tmp")).unwrap();
    let run = |number: usize| {
        server.seed("INBOX", &[Mail::new(&format!("m{number}"))]);
        // No terminal, next to no environment, a mask that lets others read, and a home that only the system knows.
        let source = "umask 0; script=$1; shift; exec \"$0\" \"$script\"";
        Script::command(&["-c", source, env!("CARGO_BIN_EXE_imapscript"), "script.lua"])
            .program("/bin/sh")
            .script(r#"$LOGIN:mailbox("INBOX"):all():move("Old", { limit = 9 })"#)
            .on(&server)
            .home(home.path())
            .env("TMPDIR", "$DIR/tmp")
            .env("PATH", "")
            .run();
        let mut found = BTreeSet::new();
        files(home.path(), &mut found);
        let size = found.iter().map(|file| fs::metadata(file).unwrap().len()).sum::<u64>();
        (found, size)
    };
    for number in 0..3 {
        run(number);
    }
    let (first, before) = run(3);
    let mut last = (first.clone(), before);
    for number in 4..runs() {
        last = run(number);
    }
    assert_eq!(last.0, first);
    // What the journal must know of a run that moved one message is small.
    let grown = last.1.saturating_sub(before) / u64::try_from(runs()).unwrap();
    assert!(grown < 2500, "{grown} bytes a run");
    for file in &first {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(file).unwrap().permissions().mode();
        let is_ours = file.starts_with(home.path().join("state"));
        assert!(!is_ours || mode % 0o100 == 0, "{} can be read by others: {mode:o}", file.display());
    }
    assert_eq!(server.snapshot().subjects("Old").len(), runs());
}
