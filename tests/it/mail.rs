//! Messages for tests.

/// A small message under construction.
#[derive(Clone)]
pub(crate) struct Mail {
    pub(crate) subject: String,
    pub(crate) flags: Vec<String>,
    pub(crate) date: String,
    from: String,
    sent: String,
    headers: String,
    body: String,
}

impl Mail {
    pub(crate) fn new(subject: &str) -> Self {
        Self {
            subject: subject.into(),
            flags: vec![],
            date: "01-Mar-2024 10:00:00 +0000".into(),
            from: "someone@example.org".into(),
            sent: "Fri, 01 Mar 2024 10:00:00 +0000".into(),
            headers: String::new(),
            body: "Hello.\r\n".into(),
        }
    }

    pub(crate) fn from(mut self, address: &str) -> Self {
        self.from = address.into();
        self
    }

    /// Sets a flag, such as `\Seen`.
    pub(crate) fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Sets the arrival time, written as in IMAP: `01-Mar-2024 10:00:00 +0000`.
    pub(crate) fn date(mut self, date: &str) -> Self {
        self.date = date.into();
        self
    }

    /// Sets the `Date` field.
    pub(crate) fn sent(mut self, date: &str) -> Self {
        self.sent = date.into();
        self
    }

    /// Adds a header field.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.extend([name, ": ", value, "\r\n"]);
        self
    }

    pub(crate) fn body(mut self, body: &str) -> Self {
        self.body = body.into();
        self
    }

    /// The message as it travels. Its Message-ID follows from its subject.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let id: String = self.subject.chars().filter(char::is_ascii_alphanumeric).collect();
        format!(
            "From: {}\r\nTo: me@example.org\r\nSubject: {}\r\nMessage-ID: <{id}@example.org>\r\n\
             Date: {}\r\n{}\r\n{}",
            self.from, self.subject, self.sent, self.headers, self.body
        )
        .into_bytes()
    }
}
