use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::super::keyring;
use super::super::options::Options;
use super::super::report::{err, failure, out};
use super::super::surroundings::Surroundings;
use super::{ask, show, tls_name, within, written};
use crate::engine::{
    Account, AccountSettings, AccountsFile, Candidate, Resolver, SecretSource, TlsMode, advice, discover,
};
use crate::error::{ErrorKind, Result, visible};
use crate::mail::Secret;
use crate::wire::Interrupt;

/// What is known of a new account from the command line. What is missing is found out or asked for.
#[derive(Debug, clap::Args)]
pub struct AddOptions {
    /// The address, such as me@example.org
    #[arg(value_name = "ADDRESS")]
    pub address: Option<String>,

    /// What scripts call the account [default: the domain's name]
    #[arg(long)]
    pub name: Option<String>,

    /// The server's name; then it is not looked for
    #[arg(long)]
    pub host: Option<String>,

    /// The server's port
    #[arg(long, requires = "host")]
    pub port: Option<NonZeroU16>,

    /// How the connection is protected
    #[arg(long, requires = "host", value_parser = ["implicit", "starttls", "none"])]
    pub tls: Option<String>,

    /// Who logs in [default: the address]
    #[arg(long)]
    pub user: Option<String>,

    /// A PEM file with the authorities to trust, in place of the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// The program that prints the password, with its arguments, split at spaces; no shell
    #[arg(long, value_name = "COMMAND", group = "source")]
    pub password_command: Option<String>,

    /// The environment variable with the password
    #[arg(long, value_name = "NAME", group = "source")]
    pub password_env: Option<String>,

    /// The file with the password
    #[arg(long, value_name = "FILE", group = "source")]
    pub password_file: Option<PathBuf>,

    /// Keep the password in the system keyring, and do not ask where
    #[arg(long, group = "source")]
    pub keyring: bool,

    /// Ask this name server and no other
    #[arg(long, value_name = "ADDR:PORT")]
    pub name_server: Option<SocketAddr>,
}

/// Describes a new account: finds its server, tries to log in, and adds it to the accounts file.
pub(in crate::cli) fn add(new: &AddOptions, options: &Options) -> ExitCode {
    within(options, |around| go(new, around).map(|()| 0))
}

/// How often a password is asked for.
const TRIES: u32 = 3;

fn usage(what: String, hint: &str) -> crate::error::Error {
    ErrorKind::Usage { what, hint: hint.to_owned() }.into()
}

fn go(new: &AddOptions, around: &Surroundings) -> Result<()> {
    let accounts = &around.run.accounts;
    let path = accounts.path()?;
    // Nothing is asked in vain: a file that can't be read could not be added to.
    let known = if path.exists() { Some(accounts.file()?) } else { None };
    let address = match &new.address {
        Some(address) => address.clone(),
        None => ask::line("Address", None)?,
    };
    let is_domain = |domain: &str| domain.split('.').all(|label| !label.is_empty());
    let Some((_, domain)) =
        address.rsplit_once('@').filter(|(local, domain)| !local.is_empty() && is_domain(domain))
    else {
        return Err(usage(format!("`{}` is no address", visible(&address)), "it looks like me@example.org"));
    };
    let name = name(new, domain, known)?;
    let server = server(new, domain, &around.run.context.interrupt)?;
    let user = new.user.clone().unwrap_or_else(|| address.clone());
    let mut settings = AccountSettings {
        name: Some(name.clone()),
        port: NonZeroU16::new(server.port),
        tls: server.tls,
        password: password(new),
        ca_file: new.ca_file.clone().map(absolute),
        ..AccountSettings::new(server.host, user)
    };
    if settings.password.is_some() {
        try_out(&settings, &name, around)?;
    } else {
        let secret = ask_and_try(&settings, &name, around)?;
        settings.password = Some(keep(new, &name, &secret, path)?);
    }
    written::append(path, &name, &settings)?;
    let path = visible(&path.display().to_string());
    out(format_args!("added to {path}: use it as `account {name:?}`"));
    Ok(())
}

fn try_out(settings: &AccountSettings, name: &str, around: &Surroundings) -> Result<()> {
    let account = Account::new(settings.clone(), &around.run);
    account.and_then(|account| show(&account)).map_err(|error| error.in_account(name))
}

/// Asks for the password, and again where the server refuses it: fingers slip.
fn ask_and_try(settings: &AccountSettings, name: &str, around: &Surroundings) -> Result<Secret> {
    if let Some(advice) = advice(&settings.host) {
        err(format_args!("note: {advice}"));
    }
    let mut left = TRIES;
    loop {
        let asked = around.run.world.prompt(&format!("Password of {}: ", visible(&settings.user)));
        let secret = Secret::new(asked.map_err(|error| {
            let hint = "without a terminal: `--password-command`, `--password-file` or `--password-env`";
            usage(format!("no password could be asked for: {error}"), hint)
        })?);
        let password = Some(SecretSource::Literal(secret.clone()));
        left -= 1;
        match try_out(&AccountSettings { password, ..settings.clone() }, name, around) {
            Ok(()) => return Ok(secret),
            Err(error) if left > 0 && matches!(*error.kind, ErrorKind::Login { .. }) => {
                failure(&error);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Gives a path that means the same from the file's own directory.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Chooses a name that no other account has.
fn name(new: &AddOptions, domain: &str, known: Option<&AccountsFile>) -> Result<String> {
    let is_account = |name: &str| known.is_some_and(|file| file.accounts().any(|(known, _)| known == name));
    let is_taken = |name: &str| AccountsFile::SETTINGS.contains(&name) || is_account(name);
    if let Some(name) = &new.name {
        if name.is_empty() || AccountsFile::SETTINGS.contains(&name.as_str()) {
            return Err(usage(format!("no account can be called `{name}`"), "choose another name"));
        }
        if is_taken(name) {
            let what = format!("there is an account `{}` already", visible(name));
            return Err(usage(what, "choose another name, or change the file by hand"));
        }
        return Ok(name.clone());
    }
    let mut labels = domain.rsplit('.').skip(1);
    let base = labels.next().unwrap_or(domain).to_lowercase();
    let numbered = (2..).map(|number| format!("{base}{number}"));
    Ok(std::iter::once(base.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(base))
}

/// Finds the server, and lets a person say that it is meant where it is not the domain's own.
fn server(new: &AddOptions, domain: &str, interrupt: &Interrupt) -> Result<Candidate> {
    if let Some(host) = &new.host {
        let tls = match new.tls.as_deref() {
            Some("starttls") => TlsMode::Starttls,
            Some("none") => TlsMode::None,
            _ => TlsMode::Implicit,
        };
        let port = new.port.map_or(tls.port(), NonZeroU16::get);
        return Ok(Candidate { host: host.clone(), port, tls, how: "", foreign: false });
    }
    err(format_args!("looking for the server of {} …", visible(domain)));
    let resolver = new.name_server.map_or_else(Resolver::of_system, |server| Resolver::new(vec![server]));
    let found = discover(domain, &resolver, interrupt).ok_or_else(|| {
        if interrupt.is_raised() {
            return ErrorKind::Interrupted.into();
        }
        usage(format!("no server was found for {}", visible(domain)), "name it: `--host imap.example.org`")
    })?;
    let Candidate { host, port, tls, how, foreign } = &found;
    let place = format!("{}:{port} ({})", visible(host), tls_name(*tls));
    err(format_args!("found {place}: {how}"));
    if *foreign {
        let question = format!("It is not within {}. Send the password there?", visible(domain));
        if !ask::agreed(&question, false)? {
            return Err(usage("nothing was added".to_owned(), "name the server that you mean: `--host`"));
        }
    }
    Ok(found)
}

/// Gives where the password comes from, if the command line says it.
fn password(new: &AddOptions) -> Option<SecretSource> {
    if let Some(command) = &new.password_command {
        return Some(SecretSource::Command(command.split_whitespace().map(str::to_owned).collect()));
    }
    let env = new.password_env.clone().map(SecretSource::Env);
    env.or_else(|| new.password_file.clone().map(|path| SecretSource::File(absolute(path))))
}

/// Keeps a password that was typed: in the system keyring, or in the accounts file itself if nobody else can read it.
fn keep(new: &AddOptions, name: &str, secret: &Secret, path: &Path) -> Result<SecretSource> {
    let in_keyring = match keyring::read(name) {
        // A script may use what is there.
        Ok(Some(_)) => {
            let question = format!("The system keyring has `{}` already. Replace it?", visible(name));
            ask::agreed(&question, false)?
        }
        Ok(None) => {
            new.keyring
                || ask::agreed(
                    "Keep the password in the system keyring, where cron does not reach it?",
                    true,
                )?
        }
        Err(_) => new.keyring,
    };
    if in_keyring {
        keyring::write(name, secret.expose()).map_err(|why| {
            let what = format!("the password can't be put into the system keyring: {}", visible(&why));
            usage(what, "without `--keyring` it is kept in the accounts file")
        })?;
        return Ok(SecretSource::Keyring(name.to_owned()));
    }
    let shown = visible(&path.display().to_string());
    if AccountsFile::is_private(path) && ask::agreed(&format!("Write the password into {shown}?"), true)? {
        return Ok(SecretSource::Literal(secret.clone()));
    }
    err("the password is not kept: it will be asked for");
    Ok(SecretSource::default())
}
