use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::PathBuf;

use mlua::{Lua, Table, Value};

use super::account::AccountValue;
use super::args::{Args, a_type};
use super::bind::{function, put};
use super::secret::SecretValue;
use crate::engine::{
    Account, AccountSettings, KnownProvider, OauthSettings, ProxyAddress, Run, SecretSource, TlsMode,
};
use crate::error::{Error, Result};
use crate::imap::{Mechanism, SpecialUse};
use crate::mail::Secret;
use crate::wire::{Pin, TlsVersion};

/// What `login` knows.
pub(super) const KEYS: [&str; 24] = [
    "host",
    "port",
    "tls",
    "user",
    "password",
    "access_token",
    "oauth2",
    "auth",
    "ca_file",
    "ca_dir",
    "pin",
    "client_certificate",
    "client_key",
    "tls_minimum",
    "proxy",
    "proxy_password",
    "allow_plaintext",
    "compress",
    "timeout",
    "namespace",
    "special_use",
    "limit",
    "connections",
    "cache",
];

/// What `oauth2` knows.
pub(super) const OAUTH2_KEYS: [&str; 8] = [
    "provider",
    "client_id",
    "client_secret",
    "tenant",
    "scope",
    "authorization_url",
    "token_url",
    "device_url",
];

/// Installs `login{…}`.
pub(super) fn install(lua: &Lua, run: &Run) -> mlua::Result<()> {
    let (run, described) = (run.clone(), run.clone());
    let login = function(lua, "login", move |lua, args| {
        let table = args.table("a table such as `{ host = …, user = …, password = … }`")?;
        let account = Account::new(settings(args, &table)?, &run)?;
        remember(lua, &account);
        Ok(AccountValue::new(account))
    })?;
    put(lua, None, "login", login)?;
    let account = function(lua, "account", move |lua, args| {
        let name = if args.is_nil() { None } else { Some(args.text("an account's name")?) };
        let settings = described.accounts.find(name.as_deref())?;
        // Whoever names it twice means one account, and one connection.
        let known = lua.app_data_ref::<Accounts>().and_then(|accounts| {
            let same = |account: &&Account| Some(account.label()) == settings.name.as_deref();
            accounts.described.iter().find(same).cloned()
        });
        if let Some(account) = known {
            return Ok(AccountValue::new(account));
        }
        let account = Account::new(settings, &described)?;
        remember(lua, &account);
        if let Some(mut accounts) = lua.app_data_mut::<Accounts>() {
            accounts.described.push(account.clone());
        }
        Ok(AccountValue::new(account))
    })?;
    put(lua, None, "account", account)
}

/// Every account of the run, so that all are logged out at its end.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) all: Vec<Account>,
    /// Those that the accounts file describes.
    described: Vec<Account>,
}

fn remember(lua: &Lua, account: &Account) {
    if let Some(mut accounts) = lua.app_data_mut::<Accounts>() {
        accounts.all.push(account.clone());
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
        Some(name) => match Mechanism::parse(name) {
            Some(mechanism) => Some(mechanism),
            None => return Err(args.wrong(&format!("`auth` as {}", mechanisms()), &get("auth"))),
        },
    };
    let port = positive(args, "port", &get("port"), "from 1 to 65535")?;
    let password = secret(args, table, "password")?;
    let access_token = secret(args, table, "access_token")?;
    let client_certificate = optional_text("client_certificate")?.map(PathBuf::from);
    let oauth2 = oauth2(args, &get("oauth2"))?;
    let is_known = password.is_some() || access_token.is_some() || oauth2.is_some();
    if !is_known && client_certificate.is_none() {
        return Err(Error::script("`login` wants a `password` but got nothing", SOURCES));
    }
    let minimum = get("tls_minimum");
    let tls_minimum = match &minimum {
        Value::Nil => TlsVersion::default(),
        value => (value.as_string().and_then(|text| TlsVersion::parse(&text.to_string_lossy())))
            .ok_or_else(|| args.wrong("`tls_minimum` as \"1.2\" or \"1.3\"", value))?,
    };
    let special_use = match get("special_use") {
        Value::Nil => BTreeMap::new(),
        Value::Table(table) => special_use(args, &table)?,
        value => return Err(args.wrong("`special_use` as a table", &value)),
    };
    let flag = |name: &str| match get(name) {
        Value::Nil => Ok(None),
        Value::Boolean(flag) => Ok(Some(flag)),
        value => Err(args.wrong(&format!("`{name}` as true or false"), &value)),
    };
    Ok(AccountSettings {
        port,
        tls,
        mechanism,
        password,
        access_token,
        oauth2,
        ca_file: optional_text("ca_file")?.map(PathBuf::from),
        ca_dir: optional_text("ca_dir")?.map(PathBuf::from),
        pin: pins(args, &get("pin"))?,
        client_certificate,
        client_key: optional_text("client_key")?.map(PathBuf::from),
        tls_minimum,
        proxy: optional_text("proxy")?.map(|text| ProxyAddress::parse(&text)).transpose()?,
        proxy_password: secret(args, table, "proxy_password")?,
        allow_plaintext: flag("allow_plaintext")?.unwrap_or(false),
        compress: flag("compress")?,
        timeout: positive(args, "timeout", &get("timeout"), "in seconds")?,
        namespace: optional_text("namespace")?,
        special_use,
        limit: positive(args, "limit", &get("limit"), "as a number of messages")?,
        connections: positive(args, "connections", &get("connections"), "as a number of connections")?,
        cache: flag("cache")?.unwrap_or(true),
        ..AccountSettings::new(text("host")?, text("user")?)
    })
}

const SOURCES: &str =
    "`secret.command { \"pass\", \"mail/work\" }`, `secret.env`, `secret.file` or `secret.prompt`";

/// Reads where a secret comes from, if it is said.
fn secret(args: &Args, table: &Table, name: &str) -> Result<Option<SecretSource>> {
    match table.get::<Value>(name).unwrap_or(Value::Nil) {
        Value::Nil => Ok(None),
        Value::String(text) => Ok(Some(SecretSource::Literal(Secret::new(text.to_string_lossy())))),
        Value::UserData(data) => match data.borrow::<SecretValue>() {
            Ok(secret) => Ok(Some(secret.0.clone())),
            Err(_) => {
                Err(args.wrong(&format!("`{name}` as a secret or a string"), &Value::UserData(data.clone())))
            }
        },
        // What it is must not be shown.
        value => Err(Error::script(format!("`login` wants a `{name}` but got {}", a_type(&value)), SOURCES)),
    }
}

/// Reads who gives access tokens, if anybody.
fn oauth2(args: &Args, value: &Value) -> Result<Option<OauthSettings>> {
    let table = match value {
        Value::Nil => return Ok(None),
        Value::Table(table) => table,
        value => return Err(args.wrong("`oauth2` as a table", value)),
    };
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
        let name = key.as_string().map(mlua::LuaString::to_string_lossy).unwrap_or_default();
        if !OAUTH2_KEYS.contains(&name.as_str()) {
            let what = format!("`oauth2` has no setting `{}`", crate::error::visible(&name));
            return Err(Error::script(what, format!("it knows {}", OAUTH2_KEYS.join(", "))));
        }
    }
    let text = |name: &str| match table.get::<Value>(name).unwrap_or(Value::Nil) {
        Value::Nil => Ok(None),
        Value::String(text) => Ok(Some(text.to_string_lossy())),
        value => Err(args.wrong(&format!("`{name}` as a string"), &value)),
    };
    let provider = match text("provider")? {
        None => None,
        Some(name) => Some(KnownProvider::parse(&name).ok_or_else(|| {
            let what = format!("`oauth2` knows no provider `{}`", crate::error::visible(&name));
            Error::script(what, "it knows google and microsoft; any other by its `token_url`")
        })?),
    };
    Ok(Some(OauthSettings {
        provider,
        client_id: text("client_id")?.ok_or_else(|| {
            Error::script("`oauth2` has no `client_id`", "it is your own, from the provider")
        })?,
        client_secret: secret(args, table, "client_secret")?,
        tenant: text("tenant")?,
        scope: text("scope")?,
        authorization_url: text("authorization_url")?,
        token_url: text("token_url")?,
        device_url: text("device_url")?,
    }))
}

fn mechanisms() -> String {
    let names: Vec<_> = Mechanism::ALL.iter().map(|it| format!("\"{}\"", it.name().to_lowercase())).collect();
    names.join(", ")
}

/// Reads one pin or a list of them.
fn pins(args: &Args, value: &Value) -> Result<Vec<Pin>> {
    let read = |value: &Value| {
        let pin = value.as_string().and_then(|text| Pin::parse(&text.to_string_lossy()));
        let wanted =
            "`pin` as \"sha256:\" and the digest of the server's public key in base64, or a list of these";
        pin.ok_or_else(|| args.wrong(wanted, value))
    };
    match value {
        Value::Nil => Ok(Vec::new()),
        Value::Table(list) if list.raw_len() > 0 => {
            list.sequence_values::<Value>().map(|value| read(&value.unwrap_or(Value::Nil))).collect()
        }
        value => Ok(vec![read(value)?]),
    }
}

/// Reads a positive whole number, if there is one.
fn positive<T: TryFrom<NonZeroU64>>(
    args: &Args,
    name: &str,
    value: &Value,
    which: &str,
) -> Result<Option<T>> {
    if value.is_nil() {
        return Ok(None);
    }
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok()).and_then(NonZeroU64::new);
    let number = number.and_then(|number| T::try_from(number).ok());
    number.map(Some).ok_or_else(|| args.wrong(&format!("`{name}` {which}"), value))
}

fn special_use(args: &Args, table: &Table) -> Result<BTreeMap<SpecialUse, String>> {
    let mut all = BTreeMap::new();
    for pair in table.pairs::<Value, Value>() {
        let (key, name) = pair.map_err(|error| Error::script(error.to_string(), ""))?;
        let named = key.as_string().map(mlua::LuaString::to_string_lossy).unwrap_or_default();
        let Some(use_) = SpecialUse::EACH.into_iter().find(|use_| use_.name() == named) else {
            let known: Vec<_> = SpecialUse::EACH.iter().map(|use_| use_.name()).collect();
            let what = format!("`special_use` knows no `{}`", crate::error::visible(&named));
            return Err(Error::script(what, format!("it knows {}", known.join(", "))));
        };
        match name {
            Value::String(name) => all.insert(use_, name.to_string_lossy()),
            value => return Err(args.wrong(&format!("a mailbox's name for `{named}`"), &value)),
        };
    }
    Ok(all)
}
