"""The limit client: each workload in as few turns as the protocol allows, by hand, and with no care for anything.

It looks at no message twice, keeps no journal, and trusts every answer.
"""

import json
import os
import re
import sys
import threading
import time
from pathlib import Path

from imap import Connection, uid_set

PORT, CA = int(os.environ["BENCH_PORT"]), os.environ["BENCH_CA"]
USERS = os.environ["BENCH_USERS"].split()
BODIES = os.environ["BENCH_BODIES"].encode()
SEEN = Path(os.environ["BENCH_STATE"], "seen.json")

COMPOUND = (
    b"OR (UNSEEN BEFORE 1-Jan-2026 LARGER 1000) FLAGGED NOT FROM alerts@watchtower.example",
    b"FROM alerts@watchtower.example",
)


def connect(user=USERS[0]):
    return Connection(PORT, CA), f"LOGIN {user} pass".encode()


def result(uids):
    print("result", len(uids), sum(uids))


def expand(text):
    uids = []
    for part in text.split(b","):
        first, _, last = part.partition(b":")
        uids += range(int(first), int(last or first) + 1)
    return uids


def found(responses):
    for pieces in responses:
        if pieces[0].startswith(b"* ESEARCH"):
            listed = re.search(rb" ALL (\S+)", pieces[0])
            return expand(listed[1]) if listed else []
    raise RuntimeError("no ESEARCH came")


def literals(responses):
    """The UID, text before and literal of each FETCH."""
    for pieces in responses:
        if len(pieces) == 3:
            yield int(re.search(rb"UID (\d+)", pieces[0])[1]), pieces[0], pieces[1]


def status():
    line, login = connect()
    counted = line.ask(login, b"STATUS INBOX (MESSAGES)", b"LOGOUT")
    total = next(pieces[0] for pieces in counted if pieces[0].startswith(b"* STATUS"))
    print("result", re.search(rb"MESSAGES (\d+)", total)[1].decode())


def search():
    line, login = connect()
    result(found(line.ask(login, b"EXAMINE INBOX", b"UID SEARCH RETURN (ALL) " + COMPOUND[0], b"LOGOUT")))


def move():
    line, login = connect()
    saved = b"UID SEARCH RETURN (SAVE) " + COMPOUND[1]
    line.ask(login, b"SELECT INBOX", saved, b"UID MOVE $ Alerts", b"LOGOUT")


def header(field, pattern):
    line, login = connect()
    fetch = b"UID FETCH 1:* (BODY.PEEK[%s])" % field
    asked = line.send(login, b"EXAMINE INBOX", fetch, b"LOGOUT")
    wanted = re.compile(pattern, re.MULTILINE)
    result([uid for uid, _, text in literals(line.until(asked)) if wanted.search(text)])


SUBJECT = rb"^Subject: \[ALERT\] host\d*5:"


def subject():
    header(b"HEADER.FIELDS (SUBJECT)", SUBJECT)


def whole_header():
    header(b"HEADER", rb"^X-Spam-Score: [5-9]\.")


def again():
    """What `subject` does; the second time it asks only what has changed since the first (RFC 7162)."""
    line, login = connect()
    known = json.loads(SEEN.read_text()) if SEEN.exists() else {"state": "", "subjects": {}}
    opened = f"EXAMINE INBOX (QRESYNC ({known['state']}))" if known["state"] else "EXAMINE INBOX (CONDSTORE)"
    commands = [login, b"ENABLE QRESYNC", opened.encode()]
    if not known["state"]:
        commands.append(b"UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    answers = line.ask(*commands, b"LOGOUT")
    for uid, _, text in literals(answers):
        known["subjects"][str(uid)] = text.decode("latin-1")
    codes = b"".join(pieces[0] for pieces in answers)
    exists = int(re.search(rb"\* (\d+) EXISTS", codes)[1])
    assert exists == len(known["subjects"]) and b"VANISHED" not in codes
    validity, modseq = (re.search(name + rb" (\d+)", codes)[1] for name in [b"UIDVALIDITY", b"HIGHESTMODSEQ"])
    known["state"] = f"{int(validity)} {int(modseq)}"
    SEEN.write_text(json.dumps(known))
    wanted = re.compile(SUBJECT.decode())
    result([int(uid) for uid, text in known["subjects"].items() if wanted.search(text)])


def bodies():
    line, login = connect()
    asked = line.send(login, b"EXAMINE INBOX", b"UID FETCH %s (BODY.PEEK[])" % BODIES, b"LOGOUT")
    size = words = 0
    for _, _, raw in literals(line.until(asked)):
        size += len(raw)
        words += raw.count(b"kettle")
    print("result", size, words)


def copy_across():
    """Each message goes on as it comes."""
    line, login = connect()
    other, other_login = connect(USERS[1])
    asked = line.send(login, b"EXAMINE INBOX", b"UID FETCH %s (FLAGS INTERNALDATE BODY.PEEK[])" % BODIES, b"LOGOUT")
    other.socket.sendall(b"a %s\r\nt APPEND INBOX" % other_login)
    for _, before, raw in literals(line.until(asked)):
        flags = re.search(rb"FLAGS \((?:\\Recent ?)?([^)]*)\)", before)[1]
        date = re.search(rb'INTERNALDATE ("[^"]*")', before)[1]
        other.socket.sendall(b" (%s) %s {%d+}\r\n%s" % (flags, date, len(raw), raw))
    other.socket.sendall(b"\r\nb LOGOUT\r\n")
    list(other.until(b"t"))


def rules():
    """Senders and subjects in one answer, everything to be done in the next flight."""
    line, login = connect()
    chosen = b"UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])"
    moved = {n: [] for n in range(15)}
    words = [(b"kettle", "Flagged"), (b"boiler", "Answered"), (b"harbour", "Seen"), (b"parcel", "Flagged")]
    words.append((b"ledger", "Seen"))
    marked = {word: [] for word, _ in words}
    for uid, _, text in literals(line.ask(login, b"SELECT INBOX", chosen)):
        sender = re.search(rb"person(\d+)@people\.example", text)
        if sender and int(sender[1]) < 15:
            moved[int(sender[1])].append(uid)
            continue
        title = re.search(rb"Subject: (.*)", text)[1].lower()
        for word, uids in marked.items():
            if word in title:
                uids.append(uid)
    commands = [b"UID MOVE %s R%d" % (uid_set(uids), n) for n, uids in moved.items() if uids]
    for word, flag in words:
        if marked[word]:
            commands.append(b"UID STORE %s +FLAGS.SILENT (\\%s)" % (uid_set(marked[word]), flag.encode()))
    line.ask(*commands, b"LOGOUT")


def accounts():
    """Searches and moves, in all accounts at once."""
    total = []

    def one(user):
        line, login = connect(user)
        searched = b"UID SEARCH RETURN (ALL) " + COMPOUND[0]
        saved = b"UID SEARCH RETURN (SAVE) " + COMPOUND[1]
        asked = [login, b"SELECT INBOX", searched, saved, b"UID MOVE $ Alerts", b"LOGOUT"]
        total.extend(found(line.ask(*asked)))

    threads = [threading.Thread(target=one, args=[user]) for user in USERS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result(total)


WORKLOADS = {
    "W1": status,
    "W2": search,
    "W2b": search,
    "W3": move,
    "W4": subject,
    "W4h": whole_header,
    "W5": again,
    "W6": bodies,
    "W7": copy_across,
    "W8": rules,
    "W9": accounts,
}
# Its own start is not counted: the clock runs from the end of its input.
print("ready", flush=True)
sys.stdin.read()
started = time.process_time()
WORKLOADS[sys.argv[1]]()
print("cpu", time.process_time() - started)
