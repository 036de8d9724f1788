# SPDX-License-Identifier: MIT
"""gevent_server.py ADDRESS PORT - gevent's pywsgi, for `make bench`."""
import sys

import gevent
from gevent import pywsgi, socket

TEXT = ('Content-Type', 'text/plain; charset=utf-8')


def nothing():
    """What a greenlet of /spawn does."""


def serve(environ, start):
    """The application."""
    path = environ['PATH_INFO']
    body = b'hello, world\n'
    if path == '/echo':
        body = environ['wsgi.input'].read()
    elif path == '/sleep':
        gevent.sleep(0.01)
    elif path == '/spawn':
        gevent.joinall([gevent.spawn(nothing) for _ in range(4)])
    start('200 OK', [TEXT, ('Content-Length', str(len(body)))])
    return [body]


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(4096)
# What is accepted has it from here: head and body are two writes.
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
pywsgi.WSGIServer(listener, serve, log=None).serve_forever()
