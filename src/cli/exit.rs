use crate::error::Class;
use crate::lua::{How, Outcome};

/// The command line makes no sense.
pub(super) const USAGE: u8 = 2;
/// Configuration or state can't be used.
pub(super) const CONFIG: u8 = 3;

/// Partly done, or in doubt.
pub(super) const PARTIAL: u8 = 8;

/// The user ended it.
pub(super) const INTERRUPTED: u8 = 130;

/// Gives the exit code of a class of failures.
pub(super) fn code(class: Class) -> u8 {
    match class {
        Class::Script => 1,
        Class::Usage => USAGE,
        Class::Config => CONFIG,
        Class::Auth => 4,
        Class::Connection => 5,
        Class::Refused => 6,
        Class::Limit => 7,
        Class::Partial => PARTIAL,
        Class::Locked => 9,
        Class::Interrupted => INTERRUPTED,
    }
}

/// Gives the exit code of a script's end. A failure that the script caught and did not ignore counts too: then
/// the run is partly done at best. So it is where a limit stopped a run that had `changed` something before.
pub(super) fn of(outcome: &Outcome, changed: bool) -> u8 {
    let caught = outcome.caught.iter().any(|caught| caught.how != How::Beside);
    let beside = outcome.caught.iter().map(|caught| caught.class);
    match &outcome.failure {
        Some(failure) => match failure.exit {
            Some(own) if own != 0 || !caught => own,
            None if failure.class == Class::Interrupted => code(Class::Interrupted),
            None if failure.class == Class::Limit && changed => code(Class::Partial),
            None if !caught => code(beside.fold(failure.class, Class::worse)),
            _ => code(Class::Partial),
        },
        None if caught => code(Class::Partial),
        None => 0,
    }
}
