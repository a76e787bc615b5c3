use std::cell::Cell;
use std::io::{self, ErrorKind as IoKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// How long a connection waits for the other side.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For each address of the host, to accept.
    pub connect: Duration,
    /// For the next byte.
    pub read: Duration,
    /// For the line to take bytes.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            read: Duration::from_secs(120),
            write: Duration::from_secs(60),
        }
    }
}

impl Timeouts {
    /// Makes all of them the same.
    pub fn all(time: Duration) -> Self {
        Self { connect: time, read: time, write: time }
    }
}

/// A flag that Ctrl-C raises. Everything that waits looks at it; nothing ever lowers it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Raises the flag.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Takes it down again. Nothing that has seen it raised, or should have, may still be at work.
    pub fn lower(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Gives the flag itself, for what can only set one.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Tells whether it is raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How a socket's reads behave at the moment. Shared with the guard, which sits above TLS.
#[derive(Clone, Debug, Default)]
pub(super) struct Mood(Rc<MoodCells>);

#[derive(Debug, Default)]
struct MoodCells {
    /// Reads return at once, with `WouldBlock` where there is nothing.
    polling: Cell<bool>,
    /// An interrupt doesn't end the wait: a command that changes mail is on its way.
    steadfast: Cell<bool>,
}

impl Mood {
    pub(super) fn set_polling(&self, on: bool) {
        self.0.polling.set(on);
    }

    pub(super) fn set_steadfast(&self, on: bool) {
        self.0.steadfast.set(on);
    }
}

/// How often a waiting read looks at the interrupt flag.
const SLICE: Duration = Duration::from_millis(100);

/// A TCP connection whose reads end at the time-out or at an interrupt, whichever comes first.
///
/// Errors are this crate's own, carried inside `io::Error`.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    timeouts: Timeouts,
    interrupt: Interrupt,
    mood: Mood,
    /// When a read first found the interrupt raised.
    raised: Option<Instant>,
}

impl Socket {
    /// Connects to the first address of `host` that answers, trying each for `timeouts.connect`.
    pub(super) fn connect(host: &str, port: u16, timeouts: Timeouts, interrupt: Interrupt) -> Result<Self> {
        let unknown = |cause: String| ErrorKind::HostUnknown { host: host.to_owned(), cause };
        let addresses: Vec<_> =
            (host, port).to_socket_addrs().map_err(|cause| unknown(cause.to_string()))?.collect();
        if addresses.is_empty() {
            return Err(unknown("it has no address".to_owned()).into());
        }
        let mut causes = Vec::new();
        for address in addresses {
            if interrupt.is_raised() {
                return Err(ErrorKind::Interrupted.into());
            }
            match TcpStream::connect_timeout(&address, timeouts.connect) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(SLICE.min(timeouts.read)))?;
                    stream.set_write_timeout(Some(timeouts.write))?;
                    return Ok(Self { stream, timeouts, interrupt, mood: Mood::default(), raised: None });
                }
                Err(cause) if cause.kind() == IoKind::TimedOut => {
                    let seconds = timeouts.connect.as_secs_f32();
                    causes.push(format!("{address}: no answer within {seconds} seconds"));
                }
                Err(cause) => causes.push(format!("{address}: {cause}")),
            }
        }
        let cause = causes.join("; ");
        Err(ErrorKind::Connect { host: host.to_owned(), port, cause }.into())
    }

    pub(super) fn mood(&self) -> Mood {
        self.mood.clone()
    }

    fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised() && !self.mood.0.steadfast.get()
    }

    /// Acknowledges at once what has come. A server that holds a small answer back until the one before is
    /// acknowledged (Nagle's algorithm) waits 40 ms else, each time: Courier does, between the end of one APPEND and
    /// its go-ahead for the next.
    #[cfg(target_os = "linux")]
    fn acknowledge(&self) {
        // Where it fails it is only slower.
        rustix::net::sockopt::set_tcp_quickack(&self.stream, true).ok();
    }

    #[cfg(not(target_os = "linux"))]
    fn acknowledge(&self) {}

    fn poll(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_nonblocking(true)?;
        let result = self.stream.read(buffer);
        self.stream.set_nonblocking(false)?;
        result
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.mood.0.polling.get() {
            return self.poll(buffer);
        }
        let start = Instant::now();
        // A server that never stops talking would never let a read wait.
        if self.is_interrupted() && self.raised.get_or_insert(start).elapsed() >= SLICE {
            return Err(io::Error::other(Error::from(ErrorKind::Interrupted)));
        }
        self.acknowledge();
        loop {
            match self.stream.read(buffer) {
                Err(error) if error.kind() == IoKind::Interrupted => {}
                Err(error) if matches!(error.kind(), IoKind::WouldBlock | IoKind::TimedOut) => {
                    if self.is_interrupted() {
                        return Err(io::Error::other(Error::from(ErrorKind::Interrupted)));
                    }
                    if start.elapsed() >= self.timeouts.read {
                        return Err(timeout("answer", self.timeouts.read));
                    }
                }
                other => return other,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.write(bytes) {
            Err(error) if matches!(error.kind(), IoKind::WouldBlock | IoKind::TimedOut) => {
                Err(timeout("take our data", self.timeouts.write))
            }
            other => other,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

fn timeout(what: &'static str, time: Duration) -> io::Error {
    io::Error::other(Error::from(ErrorKind::Timeout { what, seconds: time.as_secs().max(1) }))
}
