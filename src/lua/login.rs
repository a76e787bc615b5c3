use std::path::PathBuf;

use mlua::{Lua, Table, Value};

use super::account::AccountValue;
use super::args::{Args, a_type};
use super::bind::{function, put};
use super::secret::SecretValue;
use crate::engine::{Account, AccountSettings, Run, SecretSource, TlsMode};
use crate::error::{Error, Result};
use crate::imap::Mechanism;
use crate::mail::Secret;

const KEYS: [&str; 8] = ["host", "port", "tls", "user", "password", "auth", "ca_file", "allow_plaintext"];

/// Installs `login{…}`.
pub(super) fn install(lua: &Lua, run: &Run) -> mlua::Result<()> {
    let run = run.clone();
    let login = function(lua, "login", move |lua, args| {
        let table = args.table("a table such as `{ host = …, user = …, password = … }`")?;
        let account = Account::new(settings(args, &table)?, &run)?;
        remember(lua, &account);
        Ok(AccountValue::new(account))
    })?;
    put(lua, None, "login", login)
}

/// Every account of the run, so that all are logged out at its end.
#[derive(Debug, Default)]
pub(super) struct Accounts(pub(super) Vec<Account>);

fn remember(lua: &Lua, account: &Account) {
    if let Some(mut accounts) = lua.app_data_mut::<Accounts>() {
        accounts.0.push(account.clone());
    }
}

fn settings(args: &Args, table: &Table) -> Result<AccountSettings> {
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
        let name = key.as_string().map(mlua::LuaString::to_string_lossy).unwrap_or_default();
        if !KEYS.contains(&name.as_str()) {
            let hint = format!("it knows {}", KEYS.join(", "));
            return Err(Error::script(
                format!("`login` has no setting `{}`", crate::error::visible(&name)),
                hint,
            ));
        }
    }
    let get = |name: &str| table.get::<Value>(name).unwrap_or(Value::Nil);
    let text = |name: &str| match get(name) {
        Value::String(text) => Ok(text.to_string_lossy()),
        value => Err(args.wrong(&format!("`{name}` as a string"), &value)),
    };
    let optional_text = |name: &str| if get(name).is_nil() { Ok(None) } else { text(name).map(Some) };
    let tls = match optional_text("tls")?.as_deref() {
        None | Some("implicit") => TlsMode::Implicit,
        Some("starttls") => TlsMode::Starttls,
        Some("none") => TlsMode::None,
        Some(_) => return Err(args.wrong("`tls` as \"implicit\", \"starttls\" or \"none\"", &get("tls"))),
    };
    let mechanism = match optional_text("auth")?.as_deref() {
        None => None,
        Some("login") => Some(Mechanism::Login),
        Some("plain") => Some(Mechanism::Plain),
        Some(_) => return Err(args.wrong("`auth` as \"login\" or \"plain\"", &get("auth"))),
    };
    let port = match get("port") {
        Value::Nil => None,
        Value::Integer(port) => match u16::try_from(port) {
            Ok(port) if port > 0 => Some(port),
            _ => return Err(args.wrong("`port` from 1 to 65535", &Value::Integer(port))),
        },
        value => return Err(args.wrong("`port` as a number", &value)),
    };
    let password = match get("password") {
        Value::String(text) => SecretSource::Literal(Secret::new(text.to_string_lossy())),
        Value::UserData(data) => match data.borrow::<SecretValue>() {
            Ok(secret) => secret.0.clone(),
            Err(_) => {
                return Err(args.wrong("`password` as a secret or a string", &Value::UserData(data.clone())));
            }
        },
        // What it is must not be shown.
        value => {
            let what = format!("`login` wants a `password` but got {}", a_type(&value));
            return Err(Error::script(
                what,
                "`secret.command { \"pass\", \"mail/work\" }`, `secret.env`, `secret.file` or `secret.prompt`",
            ));
        }
    };
    let allow_plaintext = match get("allow_plaintext") {
        Value::Nil => false,
        Value::Boolean(allow) => allow,
        value => return Err(args.wrong("`allow_plaintext` as true or false", &value)),
    };
    Ok(AccountSettings {
        host: text("host")?,
        port,
        tls,
        user: text("user")?,
        password,
        mechanism,
        ca_file: optional_text("ca_file")?.map(PathBuf::from),
        allow_plaintext,
    })
}
