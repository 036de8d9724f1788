/* SPDX-License-Identifier: MIT */

/*
 * proxy - a reverse proxy: other servers answer, this one stands before them.
 *
 *     route "/api" { app = proxy  to = "http://127.0.0.1:9000" }
 *     route "/shop" {
 *         app = proxy
 *         to = {"http://10.0.0.1:8080/v2", "http://10.0.0.2:8080/v2"}
 *         strip = on           # /shop/a is /v2/a there
 *         health = "/healthz"
 *     }
 *
 * Bodies stream both ways, as fast as the slower side takes them: nothing is
 * kept on disk, and a buffer or two in memory. A request's head goes with the
 * first piece of its body.
 *
 * The server with the fewest requests of this worker gets the next one. One
 * that failed max_fails times in a row rests for fail_timeout; one whose health
 * check fails is asked for nothing until it passes.
 *
 * A request that failed before a byte of an answer came goes to another server,
 * up to `retries` times, if nothing was sent or sending it twice does no harm
 * (RFC 9110 9.2.2).
 *
 * Fields that are for one connection only stay there (RFC 9110 7.6.1). The
 * client's address, host and scheme go along in X-Forwarded-For, -Host and
 * -Proto: set by us, whatever the client says, unless `forwarded` is "append"
 * because another proxy of yours is in front.
 *
 * WebSocket and other upgrades pass through, h2c does not. Nor do trailers, and
 * answers before the final one (103 Early Hints). What goes wrong there is 502,
 * what takes too long 504.
 */
#include <errno.h>
#include <millrace/app.h>

#include "apps/proxy/proxy.h"

static const char *const hosts[] = {"client", "upstream", NULL};
static const char *const forwards[] = {"set", "append", "off", NULL};

#define TIME(id, value, text)                                                  \
    {                                                                          \
        .name = #id, .type = MR_CONFIG_DURATION, .def = (value),               \
        .offset = offsetof(struct proxy, id), .min = mr_ms_min, .max = mr_day, \
        .doc = (text)                                                          \
    }
enum { mr_ms_min = 1000000 };
#define mr_day (INT64_C(86400) * 1000000000)

static const struct mr_config_option options[] = {
    {.name = "to",
     .type = MR_CONFIG_LIST,
     .required = true,
     .repeat = true,
     .offset = offsetof(struct proxy, to),
     .doc = "the servers: URLs, whose path is put before the request's"},
    {.name = "strip",
     .type = MR_CONFIG_BOOL,
     .def = "off",
     .offset = offsetof(struct proxy, strip),
     .doc = "pass on only what follows the route's pattern"},
    {.name = "host",
     .type = MR_CONFIG_ENUM,
     .def = "client",
     .choices = hosts,
     .offset = offsetof(struct proxy, host),
     .doc = "whose name the servers get in Host"},
    {.name = "forwarded",
     .type = MR_CONFIG_ENUM,
     .def = "set",
     .choices = forwards,
     .offset = offsetof(struct proxy, forwarded),
     .doc = "X-Forwarded-For, -Host, -Proto; append: behind another proxy"},
    {.name = "max_connections",
     .type = MR_CONFIG_INT,
     .def = "64",
     .offset = offsetof(struct proxy, max_connections),
     .min = 1,
     .max = 10000,
     .doc = "to one server, from each worker; requests above it wait"},
    TIME(connect_timeout, "5s", "for a connection to a server"),
    TIME(answer_timeout, "60s", "until the head of its answer; else 504"),
    TIME(read_timeout, "60s", "without a byte of a body, either way"),
    TIME(tunnel_timeout, "1h", "without a byte either way after an upgrade"),
    {.name = "retries",
     .type = MR_CONFIG_INT,
     .def = "1",
     .offset = offsetof(struct proxy, retries),
     .max = 10,
     .doc = "other servers that are tried when one fails"},
    {.name = "max_fails",
     .type = MR_CONFIG_INT,
     .def = "3",
     .offset = offsetof(struct proxy, max_fails),
     .min = 1,
     .max = 1000,
     .word = "off",
     .word_value = INT64_MAX,
     .doc = "failures in a row until a server is left alone"},
    TIME(fail_timeout, "10s", "for so long"),
    {.name = "health",
     .type = MR_CONFIG_STRING,
     .offset = offsetof(struct proxy, health),
     .max = 1024,
     .doc = "a path that a healthy server answers with 200 to 399"},
    TIME(health_interval, "5s", "between two of these questions"),
    {.name = "cacert",
     .type = MR_CONFIG_STRING,
     .offset = offsetof(struct proxy, cacert),
     .doc = "certificates to trust, for https servers; the system's"},
    {.name = "insecure",
     .type = MR_CONFIG_BOOL,
     .def = "off",
     .offset = offsetof(struct proxy, insecure),
     .doc = "do not check https servers' certificates. Danger: anyone between "
            "here and there can be them"},
};

static int configure(void *self, struct mr_config_section *section)
{
    struct proxy *p = self;
    const char *url, *reason;
    int rc = 0;

    if (p->to.n == 0 || p->to.n > 64)
        rc = mr_config_error(section, "to", "to names 1 to 64 servers, not %zu",
                             p->to.n);
    if (!rc && p->health && (*p->health != '/' || strpbrk(p->health, " \t#")))
        rc = mr_config_error(section, "health",
                             "health \"%s\" is no path: it begins with '/', "
                             "without white space and '#'",
                             p->health);
    if (rc)
        return rc;
    rc = upstreams_init(p, &url, &reason);
    if (rc)
        rc = mr_config_error(section, "to", "to: %s: %s", url, reason);
    upstreams_fini(p);
    return rc;
}

static int start(void *self, struct mr_group *group)
{
    struct proxy *p = self;
    char why[MR_CLIENT_WHY];
    const char *url, *reason;
    struct mr_client_options o = {
        .max_per_origin = (unsigned)p->max_connections,
        .max_total = (unsigned)(p->max_connections * (int64_t)p->to.n),
        .max_idle = (unsigned)(p->max_connections * (int64_t)p->to.n),
        .connect_timeout = p->connect_timeout,
        .first_byte_timeout = p->answer_timeout,
        .body_timeout = p->read_timeout,
        .user_agent = "",
        .no_decode = true,
        .tls = {.ca_file = p->cacert, .insecure = p->insecure},
    };
    int rc = upstreams_init(p, &url, &reason);

    (void)group;
    mr_group_init(&p->watchers);
    if (rc)
        return rc;
    rc = mr_client_new(&p->client, &o, why);
    if (rc)
        mr_log(MR_LOG_ERROR, "proxy: %s", why);
    else
        rc = upstreams_watch(p);
    return rc;
}

static void stop(void *self)
{
    struct proxy *p = self;

    mr_group_close(&p->watchers);
    mr_client_free(p->client);
    upstreams_fini(p);
}

MR_APP(proxy, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct proxy), .configure = configure, .start = start,
       .stop = stop, .handle = proxy_handle)
