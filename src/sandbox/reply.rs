use super::account::Refusal;

/// A command's tagged end (RFC 3501 §7.1): status, response code, text.
#[derive(Debug)]
pub(super) struct Reply {
    status: &'static str,
    code: Option<String>,
    text: String,
}

impl Reply {
    pub(super) fn ok(text: &str) -> Self {
        Self { status: "OK", code: None, text: text.to_owned() }
    }

    pub(super) fn no(code: &str, text: &str) -> Self {
        Self { status: "NO", code: Some(code.to_owned()), text: text.to_owned() }
    }

    /// The command makes no sense, here or at all.
    pub(super) fn bad(text: &str) -> Self {
        Self { status: "BAD", code: None, text: text.to_owned() }
    }

    pub(super) fn with_code(mut self, code: Option<String>) -> Self {
        self.code = code;
        self
    }

    pub(super) fn is_ok(&self) -> bool {
        self.status == "OK"
    }

    /// Gives the line, without its line break.
    pub(super) fn line(&self, tag: &str) -> String {
        let code = self.code.as_ref().map(|code| format!("[{code}] ")).unwrap_or_default();
        format!("{tag} {} {code}{}", self.status, self.text)
    }
}

impl From<Refusal> for Reply {
    fn from((code, text): Refusal) -> Self {
        Self::no(code, text)
    }
}

/// Makes the reply of what was done or refused.
pub(super) fn done(result: Result<(), Refusal>, text: &str) -> Reply {
    result.map_or_else(Reply::from, |()| Reply::ok(text))
}
