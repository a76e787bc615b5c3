use std::io::Write;

use super::Line;
use crate::error::{Error, ErrorKind, Result, visible};
use crate::wire::stream::Stream;
use crate::wire::tls_settings::TlsSettings;

impl Line {
    pub(super) fn starttls(&mut self, host: &str, settings: &TlsSettings) -> Result<()> {
        let bad = |what: &str| Error::from(ErrorKind::Starttls { what: what.to_owned() });
        self.usable()?;
        self.take_in_arrived()?;
        if self.framer.holds_bytes() || !self.queue.is_empty() {
            return Err(bad("the server sent something before it was asked"));
        }
        if let Some(transcript) = &self.transcript {
            transcript.client(b"s0 STARTTLS", false);
        }
        self.stream.write_all(b"s0 STARTTLS\r\n")?;
        self.stream.flush()?;
        let reply = self.framer.read(&mut self.stream)?;
        if let Some(transcript) = &self.transcript {
            transcript.server(&reply, false, &self.concealed);
        }
        let words: Vec<_> = reply.bytes().splitn(3, |&b| b == b' ').collect();
        match words.as_slice() {
            [b"s0", status, ..] if status.eq_ignore_ascii_case(b"OK") => {}
            [b"s0", ..] => {
                let text = visible(&String::from_utf8_lossy(reply.bytes()));
                return Err(bad(&format!("the server refused it: `{text}`")));
            }
            _ => return Err(bad("the server sent something else than the reply to it")),
        }
        self.take_in_arrived()?;
        if self.framer.holds_bytes() {
            return Err(bad("unencrypted data came after the server's reply, before the handshake"));
        }
        let Stream::Plain(socket) = std::mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(bad("the connection is encrypted already"));
        };
        self.stream =
            Stream::Tls(Box::new(settings.handshake(&settings.connector()?, host, socket)?), host.to_owned());
        if let Some(transcript) = &self.transcript {
            transcript.note("TLS is on");
        }
        Ok(())
    }
}
