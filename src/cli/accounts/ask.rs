use std::io::{BufRead, Write};

use crate::error::{ErrorKind, Result};

/// Asks a person something, and reads the line of the answer. Nothing answered is the suggestion, if there is one.
///
/// Error: nobody is there to answer.
pub(super) fn line(question: &str, suggestion: Option<&str>) -> Result<String> {
    let mut terminal = anstream::stderr();
    let asked = match suggestion {
        Some(suggestion) => write!(terminal, "{question} [{suggestion}]: "),
        None => write!(terminal, "{question}: "),
    };
    let mut answer = String::new();
    let read =
        asked.and_then(|()| terminal.flush()).and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    let answer = answer.trim();
    match (read, suggestion) {
        (Ok(1..), _) if !answer.is_empty() => Ok(answer.to_owned()),
        (Ok(1..), Some(suggestion)) => Ok(suggestion.to_owned()),
        _ => {
            let what = format!("nothing was answered to `{question}`");
            let hint = "`imapscript accounts add --help` has options in place of questions".to_owned();
            Err(ErrorKind::Usage { what, hint }.into())
        }
    }
}

/// Asks for a yes or no.
///
/// Error: nobody is there to answer.
pub(super) fn agreed(question: &str, usual: bool) -> Result<bool> {
    let answer = line(question, Some(if usual { "yes" } else { "no" }))?.to_lowercase();
    Ok(answer == "y" || answer == "yes")
}
