use crate::error::{By, Error, ErrorKind, TlsProblem};

/// Puts an error into the words of imapfilter's configurations: its own hint may name settings that they lack.
pub(super) fn reworded(error: Error) -> Error {
    let kind = match *error.kind {
        ErrorKind::Limit { what, .. } => {
            let hint = "nothing of it was done; if it is meant, `--limit N` says how many".to_owned();
            ErrorKind::Limit { what, hint }
        }
        ErrorKind::StarttlsNotOffered => {
            let what = "the server does not offer STARTTLS, so that the password would travel unencrypted";
            let hint = "use `ssl = 'auto'`; `options.starttls = false` sends it all the same";
            ErrorKind::Config { what: what.to_owned(), hint: hint.to_owned() }
        }
        kind => match hint(&kind) {
            Some(hint) => ErrorKind::Config { what: kind.to_string(), hint: hint.to_owned() },
            None => kind,
        },
    };
    Error { kind: Box::new(kind), ..error }
}

/// Gives the hint of an error whose own is not for these configurations.
pub(super) fn hint(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::HostUnknown { .. } => "check `server`, and the network's name service",
        ErrorKind::Connect { .. } => {
            "check `server` and `port`, and that the server is up and no firewall is between"
        }
        ErrorKind::Timeout { what: "greet", .. } => {
            "port 993 speaks TLS at once (`ssl = 'auto'`); or the line is slow: `options.timeout` waits longer"
        }
        ErrorKind::Timeout { .. } => "the server or the line may be slow; `options.timeout` waits longer",
        ErrorKind::Tls { problem, .. } => match problem {
            TlsProblem::WrongHost(_) => "`server` must be the name that the certificate was issued for",
            TlsProblem::UnknownAuthority(_) => {
                "name its authority's certificate with `-t`, or put it into `~/.imapfilter/certificates`"
            }
            TlsProblem::ClientCertificate | TlsProblem::BrokenOff => {
                "it may want a certificate of yours, which imapfilter's configurations can't give"
            }
            TlsProblem::NotTls | TlsProblem::HungUp | TlsProblem::Other(_) => {
                "port 993 speaks TLS at once (`ssl = 'auto'`), port 143 only after STARTTLS (no `ssl`)"
            }
            _ => return None,
        },
        ErrorKind::Starttls { .. } => {
            "somebody on the line may be tampering with it; try port 993 with `ssl = 'auto'`"
        }
        ErrorKind::Login { by: By::Token, .. } => {
            "the token in `oauth2` may be too old, for another user, or lack the scope for IMAP"
        }
        ErrorKind::Login { .. } => {
            "check `username` and `password`; many providers want an app password here"
        }
        ErrorKind::Unproven { .. } => {
            "somebody may be posing as the server: check `server` and how its certificate is trusted"
        }
        ErrorKind::Sasl { .. } | ErrorKind::NoMechanism { .. } => {
            "a password needs PLAIN, LOGIN or SCRAM, `oauth2` needs XOAUTH2 or OAUTHBEARER"
        }
        ErrorKind::Refused { command, .. } if ["SELECT", "EXAMINE", "STATUS"].contains(&command.as_str()) => {
            "`account:list_all()` gives the mailboxes that there are"
        }
        ErrorKind::ReadOnly { .. } => "it may be a shared mailbox without write permission",
        ErrorKind::FlagNotKept { .. } => "the server would forget it",
        ErrorKind::NotEmpty { .. } => "another program put messages there meanwhile",
        _ => return None,
    })
}
