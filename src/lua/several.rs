//! Errors of one call that went on in other mailboxes: all are told, one is thrown.

use mlua::Lua;

use super::failure::{Failures, How};
use crate::error::{Class, Error, ErrorKind};

/// Takes the error that is to be thrown, the first, and sets the others aside. What is said of one mailbox is said once;
/// that a connection is lost or a login refused, once of each account, however much waited for it.
pub(super) fn first_of(lua: &Lua, errors: Vec<Error>) -> Option<Error> {
    let mut told: Vec<Error> = Vec::new();
    for error in errors {
        let ends_all = matches!(error.kind.class(), Class::Connection | Class::Auth);
        let same = |other: &Error| {
            other.account == error.account
                && (ends_all || other.mailbox == error.mailbox)
                && other.to_string() == error.to_string()
        };
        if !told.iter().any(same) {
            told.push(error);
        }
    }
    let mut told = told.into_iter();
    let first = told.next();
    set_all_aside(lua, told);
    first
}

/// Notes errors that happened beside one that ends the script.
pub(super) fn set_all_aside(lua: &Lua, errors: impl IntoIterator<Item = Error>) {
    let Some(mut failures) = lua.app_data_mut::<Failures>() else { return };
    for error in errors {
        // What ends the run is said once.
        if matches!(*error.kind, ErrorKind::Interrupted) {
            continue;
        }
        let of: Vec<&str> = error.mailbox.iter().chain(&error.account).map(String::as_str).collect();
        let of = if of.is_empty() { String::new() } else { format!("{}: ", of.join(" of ")) };
        failures.add(error.kind.class(), format!("{of}{error}"), How::Beside);
    }
}
