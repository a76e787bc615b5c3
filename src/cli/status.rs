use std::path::Path;
use std::process::ExitCode;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ZonedDateTime};
use serde_json::{Value, json};

use super::options::PlaceOptions;
use super::places;
use super::report::{error, failure, out};
use super::{exit, run};
use crate::engine::{Health, Journal, long_ago};
use crate::error::visible;

/// Tells how scripts fared, and, for monitors, whether each ran well not longer ago than `max_age`.
pub(super) fn status(
    script: Option<&Path>,
    max_age: Option<&str>,
    as_json: bool,
    place: &PlaceOptions,
) -> ExitCode {
    let now = ZonedDateTime::now();
    let since = match max_age.map(|age| long_ago(age, &now).map(|then| then.timestamp().as_second())) {
        Some(None) => {
            error("`--max-age` must be an age", Some("such as `90m`, `36h` or `2d`"));
            return exit::USAGE.into();
        }
        since => since.flatten(),
    };
    let directory = places::state_directory(place.state.as_deref(), place.sandbox.flatten());
    let journal = match directory.map(|directory| Journal::look(&directory)) {
        Ok(journal) => journal,
        Err(why) => {
            error(&format!("there is no place for the journal: {why}"), Some("`--state DIR` names one"));
            return exit::CONFIG.into();
        }
    };
    let mut all = match journal.and_then(|journal| journal.map_or(Ok(Vec::new()), |journal| journal.health()))
    {
        Ok(all) => all,
        Err(error) => return failure(&error).into(),
    };
    if let Some(script) = script {
        let wanted = run::whole_path(script);
        all.retain(|health| health.script == wanted);
        if all.is_empty() {
            all.push(unknown(wanted));
        }
    }
    let is_late =
        |health: &Health| since.is_some_and(|since| health.last_good.is_none_or(|good| good < since));
    if as_json {
        let scripts: Vec<_> =
            all.iter().map(|health| table(health, now.timestamp(), is_late(health))).collect();
        out(json!({ "scripts": scripts }));
    } else {
        if all.is_empty() {
            out("no script has been run yet");
        }
        for health in &all {
            show(health, now.timestamp(), is_late(health));
        }
    }
    // A monitor that watches nothing must not be content.
    let late = all.iter().any(is_late) || (since.is_some() && all.is_empty());
    ExitCode::from(u8::from(late))
}

fn unknown(script: String) -> Health {
    Health { script, runs: 0, failures: 0, last_good: None, last_failure: None, exit: None, error: None }
}

fn show(health: &Health, now: Timestamp, late: bool) {
    out(visible(&health.script));
    let good = health.last_good.map_or_else(|| "never".to_owned(), |good| when(good, now));
    out(format_args!("  last good run  {good}{}", if late { ", which is too long ago" } else { "" }));
    if let Some(failed) = health.last_failure {
        out(format_args!("  last failure   {}, exit code {}", when(failed, now), health.exit.unwrap_or(1)));
        if let Some(error) = &health.error {
            out(format_args!("                 {}", visible(error)));
        }
    }
    out(format_args!("  runs           {}, of which {} failed", health.runs, health.failures));
}

/// Gives a time and how long ago it was.
fn when(seconds: i64, now: Timestamp) -> String {
    let then = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let ago = SignedDuration::from_secs(age(seconds, now));
    let ago = match ago.as_hours() {
        0 => format!("{} min", ago.as_mins()),
        hours @ 1..48 => format!("{hours} h"),
        hours => format!("{} days", hours / 24),
    };
    format!("{} ({ago} ago)", then.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M"))
}

/// Gives the seconds since then; none where the clock was set back.
fn age(seconds: i64, now: Timestamp) -> i64 {
    now.as_second().saturating_sub(seconds).max(0)
}

fn table(health: &Health, now: Timestamp, late: bool) -> Value {
    let time = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_string();
    json!({
        "script": health.script,
        "runs": health.runs,
        "failures": health.failures,
        "last_good": health.last_good.map(time),
        "last_good_age": health.last_good.map(|good| age(good, now)),
        "last_failure": health.last_failure.map(time),
        "last_failure_exit": health.exit,
        "last_failure_error": health.error,
        "late": late,
    })
}
