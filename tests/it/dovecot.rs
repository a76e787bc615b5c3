//! One private Dovecot for the whole test process.

use crate::{
    certificates::{Certificate, ca_file},
    dovecot_config::{self, Layout, Logins, TOKENS_2_3},
    http::{Answer, HttpServer},
    watchdog::{Watched, server_user},
};
use std::{
    fs,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
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
    directory: PathBuf,
    /// Where it looks access tokens up.
    _tokens: Option<HttpServer>,
    _watched: Watched,
}

impl Dovecot {
    /// What it has logged of a user.
    pub(crate) fn logged(&self, user: &str) -> String {
        log(&self.directory).lines().filter(|line| line.contains(&format!("<{user}>"))).collect()
    }
}

/// The Dovecot of this process, started by whoever asks first.
pub(crate) fn dovecot() -> &'static Dovecot {
    static DOVECOT: OnceLock<Dovecot> = OnceLock::new();
    DOVECOT.get_or_init(|| persist(false))
}

/// The Dovecot of this process that takes every way to log in: besides `PASSWORD` the passwords of `ODD`, client
/// certificates, and as an access token `token-of-` and the user's name, with anything after `--`.
pub(crate) fn dovecot_of_logins() -> &'static Dovecot {
    static DOVECOT: OnceLock<Dovecot> = OnceLock::new();
    DOVECOT.get_or_init(|| persist(true))
}

/// Users with passwords that are hard to carry.
pub(crate) const ODD: [(&str, &str); 8] = [
    ("odd-umlaut", "pässwörd"),
    ("odd-quotes", "a \"quoted\" \\ {5} (b) %*]"),
    ("odd-spaces", " with spaces "),
    ("odd-scripts", "日本語 🎉"),
    ("odd-scram", "a,b=c,n=x"),
    ("odd-ünïcode", "pass word"),
    // SASLprep makes `p2 fi` of it.
    ("odd-compatible", "p²\u{a0}ﬁ"),
    ("odd-prepared", "p2 fi"),
];

fn persist(logins: bool) -> Dovecot {
    // A port found free may be taken by someone else before Dovecot has it, so a few are tried.
    let tries = (0..5).map(|_| start(logins));
    let mut log = String::new();
    for attempt in tries {
        match attempt {
            Ok(dovecot) => return dovecot,
            Err(message) => log = message,
        }
    }
    panic!("Dovecot does not come up; its log:\n{log}");
}

/// Starts a Dovecot, or gives what it logged.
fn start(logins: bool) -> Result<Dovecot, String> {
    let (program, version) = find();
    let watched = Watched::for_server();
    let directory = watched.path().to_owned();
    let ports = [free_port(), free_port()].map(|listener| listener.local_addr().unwrap());
    let (user, group) = server_user();
    let tokens = logins.then(|| HttpServer::start(|request| introspect(&request.body)));
    let introspection = tokens.as_ref().map(|tokens| tokens.url("/introspect"));
    let authority = ca_file();
    let layout = Layout {
        directory: &directory,
        user: &user,
        group: &group,
        certificate: &Certificate::Good.file("crt"),
        key: &Certificate::Good.file("key"),
        port: ports[0].port(),
        tls_port: ports[1].port(),
        logins: introspection.as_deref().map(|introspection| Logins { introspection, authority: &authority }),
    };
    make_readable(layout.key);
    if let Some(introspection) = &introspection {
        fs::write(directory.join("oauth2"), TOKENS_2_3.replace("<introspection>", introspection)).unwrap();
        let line = |(user, password): &(&str, &str)| format!("{user}:{{PLAIN.b64}}{}\n", base64(password));
        fs::write(directory.join("users"), ODD.iter().map(line).collect::<String>()).unwrap();
    }
    let config = directory.join("dovecot.conf");
    fs::write(&config, dovecot_config::text(&version, &layout)).unwrap();
    let watched = watched.guard(&[program, "-F", "-c", config.to_str().unwrap()]);
    wait(ports[0], &directory)?;
    Ok(Dovecot { plain: ports[0], tls: ports[1], directory, _tokens: tokens, _watched: watched })
}

/// Tells Dovecot whose a token is (RFC 7662).
fn introspect(body: &str) -> Answer {
    let token = body.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    match token.strip_prefix("token-of-").and_then(|rest| rest.split("--").next()) {
        Some(user) => Answer::json(&format!(r#"{{"active":true,"username":"{user}","scope":"mail"}}"#)),
        None => Answer::json(r#"{"active":false}"#),
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
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
