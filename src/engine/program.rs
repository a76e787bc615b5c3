use std::io::{Read, Write as _};
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use super::world::Run;
use crate::error::{Error, ErrorKind, Result};

/// A program to run, without a shell.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name, or the path to it.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl Program {
    /// Takes a program and its arguments in one list. `None` where it is empty.
    pub fn new(words: Vec<String>) -> Option<Self> {
        let mut words = words.into_iter();
        Some(Self { name: words.next()?, arguments: words.collect() })
    }

    /// Runs it to its end, or until the user wants the whole run to end: then it is killed.
    ///
    /// Only the program itself is killed. A process group of its own would take its children along, but also
    /// keep what it starts (such as a PIN entry) from the terminal.
    ///
    /// Error: it can't be run, or the run was interrupted.
    pub fn carry_out(&self, stdin: Option<Vec<u8>>, run: &Run) -> Result<Output> {
        let failed = |error: std::io::Error| {
            let name = crate::error::visible(&self.name);
            Error::script(format!("the program `{name}` can't be run: {error}"), "check its name and PATH")
        };
        let input = if stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = Command::new(&self.name)
            .args(&self.arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        // Each pipe beside the others, so that neither side can wait for the other for ever. A program that
        // does not read all of its input is none of our business.
        if let Some((text, mut pipe)) = stdin.zip(child.stdin.take()) {
            std::thread::spawn(move || drop(pipe.write_all(&text)));
        }
        let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let mut pause = Duration::from_millis(1);
        let status = loop {
            let status = child.try_wait().map_err(failed)?;
            if let Some(status) = status.filter(|_| stdout.is_finished() && stderr.is_finished()) {
                break status;
            }
            if run.is_interrupted() {
                // Where it is gone already there is nothing to kill.
                let _ = child.kill();
                let _ = child.wait();
                return Err(ErrorKind::Interrupted.into());
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        };
        let text = |thread: JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
        Ok(Output { status, stdout: text(stdout), stderr: text(stderr) })
    }
}

/// Reads a pipe to its end.
fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is what there is.
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
