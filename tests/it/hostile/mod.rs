//! Bad input of every kind: one clear error, the right exit code, in time, and nothing changed on the server.
//!
//! Each case is the real program with a short script against a server that says exactly what the case needs. A run that
//! would hang ends with its time-out's message instead of the expected one, so that no test looks at a clock.

use crate::{
    conversation::parts,
    harness::Script,
    output::Output,
    scripted::{Received, Scripted},
    server::{Server, Tls},
};

mod across;
mod compression;
mod data;
mod floods;
mod greeting;
mod interrupt;
mod moves;
mod names;
mod reach;
mod refusals;
mod rungs;
mod sasl;
mod saved_results;
mod scripts;
mod secrets;
mod strings;
mod tls;
mod untagged;
mod validity;

/// Commands that change something on a server.
const CHANGES: [&str; 13] = [
    "UID STORE",
    "UID MOVE",
    "UID COPY",
    "UID EXPUNGE",
    "STORE",
    "MOVE",
    "COPY",
    "EXPUNGE",
    "CLOSE",
    "APPEND",
    "CREATE",
    "DELETE",
    "RENAME",
];

/// Logs in and searches.
const SEARCH: &str = r#"print(#$LOGIN:mailbox("INBOX"):search { seen = false })"#;

/// Goes through every phase of a session, and prints what it found.
const WALK: &str = r#"
local account = $LOGIN
local found = account:select("INBOX"):search { seen = false }
for message in found:messages() do print(message.uid, message.subject) end
print(#found:move("Archive").moved)
account:logout()
"#;

/// What `WALK` prints where all goes well.
const WALKED: &str = "1\tCanned 1\n2\tCanned 2\n3\tCanned 3\n\
    $USER@127.0.0.1: moved 3 messages from INBOX to Archive\n3\n";

/// What `WALK`'s server must offer.
const MOVES: &str = "IMAP4rev1 UIDPLUS MOVE";

/// A case under construction: a server, and a script that meets it.
struct Case {
    scripted: Scripted,
    source: String,
    tls: Tls,
    /// The script asks for compression.
    compress: bool,
    seconds: u32,
    env: Option<(&'static str, &'static str)>,
    /// The script is meant to change something.
    changes: bool,
}

impl Case {
    /// Runs `SEARCH` in plain text unless told otherwise.
    fn new(scripted: Scripted) -> Self {
        Self {
            scripted,
            source: SEARCH.into(),
            tls: Tls::None,
            compress: false,
            seconds: 20,
            env: None,
            changes: false,
        }
    }

    fn script(mut self, source: &str) -> Self {
        self.source = source.into();
        self
    }

    fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    fn compressed(mut self) -> Self {
        self.compress = true;
        self
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env = Some((name, value));
        self
    }

    /// Says that the time-out is what the case is about, so that it is short.
    fn silent(mut self) -> Self {
        self.seconds = 1;
        self
    }

    /// Says that commands which change something are the point.
    fn changes(mut self) -> Self {
        self.changes = true;
        self
    }

    /// Runs it; it must end with this exit code.
    #[track_caller]
    fn run(self, status: i32) -> Ended {
        let server = self.scripted.start();
        let mut account = Server::at(server.address, self.tls);
        account.compress = self.compress;
        let mut script = Script::new(&self.source)
            .on(&account)
            .options(&["--timeout", &self.seconds.to_string()])
            .status(status);
        if let Some((name, value)) = self.env {
            script = script.env(name, value);
        }
        let output = script.run();
        server.drain();
        let received = server.finish();
        let ended = Ended { output, received };
        ended.check_decency();
        for command in &ended.received {
            let login = ["LOGIN", "AUTHENTICATE"].contains(&verb(command).as_str());
            assert!(
                !login || command.secure || account.tls == Tls::None,
                "a login in the clear: {command:?}"
            );
        }
        if !self.changes {
            ended.changed_nothing();
        }
        ended
    }

    /// Runs it; it must fail with this exit code and, in its first line, this message.
    #[track_caller]
    fn fails(self, status: i32, message: &str) -> Ended {
        self.run(status).said(message)
    }

    /// Runs it; it must go well and print this.
    #[track_caller]
    fn prints(self, text: &str) -> Ended {
        let ended = self.run(0);
        assert_eq!(ended.output.stdout, text, "of {}", ended.output);
        assert_eq!(ended.output.stderr, "", "of {}", ended.output);
        ended
    }
}

/// A case that has ended.
struct Ended {
    output: Output,
    received: Vec<Received>,
}

fn verb(command: &Received) -> String {
    parts(&command.text).1
}

impl Ended {
    fn verbs(&self) -> Vec<String> {
        self.received.iter().map(verb).collect()
    }

    /// Whether a command of this verb came.
    fn got(&self, verb: &str) -> bool {
        self.verbs().iter().any(|got| got == verb)
    }

    #[track_caller]
    fn changed_nothing(&self) {
        let changed: Vec<_> =
            self.received.iter().filter(|it| CHANGES.contains(&verb(it).as_str())).collect();
        assert!(changed.is_empty(), "{changed:?} of {}", self.output);
    }

    /// Checks that the error is this message, and the only one.
    #[track_caller]
    fn said(self, message: &str) -> Self {
        let first = self.output.stderr.lines().next().unwrap_or_default();
        assert_eq!(first, format!("error: {message}"), "of {}", self.output);
        let errors = self.output.stderr.lines().filter(|line| line.starts_with("error")).count();
        assert_eq!(errors, 1, "errors in {}", self.output);
        self
    }

    /// Checks that the error begins like this, and is the only one.
    #[track_caller]
    fn said_like(self, start: &str) -> Self {
        let first = self.output.stderr.lines().next().unwrap_or_default().to_owned();
        assert!(first.starts_with(&format!("error: {start}")), "not `{start}…` but {}", self.output);
        self.said(&first["error: ".len()..])
    }

    /// Checks that standard error has this part.
    #[track_caller]
    fn hinting(self, part: &str) -> Self {
        assert!(self.output.stderr.contains(part), "`{part}` is not in {}", self.output);
        self
    }

    /// Checks standard output.
    #[track_caller]
    fn printing(self, text: &str) -> Self {
        assert_eq!(self.output.stdout, text, "of {}", self.output);
        self
    }

    /// Checks what holds whatever happened: no panic, no control characters, no word about Rust's insides.
    #[track_caller]
    fn check_decency(&self) {
        let Output { stdout, stderr, .. } = &self.output;
        for word in ["panicked", "RUST_BACKTRACE", "a defect of imapscript", "unwrap", "Os {", "Error {"] {
            assert!(!stderr.contains(word), "`{word}` in {}", self.output);
        }
        for text in [stdout, stderr] {
            let control = |c: char| c.is_control() && c != '\n' && c != '\t';
            assert!(!text.contains(control), "a control character in {stdout:?} {stderr:?}");
        }
    }
}
