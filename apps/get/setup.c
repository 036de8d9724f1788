/* SPDX-License-Identifier: MIT */

/* setup.c - the client that all downloads use. */
#include "apps/get/setup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "http/cookie_jar.h"
#include "http/netrc.h"
#include "http/proxies.h"
#include "io/digest.h"

static int64_t now_s(void)
{
    return mr_sys_realtime() / INT64_C(1000000000);
}

static enum get_outcome out_of_memory(char *why)
{
    snprintf(why, MR_CLIENT_WHY, "out of memory");
    return GET_OTHER;
}

static enum get_outcome load_cookies(struct get_setup *s,
                                     const struct get_options *o,
                                     struct get_report *report, char *why)
{
    unsigned skipped;
    int rc;

    if (!o->load_cookies && !o->cookie_jar)
        return GET_OK;
    if (mr_cookie_jar_new(&s->jar) != 0)
        return out_of_memory(why);
    if (!o->load_cookies)
        return GET_OK;
    rc = mr_cookie_jar_load(s->jar, o->load_cookies, now_s(), &skipped);
    if (rc) {
        snprintf(why, MR_CLIENT_WHY, "%.300s: %s", o->load_cookies,
                 strerror(-rc));
        return GET_FILE;
    }
    if (skipped > 0) {
        snprintf(why, MR_CLIENT_WHY,
                 "%.300s: %u lines are no cookies, or have expired",
                 o->load_cookies, skipped);
        get_report_note(report, NULL, why);
    }
    return GET_OK;
}

static enum get_outcome load_netrc(struct get_setup *s,
                                   const struct get_options *o,
                                   struct get_report *report, char *why)
{
    const char *home = getenv("HOME");
    char path[4096];
    int rc;

    if (!o->netrc)
        return GET_OK;
    if (*o->netrc)
        snprintf(path, sizeof path, "%s", o->netrc);
    else
        snprintf(path, sizeof path, "%s/.netrc", home ? home : "");
    rc = mr_netrc_load(&s->netrc, path, why);
    if (rc == -EINVAL)
        return GET_USAGE;
    if (rc)
        return rc == -ENOMEM ? GET_OTHER : GET_FILE;
    if (*why)
        get_report_note(report, NULL, why);
    return GET_OK;
}

static enum get_outcome find_proxies(struct get_setup *s,
                                     const struct get_options *o, char *why)
{
    struct mr_proxies_from from = mr_proxies_env();
    int rc;

    if (o->proxy && *o->proxy == '\0')
        return GET_OK;
    if (o->proxy)
        from.http = from.https = o->proxy;
    if (o->no_proxy)
        from.no = o->no_proxy;
    rc = mr_proxies_new(&s->proxies, &from, why);
    if (rc == -ENOMEM)
        return out_of_memory(why);
    return rc ? GET_USAGE : GET_OK;
}

static enum get_outcome open_client(struct get_setup *s,
                                    const struct get_options *o, char *why)
{
    struct mr_client_options c = {
        .max_per_origin = o->per_host,
        .max_total = o->jobs,
        .max_idle = o->jobs,
        .connect_timeout = o->connect_timeout,
        .first_byte_timeout = o->timeout,
        .body_timeout = o->timeout,
        .max_redirects = o->max_redirects,
        .user_agent = o->user_agent,
        .family = o->family,
        .tls = {.ca_file = o->cacert, .insecure = o->insecure},
        .jar = s->jar,
        .netrc = s->netrc,
        .proxies = s->proxies,
    };
    int rc = mr_client_new(&s->client, &c, why);

    if (rc == 0)
        return GET_OK;
    return rc == -ENOMEM ? GET_OTHER : o->cacert ? GET_FILE : GET_TLS;
}

static void free_all(struct get_setup *s)
{
    mr_client_free(s->client);
    mr_proxies_free(s->proxies);
    mr_netrc_free(s->netrc);
    mr_cookie_jar_free(s->jar);
}

enum get_outcome get_setup_open(struct get_setup *ret,
                                const struct get_options *o,
                                struct get_report *report, char *why)
{
    enum get_outcome rc;

    *ret = (struct get_setup){0};
    rc = load_cookies(ret, o, report, why);
    if (rc == GET_OK)
        rc = load_netrc(ret, o, report, why);
    if (rc == GET_OK)
        rc = find_proxies(ret, o, why);
    if (rc == GET_OK)
        rc = open_client(ret, o, why);
    if (rc != GET_OK)
        free_all(ret);
    else if (o->insecure)
        get_report_warning(report,
                           "--insecure: every certificate is trusted; anyone "
                           "on the way can read and change what comes");
    return rc;
}

enum get_outcome get_setup_close(struct get_setup *s,
                                 const struct get_options *o, char *why)
{
    int rc = 0;

    if (o->cookie_jar)
        rc = mr_cookie_jar_save(s->jar, o->cookie_jar, now_s());
    if (rc)
        snprintf(why, MR_CLIENT_WHY, "%.300s: %s", o->cookie_jar,
                 strerror(-rc));
    free_all(s);
    return rc ? GET_FILE : GET_OK;
}

int get_setup_checksum(struct mr_checksum *ret, const char *text, char *why)
{
    struct mr_digest *tried;
    const char *reason;
    int rc;

    if (mr_checksum_parse(mr_str(text), ret, &reason) != 0) {
        snprintf(why, MR_CLIENT_WHY, "--checksum '%.200s': %s", text, reason);
        return -EINVAL;
    }
    rc = mr_digest_new(&tried, ret->kind);
    if (rc == 0)
        mr_digest_free(tried);
    else if (rc == -EOPNOTSUPP)
        snprintf(why, MR_CLIENT_WHY,
                 "--checksum: no %s here: mrget was built without OpenSSL, or "
                 "this machine's policy forbids it",
                 mr_digest_name(ret->kind));
    else
        snprintf(why, MR_CLIENT_WHY, "--checksum: %s", strerror(-rc));
    return rc;
}
