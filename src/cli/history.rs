use std::process::ExitCode;

use comfy_table::{Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::options::PlaceOptions;
use super::report::{err, error, failure, out};
use super::{exit, places, undo};
use crate::engine::{Journal, RunRow};
use crate::error::visible;

/// Opens the journal to read it. `None` where nothing was ever noted; then it is said.
fn journal(place: &PlaceOptions) -> Result<Option<Journal>, ExitCode> {
    let directory =
        places::state_directory(place.state.as_deref(), place.sandbox.flatten()).map_err(|why| {
            error(&format!("there is no place for the journal: {why}"), Some("`--state DIR` names one"));
            ExitCode::from(exit::CONFIG)
        })?;
    if !Journal::exists(&directory) {
        out("no run has changed anything yet");
        return Ok(None);
    }
    let warn = |text: String| err(format_args!("warning: {}", visible(&text)));
    Journal::open(&directory, &warn).map(Some).map_err(|error| failure(&error).into())
}

fn when(seconds: i64) -> String {
    let when = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    when.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Lists the runs, or what one of them did.
pub(super) fn history(run: Option<i64>, place: &PlaceOptions) -> ExitCode {
    let journal = match journal(place) {
        Ok(Some(journal)) => journal,
        Ok(None) => return ExitCode::SUCCESS,
        Err(code) => return code,
    };
    let told = match run {
        None => journal.runs().map(|runs| list(&runs)),
        Some(run) => match journal.traces_of_run(run) {
            Ok(traces) if traces.is_empty() => {
                error(&format!("there is no run {run}"), Some("`imapscript history` lists the runs"));
                return exit::USAGE.into();
            }
            traces => traces.map(|traces| traces.iter().for_each(out)),
        },
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error).into(),
    }
}

fn list(runs: &[RunRow]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["RUN", "WHEN", "WHAT", "EXIT", "DONE"]);
    for run in runs {
        let exit = run.exit.map_or_else(|| "none".to_owned(), |exit| exit.to_string());
        let counts: Vec<_> = run.counts.iter().map(|(verb, count)| undo::counted(*verb, *count)).collect();
        let counts = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
        table.add_row([run.id.to_string(), when(run.began), visible(&run.name), exit, counts]);
    }
    // Columns are padded to their width; what is printed has no blanks at the ends of lines.
    for line in table.to_string().lines() {
        out(line.trim());
    }
}

/// Tells which rule of which run touched a message.
pub(super) fn why(message_id: &str, place: &PlaceOptions) -> ExitCode {
    let journal = match journal(place) {
        Ok(Some(journal)) => journal,
        Ok(None) => return ExitCode::SUCCESS,
        Err(code) => return code,
    };
    let bare = message_id.trim().trim_start_matches('<').trim_end_matches('>');
    match journal.traces_of_message(bare) {
        Ok(traces) if traces.is_empty() => {
            out(format_args!("no run of the last 90 days touched <{}>", visible(bare)));
            ExitCode::SUCCESS
        }
        Ok(traces) => {
            for trace in &traces {
                out(format_args!("{} run {} ({}):", when(trace.began), trace.run, visible(&trace.name)));
                out(format_args!("  {trace}"));
            }
            ExitCode::SUCCESS
        }
        Err(error) => failure(&error).into(),
    }
}
