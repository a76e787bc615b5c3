use serde::{Deserialize, Serialize};

use super::capability::Capabilities;
use super::login::{Credentials, Proof};
use crate::error::{ErrorKind, Result, visible};

/// How a user is shown to be who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mechanism {
    /// SCRAM with SHA-256 (RFC 7677): the password does not travel, and the server shows that it knows it.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// SCRAM with SHA-1 (RFC 5802).
    #[serde(rename = "scram-sha-1")]
    ScramSha1,
    /// The user and the password as they are (RFC 4616).
    Plain,
    /// The LOGIN command (RFC 3501 §6.2.3), or the mechanism of that name where the command can't be used.
    Login,
    /// An access token of OAuth 2.0 (RFC 7628).
    OauthBearer,
    /// The same in the form that Google had before there was a standard.
    Xoauth2,
    /// The certificate that TLS has shown (RFC 4422 appendix A).
    External,
}

impl Mechanism {
    /// Every mechanism, the strongest of each proof first.
    pub const ALL: [Self; 7] = [
        Self::ScramSha256,
        Self::ScramSha1,
        Self::Plain,
        Self::Login,
        Self::OauthBearer,
        Self::Xoauth2,
        Self::External,
    ];

    /// Finds it by its name in any case, as settings have it.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name().eq_ignore_ascii_case(name))
    }

    /// Gives the name that it is registered by, in upper case.
    pub fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Xoauth2 => "XOAUTH2",
            Self::External => "EXTERNAL",
        }
    }

    /// Tells whether the password does not travel, and the server must show that it knows it, too.
    pub(super) fn is_scram(self) -> bool {
        matches!(self, Self::ScramSha256 | Self::ScramSha1)
    }

    /// Tells whether it can carry a proof of this kind.
    pub fn takes(self, proof: &Proof) -> bool {
        match self {
            Self::ScramSha256 | Self::ScramSha1 | Self::Plain | Self::Login => {
                matches!(proof, Proof::Password(_))
            }
            Self::OauthBearer | Self::Xoauth2 => matches!(proof, Proof::Token(_)),
            Self::External => matches!(proof, Proof::Certificate),
        }
    }
}

/// The command that logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// LOGIN.
    Login,
    /// AUTHENTICATE.
    Authenticate(Mechanism),
}

/// Chooses how to log in: the strongest mechanism of what is offered and can carry the credentials, or the pinned one.
///
/// PLAIN and LOGIN are equally strong; of these it is the one that costs fewer turns.
pub(super) fn choose(
    credentials: &Credentials,
    pinned: Option<Mechanism>,
    offered: &Capabilities,
) -> Result<Way> {
    let printable = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~'));
    let quotable = match &credentials.proof {
        Proof::Password(password) => printable(&credentials.user) && printable(password.expose()),
        Proof::Token(_) | Proof::Certificate => false,
    };
    let command = quotable && !offered.has("LOGINDISABLED");
    let has = |mechanism: Mechanism| offered.has(&format!("AUTH={}", mechanism.name()));
    let way = |mechanism: Mechanism| match mechanism {
        Mechanism::Login if command => Some(Way::Login),
        mechanism => has(mechanism).then_some(Way::Authenticate(mechanism)),
    };
    let wanted = |mechanism: &Mechanism| {
        mechanism.takes(&credentials.proof)
            && match pinned {
                Some(pinned) => *mechanism == pinned,
                None => *mechanism != Mechanism::Plain || offered.has("SASL-IR") || !command,
            }
    };
    Mechanism::ALL.into_iter().filter(wanted).find_map(way).ok_or_else(|| {
        let words = offered.iter().filter(|name| name.starts_with("AUTH=") || *name == "LOGINDISABLED");
        let words: Vec<_> = words.collect();
        let offered = if words.is_empty() { "LOGIN".to_owned() } else { words.join(" ") };
        ErrorKind::NoMechanism { offered: visible(&offered) }.into()
    })
}

#[cfg(test)]
mod tests {
    use super::{Mechanism, Way, choose};
    use crate::imap::capability::Capabilities;
    use crate::imap::login::{Credentials, Proof};
    use crate::mail::Secret;

    fn chosen(proof: Proof, pinned: Option<Mechanism>, offered: &str) -> Option<Way> {
        let offered = Capabilities::new(offered.split(' ').map(str::as_bytes));
        choose(&Credentials { user: "me".to_owned(), proof }, pinned, &offered).ok()
    }

    fn password(text: &str) -> Proof {
        Proof::Password(Secret::new(text))
    }

    #[test]
    fn the_strongest_of_what_is_offered() {
        use Mechanism::{Login, OauthBearer, Plain, ScramSha1, ScramSha256, Xoauth2};
        let all = "AUTH=PLAIN AUTH=LOGIN AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-256 AUTH=XOAUTH2 SASL-IR";
        for (proof, offered, way) in [
            (password("x"), all, Way::Authenticate(ScramSha256)),
            (password("x"), "AUTH=PLAIN AUTH=SCRAM-SHA-1", Way::Authenticate(ScramSha1)),
            (password("x"), "AUTH=PLAIN SASL-IR", Way::Authenticate(Plain)),
            (password("x"), "AUTH=PLAIN", Way::Login),
            (password("x"), "AUTH=PLAIN LOGINDISABLED", Way::Authenticate(Plain)),
            (password("ü"), "AUTH=PLAIN", Way::Authenticate(Plain)),
            (password("ü"), "AUTH=LOGIN", Way::Authenticate(Login)),
            (password("x"), "AUTH=LOGIN LOGINDISABLED", Way::Authenticate(Login)),
            (Proof::Token(Secret::new("x")), all, Way::Authenticate(Xoauth2)),
            (Proof::Token(Secret::new("x")), "AUTH=XOAUTH2 AUTH=OAUTHBEARER", Way::Authenticate(OauthBearer)),
            (Proof::Certificate, "AUTH=EXTERNAL", Way::Authenticate(Mechanism::External)),
        ] {
            assert_eq!(chosen(proof, None, offered), Some(way), "of {offered}");
        }
    }

    #[test]
    fn never_what_is_not_offered_nor_what_the_proof_is_not_for() {
        for offered in ["LOGINDISABLED", "LOGINDISABLED AUTH=XOAUTH2 AUTH=EXTERNAL AUTH=CRAM-MD5"] {
            assert_eq!(chosen(password("x"), None, offered), None, "of {offered}");
        }
        assert_eq!(chosen(Proof::Certificate, None, "AUTH=PLAIN"), None);
        assert_eq!(chosen(Proof::Token(Secret::new("x")), None, "AUTH=PLAIN"), None);
    }

    #[test]
    fn the_pinned_one_or_none() {
        let all = "AUTH=PLAIN AUTH=SCRAM-SHA-256 SASL-IR";
        let plain = Some(Way::Authenticate(Mechanism::Plain));
        assert_eq!(chosen(password("x"), Some(Mechanism::Plain), all), plain);
        assert_eq!(chosen(password("x"), Some(Mechanism::Login), all), Some(Way::Login));
        assert_eq!(chosen(password("x"), Some(Mechanism::ScramSha1), all), None);
        assert_eq!(chosen(password("x"), Some(Mechanism::Xoauth2), "AUTH=XOAUTH2"), None);
    }
}
