//! No secret is ever written anywhere: every file that a run leaves, and all that it prints, is searched for it.

use crate::harness::Script;
use crate::mail::Mail;
use crate::output::Output;
use crate::server::{Server, Tls};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const CANARY: &str = "canary-7f3a-canary";

/// The forms in which it could show: as it is, and within base64 wherever it begins.
fn forms() -> Vec<Vec<u8>> {
    let encoded = (0..3).map(|skip| {
        let text = STANDARD.encode([&vec![0; skip], CANARY.as_bytes()].concat());
        // What comes before and after it changes the ends.
        text.as_bytes()[4..text.len() - 4].to_vec()
    });
    encoded.chain([CANARY.as_bytes().to_vec(), CANARY.as_bytes()[4..].to_vec()]).collect()
}

/// Searches all that a run left in a directory, but for the named files.
fn search(directory: &Path, but: &[&str]) {
    for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            search(&entry, but);
        } else if !but.contains(&entry.file_name().unwrap().to_str().unwrap()) {
            let bytes = fs::read(&entry).unwrap_or_default();
            for form in forms() {
                let found = bytes.windows(form.len()).any(|window| window == form);
                assert!(!found, "{} has {}", entry.display(), String::from_utf8_lossy(&form));
            }
        }
    }
}

fn run(server: &Server, password: &str, auth: Option<&str>) -> Output {
    let home = TempDir::new().unwrap();
    for file in ["config/imapscript/secret", "credentials/secret"] {
        let file = home.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, CANARY).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let auth = auth.map(|auth| format!("auth = \"{auth}\"\n")).unwrap_or_default();
    let text = format!("[work]\n$SERVER\n{auth}{password}\n");
    // What the program's command line and environment show while it runs is read by the script itself.
    let source = r#"
    local work = account()
    local ok, err = pcall(function() work:mailbox("INBOX"):all():move "Old" end)
    local own = io.open("/proc/self/cmdline"):read "a"
    print(work, ok, err, tostring(work.name), own)
    if not ok then print(err.message, err.hint, err.command) error(err) end
    "#;
    let script = || Script::new(source).on(server).home(home.path()).accounts(&text);
    let options = ["--trace", "$DIR/wire", "--log", "$DIR/my.log", "--log-format", "json"];
    let output = script()
        .options(&options)
        .env("SECRET", CANARY)
        .env("CREDENTIALS_DIRECTORY", "$DIR/credentials")
        .spawn()
        .finish();
    fs::write(home.path().join("printed"), format!("{}{}", output.stdout, output.stderr)).unwrap();
    assert!(fs::read_to_string(home.path().join("wire")).unwrap().len() > 100, "{output}");
    search(home.path(), &["accounts.toml", "secret"]);
    output
}

const SOURCES: [&str; 5] = [
    "password = \"canary-7f3a-canary\"",
    "password = { file = \"secret\" }",
    "password = { env = \"SECRET\" }",
    "password = { credential = \"secret\" }",
    "password = { command = [\"/bin/cat\", \"config/imapscript/secret\"] }",
];

#[test]
fn promise_25_no_secret_is_written_where_it_is_right() {
    let server = Server { password: CANARY.into(), ..Server::sandbox() };
    server.seed("INBOX", &[Mail::new("a")]);
    for source in SOURCES {
        let output = run(&server, source, None);
        assert_eq!(output.status, Some(0), "{source} {output}");
        server.seed("INBOX", &[Mail::new("a")]);
    }
}

#[test]
fn promise_25_no_secret_is_written_where_it_is_wrong() {
    let server = Server::dovecot(Tls::Implicit);
    for source in SOURCES {
        assert_eq!(run(&server, source, None).status, Some(4), "{source}");
    }
    for auth in ["plain", "login", "scram-sha-256", "scram-sha-1"] {
        let status = run(&server, SOURCES[0], Some(auth)).status;
        assert!(matches!(status, Some(4)), "{auth} {status:?}");
    }
    for auth in ["xoauth2", "oauthbearer"] {
        let output = run(&server, "access_token = \"canary-7f3a-canary\"", Some(auth));
        assert_eq!(output.status, Some(4), "{auth} {output}");
    }
}

#[test]
fn promise_25_a_password_in_a_script_is_not_shown_where_the_script_fails() {
    let server = Server::dovecot(Tls::Implicit);
    for source in [
        "login { host = '$HOST', port = $PORT, ca_file = '$CA', user = '$USER', password = 'canary-7f3a' }:noop()",
        "login { host = 'h', port = 99999, user = 'u', password = \"canary-7f3a\" }",
        "login { host = 'h', user = 'u', password = 'canary-7f3a', nonsense = 1 }",
        "login { host = 'h', user = 'u', password = 'canary-7f3a",
        "login { host = 'h', user = 'u', password = [[canary-7f3a",
        "login { host = 'h', user = 'u', password = 'canary-7f3a' 'canary' }",
    ] {
        let home = TempDir::new().unwrap();
        let options = ["--log", "my.log"];
        for output in [
            Script::new(source).on(&server).home(home.path()).options(&options).spawn().finish(),
            Script::command(&["check", "script.lua"]).script(source).on(&server).spawn().finish(),
        ] {
            assert!(!format!("{output}").contains("canary"), "{source}\n{output}");
        }
        let log = fs::read_to_string(home.path().join("my.log")).unwrap();
        assert!(!log.contains("canary"), "{log}");
    }
}
