//! One configuration, run by both programs.

use super::server;
use crate::{harness::Script, output::Output, server::Server, snapshot::Snapshot};
use std::{path::Path, process::Command};
use tempfile::TempDir;

/// What stands before each configuration. Both write what they did in words of their own: that is switched off.
const BEFORE: &str = "options.starttls = false\noptions.info = false\n\
                      account = IMAP { server = '$HOST', port = $PORT, username = '$USER', password = '$PASSWORD' }\n";

/// A configuration under comparison.
#[derive(Default)]
pub(super) struct Case {
    source: String,
    args: Vec<String>,
    stdin: String,
    prepare: Vec<fn(&Server)>,
    env: Vec<(String, String)>,
    /// What a shell does in the run's home before it.
    shell: String,
    /// Standard output is no data.
    mail_only: bool,
}

/// What came of a run.
pub(super) struct Ran {
    pub(super) output: Output,
    pub(super) after: Snapshot,
}

impl Case {
    pub(super) fn new(source: &str) -> Self {
        let args = ["-c", "$DIR/script.lua"].map(str::to_owned).to_vec();
        Self { source: format!("{BEFORE}{source}"), args, ..Self::default() }
    }

    /// Makes one without anything before it.
    pub(super) fn bare(source: &str) -> Self {
        Self { source: source.into(), ..Self::new("") }
    }

    /// Runs it with these options and no others.
    pub(super) fn only_args(self, args: &[&str]) -> Self {
        Self { args: vec![], ..self }.args(args)
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Lets a shell make files in the run's home.
    pub(super) fn shell(self, commands: &str) -> Self {
        Self { shell: commands.into(), ..self }
    }

    /// Compares mailboxes and exit codes alone.
    pub(super) fn mail_only(self) -> Self {
        Self { mail_only: true, ..self }
    }

    /// Adds options.
    pub(super) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    pub(super) fn stdin(mut self, text: &str) -> Self {
        self.stdin = text.into();
        self
    }

    /// Does something to the account before the run.
    pub(super) fn prepare(mut self, with: fn(&Server)) -> Self {
        self.prepare.push(with);
        self
    }

    /// Runs it with imapscript.
    #[track_caller]
    pub(super) fn ours(&self) -> Ran {
        self.run(&["imapfilter"], None)
    }

    /// Runs it with imapfilter.
    #[track_caller]
    pub(super) fn theirs(&self) -> Ran {
        let program = "/usr/bin/imapfilter";
        assert!(
            Path::new(program).exists(),
            "imapfilter is not installed: run ./tests/run, which installs it"
        );
        self.run(&[], Some(program))
    }

    fn run(&self, words: &[&str], program: Option<&str>) -> Ran {
        let server = server();
        self.prepare.iter().for_each(|with| with(&server));
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let home = TempDir::new().unwrap();
        let shell = Command::new("/bin/sh").args(["-c", &self.shell]).env("HOME", home.path()).status();
        assert!(shell.unwrap().success());
        let mut script = Script::command(words).script(&self.source).on(&server).stdin(&self.stdin);
        script = script.home(home.path()).args(&args);
        for (name, value) in &self.env {
            script = script.env(name, value);
        }
        if let Some(program) = program {
            script = script.program(program).without_script();
        }
        let output = script.spawn().finish();
        Ran { output, after: server.snapshot() }
    }

    /// Runs it with both and fails where they differ.
    #[track_caller]
    pub(super) fn compare(&self) {
        let (ours, theirs) = (self.ours(), self.theirs());
        let both = format!("{}\nours: {}\ntheirs: {}", self.source, ours.output, theirs.output);
        assert_eq!(ours.output.status, theirs.output.status, "the exit code of {both}");
        assert!(self.mail_only || ours.output.stdout == theirs.output.stdout, "standard output of {both}");
        assert_eq!(mail(&ours.after), mail(&theirs.after), "the mailboxes after {both}");
    }
}

/// What is compared of mailboxes: for each message its mailbox, its Message-ID, and its flags.
pub(super) fn mail(snapshot: &Snapshot) -> Vec<(&str, &str, String)> {
    let each = snapshot.mailboxes.iter().flat_map(|(mailbox, messages)| {
        messages.iter().map(move |seen| (mailbox.as_str(), seen.id.as_str(), seen.flags.join(" ")))
    });
    let mut all: Vec<_> = each.collect();
    // Mailboxes count even when they are empty.
    all.extend(snapshot.mailboxes.keys().map(|mailbox| (mailbox.as_str(), "", String::new())));
    all.sort();
    all
}
