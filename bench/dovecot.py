"""A private Dovecot: no root, no system service, none of /etc/dovecot."""

import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from imap import Connection

TEMPLATES = Path(__file__).parent.parent / "tests/it/dovecot"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Dovecot:
    def __init__(self):
        # A Unix socket's path has 108 bytes at most.
        self.directory = Path(tempfile.mkdtemp(prefix="imb", dir="/tmp"))
        self.directory.chmod(0o755)
        self.user = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.port, self.tls_port = free_port(), free_port()
        self.users = 0
        self.certify()
        self.start()

    def certify(self):
        """Makes an authority, and a certificate for localhost."""

        def make(name, *arguments):
            request = ["openssl", "req", "-x509", "-nodes", "-days", "30", "-newkey", "ec"]
            files = ["-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", f"{name}.key", "-out", f"{name}.crt"]
            command = [*request, *files, *arguments]
            subprocess.run(command, cwd=self.directory, check=True, capture_output=True)
            (self.directory / f"{name}.key").chmod(0o644)

        make("ca", "-subj", "/CN=Authority of a benchmark")
        names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
        signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
        make("server", "-subj", "/CN=localhost", "-addext", names, *signed)
        self.authority = str(self.directory / "ca.crt")

    def start(self):
        path = os.environ["PATH"] + ":/usr/local/sbin:/usr/sbin"
        program = shutil.which("dovecot", path=path)
        self.version = subprocess.check_output([program, "--version"], text=True).split()[0]
        release = self.version[:3]
        names = [f"{release}.conf", f"passwords-{release}.conf", "common.conf"]
        text = "\n".join((TEMPLATES / name).read_text() for name in names)
        values = {
            "mechanisms": "plain login",
            "dir": self.directory,
            "user": self.user.pw_name,
            "group": grp.getgrgid(self.user.pw_gid).gr_name,
            "cert": self.directory / "server.crt",
            "key": self.directory / "server.key",
            "port": self.port,
            "tls-port": self.tls_port,
        }
        for name, value in values.items():
            text = text.replace(f"<{name}>", str(value))
        # The first line of these files must stay the first.
        (self.directory / "dovecot.conf").write_text(text)
        os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        # It ends when we do, however that is.
        before = ["setpriv", "--pdeathsig", "TERM"]
        if os.getuid() == 0:
            before += ["--reuid", str(self.user.pw_uid), "--regid", str(self.user.pw_gid), "--clear-groups"]
        self.process = subprocess.Popen(
            [*before, program, "-F", "-c", self.directory / "dovecot.conf"],
            stdin=subprocess.DEVNULL,
            env={"PATH": path, "TZ": "UTC"},
        )
        for _ in range(300):
            # Before it can answer logins it greets without capabilities.
            try:
                if b"CAPABILITY" in Connection(self.port).greeting:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise SystemExit("Dovecot does not come up:\n" + (self.directory / "log").read_text())

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log_in(self, user):
        connection = Connection(self.port)
        connection.ask(f"LOGIN {user} pass".encode())
        return connection

    def copy(self, user):
        """Makes a user with the mail of another, and gives its name.

        Files of messages are only added to by deliveries, so they are shared. All else is copied.
        """
        self.users += 1
        name = f"u{self.users}"
        source, target = self.directory / "mail" / user, self.directory / "mail" / name
        subprocess.run(["cp", "-al", source, target], check=True)
        for path in target.rglob("*"):
            if path.is_file() and not re.fullmatch(r"m\.\d+", path.name):
                own = path.with_name(path.name + ".copy")
                shutil.copy2(path, own)
                os.chown(own, self.user.pw_uid, self.user.pw_gid)
                own.rename(path)
        return name

    def forget(self, user):
        for part in ["mail", "home"]:
            shutil.rmtree(self.directory / part / user, ignore_errors=True)

    def state(self, user):
        """All of a user's messages: mailbox, flags, size and Message-ID of each, sorted."""
        connection = self.log_in(user)
        messages = []
        for listed in connection.ask(b'LIST "" "*"'):
            mailbox = listed[0].split(b'"/" ', 1)[1].strip()
            connection.ask(b"EXAMINE " + mailbox)
            fetched = connection.ask(b"UID FETCH 1:* (FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
            for pieces in fetched:
                if len(pieces) == 3:
                    flags = re.search(rb"FLAGS \(([^)]*)\)", pieces[0])[1].split()
                    size = re.search(rb"RFC822.SIZE (\d+)", pieces[0])[1]
                    kept = sorted(flag for flag in flags if flag != b"\\Recent")
                    messages.append((mailbox, b" ".join(kept), size, pieces[1].strip()))
        connection.ask(b"LOGOUT")
        return sorted(messages)
