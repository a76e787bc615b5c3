"""Carries connections to a server, late if wanted, and counts what passes.

A turn is a change of direction as the client sees it: it sends after something had come. Each one costs a round trip.
The way to set a connection up is charged as TCP does: what the client sends first leaves a round trip late.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque


class Counts:
    def __init__(self):
        self.turns = self.up = self.down = 0
        # When the client sent its first byte.
        self.first = None


class Line:
    """One direction of a connection: what is fed to it comes out after the delay."""

    def __init__(self, loop, delay, passed):
        self.loop, self.delay, self.passed = loop, delay, passed
        self.waiting = deque()
        self.out = None

    def feed(self, data, since):
        self.waiting.append((since + self.delay, data))
        if self.delay == 0:
            self.flush()
        else:
            self.loop.call_at(since + self.delay, self.flush)

    def flush(self):
        while self.out and self.waiting and self.waiting[0][0] <= self.loop.time():
            data = self.waiting.popleft()[1]
            if self.out.is_closing():
                continue
            if data:
                self.passed(data)
                self.out.write(data)
            else:
                # Who hung up hears no more.
                with contextlib.suppress(OSError):
                    self.out.write_eof()


class End(asyncio.Protocol):
    """One end of a connection. What it receives goes into its line; `None` is the end of it."""

    def __init__(self, line, received, since):
        self.line, self.received, self.since = line, received, since
        self.loop = line.loop

    def data_received(self, data):
        self.received(data)
        self.line.feed(data, max(self.loop.time(), self.since))

    def eof_received(self):
        self.line.feed(None, max(self.loop.time(), self.since))
        return True

    def connection_lost(self, _):
        self.line.feed(None, max(self.loop.time(), self.since))


class Proxy:
    def __init__(self, upstream):
        self.upstream = upstream
        self.delay = 0.0
        self.counts = Counts()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        started = asyncio.run_coroutine_threadsafe(self.listen(), self.loop)
        self.port = started.result()

    async def listen(self):
        server = await self.loop.create_server(self.accept, "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]

    def accept(self):
        counts = self.counts
        client_sent = False

        def sent(data):
            nonlocal client_sent
            counts.first = counts.first or time.perf_counter()
            counts.up += len(data)
            counts.turns += not client_sent
            client_sent = True

        def came(data):
            nonlocal client_sent
            counts.down += len(data)
            client_sent = False

        now = self.loop.time()
        up = Line(self.loop, self.delay, lambda data: None)
        down = Line(self.loop, self.delay, came)
        # The server sees the connection half a round trip after the client had its answer, and may speak first.
        front = End(up, sent, now + 2 * self.delay)
        back = End(down, lambda data: None, now + 2 * self.delay)

        async def connect():
            up.out, _ = await self.loop.create_connection(lambda: back, "127.0.0.1", self.upstream)
            up.flush()

        def made(transport):
            down.out = transport
            self.loop.create_task(connect())

        front.connection_made = made
        return front
