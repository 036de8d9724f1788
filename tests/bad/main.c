/* SPDX-License-Identifier: MIT */
/*
 * main.c - the misbehaving server as a program, for scripts.
 *
 *     bad [--tls CERT KEY] ADDRESS...  serve; a line "listening on ADDRESS" for
 *                                      each, then "ready"; until SIGTERM
 *     bad --write SIZE [SEED]          those bytes of the file, to stdout
 */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/hub.h"
#include "core/signal.h"
#include "tests/bad/bad.h"

enum { ADDRESSES_MAX = 8 };

static const char usage[] =
    "bad [--tls CERT KEY] ADDRESS...\n"
    "    serve on each of up to 8 addresses (127.0.0.1:0, [::1]:0); says "
    "where,\n"
    "    and \"ready\"; ends on SIGTERM. What URLs mean: tests/bad/bad.h\n"
    "bad --write SIZE [SEED [FROM]]\n"
    "    SIZE bytes of the file with this seed [1], from an offset [0], to "
    "stdout\n";

struct job {
    struct bad_options options;
    char **at;
    int n;
};

static int write_file(int argc, char **argv)
{
    uint64_t size, seed = 1, at = 0;
    char buf[32 * 1024];

    if (argc < 1 || mr_str_to_size(mr_str(argv[0]), &size) ||
        (argc > 1 && mr_str_to_u64(mr_str(argv[1]), UINT64_MAX, &seed)) ||
        (argc > 2 && mr_str_to_size(mr_str(argv[2]), &at))) {
        fputs(usage, stderr);
        return 2;
    }
    for (size += at; at < size;) {
        size_t n = size - at < sizeof buf ? (size_t)(size - at) : sizeof buf;

        bad_fill(buf, n, at, seed);
        if (fwrite(buf, 1, n, stdout) != n)
            return 1;
        at += n;
    }
    return fflush(stdout) != 0;
}

/* The address as it was given, with the port that it came to. */
static void announce(const char *at, uint16_t port)
{
    const char *colon = strrchr(at, ':');

    printf("listening on %.*s:%u\n", (int)(colon - at), at, port);
}

static intptr_t serve(void *arg)
{
    struct bad *bad[ADDRESSES_MAX];
    struct job *job = arg;
    struct mr_signal sig;
    int fd = mr_signal_open(mr_signal_set(2, SIGTERM, SIGINT)), n = 0, rc = 0;

    if (fd < 0)
        return fd;
    for (; n < job->n && !rc; n += !rc) {
        rc = bad_open(&bad[n], job->at[n], &job->options);
        if (!rc)
            announce(job->at[n], bad_port(bad[n]));
        else
            fprintf(stderr, "bad: %s: %s\n", job->at[n], strerror(-rc));
    }
    if (!rc) {
        puts("ready");
        fflush(stdout);
        rc = mr_signal_wait(fd, &sig, MR_NEVER);
    }
    while (n > 0)
        bad_close(bad[--n]);
    mr_signal_close(fd);
    return rc;
}

int main(int argc, char **argv)
{
    struct job job = {.at = argv + 1, .n = argc - 1};
    struct rlimit files;
    intptr_t result = 0;
    int rc;

    if (argc > 1 && strcmp(argv[1], "--write") == 0)
        return write_file(argc - 2, argv + 2);
    if (argc > 3 && strcmp(argv[1], "--tls") == 0)
        job = (struct job){{argv[2], argv[3]}, argv + 4, argc - 4};
    if (job.n < 1 || job.n > ADDRESSES_MAX || job.at[0][0] == '-') {
        fputs(usage, stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    rc = mr_run(serve, &job, &result);
    return rc || result ? 1 : 0;
}
