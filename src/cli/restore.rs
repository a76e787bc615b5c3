use std::path::Path;
use std::process::ExitCode;

use super::exit;
use super::options::Options;
use super::run::told;
use super::surroundings::{Refusal, Surroundings};
use super::undo::refuse_embedded;
use crate::engine::{Account, Event, NameSpec, apply};
use crate::error::Result;

/// Puts the messages of an mbox file into a mailbox of an account that the journal knows.
pub(super) fn restore(file: &Path, mailbox: &str, options: &Options) -> ExitCode {
    let go = || -> Result<u8, Refusal> {
        refuse_embedded(options)?;
        let around = Surroundings::new(options, format!("restore {}", file.display()), false)?;
        let run = || -> Result<bool> {
            let account = Account::chosen(&around.run)?;
            let spec = NameSpec::Script(mailbox.to_owned());
            let report = apply::restore(&account, spec, file.to_owned()).wait()?;
            account.log_out();
            let clean = report.is_clean();
            around.run.world.tell(Event::Done(Box::new(report)));
            Ok(clean)
        };
        let code = match run() {
            Ok(true) => 0,
            Ok(false) => exit::PARTIAL,
            Err(error) => around.failed(&error),
        };
        Ok(around.end(code))
    };
    told(go())
}
