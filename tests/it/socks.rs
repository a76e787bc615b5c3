//! Servers that a SOCKS5 proxy leads to.

use crate::{
    certificates::Certificate,
    harness::Script,
    scripted::Scripted,
    server::{Server, Tls},
    socks_server::SocksServer,
};
use std::{io::Write, net::TcpListener, thread};

/// Logs in by the proxy, with the host's name.
const BY_NAME: &str = r#"print(#login { host = "localhost", port = $PORT, tls = "$TLS", ca_file = "$CA", user = "$USER",
    password = "$PASSWORD", proxy = "$PROXY" }:mailbox("INBOX"):all())"#;

#[track_caller]
fn counts(server: &Server, proxy: &str) {
    Script::new(&BY_NAME.replace("$PROXY", proxy)).on(server).stdout("0\n").stderr("").run();
}

#[test]
fn dovecot_by_a_proxy() {
    for tls in [Tls::Implicit, Tls::Starttls] {
        let server = Server::dovecot(tls);
        let proxy = SocksServer::start(server.address, None);
        counts(&server, &format!("socks5://{}", proxy.address));
        assert_eq!(proxy.asked(), [format!("name localhost:{}", server.address.port())]);
    }
}

#[test]
fn a_proxy_that_wants_a_login() {
    let server = Server::dovecot(Tls::Implicit);
    let proxy = SocksServer::start(server.address, Some(("me", "p@ss:w\u{f6}rd")));
    counts(&server, &format!("socks5://me:p%40ss%3Aw%C3%B6rd@{}", proxy.address));
    let script =
        BY_NAME.replace("proxy = \"$PROXY\"", "proxy = \"$PROXY\", proxy_password = secret.env \"P\"");
    let script = script.replace("$PROXY", &format!("socks5://me@{}", proxy.address));
    Script::new(&script).on(&server).env("P", "p@ss:w\u{f6}rd").stdout("0\n").stderr("").run();
    let output = Script::new(&script).on(&server).env("P", "wrong-one").status(5).run();
    let first = output.stderr.lines().next().unwrap();
    assert_eq!(
        first,
        format!("error: the proxy `{}` failed: it refused the name and password", proxy.address)
    );
    let without = BY_NAME.replace("$PROXY", &format!("socks5://{}", proxy.address));
    Script::new(&without).on(&server).status(5).stderr_contains("it wants a login").run();
}

#[test]
fn a_name_that_only_the_proxy_can_find() {
    let scripted = Scripted::new().certificate(Certificate::OtherHost).handshake().greet().serve().start();
    let server = Server::at(scripted.address, Tls::Implicit);
    let proxy = SocksServer::start(server.address, None);
    let script = BY_NAME.replace("localhost", "elsewhere.example").replace("$PORT", "993");
    let script = script.replace("$PROXY", &format!("socks5h://{}", proxy.address));
    Script::new(&script).on(&server).stdout("3\n").stderr("").run();
    assert_eq!(proxy.asked(), ["name elsewhere.example:993"]);
}

#[test]
fn an_address_travels_as_an_address() {
    let server = Server::dovecot(Tls::Implicit);
    let proxy = SocksServer::start(server.address, None);
    let script =
        BY_NAME.replace("localhost", "127.0.0.1").replace("$PROXY", &format!("socks5://{}", proxy.address));
    Script::new(&script).on(&server).stdout("0\n").stderr("").run();
    assert_eq!(proxy.asked(), [server.address.to_string()]);
}

#[test]
fn behind_a_proxy_localhost_is_another_machine() {
    let server = Server::dovecot(Tls::None);
    let proxy = SocksServer::start(server.address, None);
    let script =
        BY_NAME.replace("$PROXY", &format!("socks5://{}", proxy.address)).replace(", ca_file = \"$CA\"", "");
    Script::new(&script)
        .on(&server)
        .status(3)
        .stderr_contains("`tls = \"none\"` with `localhost` would send the password in the clear")
        .run();
    assert!(proxy.asked().is_empty());
}

/// What is said where the proxy answers this to the first two things that it is told.
fn answered(first: &'static [u8], second: &'static [u8]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(first).ok();
        let mut more = [0; 3];
        std::io::Read::read_exact(&mut stream, &mut more).ok();
        stream.write_all(second).ok();
        std::io::copy(&mut stream, &mut std::io::sink()).ok();
    });
    let server = Server::at(address, Tls::Implicit);
    let script = BY_NAME.replace("$PROXY", &format!("socks5://{address}")).replace("$PORT", "993");
    let output = Script::new(&script).on(&server).options(&["--timeout", "1"]).status(5).run();
    let first = output.stderr.lines().next().unwrap().to_owned();
    first.replace("the proxy `127.0.0.1:$PORT` failed: ", "")
}

#[test]
fn proxies_that_fail() {
    let to = "error: it can't connect to `localhost` port 993: ";
    for (first, second, what) in [
        (&b"HTTP/1.1 400 no"[..], &b""[..], "error: it does not speak SOCKS5".to_owned()),
        (b"\x05\xff", b"", "error: it wants a login: `socks5://user:password@…`".to_owned()),
        (b"\x05\x02", b"", "error: it wants a login: `socks5://user:password@…`".to_owned()),
        (b"\x05\x00", b"\x05\x01\x00\x01", format!("{to}it gives no reason")),
        (b"\x05\x00", b"\x05\x02\x00\x01", format!("{to}its rules forbid it")),
        (b"\x05\x00", b"\x05\x03\x00\x01", format!("{to}the network can't be reached")),
        (b"\x05\x00", b"\x05\x04\x00\x01", format!("{to}the host can't be found or reached")),
        (b"\x05\x00", b"\x05\x05\x00\x01", format!("{to}the connection was refused")),
        (b"\x05\x00", b"\x05\x06\x00\x01", format!("{to}it took too long")),
        (b"\x05\x00", b"\x05\x08\x00\x01", format!("{to}it does not take this kind of address")),
        (b"\x05\x00", b"\x04\x00\x00\x01", "error: it does not speak SOCKS5".to_owned()),
        (b"\x05\x00", b"\x05\x00\x00\x07", "error: its answer can't be understood".to_owned()),
        (b"", b"", "error: the server did not answer within 1 second".to_owned()),
        (b"\x05\x00", b"\x05\x00", "error: the server did not answer within 1 second".to_owned()),
    ] {
        assert_eq!(answered(first, second), what, "{first:?} {second:?}");
    }
}

#[test]
fn what_is_no_proxy() {
    let server = Server::dovecot(Tls::Implicit);
    for proxy in ["http://me:geheim@x", "localhost:1080", "socks5://x/path"] {
        let output = Script::new(&BY_NAME.replace("$PROXY", proxy)).on(&server).status(3).run();
        assert!(output.stderr.starts_with("error: `proxy` is no address of a SOCKS5 proxy\n"), "{output}");
    }
}
