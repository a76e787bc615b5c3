use crate::error::Class;
use crate::lua::Outcome;

/// The command line makes no sense.
pub(super) const USAGE: u8 = 2;
/// Configuration or state can't be used.
pub(super) const CONFIG: u8 = 3;

/// Gives the exit code of a class of failures.
pub(super) fn code(class: Class) -> u8 {
    match class {
        Class::Script => 1,
        Class::Usage => USAGE,
        Class::Config => CONFIG,
        Class::Auth => 4,
        Class::Connection => 5,
        Class::Refused => 6,
        Class::Partial => 8,
        Class::Interrupted => 130,
    }
}

/// Gives the exit code of a script's end. `changed` says that something had been done before it failed.
///
/// A failure that the script caught and did not ignore makes it 8, and so does one after which part of the
/// work is already done.
pub(super) fn of(outcome: &Outcome) -> u8 {
    match &outcome.failure {
        Some(failure) => match failure.exit {
            Some(0) if !outcome.caught.is_empty() => code(Class::Partial),
            Some(own) => own,
            None if failure.class == Class::Interrupted => code(Class::Interrupted),
            None if outcome.caught.iter().any(|caught| caught.class == Class::Partial) => {
                code(Class::Partial)
            }
            None => code(failure.class),
        },
        None if outcome.caught.is_empty() => 0,
        None => code(Class::Partial),
    }
}
