//! What can go wrong between a client and a server.

use std::fmt;

/// What passes the gate as one thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    /// Its first line, for whoever reads of a failure.
    pub(crate) text: String,
}

impl Step {
    /// Whether it is a command that changes mail.
    pub(crate) fn changes(&self) -> bool {
        let verbs =
            [" UID MOVE ", " UID COPY ", " UID STORE ", " UID EXPUNGE ", " APPEND ", " CREATE ", " DELETE "];
        self.kind == Kind::Command && verbs.iter().any(|verb| self.text.contains(verb))
    }
}

/// Who sends a step, and what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    /// The line that a command begins with.
    Command,
    /// A literal, or what follows one.
    Rest,
    /// A tagged OK.
    Done,
    /// Any other response.
    Response,
}

impl Kind {
    pub(crate) fn is_of_client(self) -> bool {
        matches!(self, Self::Command | Self::Rest)
    }
}

/// A mailbox of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Source,
    Target,
}

/// What goes wrong at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The connection ends before the step is passed on.
    CutBefore,
    /// The connection ends once the step was passed on; the server does what it was told.
    CutAfter,
    /// The program is killed before the step is passed on.
    KillBefore,
    /// The program is killed once the step was passed on.
    KillAfter,
    /// Nothing passes any more, while the connection stays open.
    Stall,
    /// This tagged OK is never passed on, all else that was asked for is, and then the connection ends.
    Swallow,
    /// The command is answered NO in its place, and never passed on.
    No,
    /// The command is answered BAD in its place, and never passed on.
    Bad,
    /// The source's messages are numbered anew, under a new UIDVALIDITY.
    RebuildSource,
    /// The target's are.
    RebuildTarget,
    /// The program is killed before the step is passed on, and the source's messages are numbered anew before it runs
    /// again.
    KillAndRebuildSource,
    /// The same with the target's.
    KillAndRebuildTarget,
    /// From the first step on every byte travels alone.
    Drip,
}

impl Fault {
    pub(crate) const ALL: [Self; 13] = [
        Self::CutBefore,
        Self::CutAfter,
        Self::KillBefore,
        Self::KillAfter,
        Self::Stall,
        Self::Swallow,
        Self::No,
        Self::Bad,
        Self::RebuildSource,
        Self::RebuildTarget,
        Self::KillAndRebuildSource,
        Self::KillAndRebuildTarget,
        Self::Drip,
    ];

    /// Whether it can happen at a step, the first of which is 0.
    pub(crate) fn fits(self, at: usize, kind: Kind) -> bool {
        match self {
            Self::Swallow => kind == Kind::Done,
            Self::No | Self::Bad => kind == Kind::Command,
            Self::Drip => at == 0,
            _ => true,
        }
    }

    pub(crate) fn kills(self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter) || self.rebuilds_later()
    }

    /// The mailbox that is numbered anew.
    pub(crate) fn rebuilt(self) -> Option<Place> {
        match self {
            Self::RebuildSource | Self::KillAndRebuildSource => Some(Place::Source),
            Self::RebuildTarget | Self::KillAndRebuildTarget => Some(Place::Target),
            _ => None,
        }
    }

    /// The mailbox that is numbered anew at the step itself.
    pub(crate) fn rebuilt_now(self) -> Option<Place> {
        self.rebuilt().filter(|_| !self.rebuilds_later())
    }

    /// Whether it is numbered anew between the runs.
    pub(crate) fn rebuilds_later(self) -> bool {
        matches!(self, Self::KillAndRebuildSource | Self::KillAndRebuildTarget)
    }

    /// Whether the connection ends once the step was passed on.
    pub(crate) fn strikes_after(self) -> bool {
        matches!(self, Self::CutAfter | Self::KillAfter)
    }

    /// Whether the step is passed on all the same.
    pub(crate) fn passes(self) -> bool {
        self.strikes_after() || self == Self::Drip || self.rebuilt_now().is_some()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::CutBefore => "cut before",
            Self::CutAfter => "cut after",
            Self::KillBefore => "kill -9 before",
            Self::KillAfter => "kill -9 after",
            Self::Stall => "stall at",
            Self::Swallow => "swallow, and cut after what follows",
            Self::No => "answer NO in place of",
            Self::Bad => "answer BAD in place of",
            Self::RebuildSource => "rebuild the source before",
            Self::RebuildTarget => "rebuild the target before",
            Self::KillAndRebuildSource => "rebuild the source after kill -9 before",
            Self::KillAndRebuildTarget => "rebuild the target after kill -9 before",
            Self::Drip => "single bytes from",
        })
    }
}
