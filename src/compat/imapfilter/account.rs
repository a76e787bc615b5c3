use std::num::NonZeroU16;
use std::path::Path;
use std::time::Duration;

use mlua::{Lua, LuaString, Table, UserData, UserDataRef};
use zeroize::Zeroizing;

use super::mailbox::MailboxHandle;
use super::vm::{Connected, Settings, soft, thrown};
use crate::engine::apply;
use crate::engine::{Account, AccountSettings, Event, Report, Run, SecretSource, Ticket, TlsMode};
use crate::error::{ErrorKind, Result};
use crate::mail::Secret;
use crate::wire::Timeouts;

/// An account as the Lua parts hold it.
#[derive(Clone, Debug)]
pub(super) struct AccountHandle(pub(super) Account);

impl UserData for AccountHandle {}

/// A change to a mailbox.
type Change = fn(&Account, &MailboxHandle) -> Ticket<Report>;

/// Installs what is done with accounts.
pub(super) fn install(lua: &Lua, native: &Table, run: &Run, settings: &Settings) -> mlua::Result<()> {
    let (of, trust) = (run.clone(), settings.clone());
    native.raw_set(
        "connect",
        lua.create_function(move |lua, table: Table| {
            let account = connect(lua, &of, &trust, &table)?;
            if let Some(connected) = lua.app_data_ref::<Connected>() {
                connected.0.borrow_mut().push(account.0.clone());
            }
            Ok(account)
        })?,
    )?;
    native.raw_set(
        "login",
        lua.create_function(|lua, account: UserDataRef<AccountHandle>| thrown(lua, account.0.noop().wait()))?,
    )?;
    native.raw_set(
        "logout",
        lua.create_function(|_, account: UserDataRef<AccountHandle>| {
            account.0.log_out();
            Ok(())
        })?,
    )?;
    let changes: [(&str, Change); 4] = [
        ("create", |account, mailbox| apply::create(account, mailbox.spec().clone())),
        ("delete", |account, mailbox| apply::delete(account, mailbox.spec().clone())),
        ("subscribe", |account, mailbox| apply::subscribe(account, mailbox.spec().clone(), true)),
        ("unsubscribe", |account, mailbox| apply::subscribe(account, mailbox.spec().clone(), false)),
    ];
    for (verb, change) in changes {
        native.raw_set(
            verb,
            lua.create_function(move |lua, (mailbox, info): (UserDataRef<MailboxHandle>, bool)| {
                changed(lua, mailbox.account(), change(mailbox.account(), &mailbox), info)
            })?,
        )?;
    }
    native.raw_set(
        "rename",
        lua.create_function(
            |lua, (from, to, info): (UserDataRef<MailboxHandle>, UserDataRef<MailboxHandle>, bool)| {
                let ticket = apply::rename(from.account(), from.spec().clone(), to.spec().clone());
                changed(lua, from.account(), ticket, info)
            },
        )?,
    )?;
    native.raw_set("list", lua.create_function(list)?)
}

/// Makes the account. Nothing is connected yet.
fn connect(lua: &Lua, run: &Run, trust: &Settings, table: &Table) -> mlua::Result<AccountHandle> {
    let text = |key: &str| -> mlua::Result<Option<String>> {
        Ok(table.raw_get::<Option<LuaString>>(key)?.map(|text| text.to_string_lossy()))
    };
    let user = text("username")?.unwrap_or_default();
    let host = text("server")?.unwrap_or_default();
    let mut settings = AccountSettings::new(host, user);
    match (text("oauth2")?, text("password")?) {
        (Some(sent), _) => {
            settings.access_token = Some(SecretSource::Literal(thrown(lua, token(&sent))?));
        }
        (None, Some(password)) => settings.password = Some(SecretSource::Literal(Secret::new(password))),
        (None, None) => {}
    }
    let plain: bool = table.raw_get("plain")?;
    settings.tls = match (table.raw_get::<bool>("implicit")?, plain) {
        (true, _) => TlsMode::Implicit,
        (false, true) => TlsMode::None,
        (false, false) => TlsMode::Offered,
    };
    // Who switches STARTTLS off has asked for it, and is told at every run.
    settings.allow_plaintext = plain;
    settings.port = table.raw_get::<Option<u16>>("port")?.and_then(NonZeroU16::new);
    let truststore = trust.truststore.clone().filter(|_| settings.tls != TlsMode::None);
    let is_directory = truststore.as_deref().is_some_and(Path::is_dir);
    *if is_directory { &mut settings.ca_dir } else { &mut settings.ca_file } = truststore;
    settings.certificates.clone_from(&trust.certificates);
    settings.any_host = table.raw_get("any_host")?;
    settings.unchecked = table.raw_get("unchecked")?;
    let mut run = run.clone();
    let seconds: f64 = table.raw_get("timeout")?;
    let time = Duration::try_from_secs_f64(seconds).unwrap_or(FOREVER);
    run.context.timeouts = Some(Timeouts::all(if time.is_zero() { FOREVER } else { time }));
    thrown(lua, Account::new(settings, &run)).map(AccountHandle)
}

/// What stands for no time-out: longer than anything runs.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Takes the token out of what a client of XOAUTH2 sends, in base64: `user=… auth=Bearer …`, with SOH after each.
///
/// Error: it is something else.
fn token(sent: &str) -> Result<Secret> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(sent.trim()).ok().map(Zeroizing::new);
    let text = bytes.as_deref().and_then(|bytes| std::str::from_utf8(bytes).ok());
    let token = text.and_then(|text| text.split('\u{1}').find_map(|part| part.strip_prefix("auth=Bearer ")));
    token.map(Secret::new).ok_or_else(|| {
        let what = "`oauth2` is no string for XOAUTH2".to_owned();
        let hint = "it is the base64 of `user=…^Aauth=Bearer …^A^A`, ^A being the byte 1".to_owned();
        ErrorKind::Config { what, hint }.into()
    })
}

/// Tells of a change to a mailbox, and says whether it was made.
fn changed(lua: &Lua, account: &Account, ticket: Ticket<Report>, info: bool) -> mlua::Result<bool> {
    let report = soft(lua, ticket.wait())?;
    if let Some(report) = &report
        && (info || report.planned || !report.is_clean())
    {
        account.run().world.tell(Event::Done(Box::new(report.clone())));
    }
    Ok(report.is_some())
}

/// Lists mailboxes: the names of those that can be opened, and of those that have others beneath them.
fn list(
    lua: &Lua,
    (account, pattern, subscribed): (UserDataRef<AccountHandle>, LuaString, bool),
) -> mlua::Result<(Table, Table)> {
    let (mailboxes, folders) = (lua.create_table()?, lua.create_table()?);
    let listed = account.0.list(Some(pattern.to_string_lossy()), subscribed).wait();
    for entry in soft(lua, listed)?.unwrap_or_default() {
        let has = |attribute: &str| entry.attributes.iter().any(|is| is.eq_ignore_ascii_case(attribute));
        if entry.selectable {
            mailboxes.raw_push(entry.name.as_str())?;
        }
        if has("\\HasChildren") {
            folders.raw_push(entry.name.as_str())?;
        }
    }
    Ok((mailboxes, folders))
}
