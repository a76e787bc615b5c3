use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::exit;
use super::report::error;
use crate::lua::types::FILES;

/// What the Lua language server must know to find the type files.
const SETTINGS: &str =
    "{\n  \"runtime.version\": \"Lua 5.4\",\n  \"workspace.library\": [\"./imapscript\"]\n}\n";

/// Writes the type files into `imapscript` below the directory, and a `.luarc.json` beside it unless there is
/// one.
pub(super) fn write(directory: &Path) -> ExitCode {
    let put = || -> std::io::Result<bool> {
        let library = directory.join("imapscript");
        fs::create_dir_all(&library)?;
        for (name, text) in FILES {
            fs::write(library.join(name), text)?;
        }
        match fs::File::create_new(directory.join(".luarc.json")) {
            Ok(mut file) => file.write_all(SETTINGS.as_bytes()).map(|()| true),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    };
    let shown = directory.display();
    match put() {
        Ok(fresh) => {
            let mut out = anstream::stdout();
            let _ = writeln!(out, "wrote {} type files to {shown}/imapscript", FILES.len());
            if !fresh {
                let _ = writeln!(
                    out,
                    "{shown}/.luarc.json was left as it is; its workspace.library needs ./imapscript"
                );
            }
            ExitCode::SUCCESS
        }
        Err(cause) => {
            error(
                &format!("the type files can't be written to `{shown}`: {cause}"),
                Some("give a directory of yours"),
            );
            exit::CONFIG.into()
        }
    }
}
