//! A server that says exactly what a test tells it to.

use crate::{
    certificates::Certificate,
    conversation::{self, parts},
};
use native_tls::Protocol;
use regex::Regex;
use std::{
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// No test needs more connections than this, so a client that reconnects for ever is found out.
const CONNECTIONS: usize = 16;

/// One thing that the server does.
pub(crate) enum Step {
    Send { bytes: Vec<u8>, times: usize },
    Trickle(Vec<u8>),
    Expect { pattern: Regex, answer: String },
    Handshake,
    Serve { until: Option<String> },
    Stall,
    Pause,
}

/// What each connection to the server goes through; it is closed after the last step.
pub(crate) struct Scripted {
    pub(crate) steps: Vec<Step>,
    pub(crate) overrides: Vec<(String, Vec<u8>)>,
    pub(crate) interjections: Vec<(Option<String>, Vec<u8>)>,
    pub(crate) capabilities: String,
    pub(crate) certificate: Certificate,
    pub(crate) newest: Option<Protocol>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self {
            steps: vec![],
            overrides: vec![],
            interjections: vec![],
            capabilities: "IMAP4rev1".into(),
            certificate: Certificate::Good,
            newest: None,
        }
    }

    /// Sets what `greet` and the standard answers offer.
    pub(crate) fn capabilities(mut self, capabilities: &str) -> Self {
        self.capabilities = capabilities.into();
        self
    }

    /// Sets what is shown at the handshake.
    pub(crate) fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// Speaks TLS 1.2 at most.
    pub(crate) fn no_tls_1_3(mut self) -> Self {
        self.newest = Some(Protocol::Tlsv12);
        self
    }

    /// Sends bytes; `{tag}` stands for the tag of the command read last.
    pub(crate) fn send(self, bytes: impl AsRef<[u8]>) -> Self {
        self.flood(bytes, 1)
    }

    /// Sends bytes again and again, until the client is gone if need be.
    pub(crate) fn flood(self, bytes: impl AsRef<[u8]>, times: usize) -> Self {
        let bytes = bytes.as_ref().to_vec();
        self.step(Step::Send { bytes, times })
    }

    /// Sends bytes one by one.
    pub(crate) fn trickle(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Trickle(bytes.as_ref().to_vec()))
    }

    /// Reads a command, literals included, which must match, and answers; `{tag}` stands for its tag.
    pub(crate) fn expect(self, pattern: &str, answer: &str) -> Self {
        let pattern = Regex::new(pattern).unwrap();
        self.step(Step::Expect { pattern, answer: answer.into() })
    }

    /// Starts TLS: first of all for implicit TLS, after the answer to STARTTLS otherwise.
    pub(crate) fn handshake(self) -> Self {
        self.step(Step::Handshake)
    }

    /// Greets with the capabilities.
    pub(crate) fn greet(self) -> Self {
        let greeting = format!("* OK [CAPABILITY {}] scripted\r\n", self.capabilities);
        self.send(greeting)
    }

    /// Gives the standard answers until the client leaves.
    pub(crate) fn serve(self) -> Self {
        self.step(Step::Serve { until: None })
    }

    /// Gives the standard answers until a command comes, such as `UID MOVE`, which the next step answers.
    pub(crate) fn serve_until(self, verb: &str) -> Self {
        self.step(Step::Serve { until: Some(verb.into()) })
    }

    /// Replaces the standard answer to a command; `{tag}` stands for its tag.
    pub(crate) fn on(mut self, verb: &str, answer: impl AsRef<[u8]>) -> Self {
        self.overrides.push((verb.into(), answer.as_ref().to_vec()));
        self
    }

    /// Says something uncalled-for during each command that `serve` answers: before the answer, and again before its
    /// tagged end.
    pub(crate) fn interject(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.interjections.push((None, bytes.as_ref().to_vec()));
        self
    }

    /// Does the same during one command only.
    pub(crate) fn interject_in(mut self, verb: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.interjections.push((Some(verb.into()), bytes.as_ref().to_vec()));
        self
    }

    /// Says nothing more, until the client leaves.
    pub(crate) fn stall(self) -> Self {
        self.step(Step::Stall)
    }

    /// Says nothing until [`ScriptedServer::go_on`].
    pub(crate) fn pause(self) -> Self {
        self.step(Step::Pause)
    }

    /// Starts to listen on a loopback port.
    pub(crate) fn start(self) -> ScriptedServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (script, state) = (Arc::new(self), Arc::clone(&shared));
        let listening = thread::spawn(move || listen(&listener, &script, &state));
        ScriptedServer { address, shared, listening: Some(listening) }
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

/// A command as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Without the last CRLF, with its literals in place.
    pub(crate) text: String,
    /// Whether it came over TLS.
    pub(crate) secure: bool,
}

/// What the connections and the test both see.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) received: Mutex<Vec<Received>>,
    pub(crate) complaints: Mutex<Vec<String>>,
    sockets: Mutex<Vec<TcpStream>>,
    pub(crate) ending: AtomicBool,
    pub(crate) going_on: AtomicBool,
    /// How many connections are being played.
    playing: AtomicUsize,
}

/// A listening scripted server, which ends with its value.
pub(crate) struct ScriptedServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

impl ScriptedServer {
    /// All commands so far, of all connections.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// The verbs so far: `["CAPABILITY", "LOGIN", "UID SEARCH"]`.
    pub(crate) fn verbs(&self) -> Vec<String> {
        self.received().iter().map(|command| parts(&command.text).1).collect()
    }

    /// Waits until a command has come.
    pub(crate) fn wait_for(&self, verb: &str) {
        self.wait_until(verb, || self.verbs().iter().any(|seen| seen == verb));
    }

    /// Waits until a client has connected.
    pub(crate) fn wait_for_connection(&self) {
        self.wait_until("connection", || !self.shared.sockets.lock().unwrap().is_empty());
    }

    /// Ends every pause.
    pub(crate) fn go_on(&self) {
        self.shared.going_on.store(true, SeqCst);
    }

    fn wait_until(&self, what: &str, come: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !come() {
            assert!(Instant::now() < deadline, "no {what} came, only {:?}", self.received());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until all that a client sent before it left has been read.
    pub(crate) fn drain(&self) {
        self.wait_until("end of the connections", || self.shared.playing.load(SeqCst) == 0);
    }

    /// Ends the server and fails if a command did not match what the script expected.
    pub(crate) fn finish(mut self) -> Vec<Received> {
        self.end();
        let complaints = self.shared.complaints.lock().unwrap();
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
        self.received()
    }

    fn end(&mut self) {
        self.shared.ending.store(true, SeqCst);
        for stream in self.shared.sockets.lock().unwrap().iter() {
            stream.shutdown(Shutdown::Both).ok();
        }
        if let Some(listening) = self.listening.take() {
            TcpStream::connect(self.address).ok();
            listening.join().ok();
        }
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.end();
    }
}

fn listen(listener: &TcpListener, script: &Arc<Scripted>, shared: &Arc<Shared>) {
    let mut connections = vec![];
    while let Ok((stream, _)) = listener.accept() {
        if shared.ending.load(SeqCst) {
            break;
        }
        if connections.len() == CONNECTIONS {
            shared.complaints.lock().unwrap().push(format!("more than {CONNECTIONS} connections"));
            break;
        }
        shared.sockets.lock().unwrap().push(stream.try_clone().unwrap());
        let (script, shared) = (Arc::clone(script), Arc::clone(shared));
        shared.playing.fetch_add(1, SeqCst);
        connections.push(thread::spawn(move || {
            conversation::play(stream, script, Arc::clone(&shared));
            shared.playing.fetch_sub(1, SeqCst);
        }));
    }
    for connection in connections {
        connection.join().ok();
    }
}
