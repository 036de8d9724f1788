/* SPDX-License-Identifier: MIT */

/*
 * echo_io.c - a TCP echo on io/, for `make bench-core`: a coroutine for each
 * connection, a receive, a send. It listens on 127.0.0.1 and prints its port.
 */
#include <stdio.h>

#include "core/hub.h"
#include "core/timer.h"
#include "io/fd.h"
#include "io/server.h"
#include "io/socket.h"

static void echo(int fd, const struct mr_addr *peer, void *arg)
{
    char buf[4096];
    ssize_t n = mr_recv(fd, buf, sizeof buf, 0, MR_NEVER);

    (void)peer;
    (void)arg;
    /* What came was all there was: to wait at once saves a call. */
    while (n > 0 && mr_send(fd, buf, (size_t)n, 0, MR_NEVER) == n)
        n = mr_recv_wait(fd, buf, sizeof buf, 0, MR_NEVER);
}

static intptr_t serve(void *unused)
{
    struct mr_server s;
    struct mr_addr at;
    int rc = mr_addr_parse(&at, mr_str("127.0.0.1:0")), fd;

    (void)unused;
    if (rc)
        return rc;
    fd = mr_socket_listen(&at, NULL);
    if (fd < 0)
        return fd;
    rc = mr_socket_local(fd, &at);
    if (rc == 0)
        rc = mr_server_init(&s, fd,
                            &(struct mr_server_options){.handler = echo});
    if (rc == 0)
        rc = mr_server_start(&s);
    if (rc)
        return rc;
    printf("%d\n", mr_addr_port(&at));
    fflush(stdout);
    return mr_sleep(MR_NEVER); /* until it is killed */
}

int main(void)
{
    intptr_t rc;

    return mr_run(serve, NULL, &rc) || rc ? 1 : 0;
}
