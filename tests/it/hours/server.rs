//! A server whose one mailbox gets mail, and that knows what time it is on a stepped clock.

use super::clock::SteppedClock;
use crate::{conversation::parts, responder::Responder};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io::{self, BufRead, BufReader, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How long a client may be silent (RFC 3501 §5.4).
pub(crate) const SILENCE: Duration = Duration::from_secs(30 * 60);

/// A listening server, which ends with its value.
pub(crate) struct HoursServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    clock: SteppedClock,
    capabilities: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last UID, and how many messages there are.
    messages: u32,
    clients: BTreeMap<usize, Client>,
    connections: usize,
    refusing: bool,
    /// Whoever is about to wait for news is sent away.
    restless: bool,
    ending: bool,
    log: Log,
}

/// What clients did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// How often each command came.
    pub(crate) commands: BTreeMap<String, usize>,
    /// How many logins were refused.
    pub(crate) refused: usize,
    /// When each IDLE began and ended by a word of the client's.
    pub(crate) idles: Vec<(Duration, Duration)>,
    /// When each client was sent away because of its silence.
    pub(crate) silent: Vec<Duration>,
    /// How many connections were left without LOGOUT, and not by the server.
    pub(crate) lost: usize,
}

struct Client {
    stream: TcpStream,
    /// When it last said something.
    heard: Duration,
    waits: Waits,
    /// Somewhere on the way nobody knows the connection any more.
    forgotten: bool,
    said_goodbye: bool,
}

/// How a client wants to hear of news.
enum Waits {
    No,
    /// The tag of an IDLE, and since when it stands.
    Idle(String, Duration),
    Notify,
}

impl HoursServer {
    pub(crate) fn start(clock: &SteppedClock, capabilities: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (clock, capabilities) = (clock.clone(), capabilities.to_owned());
        let shared = Arc::new(Shared { clock, capabilities, state: Mutex::default() });
        let of = Arc::clone(&shared);
        let listening = thread::spawn(move || listen(&listener, &of));
        Self { address, shared, listening: Some(listening) }
    }

    /// Puts a message into the mailbox, tells clients that want to know, and gives its UID.
    pub(crate) fn deliver(&self) -> u32 {
        let mut state = self.shared.state();
        state.messages += 1;
        let count = state.messages;
        for client in state.clients.values_mut().filter(|client| !client.forgotten) {
            match client.waits {
                Waits::No => {}
                Waits::Idle(..) => client.say(&format!("* {count} EXISTS\r\n")),
                Waits::Notify => {
                    let next = count + 1;
                    client
                        .say(&format!("* STATUS INBOX (MESSAGES {count} UIDNEXT {next} UIDVALIDITY 7)\r\n"));
                }
            }
        }
        count
    }

    /// Cuts all connections, and gives how many there were.
    pub(crate) fn cut(&self) -> usize {
        let clients = std::mem::take(&mut self.shared.state().clients);
        for client in clients.values() {
            client.stream.shutdown(Shutdown::Both).ok();
        }
        clients.len()
    }

    /// Forgets all connections: nobody gets an answer by them any more. Gives how many there were.
    pub(crate) fn forget(&self) -> usize {
        let mut state = self.shared.state();
        let mut count = 0;
        for client in state.clients.values_mut().filter(|client| !client.forgotten) {
            client.forgotten = true;
            count += 1;
        }
        count
    }

    /// Lets nobody in, or everybody again.
    pub(crate) fn refuse(&self, on: bool) {
        self.shared.state().refusing = on;
    }

    /// Sends everybody away who is about to wait for news, or nobody any more.
    pub(crate) fn be_restless(&self, on: bool) {
        self.shared.state().restless = on;
    }

    /// Tells when the next client will have been silent for too long.
    pub(crate) fn patience_ends(&self) -> Option<Duration> {
        let state = self.shared.state();
        let heard = state.clients.values().filter(|client| !client.forgotten).map(|client| client.heard);
        heard.min().map(|heard| heard + SILENCE)
    }

    /// Sends those away that were silent for too long.
    pub(crate) fn end_silent(&self) {
        let now = self.shared.clock.read();
        let mut state = self.shared.state();
        let State { clients, log, .. } = &mut *state;
        clients.retain(|_, client| {
            let stays = client.forgotten || client.heard + SILENCE > now;
            if !stays {
                client.say("* BYE Autologout; idle for too long\r\n");
                client.stream.shutdown(Shutdown::Both).ok();
                log.silent.push(now);
            }
            stays
        });
    }

    /// How many connections there are.
    pub(crate) fn clients(&self) -> usize {
        self.shared.state().clients.values().filter(|client| !client.forgotten).count()
    }

    pub(crate) fn log(&self) -> Log {
        self.shared.state().log.clone()
    }

    /// Ends, once all that was said to it has been heard, and tells what it was.
    pub(crate) fn finish(mut self) -> Log {
        self.end();
        self.log()
    }

    fn end(&mut self) {
        let Some(listening) = self.listening.take() else { return };
        self.shared.state().ending = true;
        TcpStream::connect(self.address).ok();
        listening.join().ok();
    }
}

impl Drop for HoursServer {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Client {
    fn say(&mut self, text: &str) {
        // A client that left hears nothing.
        self.stream.write_all(text.as_bytes()).ok();
    }
}

fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads: Vec<JoinHandle<()>> = vec![];
    while let Ok((stream, _)) = listener.accept() {
        if shared.state().ending {
            break;
        }
        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || serve(stream, &shared)));
    }
    // Those that were forgotten have no end of their own.
    for client in shared.state().clients.values().filter(|client| client.forgotten) {
        client.stream.shutdown(Shutdown::Both).ok();
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

fn serve(stream: TcpStream, shared: &Shared) {
    stream.set_nodelay(true).unwrap();
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let number = {
        let mut state = shared.state();
        state.connections += 1;
        let mut client = Client {
            stream,
            heard: shared.clock.read(),
            waits: Waits::No,
            forgotten: false,
            said_goodbye: false,
        };
        client.say(&format!("* OK [CAPABILITY {}] ready\r\n", shared.capabilities));
        let number = state.connections;
        state.clients.insert(number, client);
        number
    };
    let mut responder = Responder::new(&shared.capabilities);
    for line in lines.map_while(io::Result::ok) {
        let mut state = shared.state();
        let state = &mut *state;
        // What is sent by a connection that was cut gets nowhere.
        let Some(client) = state.clients.get_mut(&number).filter(|client| !client.forgotten) else {
            continue;
        };
        client.heard = shared.clock.read();
        let (tag, verb, rest) = parts(&line);
        let (count, next) = (state.messages, state.messages + 1);
        *state.log.commands.entry(if verb.is_empty() { tag.clone() } else { verb.clone() }).or_default() += 1;
        let mut answer = String::new();
        match verb.as_str() {
            "" => {
                let idle = std::mem::replace(&mut client.waits, Waits::No);
                let Waits::Idle(of, since) = idle else { panic!("{tag} and no IDLE") };
                state.log.idles.push((since, client.heard));
                write!(answer, "{of} OK done\r\n").unwrap();
            }
            "LOGIN" if state.refusing => {
                state.log.refused += 1;
                write!(answer, "{tag} NO [UNAVAILABLE] come back later\r\n").unwrap();
            }
            "SELECT" | "EXAMINE" => {
                let mode = if verb == "SELECT" { "READ-WRITE" } else { "READ-ONLY" };
                write!(
                    answer,
                    "* FLAGS (\\Deleted \\Seen)\r\n* {count} EXISTS\r\n* 0 RECENT\r\n\
                     * OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT {next}] next\r\n{tag} OK [{mode}] opened\r\n"
                )
                .unwrap();
            }
            "UID SEARCH" => {
                let from =
                    rest.split_once("UID ").map(|(_, set)| set.split(':').next().unwrap().parse().unwrap());
                let found = (from.unwrap_or(1)..next).map(|uid| format!(" {uid}"));
                write!(answer, "* SEARCH{}\r\n{tag} OK done\r\n", found.collect::<String>()).unwrap();
            }
            "STATUS" => {
                write!(answer, "* STATUS INBOX (UIDNEXT {next} UIDVALIDITY 7)\r\n{tag} OK done\r\n").unwrap();
            }
            "IDLE" => {
                client.waits = Waits::Idle(tag, client.heard);
                answer.push_str("+ waiting\r\n");
            }
            "NOTIFY" => {
                client.waits = Waits::Notify;
                write!(answer, "{tag} OK done\r\n").unwrap();
            }
            _ => answer = responder.answer(&tag, &verb, &rest),
        }
        client.said_goodbye |= verb == "LOGOUT";
        client.say(&answer);
        if state.restless && ["IDLE", "NOTIFY", "STATUS"].contains(&verb.as_str()) {
            client.say("* BYE not now\r\n");
            client.stream.shutdown(Shutdown::Both).ok();
            state.clients.remove(&number);
            break;
        }
        if client.said_goodbye {
            break;
        }
    }
    let mut state = shared.state();
    if let Some(client) = state.clients.remove(&number) {
        state.log.lost += usize::from(!client.said_goodbye && !client.forgotten);
        client.stream.shutdown(Shutdown::Both).ok();
    }
}
