# SPDX-License-Identifier: MIT

"""peer.py - greenlet, gevent and Python's own generators.

    peer.py greenlet|gevent --tsv [ROW [N]]     as peer.h says
    peer.py gevent --echo                       a TCP echo; prints its port
"""

import random
import sys
import time


def cpu():
    return time.process_time_ns()


def tell(row, value):
    print("%s\t%.6g" % (row, value), flush=True)


def switches(n):
    import greenlet

    def bounce():
        while True:
            parent.switch()

    parent = greenlet.getcurrent()
    other = greenlet.greenlet(bounce)
    for _ in range(n // 2):
        other.switch()


def generator(n):
    def count():
        i = 0
        while True:
            yield i
            i += 1

    g = count()
    for i in range(n):
        if next(g) != i:
            sys.exit(1)


def spawn_greenlet(n):
    import greenlet

    def nothing():
        pass

    for _ in range(n):
        greenlet.greenlet(nothing).switch()


def yield_among(greenlets):
    def loop(n):
        import gevent

        def yields():
            for _ in range(n // greenlets):
                gevent.sleep(0)

        gevent.joinall([gevent.spawn(yields) for _ in range(greenlets)])

    return loop


def spawn_join(n):
    import gevent

    def nothing():
        pass

    for _ in range(n):
        gevent.spawn(nothing).join()


def handoff(n):
    import gevent
    from gevent.queue import Channel

    def sends():
        for i in range(n):
            channel.put(i)

    channel = Channel()
    gevent.spawn(sends)
    for i in range(n):
        if channel.get() != i:
            sys.exit(1)


def sleepers(n):
    import gevent

    late = []

    def sleeps(seconds):
        began = time.monotonic()
        gevent.sleep(seconds)
        late.append(time.monotonic() - began - seconds)

    began = cpu()
    gevent.joinall([gevent.spawn(sleeps, random.randrange(1000) / 1000)
                    for _ in range(n)])
    tell("sleepers_cpu_s", (cpu() - began) / 1e9)
    tell("sleepers_late_ms", max(late) * 1e3)
    tell("sleepers_early", sum(1 for x in late if x < 0))


def echo():
    from gevent.server import StreamServer

    def serve(sock, _):
        while True:
            data = sock.recv(4096)
            if not data:
                return
            sock.sendall(data)

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


ROWS = {
    "greenlet": [
        ("raw_switch", switches, 1000000),
        ("spawn_join", spawn_greenlet, 200000),
        ("generator_next", generator, 2000000),
    ],
    "gevent": [
        ("yield2", yield_among(2), 100000),
        ("ring1000", yield_among(1000), 100000),
        ("spawn_join", spawn_join, 20000),
        ("handoff", handoff, 30000),
        ("sleepers", sleepers, 100000),
    ],
}


def main(argv):
    if len(argv) == 3 and argv[2] == "--echo":
        echo()
    if len(argv) < 3 or argv[1] not in ROWS or argv[2] != "--tsv":
        sys.exit(__doc__)
    for name, loop, n in ROWS[argv[1]]:
        if len(argv) > 3 and argv[3] != name:
            continue
        if len(argv) > 4:
            n = int(argv[4])
        if loop is sleepers:
            loop(n)
            continue
        loop(n // 10 + 2)
        began = cpu()
        loop(n)
        tell(name, (cpu() - began) / n)


main(sys.argv)
