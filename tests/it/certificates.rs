//! A small certificate authority, with certificates good and bad.

use crate::watchdog::{ask, scratch};
use native_tls::Identity;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// What a server shows at the TLS handshake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Certificate {
    /// For localhost and 127.0.0.1, signed by the authority of `ca_file`.
    Good,
    /// As good as `Good`, until 2020.
    Expired,
    /// For `elsewhere.example`.
    OtherHost,
    /// For the right host, signed by an authority nobody trusts.
    Stranger,
    /// A client's, for the user `certified`.
    Client,
}

impl Certificate {
    pub(crate) const ALL: [Self; 5] =
        [Self::Good, Self::Expired, Self::OtherHost, Self::Stranger, Self::Client];

    /// The certificate and its key, for a TLS server in this process.
    pub(crate) fn identity(self) -> Identity {
        let read = |path| fs::read(path).unwrap();
        Identity::from_pkcs8(&read(self.file("crt")), &read(self.file("key"))).unwrap()
    }

    pub(crate) fn file(self, extension: &str) -> PathBuf {
        directory().join(format!("{}.{extension}", self.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Expired => "expired",
            Self::OtherHost => "other-host",
            Self::Stranger => "stranger",
            Self::Client => "client",
        }
    }

    fn make(self, directory: &Path) {
        let (host, names) = match self {
            Self::OtherHost => ("elsewhere.example", "DNS:elsewhere.example"),
            Self::Client => (CERTIFIED, "email:certified@example.org"),
            _ => ("localhost", "DNS:localhost,IP:127.0.0.1"),
        };
        let usage = if self == Self::Client { "clientAuth" } else { "serverAuth" };
        let (from, until) = match self {
            Self::Expired => ("20190101000000Z", "20200101000000Z"),
            _ => ("20200101000000Z", "20450101000000Z"),
        };
        let authority = if self == Self::Stranger { "other-ca" } else { "ca" };
        let at = |file: &str| directory.join(file).to_str().unwrap().to_owned();
        let own = |extension: &str| at(&format!("{}.{extension}", self.name()));
        let extensions = format!(
            "subjectAltName={names}\nbasicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n\
             subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        );
        fs::write(own("ext"), extensions).unwrap();
        openssl(&[&["req"], NEW_KEY, &["-keyout", &own("key"), "-out", &own("csr")]].concat(), host);
        // `openssl ca` rather than `x509 -req`: it alone takes a date in the past in every version.
        let mut sign = vec!["ca", "-batch", "-notext"];
        let files = [
            ("-config", at("ca.cnf")),
            ("-cert", at(&format!("{authority}.crt"))),
            ("-keyfile", at(&format!("{authority}.key"))),
            ("-in", own("csr")),
            ("-out", own("crt")),
            ("-extfile", own("ext")),
        ];
        sign.extend(files.iter().flat_map(|(flag, file)| [*flag, file.as_str()]));
        sign.extend(["-startdate", from, "-enddate", until]);
        ask("openssl", &sign);
    }
}

/// The user that [`Certificate::Client`] is for.
pub(crate) const CERTIFIED: &str = "certified";

/// The certificate of the authority that a client under test is told to trust.
pub(crate) fn ca_file() -> PathBuf {
    directory().join("ca.crt")
}

const NEW_KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

fn directory() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let directory = scratch().join("tls");
        make_authorities(&directory);
        for certificate in Certificate::ALL {
            certificate.make(&directory);
        }
        directory
    })
}

fn make_authorities(directory: &Path) {
    fs::create_dir(directory).unwrap();
    let base = directory.display();
    let config = format!(
        "[ca]\ndefault_ca = own\n[own]\ndatabase = {base}/index\nnew_certs_dir = {base}\nrand_serial = yes\n\
         default_md = sha256\nunique_subject = no\npolicy = any\n[any]\ncommonName = supplied\n"
    );
    fs::write(directory.join("ca.cnf"), config).unwrap();
    fs::write(directory.join("index"), "").unwrap();
    for name in ["ca", "other-ca"] {
        let (key, certificate) = (format!("{base}/{name}.key"), format!("{base}/{name}.crt"));
        let usage = [
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=critical,keyCertSign,cRLSign",
        ];
        let files = ["-keyout", &key, "-out", &certificate, "-days", "3650"];
        openssl(&[&["req", "-x509"], NEW_KEY, &files[..], &usage[..]].concat(), name);
    }
}

fn openssl(arguments: &[&str], common_name: &str) {
    ask("openssl", &[arguments, &["-subj", &format!("/CN={common_name}")]].concat());
}
