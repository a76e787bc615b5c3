//! Tells others how a script fared: a command that is run after a failure, and a service that waits for good news.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::args::Arguments;
use super::places;
use super::report::err;
use crate::engine::AccountsFile;
use crate::error::visible;

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is tried.
const TRIES: u32 = 3;

/// Tells whoever wants to know: the command line says who that is, else the accounts file.
pub(super) fn tell(arguments: &Arguments, script: &str, code: u8, failures: &[String]) {
    let path = places::accounts_file(arguments.options.config.as_deref());
    let file = path.filter(|path| path.exists()).map(|path| AccountsFile::read(&path, None)).transpose();
    let (on_failure, ping) = match file {
        Ok(file) => file.map(|file| (file.on_failure, file.ping)).unwrap_or_default(),
        Err(error) => {
            let why = visible(&error.to_string());
            err(format_args!("warning: it can't be told who wants to know how the script fared: {why}"));
            (None, None)
        }
    };
    let done = if code == 0 {
        arguments.ping.clone().or(ping).map_or(Ok(()), |url| fetch(&url))
    } else {
        let command = arguments.on_failure.clone().or(on_failure);
        command.map_or(Ok(()), |command| run(&command, script, code, &failures.join("\n")))
    };
    if let Err(why) = done {
        err(format_args!("warning: {}", visible(&why)));
    }
}

/// Runs a command by the shell, which learns what failed.
fn run(command: &str, script: &str, code: u8, failures: &str) -> Result<(), String> {
    let failed = |why: String| format!("the command of `on_failure` {why}");
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .env("IMAPSCRIPT_SCRIPT", script)
        .env("IMAPSCRIPT_EXIT_CODE", code.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::inherit())
        .spawn()
        .map_err(|error| failed(format!("can't be run: {error}")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read it does not want it.
        let _ = writeln!(stdin, "imapscript {script}: exit code {code}\n{failures}");
    }
    let status = child.wait().map_err(|error| failed(format!("was lost: {error}")))?;
    if status.success() { Ok(()) } else { Err(failed(format!("ended with {status}"))) }
}

/// Fetches a URL. What is in the answer does not matter.
fn fetch(url: &str) -> Result<(), String> {
    let tls = ureq::tls::TlsConfig::builder().provider(ureq::tls::TlsProvider::NativeTls);
    let tls = tls.root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).tls_config(tls).build();
    let agent = ureq::Agent::new_with_config(config);
    let mut why = String::new();
    for attempt in 0..TRIES {
        std::thread::sleep(Duration::from_secs(attempt.into()));
        match agent.get(url).call() {
            Ok(_) => return Ok(()),
            // What it shows of itself would be the URL.
            Err(ureq::Error::BadUri(_)) => return Err("what `ping` says is no URL".to_owned()),
            Err(error) => why = error.to_string(),
        }
    }
    // The URL itself is a secret of sorts: whoever knows it can pretend that all is well.
    Err(format!("the service of `ping` could not be told: {why}"))
}
