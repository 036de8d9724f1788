/* SPDX-License-Identifier: MIT */

/*
 * fanout - asks several servers at once and answers with the sum: an example of
 * requests from a handler, with a deadline, that gives up the losers.
 *
 *     route "/sum" {
 *         app = fanout
 *         from = {"http://10.0.0.1/n", "http://10.0.0.2/n"}
 *         need = 1     # the first that answers
 *
 *         within = 300ms
 *     }
 *
 *     $ curl http://127.0.0.1:8080/sum
 *     {"sum": 42, "of": 1}
 *
 * Each server answers with a whole number. When `need` of them have, those that
 * are still under way are cancelled: their connections are closed, and nothing
 * of theirs is left when the answer goes out. When so many have failed that
 * `need` cannot be reached the answer is 502, and 504 when time is up.
 */
#include <errno.h>
#include <millrace/app.h>
#include <stdio.h>

#include "core/chan.h"
#include "http/client.h"

struct fanout {
    struct mr_config_list from;
    int64_t need; /* 0: all */
    int64_t within;
    struct mr_client *client;
};

static const struct mr_config_option options[] = {
    {.name = "from",
     .type = MR_CONFIG_LIST,
     .required = true,
     .repeat = true,
     .offset = offsetof(struct fanout, from),
     .doc = "URLs that answer with a number each"},
    {.name = "need",
     .type = MR_CONFIG_INT,
     .def = "all",
     .offset = offsetof(struct fanout, need),
     .min = 1,
     .max = 64,
     .word = "all",
     .word_value = 0,
     .doc = "answers that are enough"},
    {.name = "within",
     .type = MR_CONFIG_DURATION,
     .def = "1s",
     .offset = offsetof(struct fanout, within),
     .min = 1000000,
     .max = INT64_C(3600) * 1000000000,
     .doc = "time for all of it; else 504"},
};

/* One question. It is in the handler's arena, which outlives its coroutine. */
struct question {
    const struct fanout *f;
    const char *url;
    struct mr_chan *done; /* gets its address when it has ended */
    int rc;
    int64_t value;
    char why[MR_CLIENT_WHY];
};

/* 0, -EPROTO: that is no number; or what reading says. May park. */
static int read_number(struct mr_call *call, int64_t *ret)
{
    char text[32];
    uint64_t value;
    size_t n = 0;
    ssize_t got;

    while ((got = mr_call_read(call, text + n, sizeof text - n, MR_NEVER)) > 0)
        if ((n += (size_t)got) == sizeof text)
            return -EPROTO;
    if (got < 0)
        return (int)got;
    if (n > 0 && text[n - 1] == '\n')
        n--;
    if (mr_str_to_u64(mr_str_n(text, n), INT32_MAX, &value))
        return -EPROTO;
    *ret = (int64_t)value;
    return 0;
}

static int fetch(struct question *q)
{
    struct mr_call *call;
    int rc = mr_client_get(q->f->client, q->url, &call, q->why, MR_NEVER);

    if (rc)
        return rc;
    rc = mr_call_head(call)->status == 200 ? read_number(call, &q->value)
                                           : -EPROTO;
    if (rc == -EPROTO)
        snprintf(q->why, sizeof q->why, "%s: no number but %d", q->url,
                 mr_call_head(call)->status);
    else if (rc)
        snprintf(q->why, sizeof q->why, "%s", mr_call_why(call));
    mr_call_close(call);
    return rc;
}

static intptr_t ask(void *arg)
{
    struct question *q = arg;

    q->rc = fetch(q);
    return mr_chan_send(q->done, &q, MR_NEVER); /* there is room for all */
}

/* Until enough have answered. 0, -EPROTO: too many failed; -ETIMEDOUT, ... */
static int gather(const struct fanout *f, struct mr_chan *done,
                  int64_t *ret_sum)
{
    size_t need = f->need > 0 ? (size_t)f->need : f->from.n;
    int64_t deadline = mr_after(f->within);
    size_t good = 0, bad = 0;

    while (good < need) {
        struct question *q;
        int rc = mr_chan_recv(done, &q, deadline);

        if (rc)
            return rc;
        if (q->rc == 0) {
            good++;
            *ret_sum += q->value;
            continue;
        }
        mr_log(MR_LOG_WARN, "fanout: %s", q->why);
        if (f->from.n - ++bad < need)
            return -EPROTO;
    }
    return 0;
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    const struct fanout *f = self;
    MR_AUTO(chan) done = mr_chan_new(sizeof(struct question *), f->from.n);
    struct question *q =
        mr_arena_alloc(mr_request_arena(req), f->from.n * sizeof *q);
    struct mr_group g;
    int64_t sum = 0;
    const char *text;
    int rc = done && q ? 0 : -ENOMEM;

    mr_group_init(&g);
    for (size_t i = 0; i < f->from.n && !rc; i++) {
        q[i] = (struct question){.f = f, .url = f->from.v[i], .done = done};
        if (!mr_group_spawn(&g, ask, &q[i]))
            rc = -ENOMEM;
    }
    if (!rc)
        rc = gather(f, done, &sum);
    mr_group_close(&g); /* the losers are cancelled here, and waited for */
    if (rc == -ETIMEDOUT)
        return mr_reply_status(res, MR_STATUS_GATEWAY_TIMEOUT);
    if (rc == -EPROTO)
        return mr_reply_status(res, MR_STATUS_BAD_GATEWAY);
    if (rc)
        return rc;
    text = mr_arena_printf(mr_request_arena(req),
                           "{\"sum\": %lld, \"of\": %zu}\n", (long long)sum,
                           f->need > 0 ? (size_t)f->need : f->from.n);
    return text ? mr_reply(res, 200, "application/json", mr_str(text))
                : -ENOMEM;
}

static int configure(void *self, struct mr_config_section *section)
{
    const struct fanout *f = self;

    if (f->from.n == 0 || f->from.n > 64)
        return mr_config_error(section, "from",
                               "from names 1 to 64 URLs, not %zu", f->from.n);
    if ((size_t)f->need > f->from.n)
        return mr_config_error(section, "need",
                               "need is %lld, but from names only %zu",
                               (long long)f->need, f->from.n);
    return 0;
}

static int start(void *self, struct mr_group *group)
{
    struct fanout *f = self;
    char why[MR_CLIENT_WHY];
    int rc = mr_client_new(&f->client, NULL, why);

    (void)group;
    if (rc)
        mr_log(MR_LOG_ERROR, "fanout: %s", why);
    return rc;
}

static void stop(void *self)
{
    struct fanout *f = self;

    mr_client_free(f->client);
}

MR_APP(fanout, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct fanout), .configure = configure, .start = start,
       .stop = stop, .handle = handle)
