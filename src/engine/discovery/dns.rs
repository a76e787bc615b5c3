//! Questions to the domain name system (RFC 1035), for the records that the system's own look-up does not give.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use crate::wire::Interrupt;

/// How long a name server may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many name servers are asked at the most.
const MOST: usize = 3;

/// The largest answer over UDP that is not cut.
const DATAGRAM: usize = 4096;

/// A service's place (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The name servers that are asked.
#[derive(Clone, Debug)]
pub struct Resolver(Vec<SocketAddr>);

impl Resolver {
    /// Makes one that asks these.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self(servers)
    }

    /// Makes one that asks those of the system, as `/etc/resolv.conf` has them.
    pub fn of_system() -> Self {
        let text = std::fs::read("/etc/resolv.conf").unwrap_or_default();
        let (config, _) = resolv_conf::Config::parse_with_errors(&text);
        let mut servers: Vec<SocketAddr> =
            config.nameservers.iter().map(|server| SocketAddr::new(IpAddr::from(server), 53)).collect();
        if servers.is_empty() {
            servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
        }
        Self(servers)
    }

    /// Gives the preferred place of a service such as `_imaps._tcp.example.org`; `None` where the domain names none, or
    /// says that it does not have the service.
    pub(super) fn place(&self, service: &str, interrupt: &Interrupt) -> Option<Place> {
        let records = self.ask(service, TYPE::SRV, interrupt);
        let mut places: Vec<(u16, u16, Place)> = records
            .into_iter()
            .filter_map(|record| match record {
                Record::Place { priority, weight, place } => Some((priority, u16::MAX - weight, place)),
                Record::Exchange(_) => None,
            })
            .collect();
        if places.iter().any(|(_, _, place)| place.host.is_empty()) {
            return None;
        }
        places.sort_by_key(|(priority, lightness, _)| (*priority, *lightness));
        places.into_iter().map(|(_, _, place)| place).next()
    }

    /// Gives the hosts that take a domain's mail.
    pub(super) fn exchanges(&self, domain: &str, interrupt: &Interrupt) -> Vec<String> {
        let records = self.ask(domain, TYPE::MX, interrupt).into_iter();
        let host = |record| match record {
            Record::Exchange(host) => Some(host),
            Record::Place { .. } => None,
        };
        records.filter_map(host).collect()
    }

    /// Asks each server in turn. What can't be found out is nothing.
    fn ask(&self, name: &str, kind: TYPE, interrupt: &Interrupt) -> Vec<Record> {
        let id = RandomState::new().build_hasher().finish().to_le_bytes();
        let id = u16::from_le_bytes([id[0], id[1]]);
        let Some(question) = query(id, name, kind) else { return Vec::new() };
        for server in self.0.iter().take(MOST).take_while(|_| !interrupt.is_raised()) {
            let answer = over_udp(*server, &question, id)
                .and_then(|answer| if is_cut(&answer) { over_tcp(*server, &question) } else { Ok(answer) });
            if let Some(records) = answer.ok().and_then(|answer| records(&answer, id)) {
                return records;
            }
        }
        Vec::new()
    }
}

enum Record {
    Place { priority: u16, weight: u16, place: Place },
    Exchange(String),
}

fn query(id: u16, name: &str, kind: TYPE) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let name = Name::new(name).ok()?;
    packet.questions.push(Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().ok()
}

fn over_udp(server: SocketAddr, question: &[u8], id: u16) -> io::Result<Vec<u8>> {
    let own: SocketAddr =
        if server.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(own)?;
    // Only what this server sends is taken.
    socket.connect(server)?;
    socket.send(question)?;
    let mut buffer = vec![0; DATAGRAM];
    let until = Instant::now() + PATIENCE;
    // A late answer to another question is passed over.
    for _ in 0..4 {
        socket.set_read_timeout(Some(left(until)?))?;
        let length = socket.recv(&mut buffer)?;
        let answer = buffer.get(..length).unwrap_or_default();
        if Packet::parse(answer).is_ok_and(|packet| packet.id() == id) || is_cut(answer) {
            return Ok(answer.to_vec());
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

fn over_tcp(server: SocketAddr, question: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let length = u16::try_from(question.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let until = Instant::now() + PATIENCE;
    let mut length = [0; 2];
    fill(&mut stream, &mut length, until)?;
    let mut answer = vec![0; u16::from_be_bytes(length).into()];
    fill(&mut stream, &mut answer, until)?;
    Ok(answer)
}

/// Reads all of it, until then at the latest.
fn fill(stream: &mut TcpStream, mut buffer: &mut [u8], until: Instant) -> io::Result<()> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(left(until)?))?;
        match stream.read(buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => buffer = buffer.get_mut(read..).unwrap_or_default(),
        }
    }
    Ok(())
}

/// Gives the time that is left.
///
/// Error: there is none.
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Tells whether the answer did not fit into a datagram. What is left of it need not make sense.
fn is_cut(answer: &[u8]) -> bool {
    const TRUNCATED: u8 = 0b10;
    answer.get(2).is_some_and(|flags| flags & TRUNCATED != 0)
}

/// Reads an answer; `None` where the server can't give one.
fn records(answer: &[u8], id: u16) -> Option<Vec<Record>> {
    let packet = Packet::parse(answer).ok()?;
    if packet.id() != id || !matches!(packet.rcode(), RCODE::NoError | RCODE::NameError) {
        return None;
    }
    let read = |data: &RData| match data {
        RData::SRV(record) => {
            let place = Place { host: host(&record.target), port: record.port };
            Some(Record::Place { priority: record.priority, weight: record.weight, place })
        }
        RData::MX(record) => Some(Record::Exchange(host(&record.exchange))),
        _ => None,
    };
    Some(packet.answers.iter().filter_map(|answer| read(&answer.rdata)).collect())
}

fn host(name: &Name) -> String {
    name.to_string().trim_end_matches('.').to_lowercase()
}
