//! Tells where the system's authorities are, in place of the crate of the same name, which it asks.
//!
//! OpenSSL reads a file of authorities whole, at each start: 140 certificates, of which one is needed, or none where a
//! `ca_file` is in their place. Of a directory with links by hash it reads what a server's chain leads to. So where such a
//! directory has all that the file has, as it is on Debian and its kin, the file is not named.

use std::fs::{read, read_dir};
use std::path::{Path, PathBuf};

/// Where authorities are.
pub struct ProbeResult {
    /// A PEM file of certificates.
    pub cert_file: Option<PathBuf>,
    /// Directories with certificates, for OpenSSL to find by hash.
    pub cert_dir: Vec<PathBuf>,
}

/// Looks for the system's authorities. Where the environment names some, in `SSL_CERT_FILE` or `SSL_CERT_DIR`, all is left
/// as it was found: a directory of somebody's own may have as many certificates, and others.
pub fn probe() -> ProbeResult {
    let found = system::probe();
    let is_named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    let is_spare =
        |file: &PathBuf| !is_named && found.cert_dir.iter().any(|directory| has_all(directory, file));
    ProbeResult {
        cert_file: found.cert_file.filter(|file| !is_spare(file)),
        cert_dir: found.cert_dir.into_iter().collect(),
    }
}

/// Tells whether a directory has as many certificates by hash as a file has.
fn has_all(directory: &Path, file: &Path) -> bool {
    let Ok(pem) = read(file) else { return false };
    let begins = |line: &&[u8]| line.starts_with(b"-----BEGIN ");
    let certificates = pem.split(|byte| *byte == b'\n').filter(begins).count();
    let hashed = read_dir(directory).map_or(0, |entries| {
        let files = entries.flatten().map(|entry| entry.path());
        files.filter(|path| is_by_hash(path) && path.is_file()).count()
    });
    hashed >= certificates
}

/// Tells whether OpenSSL finds a file by its name: eight hexadecimal digits of its subject's hash, a dot and a number.
fn is_by_hash(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split_once('.'));
    name.is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::fs::write;
    use std::os::unix::fs::symlink;

    use super::has_all;

    #[test]
    fn a_directory_has_all_where_each_certificate_is_there_by_its_hash() {
        let at = tempfile::tempdir().unwrap();
        let (directory, file) = (at.path().join("certs"), at.path().join("all.pem"));
        let one = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        write(&file, one.repeat(3)).unwrap();
        assert!(!has_all(&directory, &file), "there is none");
        std::fs::create_dir(&directory).unwrap();
        for name in ["one.pem", "0123abcd.0", "0123abcd.1"] {
            write(directory.join(name), one).unwrap();
        }
        // What OpenSSL would not find does not count.
        for name in ["0123abcd", "0123abcd.", "0123abcd.pem", "0123abc.0", "0123abcg.0", "0123abcd.r0"] {
            write(directory.join(name), one).unwrap();
        }
        symlink(at.path().join("gone"), directory.join("89abcdef.0")).unwrap();
        assert!(!has_all(&directory, &file), "two of three");
        symlink(directory.join("one.pem"), directory.join("76543210.0")).unwrap();
        assert!(has_all(&directory, &file));
        assert!(!has_all(&directory, &at.path().join("gone")), "there is no file");
    }
}
