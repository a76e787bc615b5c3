//! Finds the server of an address: what is known of large providers, what the domain says (RFC 6186), and the names that
//! servers usually have.

mod dns;
mod providers;

use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::account_settings::TlsMode;
use crate::wire::Interrupt;
use dns::Place;
pub use dns::Resolver;

/// How long a host may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(3);

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

/// Finds the server of a domain's addresses. `None` where nothing is found, or the user does not want to wait any more.
///
/// Only hosts within the domain are connected to: whether another one is meant is for a person to say.
pub fn discover(domain: &str, resolver: &Resolver, interrupt: &Interrupt) -> Option<Candidate> {
    let domain = domain.trim_end_matches('.').to_lowercase();
    let make = |place: Place, tls: TlsMode, how: &'static str| {
        let foreign = !providers::is_own(&place.host, &domain);
        Candidate { host: place.host, port: place.port, tls, how, foreign }
    };
    if let Some(place) = providers::of_domain(&domain) {
        return Some(make(place, TlsMode::Implicit, "a provider that is known"));
    }
    for (service, tls) in [("_imaps._tcp", TlsMode::Implicit), ("_imap._tcp", TlsMode::Starttls)] {
        let place = resolver.place(&format!("{service}.{domain}"), interrupt);
        if let Some(place) = place {
            return Some(make(place, tls, "the domain says so (SRV)"));
        }
    }
    let exchanges = resolver.exchanges(&domain, interrupt);
    if let Some(place) = exchanges.iter().find_map(|host| providers::of_exchange(host)) {
        return Some(make(place, TlsMode::Implicit, "it takes the domain's mail (MX)"));
    }
    let hosts = [format!("imap.{domain}"), format!("mail.{domain}"), domain.clone()];
    let usual = [(993, TlsMode::Implicit), (143, TlsMode::Starttls)]
        .into_iter()
        .flat_map(|(port, tls)| hosts.iter().map(move |host| (Place { host: host.clone(), port }, tls)));
    let mut asked = usual.take_while(|_| !interrupt.is_raised());
    let (place, tls) = asked.find(|(place, _)| accepts(place))?;
    Some(make(place, tls, "the usual name"))
}

/// Says what a server wants that people may not know, if it is one of a large provider's.
pub fn advice(host: &str) -> Option<&'static str> {
    providers::advice(&host.to_lowercase())
}

/// Tells whether a host accepts connections.
fn accepts(place: &Place) -> bool {
    let addresses = (&*place.host, place.port).to_socket_addrs().into_iter().flatten();
    addresses.take(2).any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
}
