//! Finds the server of an address: what is known of large providers, what the domain says (RFC 6186), and the names that
//! servers usually have.

mod dns;
mod providers;

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::account_settings::TlsMode;
use dns::Place;
pub use dns::Resolver;

/// How long a host may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that may be an address's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected: there always is TLS.
    pub tls: TlsMode,
    /// How it was found, for people.
    pub how: &'static str,
    /// It is not within the address's domain: a person must say that it is meant before it sees a password.
    pub foreign: bool,
}

/// Finds the server of a domain's addresses. `None` where nothing is found.
pub fn discover(domain: &str, resolver: &Resolver) -> Option<Candidate> {
    let domain = domain.trim_end_matches('.').to_lowercase();
    let make = |place: Place, tls: TlsMode, how: &'static str| {
        let foreign = !providers::is_own(&place.host, &domain);
        Candidate { host: place.host, port: place.port, tls, how, foreign }
    };
    if let Some(place) = providers::of_domain(&domain) {
        return Some(make(place, TlsMode::Implicit, "a provider that is known"));
    }
    for (service, tls) in [("_imaps._tcp", TlsMode::Implicit), ("_imap._tcp", TlsMode::Starttls)] {
        let places = resolver.places(&format!("{service}.{domain}")).unwrap_or_default();
        let answers = |place: &Place| accepts(&place.host, place.port);
        // The first one, even so: then the login says what is wrong with it.
        let place = places.iter().find(|place| answers(place)).or(places.first()).cloned();
        if let Some(place) = place {
            return Some(make(place, tls, "the domain says so (SRV)"));
        }
    }
    if let Some(place) = resolver.exchanges(&domain).iter().find_map(|host| providers::of_exchange(host)) {
        return Some(make(place, TlsMode::Implicit, "it takes the domain's mail (MX)"));
    }
    for (port, tls) in [(993, TlsMode::Implicit), (143, TlsMode::Starttls)] {
        for host in [format!("imap.{domain}"), format!("mail.{domain}"), domain.clone()] {
            if accepts(&host, port) {
                return Some(make(Place { host, port }, tls, "the usual name"));
            }
        }
    }
    None
}

/// Tells whether a host accepts connections.
fn accepts(host: &str, port: u16) -> bool {
    let addresses = (host, port).to_socket_addrs().into_iter().flatten();
    addresses.take(4).any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}
