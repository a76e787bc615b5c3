//! Runs a script with the real program and says what must come of it.
//!
//! ```ignore
//! Script::new("local acc = $LOGIN …").on(&server).stdout("moved 1 message\n").mailbox("INBOX", &["b"]).run();
//! ```

use crate::{output::Output, server::Server, snapshot::Snapshot};
use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::Receiver,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// No run takes longer, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run under construction: the script, its surroundings and what is expected.
///
/// In the script, and in `args`, `$HOST $PORT $USER $PASSWORD $TLS $CA` stand for the server's, `$LOGIN` for the whole
/// call of `login`, `$KEYED` for the same with the password from the environment, so that commands without a script can
/// log in again, and `$DIR` for the run's own directory, which is also its home.
#[derive(Default)]
pub(crate) struct Script<'a> {
    source: String,
    program: Option<String>,
    command: Vec<String>,
    home: Option<PathBuf>,
    server: Option<&'a Server>,
    other: Option<&'a Server>,
    options: Vec<String>,
    args: Vec<String>,
    accounts: Option<String>,
    stdin: Vec<u8>,
    env: Vec<(String, String)>,
    status: Option<i32>,
    stdout: Option<String>,
    stderr: Option<String>,
    stderr_parts: Vec<String>,
    mailboxes: Vec<(String, Vec<String>)>,
    untouched: bool,
    complete: bool,
    scriptless: bool,
}

impl<'a> Script<'a> {
    pub(crate) fn new(source: &str) -> Self {
        Self { source: source.into(), ..Self::default() }
    }

    /// Runs another program than imapscript, to test the harness itself.
    pub(crate) fn program(mut self, program: &str) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Runs one of imapscript's commands, such as `undo`, and no script.
    pub(crate) fn command(words: &[&str]) -> Self {
        Self { command: words.iter().map(ToString::to_string).collect(), ..Self::default() }
    }

    /// Gives a command a script, which it finds as `script.lua`.
    pub(crate) fn script(mut self, source: &str) -> Self {
        self.source = source.into();
        self
    }

    /// Leaves it to the arguments to name the script.
    pub(crate) fn without_script(mut self) -> Self {
        self.scriptless = true;
        self
    }

    /// Runs in a directory that other runs had, or will have, as their home. By default each has one of its own.
    pub(crate) fn home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    pub(crate) fn on(mut self, server: &'a Server) -> Self {
        self.server = Some(server);
        self
    }

    /// Gives the script another account, which it logs in to with `$OTHER`.
    pub(crate) fn and(mut self, other: &'a Server) -> Self {
        self.other = Some(other);
        self
    }

    /// Adds options, which come before the script.
    pub(crate) fn options(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(ToString::to_string));
        self
    }

    /// Adds arguments, which come after the script.
    pub(crate) fn args(mut self, args: &[impl ToString]) -> Self {
        self.args.extend(args.iter().map(ToString::to_string));
        self
    }

    /// Gives it an accounts file that nobody else can read. `$SERVER` stands for the settings of the server's account but
    /// the password, one a line.
    pub(crate) fn accounts(mut self, text: &str) -> Self {
        self.accounts = Some(text.into());
        self
    }

    pub(crate) fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Expects an exit code; 0 unless said otherwise.
    pub(crate) fn status(mut self, status: i32) -> Self {
        self.status = Some(status);
        self
    }

    /// Expects the whole standard output, as redacted by [`Output`].
    pub(crate) fn stdout(mut self, text: &str) -> Self {
        self.stdout = Some(text.into());
        self
    }

    /// Expects the whole standard error, as redacted by [`Output`].
    pub(crate) fn stderr(mut self, text: &str) -> Self {
        self.stderr = Some(text.into());
        self
    }

    /// Expects a part of standard error.
    /// What is told of moves on a server that can't remove single messages, after `on`: how many messages of which
    /// mailbox stay marked. On any other server, nothing is told.
    pub(crate) fn holding(self, held: &[(&str, &str)]) -> Self {
        if self.server.is_none_or(Server::can_remove) {
            return self.stderr("");
        }
        let line = |(count, mailbox): &(&str, &str)| {
            format!("error: {count} of {mailbox} could only be copied and marked \\Deleted\n")
        };
        let lines: Vec<_> = held.iter().map(line).collect();
        self.status(8).stderr(&lines.concat())
    }

    pub(crate) fn stderr_contains(mut self, part: &str) -> Self {
        self.stderr_parts.push(part.into());
        self
    }

    /// Expects the subjects in a mailbox after the run, in any order.
    pub(crate) fn mailbox(mut self, mailbox: &str, subjects: &[&str]) -> Self {
        let mut subjects: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        subjects.sort_unstable();
        self.mailboxes.push((mailbox.into(), subjects));
        self
    }

    /// Expects that the run changes nothing at all in the account.
    pub(crate) fn changes_nothing(mut self) -> Self {
        self.untouched = true;
        self
    }

    /// Expects that every message exists as often after the run as before it, wherever it is.
    pub(crate) fn loses_nothing(mut self) -> Self {
        self.complete = true;
        self
    }

    /// Runs the program to its end and checks all that is expected.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        let before = (self.untouched || self.complete).then(|| self.inspect());
        let output = self.spawn().finish();
        assert_eq!(output.status, Some(self.status.unwrap_or(0)), "the exit code of {output}");
        if let Some(expected) = &self.stdout {
            assert!(output.stdout == *expected, "standard output is not\n{expected}\nbut {output}");
        }
        if let Some(expected) = &self.stderr {
            assert!(output.stderr == *expected, "standard error is not\n{expected}\nbut {output}");
        }
        for part in &self.stderr_parts {
            assert!(output.stderr.contains(part), "standard error lacks `{part}`: {output}");
        }
        let Some(after) = (before.is_some() || !self.mailboxes.is_empty()).then(|| self.inspect()) else {
            return output;
        };
        for (mailbox, subjects) in &self.mailboxes {
            assert_eq!(&after.subjects(mailbox), subjects, "{mailbox} after {output}");
        }
        if let Some(before) = before {
            assert_eq!(before.digests(), after.digests(), "all messages, before and after {output}");
            assert!(!self.untouched || before == after, "before:\n{before:#?}\nafter:\n{after:#?}\n{output}");
        }
        output
    }

    /// Starts the program and lets the test do something meanwhile. What is expected is not checked.
    pub(crate) fn spawn(&self) -> Running {
        let own = self.home.is_none().then(|| TempDir::new().unwrap());
        let directory = own.as_ref().map(TempDir::path).or(self.home.as_deref()).unwrap().to_owned();
        let home = directory.as_path();
        let script = home.join("script.lua");
        fs::write(&script, self.filled(&self.source, home)).unwrap();
        if let Some(text) = &self.accounts {
            let file = home.join("config/imapscript/accounts.toml");
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, self.filled(text, home)).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let mut command = Command::new(self.program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_imapscript")));
        command.args(&self.command);
        command.args(self.options.iter().map(|option| self.filled(option, home)));
        if self.command.is_empty() && !self.scriptless {
            command.arg(&script);
        }
        command.args(self.args.iter().map(|argument| self.filled(argument, home)));
        command
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/bin:/bin")
            .env("TZ", "UTC")
            .env("LANG", "C.UTF-8")
            .env("PASSWORD", self.server.map(|server| server.password.as_str()).unwrap_or_default());
        for (variable, place) in [
            ("CONFIG", "config"),
            ("STATE", "state"),
            ("CACHE", "cache"),
            ("DATA", "data"),
            ("RUNTIME", "run"),
        ] {
            let suffix = if variable == "RUNTIME" { "DIR" } else { "HOME" };
            command.env(format!("XDG_{variable}_{suffix}"), home.join(place));
        }
        command.envs(self.env.iter().map(|(name, value)| (name, self.filled(value, home)))).current_dir(home);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut stdin, bytes) = (child.stdin.take().unwrap(), self.stdin.clone());
        // A program that does not read its input is no fault of the harness.
        thread::spawn(move || stdin.write_all(&bytes).ok());
        let streams = [collect(child.stdout.take().unwrap()), collect(child.stderr.take().unwrap())];
        Running {
            child,
            streams: Some(streams),
            directory,
            _own: own,
            servers: [("", self.server), ("OTHER_", self.other)]
                .into_iter()
                .filter_map(|(name, server)| Some((name, server?)))
                .map(|(name, server)| (name, server.address.port(), server.user.clone()))
                .collect(),
        }
    }

    fn inspect(&self) -> Snapshot {
        self.server.expect("`on(&server)` says whose mailboxes").snapshot()
    }

    /// Text with its placeholders filled in.
    fn filled(&self, text: &str, home: &Path) -> String {
        let text = text.replace("$DIR", home.to_str().unwrap());
        let Some(server) = self.server else {
            return text;
        };
        let text = match self.other {
            Some(other) => {
                let keyed =
                    log_in(other).replace(&format!("\"{}\"", other.password), "secret.env \"PASSWORD\"");
                text.replace("$KEYED_OTHER", &keyed).replace("$OTHER", &log_in(other))
            }
            None => text,
        };
        let ca_file = server.ca_file.as_ref().map(|path| path.to_str().unwrap());
        let login = |password: &str| log_in(server).replace(&format!("\"{}\"", server.password), password);
        let settings = log_in(server).replace(&format!(", password = \"{}\"", server.password), "");
        let settings = settings.trim_start_matches("login { ").trim_end_matches(" }").replace(", ", "\n");
        text.replace("$SERVER", &settings)
            .replace("$LOGIN", &log_in(server))
            .replace("$KEYED", &login("secret.env \"PASSWORD\""))
            .replace("$HOST", &server.address.ip().to_string())
            .replace("$PORT", &server.address.port().to_string())
            .replace("$TLS", server.tls.name())
            .replace("$USER", &server.user)
            .replace("$PASSWORD", &server.password)
            .replace("$CA", ca_file.unwrap_or_default())
    }
}

/// The call of `login` for a server's account.
fn log_in(server: &Server) -> String {
    let Server { address, tls, user, password, ca_file, compress, .. } = server;
    let trust = ca_file.as_ref().map(|path| format!(", ca_file = \"{}\"", path.display()));
    format!(
        "login {{ host = \"{}\", port = {}, tls = \"{}\", user = \"{user}\", password = \"{password}\"{}{} }}",
        address.ip(),
        address.port(),
        tls.name(),
        trust.unwrap_or_default(),
        if *compress { ", compress = true" } else { "" }
    )
}

fn collect(mut stream: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = vec![];
        stream.read_to_end(&mut bytes).ok();
        bytes
    })
}

/// A run under way. It is killed when its value is dropped.
pub(crate) struct Running {
    child: Child,
    streams: Option<[JoinHandle<Vec<u8>>; 2]>,
    directory: PathBuf,
    /// The directory, where it ends with the run.
    _own: Option<TempDir>,
    /// What the output calls each server, and its port and user, which no two runs have in common.
    servers: Vec<(&'static str, u16, String)>,
}

impl Running {
    /// Sends a signal, such as `INT` for Ctrl-C.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until the run has made a file. One that ends without it fails.
    #[track_caller]
    pub(crate) fn until(self, made: &Path) -> Self {
        while !made.exists() {
            assert!(!self.has_ended(), "{}", self.finish());
            thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Tells whether it has come to its end.
    pub(crate) fn has_ended(&self) -> bool {
        let status = Path::new("/proc").join(self.child.id().to_string()).join("stat");
        fs::read_to_string(status).is_ok_and(|text| text.contains(") Z "))
    }

    /// Waits for somebody to ask for the run to be killed and does so, as `kill -9` does it; or waits for its end.
    pub(crate) fn kill_when_asked(&mut self, asked: &Receiver<()>) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && self.child.try_wait().unwrap().is_none() {
            if asked.recv_timeout(Duration::from_millis(3)).is_ok() {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
            }
        }
    }

    /// Waits for the end; a run that hangs is killed and fails.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Output {
        let deadline = Instant::now() + PATIENCE;
        let mut status = None;
        while status.is_none() && Instant::now() < deadline {
            status = self.child.try_wait().unwrap();
            thread::sleep(Duration::from_millis(3));
        }
        if status.is_none() {
            self.child.kill().unwrap();
        }
        let [stdout, stderr] = self.streams.take().unwrap().map(|stream| stream.join().unwrap());
        let output = Output::new(
            &stdout,
            &stderr,
            status.and_then(|status| status.code()),
            &self.directory,
            &self.servers,
        );
        assert!(status.is_some(), "killed after {PATIENCE:?}: {output}");
        output
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
