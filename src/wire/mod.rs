//! Floor 1: one guarded byte stream to a server.
//!
//! TCP with time-outs, TLS, the framing of server data under caps, the check that a reply belongs to a
//! command that has left, and the transcript. Knows IMAP's lines and literals, and none of its words
//! beyond those that framing needs.

mod concealed;
mod frame;
mod guard;
mod socket;
mod stream;
mod tls;
mod transcript;

pub use concealed::Concealed;
pub use frame::{Caps, Frame};
pub use guard::{Event, Guard};
pub use socket::{Interrupt, Timeouts};
pub use tls::TlsSettings;
pub use transcript::Transcript;
