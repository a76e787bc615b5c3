//! `imapscript schedule`: units for systemd, and lines for cron.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::output::Output;

/// A home with programs that stand in for systemd and cron: one notes how it is called, the other keeps a file.
struct Home {
    directory: tempfile::TempDir,
    program: PathBuf,
}

impl Home {
    fn new() -> Self {
        Self::with("imapscript")
    }

    /// Has the program under test under another name.
    fn with(name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let bin = directory.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let tool = |name: &str, text: &str| {
            let path = bin.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        };
        tool("systemctl", "#!/bin/sh\necho \"$@\" >> \"$HOME/called\"\n");
        tool(
            "crontab",
            "#!/bin/sh\nif [ \"$1\" = -l ]; then cat \"$HOME/tab\" 2>/dev/null || { echo 'no crontab for me' >&2; exit 1; }\n\
             else cat > \"$HOME/tab\"; fi\n",
        );
        let program = directory.path().join(name);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        // A link would be looked through.
        fs::hard_link(env!("CARGO_BIN_EXE_imapscript"), &program)
            .or_else(|_| fs::copy(env!("CARGO_BIN_EXE_imapscript"), &program).map(|_| ()))
            .unwrap();
        Self { directory, program }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn script(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "print('ran', ...)\n").unwrap();
        path
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        let path = format!("{}:/usr/bin:/bin", self.path().join("bin").display());
        command.env_clear().env("HOME", self.path()).env("PATH", path).current_dir(self.path());
        command
    }

    /// Runs `imapscript schedule`.
    #[track_caller]
    fn schedule(&self, arguments: &[&str], status: i32) -> Output {
        let ended = self.command().arg("schedule").args(arguments).output().unwrap();
        let output = Output::new(&ended.stdout, &ended.stderr, ended.status.code(), self.path(), &[]);
        assert_eq!(output.status, Some(status), "{output}");
        output
    }

    fn units(&self) -> BTreeMap<String, String> {
        let directory = self.path().join(".config/systemd/user");
        let Ok(entries) = fs::read_dir(directory) else { return BTreeMap::new() };
        let read = |entry: fs::DirEntry| {
            (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
        };
        entries.map(|entry| read(entry.unwrap())).collect()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }
}

/// Leaves out what hangs on the test's directory.
fn without_digest(text: &str, home: &Home) -> String {
    let text = text.replace(home.path().to_str().unwrap(), "$DIR");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("imapscript-cleanup-") {
        let end = at + "imapscript-cleanup-".len();
        out.push_str(&rest[..end]);
        out.push_str("######");
        rest = &rest[end + 6..];
    }
    out + rest
}

#[test]
fn a_timer_is_shown_written_started_and_removed() {
    let home = Home::new();
    home.script("cleanup.lua");
    let output = home.schedule(&["cleanup.lua", "--every", "15m", "--yes", "--", "a b", "$5"], 0);
    insta::assert_snapshot!(without_digest(&output.stdout, &home), @r#"
    # $DIR/.config/systemd/user/imapscript-cleanup-######.service
    [Unit]
    Description=imapscript $DIR/cleanup.lua

    [Service]
    Type=oneshot
    ExecStart="$DIR/imapscript" "--state" "$DIR/.local/state/imapscript" "$DIR/cleanup.lua" "a b" "$$5"
    WorkingDirectory=$DIR
    ReadWritePaths="$DIR/.local/state/imapscript"
    UMask=0077
    NoNewPrivileges=yes
    ProtectSystem=strict
    PrivateTmp=yes
    RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
    RestrictNamespaces=yes
    RestrictRealtime=yes
    LockPersonality=yes
    SystemCallArchitectures=native

    # $DIR/.config/systemd/user/imapscript-cleanup-######.timer
    [Unit]
    Description=imapscript $DIR/cleanup.lua, by the clock

    [Timer]
    OnCalendar=*:0/15
    RandomizedDelaySec=90
    Persistent=true

    [Install]
    WantedBy=timers.target
    imapscript-cleanup-######.timer is started
    "#);
    let units = home.units();
    assert_eq!(units.len(), 2);
    for (name, text) in &units {
        assert!(
            output.stdout.contains(text.replace(home.path().to_str().unwrap(), "$DIR").trim_end()),
            "{name}"
        );
    }
    let timer = units.keys().find(|name| name.contains(".timer")).unwrap();
    assert_eq!(home.read("called"), format!("--user daemon-reload\n--user enable --now {timer}\n"));
    let listed = home.schedule(&["--list"], 0);
    assert_eq!(listed.stdout, format!("{timer}  *:0/15  $DIR/cleanup.lua\n"));
    // Once more with another interval is the same timer.
    home.schedule(&["cleanup.lua", "--every", "1d", "--yes"], 0);
    assert_eq!(home.units().len(), 2);
    fs::remove_file(home.path().join("cleanup.lua")).unwrap();
    home.schedule(&["cleanup.lua", "--remove", "--yes"], 0);
    assert_eq!(home.units().len(), 0);
    assert!(home.read("called").contains(&format!("--user disable --now {timer}\n")));
    assert_eq!(home.schedule(&["--list"], 0).stdout, "nothing is scheduled\n");
    home.schedule(&["cleanup.lua", "--remove", "--yes"], 2);
}

#[test]
fn nothing_is_written_without_a_yes() {
    let home = Home::new();
    home.script("cleanup.lua");
    let output = home.schedule(&["cleanup.lua", "--every", "15m"], 2);
    assert!(output.stdout.contains("[Timer]"), "{output}");
    assert!(output.stderr.contains("hint: `--yes` says that it shall be done"), "{output}");
    home.schedule(&["cleanup.lua", "--every", "15m", "--cron"], 2);
    assert_eq!(
        (home.units().len(), home.read("tab"), home.read("called")),
        (0, String::new(), String::new())
    );
}

#[test]
fn a_script_with_mistakes_is_not_scheduled() {
    let home = Home::new();
    fs::write(home.path().join("cleanup.lua"), "prnt 'x'\n").unwrap();
    let output = home.schedule(&["cleanup.lua", "--every", "15m", "--yes"], 1);
    assert!(output.stderr.contains("there is no `prnt` here"), "{output}");
    assert_eq!(home.units().len(), 0);
    home.schedule(&["missing.lua", "--every", "15m", "--yes"], 3);
    home.schedule(&["cleanup.lua", "--every", "7m", "--yes"], 2);
    home.schedule(&["cleanup.lua"], 2);
    fs::write(home.path().join("a\nb.lua"), "").unwrap();
    home.schedule(&["a\nb.lua", "--every", "15m", "--yes"], 2);
}

/// Names with everything in them that units, cron or shells could take for something else.
const ODD: &str = "odd %h $HOME ${X} 'quoted' \"twice\" `ls` \\n; #é &.d";

#[test]
fn systemd_takes_odd_names_for_what_they_are() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("there is no systemd-analyze here");
        return;
    }
    // systemd starts no program with quotes in its path.
    let home = Home::with("odd %h $HOME ${X} `ls`; #é &.d/imapscript");
    home.script(&format!("{ODD}/{ODD}.lua"));
    let script = format!("{ODD}/{ODD}.lua");
    let secret = format!("imap={}", home.path().join(ODD).join("secret").display());
    let arguments =
        [script.as_str(), "--every", "6h", "--yes", "--write", ODD, "--credential", &secret, "--", ODD, ""];
    home.schedule(&arguments, 0);
    let directory = home.path().join(".config/systemd/user");
    for name in home.units().keys() {
        let output = Command::new("systemd-analyze")
            .args(["--user", "verify", "--man=no"])
            .arg(directory.join(name))
            .env("HOME", home.path())
            .env("XDG_RUNTIME_DIR", home.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // It says so if the program, by its name, is not there.
        assert!(output.status.success() && !said.contains("imapscript-"), "{name}: {said}");
    }
    let quoted = Home::with("a \"b\"/imapscript");
    quoted.script("cleanup.lua");
    quoted.schedule(&["cleanup.lua", "--every", "6h", "--yes"], 3);
    assert_eq!(quoted.units().len(), 0);
    // A program that is not there is found out, or the check above says nothing.
    let service = directory.join(home.units().keys().find(|name| name.contains(".service")).unwrap());
    let text = fs::read_to_string(&service).unwrap().replace("/imapscript\"", "/imapscript-gone\"");
    fs::write(&service, text).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["--user", "verify", "--man=no"])
        .arg(&service)
        .env("XDG_RUNTIME_DIR", home.path())
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("imapscript-gone"), "{output:?}");
}

/// Takes a crontab's line apart as cron(8) does: five fields, and a command up to the first percent sign that has no
/// backslash before it. A backslash before one is taken away.
fn command_of(line: &str) -> String {
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_start().split_once([' ', '\t']).unwrap().1;
    }
    let mut command = String::new();
    let mut signs = rest.trim_start().chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\\' if signs.peek() == Some(&'%') => command.extend(signs.next()),
            '%' => break,
            sign => command.push(sign),
        }
    }
    command
}

#[test]
fn cron_and_the_shell_take_odd_names_for_what_they_are() {
    let home = Home::with(&format!("{ODD}/imapscript"));
    home.script(&format!("{ODD}/{ODD}.lua"));
    let others = "# imapscript-of-mine\nMAILTO=me\n5 4 * * * echo 100\\% # imapscript-other-000000\n";
    fs::write(home.path().join("tab"), others).unwrap();
    let script = format!("{ODD}/{ODD}.lua");
    home.schedule(&[&script, "--every", "15m", "--cron", "--yes", "--", ODD, ""], 0);
    let tab = home.read("tab");
    let line = tab.strip_prefix(others).unwrap_or_else(|| panic!("{tab}")).trim_end();
    let ended = Command::new("/bin/sh")
        .args(["-c", &command_of(line)])
        .env_clear()
        .env("HOME", home.path())
        .env("X", "y")
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&ended.stdout), format!("ran\t{ODD}\t\n"), "{ended:?}");
    // The same again is one line, and taking it out leaves the others alone.
    home.schedule(&[&script, "--every", "1h", "--cron", "--yes"], 0);
    assert_eq!(home.read("tab").lines().count(), 4);
    assert_eq!(home.schedule(&["--list"], 0).stdout.lines().count(), 2);
    home.schedule(&[&script, "--remove", "--cron", "--yes"], 0);
    assert_eq!(home.read("tab"), others);
    home.schedule(&[&script, "--remove", "--cron", "--yes"], 2);
}

#[test]
fn what_systemd_and_cron_say_is_told() {
    let home = Home::new();
    home.script("cleanup.lua");
    fs::write(home.path().join("bin/systemctl"), "#!/bin/sh\necho 'no bus' >&2\nexit 1\n").unwrap();
    fs::write(home.path().join("bin/crontab"), "#!/bin/sh\necho 'you may not' >&2\nexit 1\n").unwrap();
    let output = home.schedule(&["cleanup.lua", "--every", "15m", "--yes"], 3);
    assert!(output.stderr.contains("`systemctl --user daemon-reload` failed: no bus"), "{output}");
    let output = home.schedule(&["cleanup.lua", "--every", "15m", "--cron", "--yes"], 3);
    assert!(output.stderr.contains("`crontab -l` failed: you may not"), "{output}");
}
