use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use super::interval::Interval;
use super::job::Job;
use super::{Wrong, agreed, unusable};
use crate::cli::report::{err, out};
use crate::cli::{exit, places};

/// Gives the directory of the user's units.
fn directory() -> Result<PathBuf, Wrong> {
    let config = places::config_home().ok_or_else(|| {
        let hint = "set HOME, or XDG_CONFIG_HOME".to_owned();
        (exit::CONFIG, "there is no home directory for the units".to_owned(), hint)
    })?;
    Ok(config.join("systemd/user"))
}

/// Writes a percent sign so that it is one: units have specifiers such as `%h`.
fn percent(text: &str) -> String {
    text.replace('%', "%%")
}

/// Writes a word of a command: in quotes, without specifiers, variables and escapes.
fn word(text: &str) -> String {
    format!("\"{}\"", percent(text).replace('\\', "\\\\").replace('"', "\\\"").replace('$', "$$"))
}

/// Writes a path of a list of paths, where `$` means nothing.
fn path(text: &str) -> String {
    format!("\"{}\"", percent(text).replace('\\', "\\\\").replace('"', "\\\""))
}

/// The service: it may do what the script needs, and nothing else. Only what works without privileges is asked of systemd: a
/// user's manager of an older version fails at the rest.
fn service(job: &Job) -> String {
    // In the program's own name variables are not looked for, and so need no second sign.
    let command: Vec<_> = job
        .words
        .iter()
        .enumerate()
        .map(|(at, each)| if at == 0 { path(each) } else { word(each) })
        .collect();
    let writable: Vec<_> = job.writable.iter().map(|each| path(each)).collect();
    let credentials = job.credentials.iter().fold(String::new(), |all, (name, file)| {
        all + "LoadCredential=" + name + ":" + &percent(file) + "\n"
    });
    format!(
        "[Unit]\n\
         Description=imapscript {}\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         ExecStart={}\n\
         WorkingDirectory={}\n\
         {credentials}\
         ReadWritePaths={}\n\
         UMask=0077\n\
         NoNewPrivileges=yes\n\
         ProtectSystem=strict\n\
         PrivateTmp=yes\n\
         RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
         RestrictNamespaces=yes\n\
         RestrictRealtime=yes\n\
         LockPersonality=yes\n\
         SystemCallArchitectures=native\n",
        percent(&job.script.to_string_lossy()),
        command.join(" "),
        percent(&job.directory.to_string_lossy()),
        writable.join(" "),
    )
}

fn timer(job: &Job, every: Interval) -> String {
    format!(
        "[Unit]\n\
         Description=imapscript {}, by the clock\n\
         \n\
         [Timer]\n\
         OnCalendar={}\n\
         RandomizedDelaySec={}\n\
         Persistent=true\n\
         \n\
         [Install]\n\
         WantedBy=timers.target\n",
        percent(&job.script.to_string_lossy()),
        every.calendar(),
        every.jitter(),
    )
}

/// Writes the units and starts the timer.
pub(super) fn add(job: &Job, every: Interval, yes: bool) -> Result<(), Wrong> {
    let directory = directory()?;
    if job.words.first().is_some_and(|program| program.contains(['"', '\'', '\\'])) {
        let what = "systemd starts no program with quotes or backslashes in its path".to_owned();
        return Err((exit::CONFIG, what, "move imapscript elsewhere, or use `--cron`".to_owned()));
    }
    let units = [
        (directory.join(format!("{}.service", job.name)), service(job)),
        (directory.join(format!("{}.timer", job.name)), timer(job, every)),
    ];
    let shown: Vec<_> = units.iter().map(|(path, text)| format!("# {}\n{text}", path.display())).collect();
    agreed(&shown.join("\n"), "Write these files and start the timer?", yes)?;
    fs::create_dir_all(&directory)
        .map_err(|why| unusable(&format!("`{}` can't be made", directory.display()), why))?;
    for (path, text) in units {
        let new = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path);
        new.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|why| unusable(&format!("`{}` can't be written", path.display()), why))?;
    }
    let timer = format!("{}.timer", job.name);
    control(&["daemon-reload"])?;
    control(&["enable", "--now", &timer])?;
    out(format_args!("{timer} is started"));
    err("it runs while you are logged in; `loginctl enable-linger` lets it run always");
    Ok(())
}

/// Stops the timer and takes the units away.
pub(super) fn remove(job: &Job, yes: bool) -> Result<(), Wrong> {
    let directory = directory()?;
    let units = ["timer", "service"].map(|kind| directory.join(format!("{}.{kind}", job.name)));
    if !units.iter().any(|path| path.exists()) {
        let hint = "`imapscript schedule --list` shows what is; `--cron` looks into the crontab".to_owned();
        return Err((exit::USAGE, format!("`{}` is not scheduled", job.script.display()), hint));
    }
    let shown: Vec<_> = units.iter().map(|path| format!("# {}", path.display())).collect();
    agreed(&shown.join("\n"), "Stop the timer and remove these files?", yes)?;
    // A timer that does not run can be removed all the same.
    let stopped = control(&["disable", "--now", &format!("{}.timer", job.name)]);
    // What starts it with the session goes, too, where systemd could not take it away.
    let started = directory.join("timers.target.wants").join(format!("{}.timer", job.name));
    for path in units.iter().chain([&started]).filter(|path| path.symlink_metadata().is_ok()) {
        fs::remove_file(path)
            .map_err(|why| unusable(&format!("`{}` can't be removed", path.display()), why))?;
    }
    let reloaded = control(&["daemon-reload"]);
    stopped.and(reloaded).map_err(|(code, why, hint)| {
        (code, format!("the files are removed, but a timer that is loaded may go on: {why}"), hint)
    })?;
    out(format_args!("{}.timer is stopped and removed", job.name));
    Ok(())
}

/// Gives the timers that there are: the unit, how often, and the script.
pub(super) fn list() -> Result<Vec<String>, Wrong> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(directory()?) else { return Ok(found) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(unit) = name.strip_suffix(".timer").filter(|unit| unit.starts_with("imapscript-")) else {
            continue;
        };
        let text = fs::read_to_string(entry.path()).unwrap_or_default();
        let value =
            |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or("?").to_owned();
        let script = value("Description=imapscript ").replace(", by the clock", "").replace("%%", "%");
        found.push(format!("{unit}.timer  {}  {script}", value("OnCalendar=")));
    }
    found.sort();
    Ok(found)
}

/// Runs `systemctl --user`.
fn control(words: &[&str]) -> Result<(), Wrong> {
    let command = format!("systemctl --user {}", words.join(" "));
    let hint = format!("run it by hand where your session's systemd is: `{command}`; or use `--cron`");
    let done = Command::new("systemctl").arg("--user").args(words).output();
    match done {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err((exit::CONFIG, format!("`{command}` failed: {why}"), hint))
        }
        Err(why) => Err((exit::CONFIG, format!("`{command}` can't be run: {why}"), hint)),
    }
}
