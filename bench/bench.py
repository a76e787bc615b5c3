"""Runs the workloads with all clients on one private Dovecot, and prints one table.

bench/run [W1 W2 …] [--quick] [--all] [--repeat N] [--only CLIENT,…] [--compress]
"""

import argparse
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from dovecot import Dovecot
from proxy import Counts, Proxy
from seed import fill, mails

HERE = Path(__file__).parent
CLIENTS = ["limit", "imapscript", "IMAPClient", "imapfilter"]
DELAYS = [0, 0.025]
MAILBOXES = ["Alerts", *(f"R{n}" for n in range(15))]


class HungUp(Exception):
    """The server ended a connection before its time."""


@dataclass
class Workload:
    """`mail` is whose copies its users are. `slow` clients take minutes over the slow line."""

    text: str
    mail: list
    writes: bool = False
    slow: tuple = ()


WORKLOADS = {
    "W1": Workload("log in, STATUS, log out", ["mixed"]),
    "W2": Workload("compound search, {mixed}", ["mixed"]),
    "W2b": Workload("compound search, {small}", ["small"]),
    "W3": Workload("move a fifth of {mixed}", ["mixed"], writes=True),
    "W4": Workload("regex on Subject, {mixed}", ["mixed"], slow=("imapfilter",)),
    "W4h": Workload("regex on the whole header, {mixed}", ["mixed"], slow=("imapfilter",)),
    "W5": Workload("W4 again, nothing changed", ["mixed"], slow=("imapfilter",)),
    "W6": Workload("{bodies} whole messages through a function", ["mixed"], slow=("imapfilter",)),
    "W7": Workload("copy {bodies} messages to another account", ["mixed", "empty"], True, ("imapfilter", "IMAPClient")),
    "W8": Workload("20 rules on {mixed}", ["mixed"], writes=True),
    "W9": Workload("W2 and W3 in ten accounts of {each}", [f"account{n}" for n in range(10)], writes=True),
}


@dataclass
class Runs:
    """What one client needed for one workload with one delay, each time."""

    wall: list = field(default_factory=list)
    cpu: list = field(default_factory=list)
    memory: list = field(default_factory=list)
    counts: list = field(default_factory=list)
    first: list = field(default_factory=list)


class Bench:
    def __init__(self, options):
        self.options = options
        self.sizes = {"mixed": 10_000, "small": 100_000, "each": 1000, "bodies": 500}
        if options.quick:
            self.sizes = {"mixed": 1000, "small": 5000, "each": 100, "bodies": 50}
        # Each run has a home of its own in it.
        self.homes = tempfile.TemporaryDirectory(prefix="imb")
        self.server = Dovecot()
        self.proxy = Proxy(self.server.tls_port)
        self.seeded = {}
        self.expected = {}
        self.runs = {}

    def seed(self, name):
        """The state of a user that copies are made of. What servers know of mail that was read before, it knows."""
        if name in self.seeded:
            return self.seeded[name]
        connection = self.server.log_in(name)
        connection.ask(*(f"CREATE {mailbox}".encode() for mailbox in MAILBOXES))
        number = name.removeprefix("account")
        if name == "mixed":
            fill(connection, "INBOX", mails(self.sizes["mixed"], False, 1))
        elif name == "small":
            fill(connection, "INBOX", mails(self.sizes["small"], True, 2))
        elif number != name:
            fill(connection, "INBOX", mails(self.sizes["each"], False, 100 + int(number)))
        read = b"FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (LIST-ID)]"
        connection.ask(b"SELECT INBOX", b"UID FETCH 1:* (%s)" % read, b"LOGOUT")
        self.seeded[name] = self.server.state(name)
        return self.seeded[name]

    def command(self, client, workload, state):
        if client == "imapscript":
            program = HERE.parent / "target/release/imapscript"
            return [program, "-q", "--state", state, HERE / "imapscript.lua", workload]
        if client == "imapfilter":
            return ["imapfilter", "-t", self.server.authority, "-c", HERE / "imapfilter.lua"]
        if client == "IMAPClient":
            return [HERE.parent / "target/bench-venv/bin/python", "-I", HERE / "python_client.py", workload]
        return [sys.executable, "-S", HERE / "limit.py", workload]

    def often(self, client, name, delay):
        """Runs a client. Dovecot hangs up now and then on the limit client, which sends even LOGOUT with all the rest."""
        for _ in range(3):
            try:
                return self.once(client, name, delay)
            except HungUp as error:
                print(f"{error}: the server hung up; it is run again", file=sys.stderr)
        sys.exit(f"{client} in {name}: the server hung up three times")

    def once(self, client, name, delay):
        """Runs a client on fresh copies, checks what became of them, and gives what it took."""
        workload = WORKLOADS[name]
        for user in workload.mail:
            self.seed(user)
        users = [self.server.copy(user) for user in workload.mail]
        state = tempfile.mkdtemp(dir=self.homes.name)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": state,
            "TZ": "UTC",
            "BENCH_PORT": str(self.proxy.port),
            "BENCH_CA": self.server.authority,
            "BENCH_USERS": " ".join(users),
            "BENCH_PASSWORD": "pass",
            "BENCH_BODIES": f"1:{self.sizes['bodies']}",
            "BENCH_STATE": state,
            "BENCH_WORKLOAD": name,
            "BENCH_COMPRESS": "yes" if self.options.compress else "no",
        }
        command = self.command(client, name, state)
        if name == "W5" and client in ["limit", "imapscript"]:
            # The first time, of which these may remember something.
            self.proxy.delay, self.proxy.counts = 0, Counts()
            first = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
            done = subprocess.run(command, env=environment, text=True, **first)
            self.ended(f"{client} in {name}, for the first time", done.returncode, done.stdout)
        self.proxy.delay, self.proxy.counts = delay, Counts()
        counts = self.proxy.counts
        memory = Path(state, "memory")
        # A child's peak counts what it was forked from, so a small program starts it.
        timed = ["/usr/bin/time", "-f", "%M", "-o", memory, *command]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        before = time.perf_counter()
        with subprocess.Popen(timed, env=environment, text=True, **pipes) as process:
            if client == "limit":
                process.stdout.readline()
                before = time.perf_counter()
            process.stdin.close()
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.perf_counter() - before
        where = f"{client} in {name} at {delay * 2000:.0f} ms"
        self.ended(where, process.returncode, output)
        self.check(where, name, users, output)
        kilobytes = int(memory.read_text().split()[-1])
        runs = self.runs.setdefault((name, client, delay), Runs())
        runs.wall.append(wall)
        own = re.search(r"^cpu (\S+)", output, re.MULTILINE)
        runs.cpu.append(float(own[1]) if own else usage.ru_utime + usage.ru_stime)
        runs.memory.append(kilobytes / 1000)
        runs.counts.append(counts)
        runs.first.append(counts.first - before)
        shutil.rmtree(state)
        for user in users:
            self.server.forget(user)
        print(f"{where}: {wall:.2f} s, {counts.turns} turns", file=sys.stderr)

    def ended(self, where, code, output):
        """A client must end well."""
        if code and where.startswith("limit ") and output.rstrip().endswith("the server hung up"):
            raise HungUp(where)
        if code:
            sys.exit(f"{where} ended with {code}:\n{output}")

    def check(self, where, name, users, output):
        """All clients must have found the same and left the same."""
        result = [line for line in output.splitlines() if line.startswith("result ")]
        left = [self.server.state(user) for user in users]
        first, found, states = self.expected.setdefault(name, (where, result, left))
        if not WORKLOADS[name].writes:
            first, states = "the seeded mail", [self.seeded[user] for user in WORKLOADS[name].mail]
        if result != found:
            sys.exit(f"{where} found {result}, and not {found}:\n{output}")
        for got, wanted in zip(left, states, strict=True):
            if got != wanted:
                more, less = (sorted(set(a) - set(b))[:3] for a, b in [(got, wanted), (wanted, got)])
                sys.exit(f"{where} left other mail than {first}: {len(got)} for {len(wanted)}, {more} for {less}")

    def run(self):
        names = self.options.workloads or list(WORKLOADS)
        for number in range(self.options.repeat):
            for name in names:
                for delay in DELAYS:
                    for client in self.options.only:
                        slow = delay and client in WORKLOADS[name].slow and not self.options.quick
                        # Minutes do not need to be repeated.
                        if not slow or self.options.all and number == 0:
                            self.often(client, name, delay)
        self.table(names)

    def table(self, names):
        dovecot, kernel = self.server.version, platform.release()
        print(f"\nDovecot {dovecot}, TLS, {os.cpu_count()} cores, Linux {kernel}; best of {self.options.repeat}\n")
        head = ["workload", "client", "turns", "KB up", "KB down", "s at 0 ms", "× limit"]
        head += ["s at 50 ms", "× limit", "CPU s", "× limit", "peak MB"]
        print("| " + " | ".join(head) + " |")
        print("|---|---|" + "--:|" * (len(head) - 2))
        missing = False
        for name in names:
            title = f"{name}: {WORKLOADS[name].text}".format(**{key: f"{n:,}" for key, n in self.sizes.items()})
            for client in self.options.only:
                quick, slow = (self.runs.get((name, client, delay)) for delay in DELAYS)
                cells = [title, client, *self.cells(name, quick, slow)]
                print("| " + " | ".join(cells) + " |")
                missing = missing or not slow
                title = ""
        started = {
            client: min(time for (_, by, _), runs in self.runs.items() if by == client for time in runs.first)
            for client in self.options.only
            if client != "limit"
        }
        shown = ", ".join(f"{client} {time * 1000:.0f} ms" for client, time in started.items())
        print(f"\nFrom a client's start to its first byte: {shown}.")
        if missing:
            print("\n–: takes minutes, and is only run with `--all`.")

    def cells(self, name, quick, slow):
        limits = [self.runs.get((name, "limit", delay)) for delay in DELAYS]

        def ratio(value, limit):
            return f"{value / limit:.1f}" if limit else "–"

        counts = (slow or quick).counts
        middle = [statistics.median_low(getattr(count, kind) for count in counts) for kind in ["turns", "up", "down"]]
        yield f"{middle[0]:,}"
        yield from (f"{size / 1000:,.1f}" for size in middle[1:])
        for runs, limit in zip([quick, slow], limits, strict=True):
            yield f"{min(runs.wall):.2f}" if runs else "–"
            yield ratio(min(runs.wall), limit and min(limit.wall)) if runs else "–"
        yield f"{min(quick.cpu):.2f}"
        yield ratio(min(quick.cpu), limits[0] and min(limits[0].cpu))
        yield f"{max(quick.memory):.0f}"


def main():
    parser = argparse.ArgumentParser(prog="bench/run", description="Runs workloads with several IMAP clients.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"of {' '.join(WORKLOADS)}; else all")
    parser.add_argument("--quick", action="store_true", help="with a tenth of the mail")
    parser.add_argument("--all", action="store_true", help="also what takes minutes")
    parser.add_argument("--compress", action="store_true", help="imapscript uses COMPRESS=DEFLATE")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="how often each is run (3)")
    parser.add_argument(
        "--only", type=lambda text: text.split(","), default=CLIENTS, metavar="CLIENT,…", help=f"of {' '.join(CLIENTS)}"
    )
    options = parser.parse_args()
    for name in [*options.workloads, *options.only]:
        if name not in [*WORKLOADS, *CLIENTS]:
            parser.error(f"there is no {name}")
    # Also when told to end, what was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(options)
    try:
        bench.run()
    finally:
        bench.server.stop()


if __name__ == "__main__":
    main()
