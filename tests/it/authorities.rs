//! Where the authorities come from, and what connections share of them.

use crate::{
    certificates::ca_file,
    harness::Script,
    server::{Server, Tls},
    watchdog::ask,
};
use std::{fs, os::unix::fs::symlink, path::Path};
use tempfile::TempDir;

const UNKNOWN: &str = "error: TLS with `127.0.0.1` failed: the certificate is signed by an unknown authority";

/// OpenSSL finds an authority in a directory by the hash of its name.
#[test]
fn the_systems_are_in_a_file_or_in_a_directory() {
    let (empty, hashed) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let hash = ask("openssl", &["x509", "-noout", "-hash", "-in", ca_file().to_str().unwrap()]);
    symlink(ca_file(), hashed.path().join(format!("{hash}.0"))).unwrap();
    for tls in [Tls::Implicit, Tls::Starttls] {
        let server = Server::dovecot(tls);
        let with = |file: &Path, directory: &TempDir| {
            let source = r#"print(#login {
                host = "$HOST", port = $PORT, tls = "$TLS", user = "$USER", password = "$PASSWORD",
            }:mailbox("INBOX"):all())"#;
            let script = Script::new(source).on(&server).env("SSL_CERT_FILE", file.to_str().unwrap());
            script.env("SSL_CERT_DIR", directory.path().to_str().unwrap())
        };
        with(Path::new("/dev/null"), &empty).status(5).stderr_contains(UNKNOWN).run();
        with(&ca_file(), &empty).stdout("0\n").stderr("").run();
        with(Path::new("/dev/null"), &hashed).stdout("0\n").stderr("").run();
    }
}

/// Accounts of one run share a connector only where all their settings are the same.
#[test]
fn each_account_trusts_its_own() {
    let other = ca_file().with_file_name("other-ca.crt");
    for tls in [Tls::Implicit, Tls::Starttls] {
        let server = Server::dovecot(tls);
        let source = format!(
            r#"
            local function try(settings)
                settings.host, settings.port, settings.tls = "$HOST", $PORT, "$TLS"
                settings.user, settings.password = "$USER", "$PASSWORD"
                local ok, found = pcall(function() return #login(settings):mailbox("INBOX"):all() end)
                if not ok then found:ignore() end
                print(ok and found or found.kind)
            end
            try {{ ca_file = "$CA" }}
            try {{ ca_file = "$CA" }}
            try {{ ca_file = "{other}" }}
            try {{}}
            try {{ ca_file = "$CA", pin = "sha256:{pin}" }}
            try {{ ca_file = "$CA" }}
            "#,
            other = other.display(),
            pin = "0".repeat(64),
        );
        Script::new(&source)
            .on(&server)
            .stdout("0\n0\nconnection\nconnection\nconnection\n0\n")
            .stderr("")
            .run();
    }
}

/// Whoever puts a file right while a script runs need not start it again.
#[test]
fn a_file_is_read_again_after_a_failure() {
    let directory = TempDir::new().unwrap();
    let authorities = directory.path().join("ca.pem");
    fs::copy(ca_file().with_file_name("other-ca.crt"), &authorities).unwrap();
    let source = format!(
        r#"
        local function try()
            local account = login {{
                host = "$HOST", port = $PORT, tls = "$TLS", user = "$USER", password = "$PASSWORD", ca_file = "{at}",
            }}
            return #account:mailbox("INBOX"):all()
        end
        local ok, failure = pcall(try)
        print(ok, failure.kind)
        failure:ignore()
        local right = assert(io.open "$CA"):read "a"
        assert(io.open("{at}", "w")):write(right):close()
        print(try())
        "#,
        at = authorities.display(),
    );
    let server = Server::dovecot(Tls::Implicit);
    Script::new(&source).on(&server).stdout("false\tconnection\n0\n").stderr("").run();
}
