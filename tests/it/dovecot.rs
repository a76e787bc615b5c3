//! One private Dovecot for the whole test process.

use crate::{
    certificates::Certificate,
    dovecot_config::{self, Layout},
    watchdog::{Watched, server_user},
};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

/// The password of every user; any user name exists.
pub(crate) const PASSWORD: &str = "pass";

const PATIENCE: Duration = Duration::from_secs(30);

/// A running Dovecot.
pub(crate) struct Dovecot {
    /// Plain text, with STARTTLS.
    pub(crate) plain: SocketAddr,
    /// Implicit TLS.
    pub(crate) tls: SocketAddr,
    _watched: Watched,
}

/// The Dovecot of this process, started by whoever asks first.
pub(crate) fn dovecot() -> &'static Dovecot {
    static DOVECOT: OnceLock<Dovecot> = OnceLock::new();
    DOVECOT.get_or_init(|| {
        // A port found free may be taken by someone else before Dovecot has it, so a few are tried.
        let tries = (0..5).map(|_| start());
        let mut log = String::new();
        for attempt in tries {
            match attempt {
                Ok(dovecot) => return dovecot,
                Err(message) => log = message,
            }
        }
        panic!("Dovecot does not come up; its log:\n{log}");
    })
}

/// Starts a Dovecot, or gives what it logged.
fn start() -> Result<Dovecot, String> {
    let (program, version) = find();
    let watched = Watched::for_server();
    let directory = watched.path().to_owned();
    let ports = [free_port(), free_port()].map(|listener| listener.local_addr().unwrap());
    let (user, group) = server_user();
    let layout = Layout {
        directory: &directory,
        user: &user,
        group: &group,
        certificate: &Certificate::Good.file("crt"),
        key: &Certificate::Good.file("key"),
        port: ports[0].port(),
        tls_port: ports[1].port(),
    };
    make_readable(layout.key);
    let config = directory.join("dovecot.conf");
    fs::write(&config, dovecot_config::text(&version, &layout)).unwrap();
    let watched = watched.guard(&[program, "-F", "-c", config.to_str().unwrap()]);
    wait(ports[0], &directory)?;
    Ok(Dovecot { plain: ports[0], tls: ports[1], _watched: watched })
}

/// The program and what `--version` says.
fn find() -> (&'static str, String) {
    for program in ["/usr/sbin/dovecot", "/usr/local/sbin/dovecot", "dovecot"] {
        if let Ok(output) = Command::new(program).arg("--version").output() {
            return (program, String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
    }
    panic!("Dovecot is not installed: run ./tests/run, which installs Dovecot");
}

fn free_port() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

/// Lets the server's user read a key that openssl made for us alone. It protects nothing but these tests.
fn make_readable(key: &Path) {
    fs::set_permissions(key, fs::Permissions::from_mode(0o644)).unwrap();
}

/// Waits until logins can be answered, which is later than the first greeting.
fn wait(address: SocketAddr, directory: &Path) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        // Until its auth process is up, Dovecot greets with `* OK Waiting for authentication process to respond..`
        // and no capabilities.
        if greeting(address).is_some_and(|line| line.contains("[CAPABILITY ")) {
            return Ok(());
        }
        let log = log(directory);
        if log.contains("Fatal: ") {
            return Err(log);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(log(directory))
}

fn greeting(address: SocketAddr) -> Option<String> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line)
}

fn log(directory: &Path) -> String {
    ["log", "output"].map(|file| fs::read_to_string(directory.join(file)).unwrap_or_default()).concat()
}
