//! Tells others how a script fared: a command that is run after a failure, and a service that waits for good news.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::options::Options;
use super::report::err;
use super::surroundings::Surroundings;
use crate::error::visible;

/// How long the service may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is tried.
const TRIES: u32 = 3;

/// Tells whoever wants to know: the command line says who that is, else the accounts file.
pub(super) fn tell(around: &Surroundings, options: &Options, script: &str, code: u8) {
    let settings = match around.run.accounts.existing() {
        Ok(settings) => settings,
        Err(error) => {
            err(format_args!(
                "warning: nobody is told how the script fared: {}",
                visible(&error.to_string())
            ));
            None
        }
    };
    let from_file = |choose: fn(&crate::engine::AccountsFile) -> &Option<String>| {
        settings.and_then(|settings| choose(settings).clone())
    };
    let done = if code == 0 {
        let url = options.ping.clone().or_else(|| from_file(|file| &file.ping));
        url.map_or(Ok(()), |url| ping(&url))
    } else {
        let command = options.on_failure.clone().or_else(|| from_file(|file| &file.on_failure));
        let failures = around.reporter().failures().join("\n");
        command.map_or(Ok(()), |command| run(&command, script, code, &failures))
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
fn ping(url: &str) -> Result<(), String> {
    let tls = ureq::tls::TlsConfig::builder().provider(ureq::tls::TlsProvider::NativeTls);
    let tls = tls.root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).tls_config(tls).build();
    let agent = ureq::Agent::new_with_config(config);
    let mut why = String::new();
    for attempt in 0..TRIES {
        std::thread::sleep(Duration::from_secs(attempt.into()));
        match agent.get(url).call() {
            Ok(_) => return Ok(()),
            Err(error) => why = error.to_string(),
        }
    }
    // The URL itself is a secret of sorts: whoever knows it can pretend that all is well.
    Err(format!("the service of `ping` could not be told: {why}"))
}
