use std::cell::{RefCell, RefMut};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::config::SASLConfig;
use rsasl::prelude::{Mechname, SASLClient, Session, SessionError, State};
use rsasl::property::{AuthId, AuthzId, OAuthBearerKV, OAuthBearerToken, Password};
use zeroize::Zeroizing;

use super::login::{Credentials, Proof};
use super::mechanism::Mechanism;
use crate::error::{By, Error, ErrorKind, Result, visible};
use crate::wire::Guard;

/// How much work a server may ask for, of a password's hash. More would be a way to stop us, and less one to learn the
/// password from the answer (RFC 7677 §4).
const ITERATIONS: std::ops::RangeInclusive<u64> = 4096..=1_000_000;

/// No mechanism here has more turns.
const TURNS: usize = 4;

/// One exchange of AUTHENTICATE (RFC 3501 §6.2.2, RFC 4422): answers the server's challenges, and ends it where they
/// can't be right.
pub(super) struct Exchange {
    mechanism: Mechanism,
    user: String,
    guard: Guard,
    talk: RefCell<Talk>,
}

struct Talk {
    session: Session,
    /// What we say first. `None` once it was said.
    opening: Option<Zeroizing<Vec<u8>>>,
    turns: usize,
    /// All has been said, and what the server had to show was right.
    finished: bool,
    /// Why the server does not take the token, in its own words.
    refusal: Option<String>,
    failure: Option<Error>,
}

impl Exchange {
    /// Prepares an exchange with the server at `host` and `port`.
    pub(super) fn new(
        mechanism: Mechanism,
        credentials: &Credentials,
        (host, port): (&str, u16),
        guard: &Guard,
    ) -> Result<Self> {
        let broken = |cause: String| failed(mechanism, &cause);
        let answers = Answers {
            mechanism,
            credentials: credentials.clone(),
            host: host.to_owned(),
            port: port.to_string(),
        };
        let config = SASLConfig::builder().with_default_mechanisms().with_callback(answers);
        let name = Mechname::parse(mechanism.name().as_bytes()).map_err(|error| broken(error.to_string()))?;
        let session = config.and_then(|config| SASLClient::new(config).start_suggested(&[name]));
        let mut talk = Talk {
            session: session.map_err(|error| broken(error.to_string()))?,
            opening: None,
            turns: 0,
            finished: false,
            refusal: None,
            failure: None,
        };
        if talk.session.are_we_first() {
            let opening = talk.step(None).map_err(|error| broken(error.to_string()))?;
            talk.opening = Some(opening);
        }
        let user = credentials.user.clone();
        Ok(Self { mechanism, user, guard: guard.clone(), talk: RefCell::new(talk) })
    }

    /// Takes what is said first, in base64, to be sent with the command (RFC 4959). `None` where the server begins.
    pub(super) fn take_opening(&self) -> Option<Zeroizing<String>> {
        let opening = self.talk().opening.take()?;
        // Nothing is told from no answer.
        Some(Zeroizing::new(if opening.is_empty() { "=".to_owned() } else { STANDARD.encode(&*opening) }))
    }

    /// Gives what is said first, in base64, without saying it.
    pub(super) fn opening(&self) -> String {
        self.talk().opening.as_ref().map(|opening| STANDARD.encode(&**opening)).unwrap_or_default()
    }

    /// Gives why the exchange was ended from here, if it was.
    pub(super) fn take_failure(&self) -> Option<Error> {
        self.talk().failure.take()
    }

    /// Gives why the server does not take the token, if it said so.
    pub(super) fn take_refusal(&self) -> Option<String> {
        self.talk().refusal.take()
    }

    /// Looks, after the server has said OK, whether it has shown all that it must.
    ///
    /// Error: it has not, as one that poses as the server could not.
    pub(super) fn verify(&self) -> Result<()> {
        if self.mechanism.is_scram() && !self.talk().finished {
            self.guard.poison();
            return Err(self.unproven());
        }
        Ok(())
    }

    fn unproven(&self) -> Error {
        ErrorKind::Unproven { user: self.user.clone() }.into()
    }

    fn talk(&self) -> RefMut<'_, Talk> {
        self.talk.borrow_mut()
    }

    fn answer(&self, challenge: &[u8]) -> Result<Vec<u8>> {
        let mut talk = self.talk();
        talk.turns += 1;
        if talk.turns > TURNS {
            return Err(failed(self.mechanism, "the server asks without end"));
        }
        if let Some(opening) = talk.opening.take() {
            return Ok(opening.to_vec());
        }
        if matches!(self.mechanism, Mechanism::OauthBearer | Mechanism::Xoauth2) {
            // It is why the token is refused. What is answered only ends the exchange (RFC 7628 §3.2.3).
            talk.refusal = Some(self.guard.hide(&reason(challenge)));
            let end: &[u8] = if self.mechanism == Mechanism::OauthBearer { b"\x01" } else { b"" };
            return Ok(end.to_vec());
        }
        if talk.finished {
            return Err(failed(self.mechanism, "the server asks for more than there is to say"));
        }
        if self.mechanism.is_scram() {
            if let Some(why) = challenge.strip_prefix(b"e=") {
                let text = self.guard.hide(&visible(&String::from_utf8_lossy(why)));
                return Err(ErrorKind::Login { user: self.user.clone(), by: By::Password, text }.into());
            }
            check_iterations(self.mechanism, challenge)?;
        }
        let answer = talk.step(Some(challenge)).map_err(|error| match error {
            SessionError::MutualAuthenticationFailed => self.unproven(),
            _ => failed(self.mechanism, "the server's challenge can't be understood"),
        })?;
        Ok(answer.to_vec())
    }
}

impl imap::Authenticator for Exchange {
    type Response = Vec<u8>;

    fn process(&self, challenge: &[u8]) -> Vec<u8> {
        self.answer(challenge).unwrap_or_else(|error| {
            self.talk().failure = Some(error);
            self.guard.cancel_exchange();
            Vec::new()
        })
    }
}

impl Talk {
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, SessionError> {
        let mut said = Zeroizing::new(Vec::new());
        if matches!(self.session.step(challenge, &mut *said)?, State::Finished(_)) {
            self.finished = true;
        }
        Ok(said)
    }
}

fn failed(mechanism: Mechanism, what: &str) -> Error {
    ErrorKind::Sasl { mechanism: mechanism.name(), what: what.to_owned() }.into()
}

/// Refuses a server's first message of SCRAM (`r=…,s=…,i=…`, RFC 5802 §5.1) that asks for too much work or too little.
/// Any other message is looked at where it is understood.
fn check_iterations(mechanism: Mechanism, challenge: &[u8]) -> Result<()> {
    let Some(count) = challenge.split(|&b| b == b',').find_map(|part| part.strip_prefix(b"i=")) else {
        return Ok(());
    };
    let number = std::str::from_utf8(count).ok().and_then(|count| count.parse::<u64>().ok());
    if number.is_some_and(|number| ITERATIONS.contains(&number)) {
        return Ok(());
    }
    let (least, most) = ITERATIONS.into_inner();
    let count = visible(&String::from_utf8_lossy(count.get(..20).unwrap_or(count)));
    Err(failed(
        mechanism,
        &format!("the server asks for {count} iterations, and {least} to {most} are sound"),
    ))
}

/// Makes words of the JSON in which a server says why it refuses a token: `{"status":"401","scope":"…"}`.
fn reason(challenge: &[u8]) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_slice(challenge) else {
        return visible(&String::from_utf8_lossy(challenge.get(..500).unwrap_or(challenge)));
    };
    let words = fields.iter().filter_map(|(name, value)| match value {
        serde_json::Value::String(text) => Some(format!("{name} {text}")),
        serde_json::Value::Number(number) => Some(format!("{name} {number}")),
        _ => None,
    });
    visible(&words.collect::<Vec<_>>().join(", "))
}

/// What the mechanisms ask of us.
struct Answers {
    mechanism: Mechanism,
    credentials: Credentials,
    host: String,
    port: String,
}

impl SessionCallback for Answers {
    fn callback(
        &self,
        _session: &SessionData,
        _context: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        let user = self.credentials.user.as_str();
        request.satisfy::<AuthId>(user)?;
        match &self.credentials.proof {
            Proof::Password(password) => {
                request.satisfy::<Password>(password.expose().as_bytes())?;
            }
            Proof::Token(token) => {
                request.satisfy::<OAuthBearerToken>(token.expose())?;
            }
            // Who it is for is what the server reads in it.
            Proof::Certificate => {}
        }
        if self.mechanism == Mechanism::OauthBearer {
            request.satisfy::<AuthzId>(user)?;
            request.satisfy::<OAuthBearerKV>(&[("host", &self.host), ("port", &self.port)])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Mechanism, check_iterations, reason};

    #[test]
    fn only_sound_iteration_counts() {
        let check = |message: &str| check_iterations(Mechanism::ScramSha256, message.as_bytes());
        for count in ["4096", "10000", "1000000"] {
            assert!(check(&format!("r=x,s=y,i={count}")).is_ok(), "{count}");
        }
        for count in ["0", "1", "4095", "1000001", "1000000000", "99999999999999999999999", "-1", "", "x"] {
            assert!(check(&format!("r=x,s=y,i={count}")).is_err(), "{count}");
        }
        assert!(check("v=c2lnbmF0dXJl").is_ok());
    }

    #[test]
    fn a_refusal_in_words() {
        let json = br#"{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/","more":{}}"#;
        assert_eq!(reason(json), "status 401, schemes bearer mac, scope https://mail.google.com/");
        assert_eq!(reason(br#"{"status":400}"#), "status 400");
        assert_eq!(reason(b"no JSON\x1b"), "no JSON\\u{1b}");
        assert_eq!(reason(b""), "");
    }
}
