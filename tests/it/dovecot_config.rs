//! Dovecot's configuration, in the words of the version found.
//!
//! It holds all that a Dovecot needs to run as one ordinary user, beside any system service and without `/etc/dovecot`.

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
const HEAD_2_3: &str = r"
protocols = imap
disable_plaintext_auth = no
userdb {
  driver = static
  args = uid=<user> gid=<group> home=<dir>/home/%u
}
ssl_cert = <<cert>
ssl_key = <<key>
ssl_dh =
mail_location = mdbox:<dir>/mail/%u
service imap-login {
  service_count = 0
}
";

/// What is spelled differently since 2.4. The first setting must be the version of the configuration.
const HEAD_2_4: &str = r"dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols {
  imap = yes
}
auth_allow_cleartext = yes
userdb static {
}
ssl_server_cert_file = <cert>
ssl_server_key_file = <key>
mail_driver = mdbox
mail_path = <dir>/mail/%{user}
mail_home = <dir>/home/%{user}
service imap-login {
  restart_request_count = unlimited
}
";

const ALL: &str = "plain login scram-sha-1 scram-sha-256 external xoauth2 oauthbearer";

const PASSWORDS_2_3: &str = r"
passdb {
  driver = static
  args = password=pass
}
";

const PASSWORDS_2_4: &str = r"
passdb static {
  password = pass
}
";

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
const COMMON: &str = r"
base_dir = <dir>/run
state_dir = <dir>/state
instance_name = imapscript-tests
log_path = <dir>/log
default_internal_user = <user>
default_internal_group = <group>
default_login_user = <user>
first_valid_uid = 0
first_valid_gid = 0
mail_uid = <user>
mail_gid = <group>
listen = 127.0.0.1

service anvil {
  chroot =
  # no waiting after a wrong password
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  process_min_avail = 1
  client_limit = 1000
  inet_listener imap {
    port = <port>
  }
  inet_listener imaps {
    port = <tls-port>
    ssl = yes
  }
}
service imap {
  process_min_avail = 2
  process_limit = 512
  client_limit = 1
}
service auth-worker {
  user =
}
service indexer-worker {
  user =
}
service stats {
  chroot =
}

auth_mechanisms = <mechanisms>
auth_failure_delay = 0
ssl = yes

mail_fsync = never
mail_max_userip_connections = 1000
namespace inbox {
  inbox = yes
  separator = /
  prefix =
  mailbox Drafts {
    special_use = \Drafts
    auto = create
  }
  mailbox Sent {
    special_use = \Sent
    auto = create
  }
  mailbox Junk {
    special_use = \Junk
    auto = create
  }
  mailbox Trash {
    special_use = \Trash
    auto = create
  }
  mailbox Archive {
    special_use = \Archive
    auto = create
  }
}
";
