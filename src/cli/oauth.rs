use std::process::{Command, ExitCode, Stdio};

use super::keyring;
use super::options::Options;
use super::report::{err, out};
use super::run::told;
use super::surroundings::{Refusal, Surroundings};
use crate::engine::{AccountSettings, BrowserLogin, DeviceLogin, OauthSettings};
use crate::error::{Error, ErrorKind, Result, visible};

/// How somebody logs in.
#[derive(Clone, Debug, clap::Args)]
pub struct LoginOptions {
    /// The account, as the accounts file names it; it need not be said if there is only one
    #[arg(value_name = "ACCOUNT")]
    pub name: Option<String>,

    /// Log in on another device, with a code
    #[arg(long, conflicts_with_all = ["no_browser", "port"])]
    pub device: bool,

    /// Open no browser; only show the page's address
    #[arg(long)]
    pub no_browser: bool,

    /// Keep the tokens in the system keyring, in place of a file; runs outside of your desktop's session can't read it
    #[arg(long)]
    pub keyring: bool,

    /// Let the browser come back to this port, where the provider must know it
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
}

/// Said while nothing else happens, for minutes perhaps.
const WAITING: &str = "waiting for you to log in there; Ctrl-C gives it up";

/// What one of these commands does with an account.
fn with(
    name: Option<&str>,
    options: &Options,
    what: impl FnOnce(&AccountSettings, &Surroundings) -> Result<()>,
) -> ExitCode {
    let go = || -> std::result::Result<u8, Refusal> {
        let around = Surroundings::new(options, "oauth".to_owned(), false)?;
        let done = around.run.accounts.file().and_then(|file| {
            let name = name.or(around.run.accounts.chosen());
            what(file.find(name)?, &around)
        });
        let code = done.map_or_else(|error| around.failed(&error), |()| 0);
        Ok(around.end(code))
    };
    told(go())
}

/// Logs in with the provider, and keeps what it gives.
pub(super) fn login(login: &LoginOptions, options: &Options) -> ExitCode {
    with(login.name.as_deref(), options, |settings, around| {
        if login.keyring {
            // Nobody is to log in for nothing.
            keyring::read("oauth2").map_err(|why| {
                let what = format!("the system keyring can't be used: {}", visible(&why));
                let hint =
                    "without `--keyring` the tokens are kept in a file that only you can read".to_owned();
                Error::from(ErrorKind::Usage { what, hint })
            })?;
        }
        if login.device {
            let device = DeviceLogin::begin(settings, &around.run)?;
            out(format_args!("open {} and type {}", visible(device.page()), visible(device.code())));
            err(WAITING);
            device.finish(login.keyring)?;
        } else {
            let browser = BrowserLogin::begin(settings, login.port, &around.run)?;
            let page = browser.page();
            // A browser that can be started need not be one that shows anything.
            out(format_args!("open {page}"));
            if !login.no_browser && open(page) {
                err("your browser is asked to open it");
            }
            err(WAITING);
            browser.finish(login.keyring)?;
        }
        out(format_args!("logged in: {}", visible(&settings.label())));
        Ok(())
    })
}

/// Forgets what a provider has given.
pub(super) fn logout(name: Option<&str>, options: &Options) -> ExitCode {
    with(name, options, |settings, around| {
        let label = visible(&settings.label());
        if OauthSettings::forget(settings, &around.run)? {
            out(format_args!("forgotten: the tokens of {label}"));
        } else {
            out(format_args!("there are no tokens of {label}"));
        }
        Ok(())
    })
}

/// Opens a page: by the program that `BROWSER` names, or the desktop's own way. Tells whether that began.
fn open(page: &str) -> bool {
    let named = std::env::var("BROWSER").unwrap_or_default();
    let words = named.split(':').next().unwrap_or_default();
    let mut words = words.split_whitespace().map(str::to_owned);
    let usual = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(words.next().unwrap_or_else(|| usual.to_owned()));
    let mut shown = false;
    for word in words {
        shown |= word.contains("%s");
        command.arg(word.replace("%s", page));
    }
    if !shown {
        command.arg(page);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok()
}
