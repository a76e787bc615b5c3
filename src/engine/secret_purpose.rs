use std::fmt;

/// What a secret is for, as those call it who are asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecretPurpose {
    /// It logs in.
    Password,
    /// It logs in, too, and its time will be over.
    AccessToken,
    /// It opens the way to the server.
    ProxyPassword,
    /// It shows a provider of tokens which program asks.
    ClientSecret,
}

impl SecretPurpose {
    /// Gives what is asked on a terminal for the secret of an account.
    pub(super) fn question(self, label: &str) -> String {
        let name = self.to_string();
        let (first, rest) = name.split_at(1);
        format!("{}{rest} of {label}: ", first.to_uppercase())
    }
}

impl fmt::Display for SecretPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Password => "password",
            Self::AccessToken => "access token",
            Self::ProxyPassword => "proxy password",
            Self::ClientSecret => "client secret",
        })
    }
}
