use super::{Error, ErrorKind, TlsProblem};

impl Error {
    /// Tells whether the line or the server is down, so that another connection may do better later.
    pub fn is_outage(&self) -> bool {
        matches!(
            *self.kind,
            ErrorKind::HostUnknown { .. }
                | ErrorKind::Connect { .. }
                | ErrorKind::Proxy { .. }
                | ErrorKind::Provider { .. }
                | ErrorKind::Timeout { .. }
                | ErrorKind::ConnectionLost { .. }
                | ErrorKind::Bye { .. }
                | ErrorKind::Greeting { .. }
                | ErrorKind::Tls { problem: TlsProblem::HungUp, .. }
        )
    }

    /// Tells, of a login, whether one may do better later. A server that refuses it without a word about who the user is
    /// can't let anybody in now.
    pub fn keeps_out_for_now(&self) -> bool {
        self.is_outage() || matches!(*self.kind, ErrorKind::Refused { .. })
    }
}
