use super::{By, ErrorKind};

impl ErrorKind {
    /// Gives what to do about it, where something can be said.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::HostUnknown { .. } => "check `host`, and the network's name service",
            Self::Connect { .. } => {
                "check `host` and `port`, and that the server is up and no firewall is between"
            }
            Self::Proxy { .. } => "check `proxy`, and that it may connect to the server",
            Self::ProxyLogin { .. } => "check the name in `proxy`, and `proxy_password`",
            Self::Timeout { what: "greet", .. } => {
                "port 993 speaks TLS at once (`tls = \"implicit\"`); or the line is slow: `--timeout SECONDS` waits longer"
            }
            Self::Timeout { .. } => "the server or the line may be slow; `--timeout SECONDS` waits longer",
            Self::Tls { problem, .. } => problem.hint(),
            Self::StarttlsNotOffered => {
                "try port 993 with `tls = \"implicit\"`; if the server did offer STARTTLS before, somebody on the line may be removing it"
            }
            Self::Starttls { .. } => {
                "somebody on the line may be tampering with it; try port 993 with `tls = \"implicit\"`"
            }
            Self::Compression { .. } => {
                "`compress = false` among the account's settings goes without compression"
            }
            Self::Plaintext { .. } => {
                "use `tls = \"implicit\"` or `\"starttls\"`; `allow_plaintext = true` sends it all the same"
            }
            Self::Greeting { .. } => "check `port`: 993 is IMAP over TLS, 143 is IMAP",
            Self::Login { by: By::Password, .. } => {
                "check `user` and `password`; many providers want an app password here"
            }
            Self::Login { by: By::Token, .. } => {
                "the token may be for another user or lack the scope for IMAP; `imapscript oauth login` gets a new one"
            }
            Self::Login { by: By::Certificate, .. } => {
                "the server must know the certificate of `client_certificate` as this user's"
            }
            Self::Unproven { .. } => {
                "somebody may be posing as the server: check `host` and how its certificate is trusted"
            }
            Self::Oauth { .. } => {
                "log in again: `imapscript oauth login`; `client_id`, `client_secret` and `scope` must be as the provider knows them"
            }
            Self::NotLoggedIn { account } => return Some(format!("`imapscript oauth login {account}`")),
            Self::Provider { .. } => {
                "it may be better in a while; else check the network, and the addresses of `oauth2`"
            }
            // What a server does wrong on purpose must not lead to a way that gives more away.
            Self::Sasl { .. } => {
                "the server does not do it as it should, or somebody poses as it: check `host`, and ask its operator"
            }
            Self::NoMechanism { .. } => {
                "`auth` may name a way that the server does not offer; a password needs PLAIN, LOGIN or SCRAM, `oauth2` needs XOAUTH2 or OAUTHBEARER"
            }
            Self::Refused { command, status: "NO", .. }
                if matches!(command.as_str(), "SELECT" | "EXAMINE" | "STATUS") =>
            {
                "`account:list()` gives the mailboxes that there are"
            }
            Self::UidValidityChanged { .. } => "nothing was changed; search again",
            Self::ReadOnly { .. } => {
                "it may be a shared mailbox without write permission; open it with `select`, not `examine`"
            }
            Self::FlagNotKept { .. } => {
                "the server would forget it: it has no such flag there, or you may not set it"
            }
            Self::NotAll { first } => return first.hint(),
            Self::Refused { command, .. } if ["SELECT", "EXAMINE", "STATUS"].contains(&command.as_str()) => {
                "`account:list()` has the names of the mailboxes that there are"
            }
            Self::NoSpecialUse { name, .. } => {
                let what = name.trim_start_matches('@');
                return Some(format!(
                    "make one, or say which it is: `special_use = {{ {what} = \"…\" }}` among the account's settings"
                ));
            }
            Self::NotEmpty { .. } => {
                "move its messages first; those marked \\Deleted are found by `search { deleted = true }`"
            }
            Self::Forbidden { by_script: true, .. } => {
                "what removes mail for good must be allowed: `allow \"purge\"` at the top of the script"
            }
            Self::Forbidden { by_script: false, .. } => "`--allow` was given without it",
            Self::Gone { .. } => "another program moved or removed it meanwhile",
            Self::Locked { .. } => "`--wait` waits until it has ended",
            Self::Limit { hint, .. }
            | Self::Script { hint, .. }
            | Self::Usage { hint, .. }
            | Self::Config { hint, .. } => hint,
            _ => "",
        };
        (!hint.is_empty()).then(|| hint.to_owned())
    }
}
