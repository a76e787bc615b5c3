use std::io::Write as _;
use std::process::{Command, Stdio};

use super::interval::Interval;
use super::job::Job;
use super::{Wrong, agreed, unusable};
use crate::cli::exit;
use crate::cli::report::out;

/// Writes a word for the shell, in which nothing means anything but itself.
fn word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Gives the line. Cron takes a percent sign for the end of the command, unless a backslash stands before it.
fn line(job: &Job, every: Interval) -> String {
    let command: Vec<_> = job.words.iter().map(|each| word(each)).collect();
    let command = format!("cd {} && {}", word(&job.directory.to_string_lossy()), command.join(" "));
    format!("{} {} {}", every.fields(job.seed), command.replace('%', "\\%"), mark(job))
}

/// What tells the line from others: the shell takes it for a comment.
fn mark(job: &Job) -> String {
    format!("# {}", job.name)
}

fn is_of(job: &Job, line: &str) -> bool {
    line.ends_with(&format!(" {}", mark(job))) && !line.trim_start().starts_with('#')
}

/// Reads the user's crontab; an empty one where there is none.
fn read() -> Result<String, Wrong> {
    let output =
        Command::new("crontab").arg("-l").output().map_err(|why| unusable("`crontab` can't be run", why))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && !said.contains("no crontab") {
        return Err(unusable("`crontab -l` failed", said.trim()));
    }
    // What is there is written again: it must come back as it was.
    String::from_utf8(output.stdout).map_err(|_| {
        (exit::CONFIG, "the crontab is not UTF-8".to_owned(), "add the line with `crontab -e`".to_owned())
    })
}

fn write(text: &str) -> Result<(), Wrong> {
    let failed = |why: String| unusable("`crontab` can't be written", why);
    let mut child = Command::new("crontab")
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|why| failed(why.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(|why| failed(why.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|why| failed(why.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Gives the lines but the job's own.
fn others(job: &Job, text: &str) -> String {
    text.lines().filter(|line| !is_of(job, line)).fold(String::new(), |all, line| all + line + "\n")
}

/// Adds the line, in place of an earlier one.
pub(super) fn add(job: &Job, every: Interval, yes: bool) -> Result<(), Wrong> {
    let line = line(job, every);
    let before = read()?;
    agreed(&line, "Add this line to your crontab?", yes)?;
    write(&format!("{}{line}\n", others(job, &before)))?;
    out(format_args!("{} is in your crontab", job.name));
    Ok(())
}

/// Takes the line out.
pub(super) fn remove(job: &Job, yes: bool) -> Result<(), Wrong> {
    let before = read()?;
    let Some(line) = before.lines().find(|line| is_of(job, line)) else {
        let hint =
            "`imapscript schedule --list` shows what is; without `--cron` the timer is removed".to_owned();
        return Err((exit::USAGE, format!("`{}` is not in your crontab", job.script.display()), hint));
    };
    agreed(line, "Take this line out of your crontab?", yes)?;
    write(&others(job, &before))?;
    out(format_args!("{} is taken out of your crontab", job.name));
    Ok(())
}

/// Gives the lines that there are; none where there is no cron.
pub(super) fn list() -> Vec<String> {
    let text = read().unwrap_or_default();
    let ours = |line: &&str| {
        line.rsplit_once(" # imapscript-").is_some_and(|(_, rest)| !rest.contains(' '))
            && !line.starts_with('#')
    };
    text.lines().filter(ours).map(|line| format!("crontab  {line}")).collect()
}
