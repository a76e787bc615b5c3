"""The workloads with IMAPClient, as one would write them with it."""

import os
import re
import ssl
import sys

from imapclient import IMAPClient

PORT, CA = int(os.environ["BENCH_PORT"]), os.environ["BENCH_CA"]
USERS = os.environ["BENCH_USERS"].split()
BODIES = os.environ["BENCH_BODIES"]

COMPOUND = "OR (UNSEEN BEFORE 1-Jan-2026 LARGER 1000) FLAGGED NOT FROM alerts@watchtower.example"
ALERTS = "FROM alerts@watchtower.example"


def connect(user=USERS[0]):
    trust = ssl.create_default_context(cafile=CA)
    client = IMAPClient("localhost", port=PORT, ssl_context=trust)
    client.login(user, "pass")
    return client


def result(uids):
    print("result", len(uids), sum(uids))


def status():
    with connect() as client:
        print("result", client.folder_status("INBOX", ["MESSAGES"])[b"MESSAGES"])


def search():
    with connect() as client:
        client.select_folder("INBOX", readonly=True)
        result(client.search(COMPOUND))


def move():
    with connect() as client:
        client.select_folder("INBOX")
        client.move(client.search(ALERTS), "Alerts")


def header(item, pattern):
    with connect() as client:
        client.select_folder("INBOX", readonly=True)
        fetched = client.fetch(client.search("ALL"), [f"BODY.PEEK[{item}]"])
        wanted = re.compile(pattern, re.MULTILINE)
        result([uid for uid, data in fetched.items() if wanted.search(data[f"BODY[{item}]".encode()])])


def subject():
    header("HEADER.FIELDS (SUBJECT)", rb"^Subject: \[ALERT\] host\d*5:")


def whole_header():
    header("HEADER", rb"^X-Spam-Score: [5-9]\.")


def bodies():
    with connect() as client:
        client.select_folder("INBOX", readonly=True)
        fetched = client.fetch(client.search(f"UID {BODIES}"), ["BODY.PEEK[]"])
        raws = [data[b"BODY[]"] for data in fetched.values()]
        print("result", sum(map(len, raws)), sum(raw.count(b"kettle") for raw in raws))


def copy_across():
    with connect() as client, connect(USERS[1]) as other:
        client.select_folder("INBOX", readonly=True)
        uids = client.search(f"UID {BODIES}")
        for at in range(0, len(uids), 50):
            fetched = client.fetch(uids[at : at + 50], ["FLAGS", "INTERNALDATE", "BODY.PEEK[]"])
            for data in fetched.values():
                flags = [flag for flag in data[b"FLAGS"] if flag != b"\\Recent"]
                other.append("INBOX", data[b"BODY[]"], flags, data[b"INTERNALDATE"])


def rules():
    with connect() as client:
        client.select_folder("INBOX")
        for n in range(15):
            uids = client.search(["FROM", f"person{n}@people.example"])
            if uids:
                client.move(uids, f"R{n}")
        words = {"kettle": "Flagged", "boiler": "Answered", "harbour": "Seen", "parcel": "Flagged", "ledger": "Seen"}
        for word, flag in words.items():
            uids = client.search(["SUBJECT", word])
            if uids:
                client.add_flags(uids, [f"\\{flag}"], silent=True)


def accounts():
    total = []
    for user in USERS:
        with connect(user) as client:
            client.select_folder("INBOX")
            total += client.search(COMPOUND)
            client.move(client.search(ALERTS), "Alerts")
    result(total)


WORKLOADS = {
    "W1": status,
    "W2": search,
    "W2b": search,
    "W3": move,
    "W4": subject,
    "W4h": whole_header,
    "W5": subject,
    "W6": bodies,
    "W7": copy_across,
    "W8": rules,
    "W9": accounts,
}
WORKLOADS[sys.argv[1]]()
