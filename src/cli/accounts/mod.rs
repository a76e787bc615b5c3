//! Shows, tries and adds the accounts of the accounts file.

mod add;
mod ask;
mod written;

use std::process::ExitCode;

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::exit;
use super::options::Options;
use super::report::out;
use super::run::told;
use super::surroundings::{Refusal, Surroundings};
pub(super) use add::{AddOptions, add};

use crate::engine::{Account, AccountSettings, TlsMode};
use crate::error::{Result, visible};

/// What one of these commands does, in the run's surroundings.
fn within(options: &Options, what: impl FnOnce(&Surroundings) -> Result<u8>) -> ExitCode {
    let go = || -> std::result::Result<u8, Refusal> {
        let around = Surroundings::new(options, "accounts".to_owned(), false)?;
        let code = what(&around).unwrap_or_else(|error| around.failed(&error));
        Ok(around.end(code))
    };
    told(go())
}

/// Lists the accounts.
pub(super) fn list(options: &Options) -> ExitCode {
    within(options, |around| {
        let file = around.run.accounts.file()?;
        let mut table = Table::new();
        table.load_style(NOTHING);
        for (name, settings) in file.accounts() {
            let place = format!("{}:{}", settings.host, settings.port());
            let AccountSettings { user, tls, .. } = settings;
            let cells = [name, user, &place, tls_name(*tls), &settings.shown_proof(&around.run)];
            table.add_row(cells.map(visible));
        }
        table.lines().for_each(|line| out(line.trim()));
        if table.is_empty() {
            out("there is no account; `imapscript accounts add` describes one");
        }
        Ok(0)
    })
}

fn tls_name(tls: TlsMode) -> &'static str {
    match tls {
        TlsMode::Implicit => "TLS",
        TlsMode::Starttls => "STARTTLS",
        TlsMode::Offered => "STARTTLS where it is offered",
        TlsMode::None => "no TLS",
    }
}

/// Logs in to one account or to all, and shows what their servers can do.
pub(super) fn test(name: Option<&str>, options: &Options) -> ExitCode {
    within(options, |around| {
        let file = around.run.accounts.file()?;
        let wanted = name.or(around.run.accounts.chosen());
        let chosen = match wanted {
            Some(name) => vec![file.find(Some(name))?],
            None => file.accounts().map(|(_, settings)| settings).collect(),
        };
        if chosen.is_empty() {
            file.find(None)?;
        }
        let mut code = 0;
        for settings in chosen {
            if let Err(error) = Account::new(settings.clone(), &around.run).and_then(|account| show(&account))
            {
                let name = settings.name.clone().unwrap_or_default();
                let failed = around.failed(&error.in_account(&name));
                code = if code == 0 || code == failed { failed } else { exit::PARTIAL };
            }
        }
        Ok(code)
    })
}

/// Logs in and shows what the server can do, and where mailboxes are.
fn show(account: &Account) -> Result<()> {
    let capabilities = account.capabilities().wait()?;
    let listed = account.list(None, false).wait()?;
    let namespaces = account.namespaces().wait()?;
    account.log_out();
    let label = visible(account.label());
    out(format_args!("{label}: logged in"));
    out(format_args!("  capabilities: {}", visible(&capabilities.join(" "))));
    let prefix = &namespaces.personal.prefix;
    let prefix = if prefix.is_empty() { String::new() } else { format!(", beneath `{}`", visible(prefix)) };
    out(format_args!("  mailboxes: {}{prefix}", listed.len()));
    for mailbox in listed {
        if let Some(use_) = mailbox.special_use {
            out(format_args!("  @{use_}: {}", visible(&mailbox.name)));
        }
    }
    Ok(())
}
