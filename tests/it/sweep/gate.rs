//! A gate between a client and a server, at which one thing goes wrong at a step that is said before.
//!
//! It knows as much of IMAP as tells commands, literals and responses apart. A step is a command's line, a literal, a
//! line that goes on after one, or a whole response. They are counted over all connections.

use super::{
    carrier::Carrier,
    fault::{Fault, Place, Step},
};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

/// In which order a flight of commands passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// All commands first, then what the server says to them: it may have done all of them when one answer is lost.
    Flight,
    /// Each command once the one before it is answered: it may have done none of those that come after.
    Single,
}

/// A listening gate. It ends with its value.
pub(crate) struct Gate {
    pub(crate) address: SocketAddr,
    /// Asks for the program to be killed. Whoever does so says by [`Gate::bury`] that it has ended.
    pub(crate) kills: Receiver<()>,
    shared: Arc<Shared>,
}

/// Numbers the source or the target anew.
pub(crate) type Rebuild = Arc<dyn Fn(Place) + Send + Sync>;

pub(super) struct Shared {
    pub(super) pace: Pace,
    rebuild: Rebuild,
    kills: Mutex<Sender<()>>,
    state: Mutex<State>,
    /// Something is over: a connection, or the program.
    over: Condvar,
}

#[derive(Default)]
struct State {
    /// What is to happen, and at which step.
    plan: Option<(usize, Fault)>,
    struck: bool,
    steps: Vec<Step>,
    /// Connections under way.
    open: usize,
    /// The program has ended.
    dead: bool,
    /// The gate has.
    ended: bool,
    /// Verbs of commands whose tagged OK the client was given.
    told: Vec<String>,
}

impl Gate {
    pub(crate) fn start(upstream: SocketAddr, pace: Pace, rebuild: Rebuild) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, kills) = channel();
        let (state, over) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { pace, rebuild, kills: Mutex::new(sender), state, over });
        let for_clients = Arc::clone(&shared);
        thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                let mut state = for_clients.state.lock().unwrap();
                if state.ended {
                    return;
                }
                state.open += 1;
                drop(state);
                let server = TcpStream::connect(upstream).unwrap();
                let shared = Arc::clone(&for_clients);
                thread::spawn(move || Carrier::new(client, server, shared).run());
            }
        });
        Self { address, kills, shared }
    }

    /// Lets something go wrong at a step, counted from now.
    pub(crate) fn arm(&self, plan: Option<(usize, Fault)>) {
        // What a run was to be killed for that had ended is not this run's business.
        while self.kills.try_recv().is_ok() {}
        let mut state = self.shared.state.lock().unwrap();
        *state = State { plan, open: state.open, ..State::default() };
    }

    /// Takes it that the program has ended.
    pub(crate) fn bury(&self) {
        self.shared.state.lock().unwrap().dead = true;
        self.shared.over.notify_all();
    }

    /// Waits until all connections are over, and their servers have done all they were told.
    pub(crate) fn drain(&self) {
        let state = self.shared.state.lock().unwrap();
        let patience = Duration::from_secs(60);
        let (_state, waited) =
            self.shared.over.wait_timeout_while(state, patience, |state| state.open > 0).unwrap();
        assert!(!waited.timed_out(), "a connection through the gate does not end");
    }

    /// What has passed, or would have, since the gate was armed.
    pub(crate) fn steps(&self) -> Vec<Step> {
        self.shared.state.lock().unwrap().steps.clone()
    }

    /// Whether what was planned has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.shared.state.lock().unwrap().struck
    }

    /// Whether the client was told that a command is done.
    pub(crate) fn has_told(&self, verb: &str) -> bool {
        self.shared.state.lock().unwrap().told.iter().any(|told| told == verb)
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().ended = true;
        TcpStream::connect(self.address).ok();
    }
}

impl Shared {
    /// Counts a step and gives what goes wrong at it.
    pub(super) fn reach(&self, step: Step) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        let at = state.steps.len();
        state.steps.push(step);
        let fault = state.plan.filter(|(when, _)| *when == at && !state.struck).map(|(_, fault)| fault);
        state.struck |= fault.is_some();
        fault
    }

    /// Has the program killed, and waits until it is. It may have ended by itself meanwhile.
    pub(super) fn kill(&self) {
        self.kills.lock().unwrap().send(()).ok();
        let state = self.state.lock().unwrap();
        drop(self.over.wait_while(state, |state| !state.dead).unwrap());
    }

    pub(super) fn rebuild(&self, place: Place) {
        (self.rebuild)(place);
    }

    pub(super) fn tell(&self, verb: &str) {
        self.state.lock().unwrap().told.push(verb.to_owned());
    }

    /// Takes it that a connection is over.
    pub(super) fn close(&self) {
        self.state.lock().unwrap().open -= 1;
        self.over.notify_all();
    }
}
