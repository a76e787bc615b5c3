//! A terminal of its own for a program under test, with a keyboard and a screen that the test has.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Nothing takes longer to appear, or it never does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program at a terminal. It is killed when its value is dropped.
pub(crate) struct Terminal {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    /// What has appeared, without what moves the cursor, and up to where it was looked at.
    shown: String,
    seen: usize,
    pub(crate) child: Child,
}

impl Terminal {
    /// Starts imapscript with these arguments.
    pub(crate) fn start(arguments: &[&str], home: &Path) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let open = || Stdio::from(OpenOptions::new().read(true).write(true).open(&name).unwrap());
        let child = Command::new("setsid")
            .arg("--ctty")
            .arg(env!("CARGO_BIN_EXE_imapscript"))
            .args(arguments)
            .env_clear()
            .envs([("HOME", home.to_str().unwrap()), ("PATH", "/usr/bin:/bin"), ("TZ", "UTC")])
            .envs([("TERM", "xterm"), ("LANG", "C.UTF-8"), ("NO_COLOR", "1")])
            .current_dir(home)
            .stdin(open())
            .stdout(open())
            .stderr(open())
            .spawn()
            .unwrap();
        let master = File::from(master);
        let mut reading = master.try_clone().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The terminal is gone when the program has ended.
            while let Ok(count @ 1..) = reading.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { keyboard: master, screen, shown: String::new(), seen: 0, child }
    }

    /// Presses keys.
    pub(crate) fn types(&mut self, keys: &str) -> &mut Self {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Waits for a text to appear after what was waited for before.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return self;
            }
            match self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.shown.push_str(&plain(&String::from_utf8_lossy(&bytes))),
                Err(why) => panic!("`{text}` does not appear ({why}) after\n{}", self.shown),
            }
        }
    }

    /// Waits for the prompt, with nothing behind it.
    #[track_caller]
    pub(crate) fn prompts(&mut self) -> &mut Self {
        let deadline = Instant::now() + PATIENCE;
        while self.shown.len() == self.seen || !self.shown.ends_with("\n> ") {
            match self.screen.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.shown.push_str(&plain(&String::from_utf8_lossy(&bytes))),
                Err(why) => panic!("no prompt appears ({why}) after\n{}", self.shown),
            }
        }
        self.seen = self.shown.len();
        self
    }

    /// All that has appeared when the program has ended.
    #[track_caller]
    pub(crate) fn whole(&mut self) -> &str {
        self.ends();
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.shown.push_str(&plain(&String::from_utf8_lossy(&bytes)));
        }
        &self.shown
    }

    /// Waits for the program's end and gives its exit code.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(3));
        }
        panic!("it does not end after\n{}", self.shown);
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Takes out what moves the cursor and sets colours.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\u{1b}' => {
                if signs.next_if_eq(&'[').is_some() {
                    while signs.next().is_some_and(|sign| !sign.is_ascii_alphabetic()) {}
                }
            }
            '\r' | '\u{7}' => {}
            sign => out.push(sign),
        }
    }
    out
}
