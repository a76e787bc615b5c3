//! What a run said, with what differs from run to run redacted.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use regex::Regex;
use std::{fmt, path::Path, sync::LazyLock};

/// The end of a run. In both texts `$DIR` stands for the run's directory, `$PORT` and `$USER` for the server's port and user (`$OTHER_PORT` and
/// `$OTHER_USER` for the other's), `$VALIDITY` for
/// a UIDVALIDITY and `$NOW` for a time of these days. Other dates are the test's own data and stay.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// None where a signal ended the run.
    pub(crate) status: Option<i32>,
}

impl Output {
    pub(crate) fn new(
        stdout: &[u8],
        stderr: &[u8],
        status: Option<i32>,
        directory: &Path,
        servers: &[(&str, u16, String)],
    ) -> Self {
        let text = |bytes| redact(&String::from_utf8_lossy(bytes), directory, servers);
        Self { stdout: text(stdout), stderr: text(stderr), status }
    }
}

impl Output {
    /// Standard output with its tabs shown as bars, for a snapshot.
    pub(crate) fn table(&self) -> String {
        self.stdout.replace('\t', " | ")
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { stdout, stderr, status } = self;
        write!(f, "the run with exit code {status:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

fn redact(text: &str, directory: &Path, servers: &[(&str, u16, String)]) -> String {
    static VALIDITY: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)(uid_?validity\W{1,3})\d+").unwrap());
    static TIME: LazyLock<Regex> = LazyLock::new(|| {
        let today = Timestamp::now().to_zoned_datetime(TimeZone::UTC);
        let days = [-1, 0, 1].map(|days| today.saturating_add(days.days()).date().to_string()).join("|");
        let time = Regex::new(&format!(
            r"(?:{days})(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| ?[+-]\d\d:?\d\d)?(?:\[\w+\])?)?"
        ));
        time.unwrap()
    });
    if text.is_empty() {
        return String::new();
    }
    let mut text = text.replace(directory.to_str().unwrap(), "$DIR");
    for (name, port, user) in servers {
        let named = format!("$${name}USER");
        text = Regex::new(&format!(r"\b{user}\b")).unwrap().replace_all(&text, named).into_owned();
        let place = Regex::new(&format!(r"(?i)(:|port[ =]+){port}\b")).unwrap();
        text = place.replace_all(&text, format!("$1$${name}PORT")).into_owned();
    }
    text = VALIDITY.replace_all(&text, "$1$$VALIDITY").into_owned();
    TIME.replace_all(&text, "$$NOW").into_owned()
}
