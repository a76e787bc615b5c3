//! OAuth 2.0: how an account gets access tokens in place of a password.
//!
//! A person logs in once, in a browser ([`BrowserLogin`]) or with a code on another device ([`DeviceLogin`]). What the
//! provider gives is kept in the state directory, and renewed when it is due or the mail server no longer takes it.

mod browser;
mod device;
mod http;
mod provider;
mod settings;
mod source;
mod store;

pub use browser::BrowserLogin;
pub use device::DeviceLogin;
pub use settings::{KnownProvider, OauthSettings};
pub(super) use source::OauthSource;
