//! Dovecot's configuration, in the words of the version found.
//!
//! It holds all that a Dovecot needs to run as one ordinary user, beside any system service and without `/etc/dovecot`.
//! The benchmark's Dovecot is made of the same files.

use std::path::Path;

/// Where one private Dovecot lives and listens, and as whom.
pub(crate) struct Layout<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) user: &'a str,
    pub(crate) group: &'a str,
    pub(crate) certificate: &'a Path,
    pub(crate) key: &'a Path,
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    /// Where access tokens are looked up, and the authority of client certificates, for a server that takes every way
    /// to log in. Any other takes passwords in PLAIN and LOGIN.
    pub(crate) logins: Option<Logins<'a>>,
}

/// What a server needs that takes every way to log in.
pub(crate) struct Logins<'a> {
    pub(crate) introspection: &'a str,
    pub(crate) authority: &'a Path,
}

/// The whole configuration for a version such as `2.3.19.1 (9b53102964)`.
pub(crate) fn text(version: &str, layout: &Layout) -> String {
    let all = layout.logins.is_some();
    let template = match version.get(..4) {
        Some("2.3.") => [HEAD_2_3, if all { LOGINS_2_3 } else { PASSWORDS_2_3 }, COMMON].concat(),
        Some("2.4.") => [HEAD_2_4, if all { LOGINS_2_4 } else { PASSWORDS_2_4 }, COMMON].concat(),
        _ => panic!("Dovecot {version} is neither 2.3 nor 2.4: add its configuration to {}", file!()),
    };
    let logins = layout.logins.as_ref();
    template
        .replace("<mechanisms>", if all { ALL } else { "plain login" })
        .replace("<introspection>", logins.map_or("", |logins| logins.introspection))
        .replace("<authority>", logins.map_or("", |logins| logins.authority.to_str().unwrap()))
        .replace("<dir>", layout.directory.to_str().unwrap())
        .replace("<user>", layout.user)
        .replace("<group>", layout.group)
        .replace("<cert>", layout.certificate.to_str().unwrap())
        .replace("<key>", layout.key.to_str().unwrap())
        .replace("<port>", &layout.port.to_string())
        .replace("<tls-port>", &layout.tls_port.to_string())
}

/// What is spelled differently before 2.4.
const HEAD_2_3: &str = include_str!("dovecot/2.3.conf");

/// What is spelled differently since 2.4. The first setting must be the version of the configuration.
const HEAD_2_4: &str = include_str!("dovecot/2.4.conf");

const ALL: &str = "plain login scram-sha-1 scram-sha-256 external xoauth2 oauthbearer";

const PASSWORDS_2_3: &str = include_str!("dovecot/passwords-2.3.conf");

const PASSWORDS_2_4: &str = include_str!("dovecot/passwords-2.4.conf");

/// Some users have passwords of their own, in `<dir>/users`. The token's settings are in `<dir>/oauth2`.
const LOGINS_2_3: &str = r"
passdb {
  driver = passwd-file
  args = <dir>/users
  mechanisms = plain login scram-sha-1 scram-sha-256
}
passdb {
  driver = static
  args = password=pass
  mechanisms = plain login scram-sha-1 scram-sha-256
}
passdb {
  driver = static
  args = nopassword=y
  mechanisms = external
}
passdb {
  driver = oauth2
  args = <dir>/oauth2
  mechanisms = xoauth2 oauthbearer
}
ssl_ca = <<authority>
ssl_require_crl = no
ssl_verify_client_cert = yes
ssl_cert_username_field = commonName
auth_ssl_username_from_cert = yes
auth_username_chars =
";

/// What Dovecot 2.3 reads from `<dir>/oauth2`.
pub(crate) const TOKENS_2_3: &str = r"
introspection_mode = post
introspection_url = <introspection>
username_attribute = username
active_attribute = active
active_value = true
";

const LOGINS_2_4: &str = r"
passdb passwd-file {
  passwd_file_path = <dir>/users
  mechanisms_filter = plain login scram-sha-1 scram-sha-256
}
passdb static {
  password = pass
  mechanisms_filter = plain login scram-sha-1 scram-sha-256
}
passdb static {
  mechanisms_filter = external
  fields {
    nopassword = yes
  }
}
passdb oauth2 {
  mechanisms_filter = xoauth2 oauthbearer
}
oauth2 {
  introspection_mode = post
  introspection_url = <introspection>
  username_attribute = username
  active_attribute = active
  active_value = true
}
ssl_server_ca_file = <authority>
ssl_server_require_crl = no
ssl_server_request_client_cert = yes
ssl_server_cert_username_field = commonName
auth_ssl_username_from_cert = yes
auth_username_chars =
";

/// What all versions share. `chroot` needs root, so it is switched off in each service that asks for it.
const COMMON: &str = include_str!("dovecot/common.conf");
