//! Floor 1: one guarded byte stream to a server.
//!
//! TCP with time-outs, TLS, compression, the framing of server data under caps, the check that a reply belongs to a
//! command that has left, and the transcript. Knows IMAP's lines and literals, and none of its words
//! beyond those that framing needs.

mod ahead;
mod arrivals;
mod concealed;
mod connector;
mod deflate;
mod frame;
mod guard;
mod pin;
mod socket;
mod socks;
mod stream;
mod tls;
mod tls_settings;
mod transcript;

pub use concealed::Concealed;
pub use frame::{Caps, Frame};
pub use guard::{Event, Guard};
pub use pin::Pin;
pub use socket::{Interrupt, Timeouts};
pub use socks::Proxy;
pub use tls_settings::{TlsSettings, TlsVersion};
pub use transcript::Transcript;
