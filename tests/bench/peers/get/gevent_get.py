# SPDX-License-Identifier: MIT
#
# gevent_get.py CONCURRENCY DIR LIST [CA] - fetch the URLs of a list, a line
# each, into a directory: so many greenlets, each with a connection of its own
# that it keeps, take the next one from a queue.
import sys

from gevent import monkey

monkey.patch_all()

import http.client
import shutil
import ssl
from urllib.parse import urlsplit

import gevent
from gevent.queue import Empty, Queue

count, directory, listed = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = None
if len(sys.argv) > 4:
    context = ssl.create_default_context(cafile=sys.argv[4])
urls = Queue()
with open(listed) as lines:
    for line in lines:
        urls.put(line.strip())


def work():
    connection = None
    while True:
        try:
            url = urlsplit(urls.get_nowait())
        except Empty:
            return
        if connection is None:
            connection = (
                http.client.HTTPSConnection(url.netloc, context=context)
                if url.scheme == "https"
                else http.client.HTTPConnection(url.netloc)
            )
        connection.request("GET", url.path)
        answer = connection.getresponse()
        if answer.status != 200:
            sys.exit("%s: %d" % (url.path, answer.status))
        name = url.path.rsplit("/", 1)[1]
        with open(directory + "/" + name, "wb") as out:
            shutil.copyfileobj(answer, out, 65536)


gevent.joinall([gevent.spawn(work) for _ in range(count)], raise_error=True)
