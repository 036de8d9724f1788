/* SPDX-License-Identifier: MIT */

/* ask.c - a request for a file or a part of it, and whether its answer is about
 * the same file. */
#include <errno.h>
#include <stdio.h>

#include "apps/get/download.h"
#include "core/sys.h"

bool get_can_range(const struct get_download *d)
{
    return d->length >= 0 && (d->validator_n > 0 || d->e->o->checksum);
}

struct get_mirror *get_pick_mirror(struct get_download *d, bool for_range)
{
    struct get_mirror *best = NULL;

    for (size_t i = 0; i < d->n_mirrors; i++) {
        struct get_mirror *m = &d->mirrors[i];

        if (m->dropped || (for_range && m->whole_only))
            continue;
        if (!best || m->lanes < best->lanes ||
            (m->lanes == best->lanes && m->fails < best->fails))
            best = m;
    }
    return best;
}

bool get_is_same(const struct get_download *d, const struct get_answer *a)
{
    struct mr_str got;

    if (a->total != d->length)
        return false;
    /* A checksum is the judge, and servers' validators differ. */
    if (d->e->o->checksum && d->n_mirrors > 1)
        return true;
    /* Of the kind that was asked with: also a weak one that is another. */
    got = d->validator_n > 0 && d->validator[0] == '"' ? a->etag : a->modified;
    return d->validator_n == 0 || !got.p ||
           mr_str_eq(got, mr_str_n(d->validator, d->validator_n));
}

void get_set_why(struct get_download *d, const char *url, const char *text)
{
    snprintf(d->why, sizeof d->why, "%.900s: %s", url, text);
}

static void put_range(char *out, size_t size, int64_t from, int64_t to)
{
    if (to < 0)
        snprintf(out, size, "bytes=%lld-", (long long)from);
    else
        snprintf(out, size, "bytes=%lld-%lld", (long long)from,
                 (long long)to - 1);
}

/* The user's fields, and a range's. NULL: out of memory. */
static struct mr_field *make_fields(const struct get_download *d,
                                    const char *range, size_t *ret_n)
{
    const struct get_options *o = d->e->o;
    struct mr_field *fields = mr_alloc((o->n_fields + 2) * sizeof *fields);
    size_t n = 0;

    if (!fields)
        return NULL;
    for (size_t i = 0; i < o->n_fields; i++)
        fields[n++] = o->fields[i];
    if (range)
        fields[n++] = (struct mr_field){mr_str("Range"), mr_str(range)};
    if (range && d->validator_n > 0 && !(o->checksum && d->n_mirrors > 1))
        fields[n++] = (struct mr_field){mr_str("If-Range"),
                                        mr_str_n(d->validator, d->validator_n)};
    *ret_n = n;
    return fields;
}

static struct mr_str password_of(const char *user)
{
    const char *colon = user ? strchr(user, ':') : NULL;

    return mr_str(colon ? colon + 1 : NULL);
}

static struct mr_str name_of(const char *user)
{
    const char *colon = user ? strchr(user, ':') : NULL;

    return colon ? mr_str_n(user, (size_t)(colon - user)) : (struct mr_str){0};
}

void get_hang_up(struct get_call *c)
{
    mr_call_close(c->call);
    mr_free(c->fields);
}

/* How to go on with a server whose certificate does not do. */
static void add_advice(struct get_download *d, int err)
{
    size_t n = strlen(d->why);
    const char *advice;

    switch (-err) {
    case EKEYREJECTED:
        advice = "--cacert FILE trusts the authority in that file, "
                 "--insecure whoever answers";
        break;
    case ENOKEY:
        advice = "ask for it by a name that the certificate has; --insecure "
                 "trusts whoever answers";
        break;
    case EKEYEXPIRED:
        advice = "if the clock here is right, who runs the server must renew "
                 "it; --insecure trusts whoever answers";
        break;
    default:
        return;
    }
    snprintf(d->why + n, sizeof d->why - n, " (%s)", advice);
}

/* A proxy that wants to know who we are; a URL in the text has no space. */
static enum get_outcome outcome_of(const struct get_download *d, int err)
{
    return err == -ENOTCONN && strstr(d->why, " 407 ")
               ? GET_AUTH
               : get_outcome_of_error(err);
}

int get_ask(struct get_download *d, struct get_mirror *m, int64_t from,
            int64_t to, struct get_call *ret, struct get_answer *ret_a,
            struct get_failure *ret_f)
{
    const struct get_options *o = d->e->o;
    struct mr_client_request req = {
        .url = mr_str(m->url),
        .user = name_of(o->user),
        .password = password_of(o->user),
        .no_decode = !o->compressed || from >= 0,
    };
    int rc;

    ret->call = NULL;
    ret->fields = NULL;
    if (o->n_fields > 0 || from >= 0) {
        put_range(ret->range, sizeof ret->range, MR_MAX(from, 0), to);
        ret->fields =
            make_fields(d, from >= 0 ? ret->range : NULL, &req.n_fields);
        req.fields = ret->fields;
        if (!ret->fields) {
            get_set_why(d, m->url, "out of memory");
            *ret_f = (struct get_failure){
                .outcome = GET_OTHER, .file = true, .retry_after_ms = -1};
            return -ENOMEM;
        }
    }
    rc = mr_client_call(d->e->client, &req, &ret->call, d->why, d->deadline);
    if (rc) {
        add_advice(d, rc);
        *ret_f = (struct get_failure){.outcome = outcome_of(d, rc),
                                      .again = get_is_worth_a_retry(rc, 0),
                                      .retry_after_ms = -1};
        return rc;
    }
    get_answer_judge(mr_call_head(ret->call), from, to,
                     mr_sys_realtime() / INT64_C(1000000000), ret_a);
    if (mr_call_is_decoded(ret->call)) { /* neither is of what is read */
        ret_a->total = -1;
        ret_a->validator.n = 0;
    }
    if (mr_call_redirects(ret->call) > 0 && !d->redirected) {
        d->redirected = true;
        get_report_redirect(d->e->report, &d->about, mr_call_url(ret->call));
    }
    return 0;
}
