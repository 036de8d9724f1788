/* SPDX-License-Identifier: MIT */
/*
 * wire.c - play scripts of raw bytes against a server, and check the answers.
 *
 *     wire [-p PORT | -s SERVER [-c CONF]] FILE.wire...
 *
 * Each file is one test: it passes, or fails at the first line that is not as
 * it says. The runner writes a configuration, starts the server on a free port,
 * keeps it for files with the same `serve`, and ends it with SIGTERM: it must
 * leave with status 0 and no sanitizer's complaint in its log. -p uses a server
 * that runs already; -c takes the configuration from a file; without -s the
 * environment's MILLRACE names the server.
 *
 *     # text            a comment
 *     serve APP k=v...  a server with one worker and APP at /, its options
 *     serve conf        a server with the `|` lines that follow
 *     | directive       @PORT@ and @DIR@ (of this file) are filled in; without
 *                       a line for them, `workers` and `listen` are added
 *     > text            send text CR LF
 *     >- text           send text
 *     >x 0d 0a00        send these bytes
 *     >rep N text       send text N times
 *     >>                shut our sending side down
 *     flush             send now what was gathered (else: before reading)
 *     connect           go on with a new connection
 *     < line            first of a head: its status line; then: a header of it
 *     <! name           the head has no such header
 *     <                 the head ends here
 *     <= text           the body is exactly text
 *     <~ text           the body contains text
 *     <...              there is a body, whatever it is
 *     <|                the server closes now, nothing else comes
 *
 * In a `<` line `*` stands for anything and header names are case-blind. In the
 * text of `<=` and `<~`, \r \n \t \\ and \xHH stand for bytes. A body that is
 * not named must not be there (HEAD, 204), or be the last thing of its
 * connection. `serve x root=DIR` takes DIR from the directory of the file.
 */
#include "tests/wire/wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Whether text is what the pattern says; `*` stands for anything. */
static bool matches(const char *pattern, const char *text)
{
    for (; *pattern; pattern++, text++) {
        if (*pattern == '*') {
            do {
                if (matches(pattern + 1, text))
                    return true;
            } while (*text++);
            return false;
        }
        if (*pattern != *text)
            return false;
    }
    return *text == '\0';
}

/* --- the lines --- */

static bool expect_line(struct script *s, const char *text)
{
    char name[256], line[1024];
    const char *value, *got;

    if (s->where != IN_HEAD) {
        if (!talk_head(s))
            return false;
        snprintf(line, sizeof line, "%.*s", (int)strcspn(s->head.p, "\r"),
                 s->head.p);
        return matches(text, line) ||
               talk_fail(s, "want \"%s\", got \"%s\"", text, line);
    }
    value = strchr(text, ':');
    if (!value)
        return talk_fail(s, "not a header: \"%s\"", text);
    snprintf(name, sizeof name, "%.*s", (int)(value - text), text);
    value += 1 + strspn(value + 1, " \t");
    for (int i = 0; (got = talk_header(s, name, i)); i++)
        if (matches(value, got))
            return true;
    return talk_fail(s, "want \"%s\" in the head:\n%s", text, s->head.p);
}

static bool expect_body(struct script *s, const char *text, bool whole)
{
    struct bytes want = {0};
    bool ok;

    bytes_add(&want, "", 0);
    bytes_escaped(&want, text);
    ok = talk_body(s);
    if (ok && whole)
        ok = (want.n == s->body.n && memcmp(want.p, s->body.p, want.n) == 0) ||
             talk_fail(
                 s, "want the body \"%s\" (%zu bytes), got \"%.2000s\" (%zu)",
                 want.p, want.n, s->body.p, s->body.n);
    else if (ok)
        ok = memmem(s->body.p, s->body.n, want.p, want.n) ||
             talk_fail(s, "want \"%s\" in the body \"%.2000s\"", want.p,
                       s->body.p);
    bytes_drop(&want);
    return ok;
}

static bool expect_close(struct script *s)
{
    if (!talk_flush(s))
        return false;
    while (!s->eof && s->in.n == s->at)
        if (!talk_more(s, "end of the connection"))
            return false;
    return s->in.n == s->at ||
           talk_fail(s, "want the end, got \"%s\"", s->in.p + s->at);
}

static bool do_expect(struct script *s, const char *line)
{
    if (strcmp(line, "<...") == 0)
        return talk_body(s);
    if (strcmp(line, "<|") == 0)
        return expect_close(s);
    if (line[1] == '=')
        return expect_body(s, wire_rest(line, 2), true);
    if (line[1] == '~')
        return expect_body(s, wire_rest(line, 2), false);
    if (line[1] == ' ')
        return expect_line(s, line + 2);
    if (s->where != IN_HEAD)
        return talk_fail(s, "\"%s\" outside of a head", line);
    if (line[1] == '!')
        return !talk_header(s, wire_rest(line, 2), 0) ||
               talk_fail(s, "want no \"%s\" in the head:\n%s",
                         wire_rest(line, 2), s->head.p);
    if (line[1] != '\0')
        return talk_fail(s, "what is \"%s\"?", line);
    s->where = AFTER_HEAD;
    return true;
}

static bool do_send(struct script *s, const char *line)
{
    if (strcmp(line, ">>") == 0) {
        bool ok = talk_flush(s);

        if (ok && s->fd >= 0)
            shutdown(s->fd, SHUT_WR);
        return ok;
    }
    if (line[1] == '-') {
        bytes_text(&s->out, wire_rest(line, 2));
    } else if (line[1] == 'x') {
        if (!bytes_hex(&s->out, line + 2))
            return talk_fail(s, "not hex digits: \"%s\"", line);
    } else if (strncmp(line, ">rep ", 5) == 0) {
        char *text;
        unsigned long n = strtoul(line + 5, &text, 10);

        while (n-- > 0)
            bytes_text(&s->out, wire_rest(text, 0));
    } else if (line[1] == ' ' || line[1] == '\0') {
        bytes_text(&s->out, wire_rest(line, 1));
        bytes_text(&s->out, "\r\n");
    } else {
        return talk_fail(s, "what is \"%s\"?", line);
    }
    return true;
}

static bool do_line(struct script *s, const char *line)
{
    if (line[0] == '#' || line[0] == '|' || line[0] == '\0' ||
        strncmp(line, "serve ", 6) == 0)
        return true;
    if (line[0] == '>')
        return do_send(s, line);
    if (line[0] == '<')
        return do_expect(s, line);
    if (strcmp(line, "flush") == 0)
        return talk_flush(s);
    if (strcmp(line, "connect") == 0)
        return talk_hang_up(s);
    return talk_fail(s, "what is \"%s\"?", line);
}

/* --- files --- */

/* One test; *bad counts a server before it that did not end well. */
static bool run_file(const char *path, int port, unsigned *bad)
{
    struct script s = {.path = path, .port = port, .fd = -1};
    bool ended_badly = false, ok = true;
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    if (!f) {
        printf("%s: %s\n", path, strerror(errno));
        return false;
    }
    if (port == 0)
        ok = serve_have(path, &s.port, &ended_badly);
    *bad += ended_badly;
    while (ok && (n = getline(&line, &cap, f)) > 0) {
        line[n - (line[n - 1] == '\n')] = '\0';
        s.line++;
        ok = do_line(&s, line);
        if (!ok)
            serve_show_log();
    }
    if (ok)
        ok = talk_hang_up(&s);
    else if (s.fd >= 0)
        close(s.fd);
    bytes_drop(&s.out);
    bytes_drop(&s.in);
    bytes_drop(&s.head);
    bytes_drop(&s.body);
    free(line);
    fclose(f);
    return ok;
}

static void tell(unsigned good, unsigned bad)
{
    const char *tally = getenv("MR_TEST_TALLY");
    FILE *f = tally && *tally ? fopen(tally, "a") : NULL;

    if (f) {
        fprintf(f, "%u %u wire\n", good, bad);
        fclose(f);
    }
    printf("wire: %u passed, %u failed\n", good, bad);
}

int main(int argc, char **argv)
{
    const char *program = getenv("MILLRACE"), *conf = NULL;
    unsigned good = 0, bad = 0;
    int opt, port = 0;

    while ((opt = getopt(argc, argv, "p:s:c:")) != -1) {
        if (opt == 'p')
            port = (int)strtol(optarg, NULL, 10);
        else if (opt == 's')
            program = optarg;
        else if (opt == 'c')
            conf = optarg;
        else
            optind = argc;
    }
    if (optind >= argc || (port == 0 && !program)) {
        fprintf(stderr, "usage: wire [-p PORT | -s SERVER [-c CONF]] "
                        "FILE.wire...\n");
        return 2;
    }
    if (!serve_init(program, conf))
        return 1;
    for (int i = optind; i < argc; i++) {
        if (run_file(argv[i], port, &bad))
            good++;
        else
            bad++;
    }
    bad += !serve_stop();
    serve_fini();
    tell(good, bad);
    return bad > 0;
}
