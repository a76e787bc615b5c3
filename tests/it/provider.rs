//! A provider of access tokens, played by the test.

use crate::http::{Answer, Asked, HttpServer};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex};

pub(crate) const CLIENT: &str = "the-client";
pub(crate) const SECRET: &str = "client-canary";

/// What a provider of the test's does with a question for tokens that is in order.
type Tell = dyn Fn(&Asked, usize) -> Answer + Send + Sync;

/// A listening provider. It checks what each question must have; what comes of that is the test's to say.
pub(crate) struct Provider {
    pub(crate) server: HttpServer,
    log: Arc<Mutex<Log>>,
}

#[derive(Default)]
struct Log {
    challenge: String,
    asked: Vec<Asked>,
}

/// Tokens as a provider gives them.
pub(crate) fn tokens(access: &str, refresh: &str, seconds: u64) -> Answer {
    Answer::json(&format!(
        r#"{{"access_token":"{access}","refresh_token":"{refresh}","expires_in":{seconds},"token_type":"Bearer"}}"#
    ))
}

/// A refusal as a provider gives it.
pub(crate) fn refusal(error: &str, more: &str) -> Answer {
    Answer::json(&format!(r#"{{"error":"{error}","error_description":"{more}"}}"#)).status(400)
}

impl Provider {
    /// Starts one. `tell` answers questions for tokens, and gets how many were before.
    pub(crate) fn start(tell: impl Fn(&Asked, usize) -> Answer + Send + Sync + 'static) -> Self {
        let log = Arc::<Mutex<Log>>::default();
        let seen = Arc::clone(&log);
        let tell: Box<Tell> = Box::new(tell);
        let server = HttpServer::start(move |asked| answer(asked, &seen, &*tell));
        Self { server, log }
    }

    /// The settings of an account that uses it, for the accounts file.
    pub(crate) fn settings(&self) -> String {
        let url = |path: &str| self.server.url(path);
        format!(
            "oauth2 = {{ client_id = {CLIENT:?}, client_secret = {{ env = \"CLIENT_SECRET\" }}, scope = \"mail offline\", \
             authorization_url = {:?}, token_url = {:?}, device_url = {:?} }}\n",
            url("/authorize"),
            url("/token"),
            url("/device")
        )
    }

    /// All questions for tokens so far, by what they gave for them.
    pub(crate) fn grants(&self) -> Vec<String> {
        let log = self.log.lock().unwrap();
        log.asked.iter().filter_map(|asked| asked.field("grant_type")).collect()
    }
}

fn answer(asked: &Asked, log: &Mutex<Log>, tell: &Tell) -> Answer {
    let field = |name: &str| asked.field(name).unwrap_or_default();
    let bad = |why: &str| refusal("invalid_request", why);
    if field("client_id") != CLIENT {
        return bad("client_id");
    }
    match asked.place() {
        "/authorize" => {
            if field("code_challenge_method") != "S256" || field("scope") != "mail offline" {
                return bad("challenge or scope");
            }
            log.lock().unwrap().challenge = field("code_challenge");
            let (back, state) = (field("redirect_uri"), field("state"));
            match field("login_hint").as_str() {
                "nobody" => Answer::redirect(&format!("{back}?error=access_denied&state={state}")),
                _ => Answer::redirect(&format!("{back}?code=code-canary&state={state}")),
            }
        }
        "/device" => Answer::json(
            r#"{"device_code":"device-canary","user_code":"ABCD-EFGH","verification_uri":"https://login.example/device","expires_in":600,"interval":0}"#,
        ),
        "/token" => {
            let count = {
                let mut log = log.lock().unwrap();
                log.asked.push(asked.clone());
                let verifier = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
                let by_code = field("grant_type") == "authorization_code";
                if by_code && (verifier != log.challenge || field("code") != "code-canary") {
                    return bad("the code or its verifier");
                }
                log.asked.len() - 1
            };
            if field("client_secret") != SECRET {
                return refusal("invalid_client", "client_secret");
            }
            tell(asked, count)
        }
        _ => bad("path").status(404),
    }
}
