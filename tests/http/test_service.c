/* SPDX-License-Identifier: MIT */
/* test_service.c - a configuration served by a worker: start, serve, stop. */
#include "http/http_conf.h"

#include <fcntl.h>
#include <unistd.h>

#include "http/http_conf_priv.h"
#include "tests/http/http_util.h"

/* --- an app that counts its life --- */

struct life {
    const char *text;
    int64_t fail; /* start answers with it */
    int state;    /* 0, 1 started, 2 stopped */
};

static int configured, started, stopped, helpers;

static int configure(void *self, struct mr_config_section *section)
{
    const struct life *l = self;

    (void)section;
    CHECK_OK(l->text != NULL);
    configured++;
    return 0;
}

static intptr_t help(void *unused)
{
    (void)unused;
    helpers++;
    CHECK_EQ_INT(mr_sleep(MR_NEVER), -ECANCELED);
    helpers--;
    return 0;
}

static int start(void *self, struct mr_group *group)
{
    struct life *l = self;

    CHECK_EQ_INT(l->state, 0);
    if (l->fail)
        return -(int)l->fail;
    CHECK_OK(mr_group_spawn(group, help, NULL));
    l->state = 1;
    started++;
    return 0;
}

static void stop(void *self)
{
    struct life *l = self;

    CHECK_EQ_INT(l->state, 1);
    l->state = 2;
    stopped++;
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct life *l = self;

    (void)req;
    CHECK_EQ_INT(l->state, 1);
    return mr_reply_printf(res, 200, "%s", l->text);
}

static int serve(struct mr_stream *s, const struct mr_addr *peer, void *self)
{
    const struct life *l = self;

    CHECK_OK(mr_addr_is_loopback(peer));
    CHECK_EQ_INT(l->state, 1);
    return mr_stream_write_all(s, l->text, strlen(l->text), MR_NEVER);
}

static const struct mr_config_option options[] = {
    {.name = "text",
     .type = MR_CONFIG_STRING,
     .def = "hello",
     .offset = offsetof(struct life, text)},
    {.name = "fail",
     .type = MR_CONFIG_INT,
     .def = "0",
     .offset = offsetof(struct life, fail)},
};

MR_APP(life, .options = options, .option_count = 2, .size = sizeof(struct life),
       .configure = configure, .start = start, .stop = stop, .handle = handle,
       .serve = serve)

static const struct mr_app *const apps[] = {&mr_app_life};

/* --- a worker without a master --- */

struct fake {
    struct mr_plan plan;
    struct mr_worker worker;
    struct mr_score_row row;
    struct mr_worker_listener listeners[4];
    struct mr_http_conf *conf;
    struct mr_http_service *service;
};

static void fake_init(struct fake *f, const char *text)
{
    *f = (struct fake){0};
    mr_plan_init(&f->plan);
    CHECK_EQ_INT(
        mr_http_conf_load(&f->conf, NULL, text, apps, MR_ARRAY_LEN(apps)), 0);
    CHECK_EQ_STR(mr_http_conf_message(f->conf), "");
    CHECK_EQ_INT(mr_http_conf_plan(f->conf, &f->plan), 0);
    f->worker.row = &f->row;
    f->worker.listeners = f->listeners;
    f->worker.listener_count = f->plan.listener_count;
    for (size_t i = 0; i < f->plan.listener_count; i++) {
        f->listeners[i].spec = &f->plan.listeners[i];
        CHECK_EQ_INT(mr_http_conf_open(&f->plan.listeners[i], 0,
                                       &f->listeners[i].fd, NULL),
                     0);
    }
}

static void fake_fini(struct fake *f)
{
    for (size_t i = 0; i < f->plan.listener_count; i++)
        mr_fd_close(f->listeners[i].fd);
    mr_plan_fini(&f->plan);
    mr_http_conf_free(f->conf);
}

static struct client *client_of(const struct fake *f, size_t listener)
{
    struct web w;

    CHECK_EQ_INT(mr_socket_local(f->listeners[listener].fd, &w.at), 0);
    return client_new(&w);
}

/* A port of our own choice is not known to be free, so unix sockets. */
static const char *unix_conf(const char *rest)
{
    static char text[2048];

    snprintf(text, sizeof text,
             "listen \"unix:/tmp/test_service.%d.http\" {}\n"
             "listen \"tcp unix:/tmp/test_service.%d.tcp\" { app = life text = "
             "\"plain\" }\n%s",
             (int)getpid(), (int)getpid(), rest);
    return text;
}

static void remove_sockets(void)
{
    char path[64];

    snprintf(path, sizeof path, "/tmp/test_service.%d.http", (int)getpid());
    unlink(path);
    snprintf(path, sizeof path, "/tmp/test_service.%d.tcp", (int)getpid());
    unlink(path);
}

IN_HUB(service_lives)
{
    struct fake f;
    struct client *c;

    fake_init(&f, unix_conf("route \"/a\" { app = life text = \"A\" }\n"
                            "route \"POST /a\" { app = life text = \"B\" }\n"));
    CHECK_EQ_INT(configured, 3);
    CHECK_EQ_INT(mr_http_conf_start(f.conf, &f.worker, &f.service), 0);
    CHECK_EQ_INT(started, 3);
    UNTIL(helpers == 3);
    c = client_of(&f, 0);
    CHECK_EQ_INT(ask(c, GET("/a")), 200);
    CHECK_EQ_STR(c->body, "A");
    CHECK_EQ_INT(ask(c, REQUEST("POST /a/x", "")), 200);
    CHECK_EQ_STR(c->body, "B");
    CHECK_EQ_INT(ask(c, GET("/b")), 404);
    client_free(c);
    c = client_of(&f, 1);
    CHECK_EQ_INT(client_find(c, "plain"), 5);
    client_use(c, 5);
    CHECK_OK(client_sees_end(c));
    client_free(c);
    mr_http_conf_reopen(f.service);
    mr_http_conf_stop(f.service, mr_after_s(30));
    mr_http_conf_stop(NULL, 0);
    CHECK_EQ_INT(stopped, 3);
    CHECK_EQ_INT(helpers, 0);
    CHECK_EQ_INT(f.row.connections, 0);
    fake_fini(&f);
    remove_sockets();
    return 0;
}

/* The lines of a file, without what differs; and the file goes. */
static const char *lines_of(const char *name)
{
    static char text[4096];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;

    CHECK_OK(fd >= 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
    unlink(name);
    return text;
}

static size_t count_lines(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* Three logs: the server's, one host's of its own, and the same file in another
 * form. */
IN_HUB(service_hosts)
{
    char rest[1024], own[64], main[64];
    const char *text;
    struct fake f;
    struct client *c;

    snprintf(main, sizeof main, "/tmp/test_service.%d.main", (int)getpid());
    snprintf(own, sizeof own, "/tmp/test_service.%d.own", (int)getpid());
    snprintf(rest, sizeof rest,
             "access_log = '%s' access_format = common\n"
             "route / { app = life text = T }\n"
             "host 'a *.a' { route / { app = life text = A }\n"
             " access_log = '%s' }\n"
             "host b { route / { app = life text = B }\n"
             " access_format = json }\n"
             "host c { route / { app = life text = C } access_log = off }\n"
             "host d { route / { app = life text = D } }\n",
             main, own);
    fake_init(&f, unix_conf(rest));
    CHECK_EQ_INT(mr_http_conf_start(f.conf, &f.worker, &f.service), 0);
    CHECK_EQ_INT(started, 6);
    c = client_of(&f, 0);
    for (const char *h = "abcdx"; *h; h++) {
        char request[64], want[2] = {*h == 'x' ? 'T' : (char)(*h & ~0x20), 0};

        snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %c\r\n\r\n",
                 *h);
        CHECK_EQ_INT(ask(c, request), 200);
        CHECK_EQ_STR(c->body, want);
    }
    CHECK_EQ_INT(ask(c, "GET / HTTP/1.1\r\nHost: x.a\r\n\r\n"), 200);
    CHECK_EQ_STR(c->body, "A");
    mr_http_conf_reopen(f.service);
    CHECK_EQ_INT(count_lines(lines_of(own)), 2);
    text = lines_of(main);
    CHECK_EQ_INT(count_lines(text), 3); /* b, d and x */
    CHECK_OK(strstr(text, "\"host\":\"b\""));
    /* They are gone: what comes now goes to new ones. */
    mr_http_conf_reopen(f.service);
    CHECK_EQ_INT(ask(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 200);
    client_free(c);
    mr_http_conf_stop(f.service, mr_after_s(30));
    CHECK_EQ_INT(count_lines(lines_of(own)), 1);
    CHECK_EQ_INT(count_lines(lines_of(main)), 0);
    fake_fini(&f);
    remove_sockets();
    return 0;
}

/* What was started before the one that fails is stopped. */
IN_HUB(service_that_cannot_start)
{
    struct fake f;

    fake_init(&f, unix_conf("route \"/a\" { app = life }\n"
                            "route \"/b\" { app = life fail = 13 }\n"));
    CHECK_EQ_INT(mr_http_conf_start(f.conf, &f.worker, &f.service), -EACCES);
    CHECK_EQ_STR(mr_http_conf_message(f.conf), "life: permission denied");
    CHECK_EQ_INT(started, 1);
    CHECK_EQ_INT(stopped, 1);
    CHECK_EQ_INT(helpers, 0);
    fake_fini(&f);
    /* It could be written when the configuration was checked. */
    fake_init(&f, unix_conf("access_log = \"/dev/null\"\n"));
    mr_sys_fault(MR_SYS_OPENAT, 1, -EACCES);
    CHECK_EQ_INT(mr_http_conf_start(f.conf, &f.worker, &f.service), -EACCES);
    mr_sys_fault_clear();
    CHECK_OK(strstr(mr_http_conf_message(f.conf), "/dev/null: "));
    fake_fini(&f);
    fake_init(&f, unix_conf(""));
    f.worker.listener_count--;
    CHECK_EQ_INT(mr_http_conf_start(f.conf, &f.worker, &f.service), -ESTALE);
    fake_fini(&f);
    remove_sockets();
    return 0;
}

IN_HUB(service_out_of_memory)
{
    int err = -ENOMEM;

    for (unsigned n = 1; err && n < 200; n++) {
        struct fake f;

        CASE("allocation %u", n);
        fake_init(&f, unix_conf("route \"/a\" { app = life }\n"
                                "access_log = \"/dev/null\"\n"
                                "host 'x y' { route / { app = life }\n"
                                "access_log = /dev/null }\n"));
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        err = mr_http_conf_start(f.conf, &f.worker, &f.service);
        mr_sys_fault_clear();
        CHECK_OK(err == 0 || err == -ENOMEM);
        if (err)
            CHECK_OK(*mr_http_conf_message(f.conf));
        else
            mr_http_conf_stop(f.service, 0);
        CHECK_EQ_INT(started, stopped);
        fake_fini(&f);
    }
    CHECK_EQ_INT(err, 0);
    remove_sockets();
    return 0;
}

/* An address that somebody else has is told before anything listens. */
TEST(service_port_in_use)
{
    struct mr_addr at;
    char text[MR_ADDR_TEXT];
    int fd, other = -1;

    EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&at, &(struct mr_listen_options){.reuseport = true});
    OK(fd >= 0);
    EQ_INT(mr_socket_local(fd, &at), 0);
    mr_addr_format(&at, text, sizeof text);
    EQ_INT(mr_http_conf_open(&(struct mr_listener){.tag = MR_LISTEN_HTTP,
                                                   .address = text,
                                                   .backlog = 5},
                             0, &other, NULL),
           -EADDRINUSE);
    /* A sibling of ours may. */
    EQ_INT(mr_http_conf_open(&(struct mr_listener){.tag = MR_LISTEN_HTTP,
                                                   .address = text,
                                                   .backlog = 5},
                             1, &other, NULL),
           0);
    mr_fd_close(other);
    mr_fd_close(fd);
}

SUITE("http service", service_lives, service_hosts, service_that_cannot_start,
      service_out_of_memory, service_port_in_use)
TEST_MAIN()
