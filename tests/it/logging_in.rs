//! Every way to log in, on a real server.

use crate::{
    certificates::{CERTIFIED, Certificate},
    dovecot::{ODD, dovecot_of_logins},
    harness::Script,
    mail::Mail,
    server::{Server, Tls},
};
use tempfile::TempDir;

/// Logs in with what is given beside host, port, trust and user, and prints the number of messages.
fn script(settings: &str) -> String {
    format!(
        r#"local account = login {{ host = "$HOST", port = $PORT, tls = "$TLS", ca_file = "$CA", {settings} }}
        print(#account:mailbox("INBOX"):all())"#
    )
}

/// Logs in; Dovecot must have seen this mechanism.
#[track_caller]
fn logs_in(server: &Server, settings: &str, mechanism: &str) {
    Script::new(&script(settings)).on(server).stdout("0\n").stderr("").run();
    let log = dovecot_of_logins().logged(&server.user);
    assert!(log.contains(&format!("method={mechanism},")), "{mechanism} is not in {log}");
}

#[test]
fn with_a_password_in_each_way() {
    for (auth, method) in [
        ("scram-sha-256", "SCRAM-SHA-256"),
        ("scram-sha-1", "SCRAM-SHA-1"),
        ("plain", "PLAIN"),
        // The LOGIN command is PLAIN to Dovecot.
        ("login", "PLAIN"),
    ] {
        for tls in [Tls::Implicit, Tls::Starttls] {
            let server = Server::dovecot_of_logins(tls);
            let settings = format!(r#"user = "$USER", password = "$PASSWORD", auth = "{auth}""#);
            logs_in(&server, &settings, method);
        }
    }
}

#[test]
fn the_strongest_way_is_taken() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    logs_in(&server, r#"user = "$USER", password = "$PASSWORD""#, "SCRAM-SHA-256");
}

#[test]
fn a_wrong_password_in_each_way() {
    for auth in ["scram-sha-256", "scram-sha-1", "plain", "login"] {
        let server = Server::dovecot_of_logins(Tls::Implicit);
        let settings = format!(r#"user = "$USER", password = "wrong-one", auth = "{auth}""#);
        let output = Script::new(&script(&settings)).on(&server).status(4).run();
        let first = output.stderr.lines().next().unwrap();
        assert_eq!(first, "error: the server refused the login of `$USER`: Authentication failed.", "{auth}");
        assert!(output.stderr.contains("hint: check `user` and `password`"), "{output}");
    }
}

#[test]
fn odd_names_and_passwords_in_each_way() {
    for (user, password) in ODD {
        for auth in ["scram-sha-256", "scram-sha-1", "plain", "login"] {
            let mut server = Server::dovecot_of_logins(Tls::Implicit);
            server.user = user.to_owned();
            let settings = format!(r#"user = "{user}", password = secret.env "ODD", auth = "{auth}""#);
            Script::new(&script(&settings)).on(&server).env("ODD", password).stdout("0\n").stderr("").run();
        }
    }
}

#[test]
fn a_password_as_saslprep_has_it() {
    for (auth, status) in [("scram-sha-256", 0), ("scram-sha-1", 0), ("plain", 4)] {
        let mut server = Server::dovecot_of_logins(Tls::Implicit);
        server.user = "odd-prepared".to_owned();
        let settings = format!(r#"user = "$USER", password = secret.env "ODD", auth = "{auth}""#);
        for (password, status) in [("p²\u{a0}ﬁ", status), ("p²\u{a0}ﬁ!", 4)] {
            let output =
                Script::new(&script(&settings)).on(&server).env("ODD", password).status(status).run();
            let refused =
                output.stderr.contains("the server refused the login of `$USER`: Authentication failed.");
            assert_eq!(refused, status == 4, "{auth}: {output}");
        }
    }
}

#[test]
fn with_an_access_token() {
    for (auth, method) in [("xoauth2", "XOAUTH2"), ("oauthbearer", "OAUTHBEARER")] {
        let server = Server::dovecot_of_logins(Tls::Implicit);
        let settings = format!(r#"user = "$USER", access_token = "token-of-$USER", auth = "{auth}""#);
        logs_in(&server, &settings, method);
    }
    let server = Server::dovecot_of_logins(Tls::Implicit);
    logs_in(&server, r#"user = "$USER", access_token = "token-of-$USER""#, "OAUTHBEARER");
}

#[test]
fn with_a_long_token() {
    for auth in ["xoauth2", "oauthbearer"] {
        let mut server = Server::dovecot_of_logins(Tls::Implicit);
        server.password = format!("token-of-{}--{}", server.user, "x".repeat(5000));
        let settings = format!(r#"user = "$USER", access_token = secret.env "PASSWORD", auth = "{auth}""#);
        Script::new(&script(&settings)).on(&server).stdout("0\n").stderr("").run();
    }
}

#[test]
fn with_a_token_that_is_refused() {
    for auth in ["xoauth2", "oauthbearer"] {
        let server = Server::dovecot_of_logins(Tls::Implicit);
        let settings = format!(r#"user = "$USER", access_token = "expired-geheim", auth = "{auth}""#);
        let output = Script::new(&script(&settings)).on(&server).status(4).run();
        let first = output.stderr.lines().next().unwrap();
        let start =
            "error: the server refused the login of `$USER` with an access token: Authentication failed. (";
        assert!(first.starts_with(start) && first.contains("status "), "{auth}: {output}");
        assert!(output.stderr.contains("hint: the token may be"), "{output}");
    }
}

#[test]
fn with_a_client_certificate() {
    let certificate = Certificate::Client.file("crt");
    let key = Certificate::Client.file("key");
    for tls in [Tls::Implicit, Tls::Starttls] {
        let mut server = Server::dovecot_of_logins(tls);
        server.user = CERTIFIED.to_owned();
        let shown = format!(
            r#"user = "$USER", client_certificate = "{}", client_key = "{}""#,
            certificate.display(),
            key.display()
        );
        logs_in(&server, &shown, "EXTERNAL");
        logs_in(&server, &format!(r#"{shown}, auth = "external""#), "EXTERNAL");
    }
}

#[test]
fn what_auth_names_needs_what_it_takes() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    for (settings, needed) in [
        (r#"password = "x", auth = "xoauth2""#, "`auth = \"xoauth2\"` needs `oauth2` or an `access_token`"),
        (r#"access_token = "x", auth = "plain""#, "`auth = \"plain\"` needs a `password`"),
        (r#"password = "x", auth = "external""#, "`auth = \"external\"` needs a `client_certificate`"),
    ] {
        let settings = format!(r#"user = "$USER", {settings}"#);
        let output = Script::new(&script(&settings)).on(&server).status(3).run();
        assert!(output.stderr.starts_with(&format!("error: {needed}")), "{output}");
    }
}

#[test]
fn a_way_that_the_server_does_not_offer() {
    let server = Server::dovecot(Tls::Implicit);
    let settings = r#"user = "$USER", password = "pass", auth = "scram-sha-256""#;
    Script::new(&script(settings))
        .on(&server)
        .status(4)
        .stderr_contains("the server offers no way to log in here (it offers: AUTH=LOGIN AUTH=PLAIN)")
        .run();
}

#[test]
fn undo_logs_in_in_the_same_way() {
    let server = Server::dovecot_of_logins(Tls::Implicit);
    server.seed("INBOX", &[Mail::new("a")]);
    for settings in [
        r#"password = secret.env "PASSWORD", auth = "scram-sha-1""#,
        r#"access_token = secret.env "TOKEN", auth = "xoauth2""#,
    ] {
        let home = TempDir::new().unwrap();
        let source = format!(
            r#"login {{ host = "$HOST", port = $PORT, ca_file = "$CA", user = "$USER", {settings} }}
            :mailbox("INBOX"):all():move "Done""#
        );
        let token = format!("token-of-{}", server.user);
        let script = Script::new(&source).on(&server).home(home.path()).env("TOKEN", &token);
        script.mailbox("INBOX", &[]).run();
        let undo = Script::command(&["undo"]).on(&server).home(home.path()).env("TOKEN", &token);
        undo.mailbox("INBOX", &["a"]).run();
    }
    let log = dovecot_of_logins().logged(&server.user);
    for method in ["SCRAM-SHA-1", "XOAUTH2"] {
        assert_eq!(log.matches(&format!("method={method},")).count(), 2, "{log}");
    }
}
