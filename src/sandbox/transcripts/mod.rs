//! Talks with the server over TCP, as transcripts: `C:` lines are sent, `S:` lines are expected, where
//! `…` stands for anything.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod gmail;
mod mailboxes;
mod messages;
mod oracle;
mod protocol;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Options, Sandbox, StoredMessage};
use crate::mail::Flag;

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(sandbox: &Sandbox) -> Self {
        let stream = TcpStream::connect(sandbox.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut client = Self { stream: BufReader::new(stream) };
        assert!(client.read().starts_with("* OK [CAPABILITY IMAP4rev1 "));
        client
    }

    fn login(sandbox: &Sandbox) -> Self {
        let mut client = Self::connect(sandbox);
        client.talk("C: l LOGIN jo secret\nS: l OK [CAPABILITY IMAP4rev1 …] Welcome");
        client
    }

    fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn read(&mut self) -> String {
        let mut line = Vec::new();
        assert_ne!(self.stream.read_until(b'\n', &mut line).unwrap(), 0, "the server hung up");
        String::from_utf8_lossy(line.strip_suffix(b"\r\n").unwrap_or(&line)).into_owned()
    }

    fn talk(&mut self, transcript: &str) {
        for line in transcript.lines().map(str::trim_start) {
            if let Some(sent) = line.strip_prefix("C:") {
                self.send(&format!("{}\r\n", sent.trim_start()));
            } else if let Some(expected) = line.strip_prefix("S:") {
                let (expected, got) = (expected.trim(), self.read());
                let got = got.trim();
                let matches = match expected.split_once('…') {
                    Some((start, end)) => got.starts_with(start) && got.ends_with(end),
                    None => got == expected,
                };
                assert!(matches, "expected {expected:?}, got {got:?} in\n{transcript}");
            } else {
                assert!(line.is_empty(), "{line:?}");
            }
        }
    }

    /// Opens a mailbox, and skips what it says about it.
    fn select(&mut self, mailbox: &str) {
        self.send(&format!("a SELECT {mailbox}\r\n"));
        while !self.read().starts_with("a OK") {}
    }

    fn ended(&mut self) -> bool {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).is_ok_and(|_| rest.is_empty())
    }
}

fn sandbox(without: &[&str]) -> Sandbox {
    let without = without.iter().map(ToString::to_string).collect();
    Sandbox::start(Options { without, ..Options::default() }).unwrap()
}

/// A sandbox with three small messages in jo's INBOX and a mailbox `Away`.
fn three(without: &[&str]) -> Sandbox {
    let sandbox = sandbox(without);
    for (n, flags) in [(1, vec![]), (2, vec![Flag::Seen]), (3, vec![Flag::Seen, Flag::Deleted])] {
        let raw = format!("From: a{n}@x.example\r\nSubject: no {n}\r\n\r\nbody {n}\r\n");
        let date = format!("2026-03-0{n}T12:00:00+01:00[+01:00]").parse().unwrap();
        sandbox.deliver("jo", "INBOX", raw.as_bytes(), &flags, &date).unwrap();
    }
    Client::login(&sandbox).talk("C: a CREATE Away\nS: a OK Created");
    sandbox
}

/// Gives the subjects of a mailbox's messages.
fn subjects(sandbox: &Sandbox, mailbox: &str) -> Vec<String> {
    let subject = |message: StoredMessage| {
        let raw = String::from_utf8_lossy(message.raw()).into_owned();
        raw.lines().find_map(|line| line.strip_prefix("Subject: ").map(str::to_owned)).unwrap_or_default()
    };
    sandbox.messages("jo", mailbox).into_iter().map(subject).collect()
}
