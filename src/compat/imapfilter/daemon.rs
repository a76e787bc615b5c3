use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mlua::{Lua, MultiValue, Table, UserDataRef, Value};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::flag;

use super::mailbox::MailboxHandle;
use super::vm::{Connected, Settings, thrown};
use crate::engine::{Account, Idled, Run, idle};
use crate::error::{Error, ErrorKind, Result};

/// Installs what waits: for news, and in the background.
pub(super) fn install(lua: &Lua, native: &Table, run: &Run, settings: &Settings) -> mlua::Result<()> {
    let of = run.clone();
    native.raw_set("rest", lua.create_function(move |lua, ()| thrown(lua, of.state.end(0)))?)?;
    native.raw_set("idle", lua.create_function(wait_for_news)?)?;
    let (of, settings) = (run.clone(), settings.clone());
    native.raw_set(
        "daemon",
        lua.create_function(move |lua, (nochdir, noclose): (bool, bool)| {
            if let Some(connected) = lua.app_data_ref::<Connected>() {
                connected.0.borrow().iter().for_each(Account::log_out);
            }
            thrown(lua, detach(&of, &settings, nochdir, noclose))
        })?,
    )
}

/// Waits for news of a mailbox. Gives whether there was any, and its word.
fn wait_for_news(
    lua: &Lua,
    (mailbox, keepalive, any): (UserDataRef<MailboxHandle>, f64, bool),
) -> mlua::Result<MultiValue> {
    let signalled = Arc::new(AtomicBool::new(false));
    let mut registered = Vec::new();
    for signal in [SIGUSR1, SIGUSR2] {
        // Without it the signal ends the program, as it does outside of the wait.
        registered.extend(flag::register(signal, Arc::clone(&signalled)));
    }
    let patience = Duration::try_from_secs_f64(keepalive).unwrap_or(Duration::from_secs(29 * 60));
    let stop = Arc::new(move || signalled.load(Ordering::Relaxed));
    let ticket = idle(mailbox.account(), mailbox.spec().clone(), patience, any, stop);
    let idled = ticket.wait();
    for signal in registered {
        signal_hook::low_level::unregister(signal);
    }
    match thrown(lua, idled)? {
        Idled::Unsupported => lua.pack_multi(false),
        Idled::Event(word) => lua.pack_multi((true, word)),
        Idled::Stopped if mailbox.account().run().is_interrupted() => {
            thrown(lua, Err(ErrorKind::Interrupted.into()))
        }
        Idled::Stopped => Ok([Value::Boolean(true)].into_iter().collect()),
    }
}

/// Goes on in the background. The accounts have been logged out of: neither threads nor connections come along, and so
/// the journal is closed before.
fn detach(run: &Run, settings: &Settings, nochdir: bool, noclose: bool) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::script(format!("the program can't go on in the background: {error}"), "")
    };
    run.state.end(0)?;
    fork::daemon(nochdir, noclose).map_err(failed)?;
    // The thread that waits for signals has stayed behind, too.
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register_conditional_shutdown(signal, 130, run.context.interrupt.flag()).map_err(failed)?;
        flag::register(signal, run.context.interrupt.flag()).map_err(failed)?;
    }
    settings.write_pid().map_err(failed)
}
