//! Whom TLS trusts, and what it shows.

use crate::{
    certificates::{Certificate, ca_file},
    harness::Script,
    mail::Mail,
    scripted::Scripted,
    server::{Server, Tls},
    socks_server::SocksServer,
};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
};
use tempfile::TempDir;

/// Logs in to Dovecot with these settings for TLS, and counts its messages.
fn script(settings: &str) -> String {
    format!(
        r#"print(#login {{ host = "$HOST", port = $PORT, tls = "$TLS", user = "$USER", password = "$PASSWORD", {settings} }}
            :mailbox("INBOX"):all())"#
    )
}

#[track_caller]
fn succeeds(settings: &str) {
    for tls in [Tls::Implicit, Tls::Starttls] {
        Script::new(&script(settings)).on(&Server::dovecot(tls)).stdout("0\n").stderr("").run();
    }
}

#[track_caller]
fn fails(settings: &str, status: i32, message: &str, hint: &str) {
    for tls in [Tls::Implicit, Tls::Starttls] {
        let output = Script::new(&script(settings)).on(&Server::dovecot(tls)).status(status).run();
        let first = output.stderr.lines().next().unwrap();
        assert_eq!(first, format!("error: {message}"), "{output}");
        assert!(output.stderr.contains(&format!("hint: {hint}")), "{output}");
    }
}

/// The pin of a certificate's key, as openssl computes it.
fn pin(certificate: Certificate) -> String {
    let command = format!(
        "openssl x509 -in '{}' -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64",
        certificate.file("crt").display()
    );
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    format!("sha256:{}", String::from_utf8(output.stdout).unwrap().trim())
}

#[test]
fn a_directory_of_authorities() {
    let directory = TempDir::new().unwrap();
    let at = directory.path().display();
    fs::write(directory.path().join("README"), "no certificate").unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    let none = format!("`ca_dir` `{at}` can't be used: it holds no certificate");
    let hint = "it must be a directory with a PEM file for each authority";
    fails(&format!(r#"ca_dir = "{at}""#), 3, &none, hint);
    fs::copy(ca_file(), directory.path().join("any-name")).unwrap();
    succeeds(&format!(r#"ca_dir = "{at}""#));
    fails(
        r#"ca_dir = "/nowhere""#,
        3,
        "`ca_dir` `/nowhere` can't be used: No such file or directory (os error 2)",
        hint,
    );
}

#[test]
fn a_file_of_other_authorities() {
    let other = ca_file().with_file_name("other-ca.crt");
    let message = "TLS with `127.0.0.1` failed: the certificate is signed by an unknown authority \
        (unable to get local issuer certificate)";
    fails(&format!(r#"ca_file = "{}""#, other.display()), 5, message, "for a server with its own authority");
    // Both are trusted.
    let directory = TempDir::new().unwrap();
    fs::copy(ca_file(), directory.path().join("ca.pem")).unwrap();
    succeeds(&format!(r#"ca_file = "{}", ca_dir = "{}""#, other.display(), directory.path().display()));
}

#[test]
fn the_pinned_key_and_no_other() {
    let (good, other) = (pin(Certificate::Good), pin(Certificate::OtherHost));
    let ca = format!(r#"ca_file = "{}""#, ca_file().display());
    succeeds(&format!(r#"{ca}, pin = "{good}""#));
    succeeds(&format!(r#"{ca}, pin = {{ "{other}", "{good}" }}"#));
    let message = format!("TLS with `127.0.0.1` failed: the server's key is not the pinned one, but {good}");
    fails(&format!(r#"{ca}, pin = "{other}""#), 5, &message, "ask the server's operator");
    // A pin does not replace the authority.
    let message = "TLS with `127.0.0.1` failed: the certificate is signed by an unknown authority";
    for tls in [Tls::Implicit, Tls::Starttls] {
        let server = Server::dovecot(tls);
        let script = script(&format!(r#"pin = "{good}""#));
        Script::new(&script).on(&server).status(5).stderr_contains(message).run();
    }
}

#[test]
fn no_password_leaves_before_the_pin_is_checked() {
    let scripted = Scripted::new().handshake().greet().serve().start();
    let server = Server::at(scripted.address, Tls::Implicit);
    let settings = format!(r#"ca_file = "$CA", pin = "{}""#, pin(Certificate::OtherHost));
    Script::new(&script(&settings)).on(&server).status(5).run();
    assert!(scripted.finish().is_empty());
}

#[test]
fn nothing_is_said_of_tls_where_there_is_none() {
    let server = Server::dovecot(Tls::None);
    for (setting, value) in [
        ("ca_file", r#""$DIR/ca.pem""#.to_owned()),
        ("ca_dir", r#""$DIR""#.to_owned()),
        ("pin", format!("{:?}", pin(Certificate::Good))),
        ("client_certificate", r#""$DIR/me.pem""#.to_owned()),
        ("client_key", r#""$DIR/me.pem""#.to_owned()),
        ("tls_minimum", r#""1.3""#.to_owned()),
    ] {
        let what = format!("`{setting}` is for TLS, and `tls = \"none\"` has none");
        let output = Script::new(&script(&format!("{setting} = {value}"))).on(&server).status(3).run();
        let first = output.stderr.lines().next().unwrap();
        assert_eq!(first, format!("error: {what}"), "{output}");
        let output = Script::new("account()")
            .on(&server)
            .accounts(&format!("\n[work]\n$SERVER\npassword = {{ env = \"X\" }}\n{setting} = {value}\n"))
            .status(3)
            .run();
        let first = output.stderr.lines().next().unwrap();
        assert_eq!(first, format!("error: $DIR/config/imapscript/accounts.toml:2:2: {what}"), "{output}");
    }
}

#[test]
fn nothing_is_passed_over() {
    let server = Server::dovecot(Tls::Implicit);
    for (settings, what) in [
        (r#"proxy_password = "x""#, "`proxy_password` is for a `proxy`, and there is none"),
        (
            r#"proxy = "socks5://127.0.0.1", proxy_password = "x""#,
            "`proxy_password` is of a user, and `proxy` names none",
        ),
        (
            r#"proxy = "socks5://me:y@127.0.0.1", proxy_password = "x""#,
            "the proxy has a password in `proxy` and a `proxy_password`",
        ),
        (
            r#"oauth2 = { provider = "google", client_id = "x", tenant = "y" }, password = nil"#,
            "`tenant` is Microsoft's, and `oauth2` has another provider",
        ),
    ] {
        let output = Script::new(&script(settings)).on(&server).status(3).run();
        let first = output.stderr.lines().next().unwrap();
        assert_eq!(first, format!("error: {what}"), "{output}");
    }
}

#[test]
fn what_is_no_pin() {
    for pin in [r#""sha256:AAAA""#, r#""x""#, "{}", "7", "{ 7 }"] {
        let server = Server::dovecot(Tls::Implicit);
        Script::new(&script(&format!("pin = {pin}")))
            .on(&server)
            .status(1)
            .stderr_contains("`login` wants `pin` as \"sha256:\"")
            .run();
    }
}

#[test]
fn the_oldest_version_that_is_spoken() {
    succeeds(r#"ca_file = "$CA", tls_minimum = "1.3""#);
    succeeds(r#"ca_file = "$CA", tls_minimum = "1.2""#);
    let old = || Scripted::new().no_tls_1_3().handshake().greet().serve().start();
    let of = |scripted: &crate::scripted::ScriptedServer| Server::at(scripted.address, Tls::Implicit);
    let scripted = old();
    Script::new(&script(r#"ca_file = "$CA""#)).on(&of(&scripted)).stdout("3\n").run();
    let scripted = old();
    let output =
        Script::new(&script(r#"ca_file = "$CA", tls_minimum = "1.3""#)).on(&of(&scripted)).status(5).run();
    let message = "error: TLS with `127.0.0.1` failed: the server does not speak TLS 1.3 or newer\n";
    assert!(output.stderr.starts_with(message), "{output}");
    assert!(output.stderr.contains("hint: `tls_minimum = \"1.2\"` takes an older version"), "{output}");
    Script::new(&script(r#"tls_minimum = "1.1""#))
        .on(&Server::dovecot(Tls::Implicit))
        .status(1)
        .stderr_contains("`tls_minimum` as \"1.2\" or \"1.3\"")
        .run();
}

/// Settings that show a certificate.
fn showing(certificate: &Path, key: &Path) -> String {
    format!(
        r#"ca_file = "$CA", client_certificate = "{}", client_key = "{}""#,
        certificate.display(),
        key.display()
    )
}

#[test]
fn client_certificates_that_can_not_be_used() {
    let (certificate, key) = (Certificate::Client.file("crt"), Certificate::Client.file("key"));
    let directory = TempDir::new().unwrap();
    let made = |name: &str, text: &str, mode: u32| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    };
    let text = fs::read_to_string(&key).unwrap();
    let of = |path: &Path, setting: &str, cause: &str| {
        format!("`{setting}` `{}` can't be used: {cause}", path.display())
    };
    let missing = directory.path().join("missing");
    let gone = "No such file or directory (os error 2)";
    let need = "it must be a PEM file with the certificate";
    fails(&showing(&missing, &key), 3, &of(&missing, "client_certificate", gone), need);
    fails(&showing(&certificate, &missing), 3, &of(&missing, "client_key", gone), need);
    let open = made("open", &text, 0o644);
    let cause = "others can read it (mode 644)";
    fails(&showing(&certificate, &open), 3, &of(&open, "client_key", cause), "`chmod 600 ");
    let locked = made("locked", &text.replace(" PRIVATE", " ENCRYPTED PRIVATE"), 0o600);
    let cause = "it is locked with a passphrase";
    fails(&showing(&certificate, &locked), 3, &of(&locked, "client_key", cause), "unlock it: `openssl pkcs8");
    let old = made("old", &text.replace(" PRIVATE", " EC PRIVATE"), 0o600);
    let cause = "the key is not in PKCS #8";
    fails(&showing(&certificate, &old), 3, &of(&old, "client_key", cause), "convert it: `openssl pkcs8");
    let empty = made("empty", "", 0o600);
    fails(&showing(&certificate, &empty), 3, &of(&empty, "client_key", "it holds no private key"), need);
    let alone = format!(r#"client_key = "{}""#, key.display());
    let message = format!("`client_key` `{}` has no certificate", key.display());
    fails(&alone, 3, &message, "give `client_certificate`, too");
}

#[test]
fn certificate_and_key_in_one_file() {
    let directory = TempDir::new().unwrap();
    let both = directory.path().join("both.pem");
    let text =
        ["crt", "key"].map(|kind| fs::read_to_string(Certificate::Client.file(kind)).unwrap()).concat();
    fs::write(&both, text).unwrap();
    fs::set_permissions(&both, Permissions::from_mode(0o600)).unwrap();
    let server = Server::dovecot_of_logins(Tls::Implicit);
    let settings = format!(r#"ca_file = "$CA", client_certificate = "{}""#, both.display());
    Script::new(&script(&settings)).on(&server).stdout("0\n").stderr("").run();
}

#[test]
fn a_server_that_wants_a_certificate_and_gets_none() {
    for (version, what, hint) in [
        // It says no more.
        ("-tls1_2", "the server broke the handshake off", "it may want a certificate of yours"),
        (
            "-tls1_3",
            "the server did not get a client certificate that it takes",
            "`client_certificate` and `client_key` name the files",
        ),
    ] {
        let server = Demanding::start(version);
        let output = Script::new(&script(r#"ca_file = "$CA""#)).on(&server.server).status(5).run();
        let first = output.stderr.lines().next().unwrap();
        assert_eq!(first, format!("error: TLS with `127.0.0.1` failed: {what}"), "{version}: {output}");
        assert!(output.stderr.contains(&format!("hint: {hint}")), "{output}");
    }
}

#[test]
fn a_port_that_speaks_tls_at_once() {
    let mut server = Server::dovecot(Tls::Starttls);
    server.address = Server::dovecot(Tls::Implicit).address;
    Script::new(&script(r#"ca_file = "$CA""#))
        .on(&server)
        .options(&["--timeout", "1"])
        .status(5)
        .stderr_contains("error: the server did not greet within 1 second\n")
        .stderr_contains("hint: port 993 speaks TLS at once (`tls = \"implicit\"`)")
        .run();
}

/// A server that wants a certificate: openssl's own, since native-tls has none.
struct Demanding {
    server: Server,
    child: std::process::Child,
}

impl Demanding {
    fn start(version: &str) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let file = |extension| Certificate::Good.file(extension).to_str().unwrap().to_owned();
        let mut command = Command::new("openssl");
        command.args(["s_server", "-quiet", version, "-accept", &address.to_string(), "-Verify", "1"]);
        command.args(["-verify_return_error", "-CAfile", ca_file().to_str().unwrap()]);
        command.args(["-cert", &file("crt"), "-key", &file("key")]);
        let null = std::process::Stdio::null;
        let child =
            command.stdin(std::process::Stdio::piped()).stdout(null()).stderr(null()).spawn().unwrap();
        for _ in 0..500 {
            if std::net::TcpStream::connect(address).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Self { server: Server::at(address, Tls::Implicit), child }
    }
}

impl Drop for Demanding {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// All of it at once, in a file, and again out of the journal.
#[test]
fn undo_reaches_the_server_in_the_same_way() {
    let server = Server::dovecot(Tls::Starttls);
    server.seed("INBOX", &[Mail::new("a")]);
    let proxy = SocksServer::start(server.address, Some(("me", "proxy-canary")));
    let home = TempDir::new().unwrap();
    fs::copy(ca_file(), home.path().join("ca.pem")).unwrap();
    let settings = format!(
        "auth = \"plain\"\npassword = {{ env = \"PASSWORD\" }}\nca_dir = \"$DIR\"\npin = \"{}\"\n\
         client_certificate = \"{}\"\nclient_key = \"{}\"\ntls_minimum = \"1.3\"\n\
         proxy = \"socks5://me@{}\"\nproxy_password = {{ env = \"PROXY\" }}\n",
        pin(Certificate::Good),
        Certificate::Client.file("crt").display(),
        Certificate::Client.file("key").display(),
        proxy.address,
    );
    Script::new(r#"account():mailbox("INBOX"):all():move("Done")"#)
        .on(&server)
        .home(home.path())
        .accounts(&format!("[work]\n$SERVER\n{settings}"))
        .env("PROXY", "proxy-canary")
        .mailbox("INBOX", &[])
        .run();
    fs::remove_file(home.path().join("config/imapscript/accounts.toml")).unwrap();
    Script::command(&["undo"])
        .on(&server)
        .home(home.path())
        .env("PROXY", "proxy-canary")
        .mailbox("INBOX", &["a"])
        .run();
    assert_eq!(proxy.asked().len(), 2);
}

#[test]
fn a_password_in_a_proxys_address_is_kept_nowhere() {
    let server = Server::dovecot(Tls::Implicit);
    server.seed("INBOX", &[Mail::new("a")]);
    let proxy = SocksServer::start(server.address, Some(("me", "proxy-canary")));
    let home = TempDir::new().unwrap();
    let settings = format!(r#"ca_file = "$CA", proxy = "socks5://me:proxy-canary@{}""#, proxy.address);
    let source = script(&settings).replace("print(#", "print(").replace(":all())", r#":all():move("Done"))"#);
    Script::new(&source).on(&server).home(home.path()).options(&["--trace", "$DIR/trace"]).run();
    let trace = fs::read(home.path().join("trace")).unwrap();
    let journal = fs::read_dir(home.path().join("state/imapscript")).unwrap();
    let files = journal.map(|entry| fs::read(entry.unwrap().path()).unwrap_or_default());
    let canary = |bytes: &[u8]| bytes.windows(12).any(|window| window == b"proxy-canary");
    assert!(!canary(&trace) && trace.windows(5).any(|window| window == b"proxy"));
    assert!(
        files.fold(0, |count, bytes| {
            assert!(!canary(&bytes));
            count + bytes.len()
        }) > 0
    );
    // Whoever needs it again must type it.
    Script::command(&["undo"])
        .on(&server)
        .home(home.path())
        .env("PASSWORD", "pass")
        .status(3)
        .stderr_contains("no password could be asked for: there is no terminal")
        .run();
}

#[test]
fn a_file_with_a_proxys_password_is_for_nobody_else() {
    let server = Server::dovecot(Tls::Implicit);
    let home = TempDir::new().unwrap();
    let path = home.path().join("open.toml");
    let both = "proxy = \"socks5://me@h\"\nproxy_password = \"x\"";
    for text in ["proxy = \"socks5://me:x@h\"", both, "access_token = \"x\""] {
        fs::write(&path, format!("[work]\nhost = \"h\"\nuser = \"u\"\n{text}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        Script::new("account():noop()")
            .on(&server)
            .home(home.path())
            .options(&["--config", "$DIR/open.toml"])
            .status(3)
            .stderr_contains("has a password in it and others can read it")
            .run();
    }
}
