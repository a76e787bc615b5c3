"""The least an IMAP client needs: commands go out together, responses come back whole."""

import re
import socket
import ssl

LITERAL = re.compile(rb"\{(\d+)\}\r\n$")


class Connection:
    def __init__(self, port, authority=None):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if authority:
            trust = ssl.create_default_context(cafile=authority)
            self.socket = trust.wrap_socket(self.socket, server_hostname="localhost")
        self.reader = self.socket.makefile("rb", 1 << 18)
        self.tags = 0
        self.greeting = self.response()[0]

    def send(self, *commands):
        """Sends all in one piece, and gives the last one's tag."""
        lines = []
        for command in commands:
            self.tags += 1
            lines.append(b"t%d %s\r\n" % (self.tags, command))
        self.socket.sendall(b"".join(lines))
        return b"t%d" % self.tags

    def response(self):
        """One response: text and literals in turn."""
        pieces = [self.reader.readline()]
        while literal := LITERAL.search(pieces[-1]):
            pieces.append(self.reader.read(int(literal[1])))
            pieces.append(self.reader.readline())
        if not pieces[-1].endswith(b"\n"):
            raise ConnectionError("the server hung up")
        return pieces

    def until(self, tag):
        """The untagged responses until the one that is tagged so. Any refusal before it is an error, too."""
        while True:
            pieces = self.response()
            if pieces[0].startswith(b"t"):
                if pieces[0].split(b" ", 2)[1] != b"OK":
                    raise RuntimeError(pieces[0].decode())
                if pieces[0].startswith(tag + b" "):
                    return
            else:
                yield pieces

    def ask(self, *commands):
        return list(self.until(self.send(*commands)))


def uid_set(uids):
    """Sorted UIDs as IMAP writes them."""
    ranges = []
    for uid in uids:
        if ranges and ranges[-1][1] == uid - 1:
            ranges[-1][1] = uid
        else:
            ranges.append([uid, uid])
    return ",".join(f"{a}" if a == b else f"{a}:{b}" for a, b in ranges).encode()
