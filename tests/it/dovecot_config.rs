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
}

/// The whole configuration for a version such as `2.3.19.1 (9b53102964)`.
pub(crate) fn text(version: &str, layout: &Layout) -> String {
    let template = match version.get(..4) {
        Some("2.3.") => [HEAD_2_3, COMMON].concat(),
        Some("2.4.") => [HEAD_2_4, COMMON].concat(),
        _ => panic!("Dovecot {version} is neither 2.3 nor 2.4: add its configuration to {}", file!()),
    };
    template
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
passdb {
  driver = static
  args = password=pass
}
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
passdb static {
  password = pass
}
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

auth_mechanisms = plain login
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
