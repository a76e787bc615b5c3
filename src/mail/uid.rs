use std::fmt;
use std::num::NonZeroU32;

/// A message's unique identifier within one mailbox and one `UidValidity` (RFC 3501 §2.3.1.1).
///
/// Never zero, and never a sequence number: there is no conversion from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(NonZeroU32);

impl Uid {
    /// The smallest UID there can be.
    pub const MIN: Self = Self(NonZeroU32::MIN);
    /// The largest UID there can be.
    pub const MAX: Self = Self(NonZeroU32::MAX);

    /// Makes a UID from a number of 1 to 4,294,967,295; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Gives the number, 1 to 4,294,967,295.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The value that says whether a mailbox's UIDs still mean what they meant (RFC 3501 §2.3.1.1).
///
/// Never zero: a server that sends 0 or nothing has no `UidValidity`, and its messages are read-only
/// to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UidValidity(NonZeroU32);

impl UidValidity {
    /// Makes a validity from a number of 1 to 4,294,967,295; `None` for zero.
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// Gives the number, 1 to 4,294,967,295.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for UidValidity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
