/* SPDX-License-Identifier: MIT */
/* test_static_cache.c - files that change while they are kept and sent. */
#include "http/static.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "tests/core/log_file.h"
#include "tests/http/http_util.h"
#include "tests/http/tree.h"

static struct mr_static *files;

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    return mr_static_serve(self, req, res);
}

static void open_files(struct web *w)
{
    tree_make();
    CHECK_EQ_INT(
        mr_static_open(
            &files, &(struct mr_static_options){.root = tree,
                                                .cache_files = 16,
                                                .cache_time = mr_ms(3600000)}),
        0);
    web_route(w, "/", serve, files);
}

/* --- what a request costs --- */

static const enum mr_sys_call none[] = {
    MR_SYS_OPENAT, MR_SYS_OPENAT2, MR_SYS_FSTAT,       MR_SYS_PREADV2,
    MR_SYS_PREAD,  MR_SYS_SENDMSG, MR_SYS_INOTIFY_ADD, MR_SYS_SENDFILE,
};

/* One send for head and body, and nothing else. */
WEB(static_cache_small_file)
{
    struct client *c = client_new(w);

    open_files(w);
    tree_put("a.txt", "alpha");
    tree_put("index.html", "<p>");
    tree_age("a.txt", 60);
    tree_age("index.html", 60);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(ask(c, GET("/a.txt")), 200);
        CHECK_EQ_STR(c->body, "alpha");
        CHECK_EQ_INT(ask(c, GET("/")), 200);
        CHECK_EQ_STR(c->body, "<p>");
    }
    for (size_t i = 0; i < MR_ARRAY_LEN(none); i++)
        mr_sys_fault(none[i], 0, 0);
    mr_sys_fault(MR_SYS_SEND, 0, 0);
    CHECK_EQ_INT(ask(c, GET("/a.txt")), 200);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_INT(mr_sys_calls(MR_SYS_SEND), 4); /* two are the client's */
    for (size_t i = 0; i < MR_ARRAY_LEN(none); i++) {
        CASE("call %zu", i);
        CHECK_EQ_INT(mr_sys_calls(none[i]), 0);
    }
    mr_sys_fault_clear();
    client_free(c);
    mr_static_close(files);
}

/* --- changes --- */

#define CLIENTS 64
#define SIZE ((size_t)4 * 1024 * 1024)
/* Of pages that are on their way in a socket the kernel clears what is behind a
 * cut (http/README.md). */
#define CUT ((size_t)64 * 1024)

static void fill(const char *name, char letter)
{
    static char text[SIZE + 1];

    memset(text, letter, SIZE);
    tree_put(name, text);
}

static void cut_it(void)
{
    CHECK_EQ_INT(truncate(tree_path("big"), CUT), 0);
}

static void replace_it(void)
{
    char to[512];

    fill("new", 'B');
    snprintf(to, sizeof to, "%s", tree_path("big"));
    CHECK_EQ_INT(rename(tree_path("new"), to), 0);
}

static void grow_it(void)
{
    CHECK_EQ_INT(truncate(tree_path("big"), 2 * SIZE), 0);
}

static void remove_it(void)
{
    CHECK_EQ_INT(unlink(tree_path("big")), 0);
}

/* As cp does, and faster than a client reads: its size is as before. */
static void rewrite_it(void)
{
    fill("big", 'B');
}

static const struct {
    void (*change)(void);
    bool is_cut;
    /* What else a client may see that is told that the answer ends early: of
     * what is on its way in a socket, sendfile has sent pages, not bytes. */
    const char *also;
    int status;    /* afterwards */
    size_t length; /* then */
} changes[] = {
    {cut_it, true, "", 200, CUT},          {replace_it, false, NULL, 200, SIZE},
    {grow_it, false, NULL, 200, 2 * SIZE}, {rewrite_it, true, "B", 200, SIZE},
    {remove_it, false, NULL, 404, 14},
};

struct download {
    const struct web *w;
    int *begun;
    const bool *go;
    const char *also;
    size_t got; /* of the body */
    bool same;
};

/* A client that takes little at a time, so that the server has to wait. */
static int connect_slowly(const struct web *w)
{
    int small = 16 * 1024, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK_EQ_INT(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small),
                 0);
    CHECK_EQ_INT(connect(fd, &w->at.sa, w->at.len), 0);
    CHECK_EQ_INT(mr_fd_adopt(fd), 0);
    return fd;
}

/* The body's bytes among the n at p, the first of the answer. */
static size_t skip_head(char *p, size_t n)
{
    char *end;

    p[n] = '\0';
    end = strstr(p, "\r\n\r\n");
    CHECK_OK(end != NULL);
    return end ? (size_t)(end + 4 - p) : n;
}

static bool is_expected(const struct download *d, char c, size_t at)
{
    if (c == 'A' || !d->also)
        return c == 'A';
    return c == *d->also && (c || at >= CUT);
}

static intptr_t download(void *arg)
{
    struct download *d = arg;
    char buf[32 * 1024 + 1];
    int fd = connect_slowly(d->w), large = 1024 * 1024;
    size_t skip;
    ssize_t n;

    (void)!mr_write(fd, REQUEST("GET /big", "Connection: close\r\n"),
                    sizeof(REQUEST("GET /big", "Connection: close\r\n")) - 1,
                    MR_NEVER);
    n = mr_read(fd, buf, sizeof buf - 1, MR_NEVER);
    skip = skip_head(buf, n > 0 ? (size_t)n : 0);
    ++*d->begun;
    UNTIL(*d->go);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    d->same = true;
    while (n > 0) {
        for (size_t i = skip; i < (size_t)n; i++)
            d->same = d->same && is_expected(d, buf[i], d->got + i - skip);
        d->got += (size_t)n - skip;
        skip = 0;
        n = mr_read(fd, buf, sizeof buf - 1, mr_after_s(CLIENT_WAIT_S));
    }
    mr_fd_close(fd);
    return n;
}

/* 64 clients in the middle of the file; then it changes. */
static void while_downloaded(const struct web *w, size_t at)
{
    struct download d[CLIENTS];
    struct mr_coro *co[CLIENTS];
    int begun = 0;
    bool go = false;

    for (size_t i = 0; i < CLIENTS; i++) {
        d[i] = (struct download){
            .w = w, .begun = &begun, .go = &go, .also = changes[at].also};
        co[i] = mr_spawn(download, &d[i]);
    }
    UNTIL(begun == CLIENTS);
    changes[at].change();
    go = true;
    for (size_t i = 0; i < CLIENTS; i++) {
        intptr_t end = -1;

        CHECK_EQ_INT(mr_join(co[i], &end, MR_NEVER), 0);
        CHECK_OK(d[i].same);
        if (changes[at].is_cut)
            CHECK_OK(d[i].got < SIZE);
        else
            CHECK_OK(end == 0 && d[i].got == SIZE);
    }
}

/* 64 answers that end early are two lines. */
static void check_log(struct web *w, bool is_cut)
{
    uint64_t more = 0;

    UNTIL(w->row.connections == 0);
    mr_cut_log_fini(&w->http->cut); /* as if the second were over */
    if (is_cut) {
        const char *first = strstr(log_text(), "/big: cut short: ");
        const char *last = strstr(log_text(), "/big: ");

        CHECK_OK(first != NULL);
        last = last ? strstr(last + 1, "/big: ") : NULL;
        more = last ? strtoull(last + 6, NULL, 10) : 0;
    }
    CHECK_EQ_INT(more, is_cut ? CLIENTS - 1 : 0);
    CHECK_EQ_INT(matches(log_text(), "error"), is_cut ? 2 : 0);
    log_end();
}

WEB(static_cache_changes_while_sent)
{
    int small = 32 * 1024;

    signal(SIGPIPE, SIG_IGN); /* io/fd.h, 6 */
    /* handed down to what it accepts: little is on its way */
    CHECK_EQ_INT(setsockopt(w->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small),
                 0);
    open_files(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(changes); i++) {
        char head[64];
        int fd, want;
        char got[256 + 1];
        ssize_t n;

        CASE("change %zu", i);
        fill("big", 'A');
        UNTIL(mr_sleep(mr_after_ms(1)) == 0);
        log_to_file();
        while_downloaded(w, i);
        check_log(w, changes[i].is_cut);
        /* who comes now has the new one */
        fd = connect_slowly(w);
        (void)!mr_write(fd, GET("/big"), sizeof(GET("/big")) - 1, MR_NEVER);
        n = mr_read(fd, got, sizeof got - 1, mr_after_s(CLIENT_WAIT_S));
        got[n > 0 ? n : 0] = '\0';
        want = snprintf(head, sizeof head, "HTTP/1.1 %d", changes[i].status);
        CHECK_EQ_MEM(got, (size_t)want, head, (size_t)want);
        snprintf(head, sizeof head, "Content-Length: %zu\r\n",
                 changes[i].length);
        CHECK_OK(strstr(got, head) != NULL);
        mr_fd_close(fd);
    }
    mr_static_close(files);
    mr_offload_fini();
}

/* --- small files, and another process that changes them all the time --- */

#define SMALL ((size_t)8 * 1024)

/* A new file of that letter in the place of the old one. */
static void put_anew(const char *to, const char *new, char letter)
{
    char text[SMALL];
    int fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    memset(text, letter, sizeof text);
    (void)!write(fd, text, sizeof text);
    close(fd);
    (void)!rename(new, to);
}

/* Replaced, grown, replaced, truncated, removed; until it is killed. */
static void change_for_ever(const char *to, const char *new)
{
    static char more[SMALL];

    memset(more, 'A', sizeof more);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        int fd;

        put_anew(to, new, 'A');
        fd = open(to, O_WRONLY | O_APPEND | O_CLOEXEC);
        (void)!write(fd, more, sizeof more);
        close(fd);
        put_anew(to, new, 'B');
        (void)!truncate(to, SMALL / 3);
        (void)!unlink(to);
    }
}

struct churn {
    const struct web *w;
    const bool *done;
    unsigned *whole_a, *whole_b, *missing, *mixed;
};

/* Bodies of one letter each, whole or seen as cut, or 404. When a file that was
 * replaced between being opened and being watched was kept, one of the three
 * came for ever. */
static intptr_t ask_again_and_again(void *arg)
{
    const struct churn *t = arg;
    struct client *c = client_new(t->w);

    while (!*t->done) {
        int status = ask(c, GET("/small"));
        char letter = c->body[0];

        *t->missing += status == 404;
        for (size_t i = 0; status != 404 && i < c->body_n; i++)
            *t->mixed += c->body[i] != letter;
        *t->whole_a += status == 200 && letter == 'A';
        *t->whole_b += status == 200 && letter == 'B';
        if (status < 0 || strcmp(client_field(c, "Connection"), "close") == 0) {
            client_free(c);
            c = client_new(t->w);
        }
    }
    client_free(c);
    return 0;
}

WEB(static_cache_small_file_changes_all_the_time)
{
    unsigned whole_a = 0, whole_b = 0, missing = 0, mixed = 0;
    bool done = false;
    const struct churn t = {w, &done, &whole_a, &whole_b, &missing, &mixed};
    struct mr_coro *co[CLIENTS];
    char to[512], new[512];
    pid_t changer;

    signal(SIGPIPE, SIG_IGN);
    open_files(w);
    log_to_file(); /* some answers end early */
    snprintf(to, sizeof to, "%s", tree_path("small"));
    snprintf(new, sizeof new, "%s", tree_path("new"));
    changer = fork();
    if (changer == 0)
        change_for_ever(to, new);
    for (size_t i = 0; i < CLIENTS; i++)
        co[i] = mr_spawn(ask_again_and_again, (void *)(uintptr_t)&t);
    UNTIL(mixed > 0 || (whole_a > 100 && whole_b > 100 && missing > 20));
    done = true;
    for (size_t i = 0; i < CLIENTS; i++)
        CHECK_EQ_INT(mr_join(co[i], NULL, MR_NEVER), 0);
    kill(changer, SIGKILL);
    CHECK_EQ_INT(waitpid(changer, NULL, 0), changer);
    CHECK_EQ_INT(mixed, 0);
    log_end();
    mr_static_close(files);
}

SUITE("static cache", static_cache_small_file, static_cache_changes_while_sent,
      static_cache_small_file_changes_all_the_time)
TEST_MAIN()
