/* SPDX-License-Identifier: MIT */

/*
 * place.c - what a download's file is called, and its part.
 *
 * The name is, in this order: what the user said; what the server says
 * (Content-Disposition), unless that is not to count; the URL's last segment.
 * So it may be known only with the first answer. With -c the URL's name is
 * looked for before: if something is left of it, that is gone on with.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "apps/get/download.h"
#include "core/sys.h"
#include "io/fd.h"

/* Split what the user said into a directory, which is opened, and a name. */
static int use_given(struct get_download *d, const char *given)
{
    const char *slash = strrchr(given, '/');
    const char *last = slash ? slash + 1 : given;
    char dir[4096];
    int fd;

    if (strlen(last) > GET_NAME_MAX || *last == '\0' ||
        strcmp(last, ".") == 0 || strcmp(last, "..") == 0 ||
        (slash && slash - given >= 4095)) {
        snprintf(d->why, sizeof d->why, "%.300s: this is no name for a file",
                 given);
        d->outcome = GET_USAGE;
        return -EINVAL;
    }
    if (get_name_is_ours(mr_str(last))) {
        snprintf(
            d->why, sizeof d->why,
            "%.300s: names that end in .part or .part.journal are for what "
            "is not whole yet",
            given);
        d->outcome = GET_USAGE;
        return -EINVAL;
    }
    snprintf(d->name, sizeof d->name, "%s", last);
    if (!slash)
        return 0;
    snprintf(dir, sizeof dir, "%.*s", slash == given ? 1 : (int)(slash - given),
             given);
    fd = mr_sys_openat(d->e->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        snprintf(d->why, sizeof d->why, "%.300s: %s", dir, strerror(-fd));
        d->outcome = GET_FILE;
        return fd;
    }
    d->dir = fd;
    d->own_dir = true;
    return 0;
}

#define CLAIM_SIZE (GET_CLAIM_DIR + GET_NAME_SIZE)

static int dir_claim(int dir, char out[GET_CLAIM_DIR])
{
    struct stat st;
    int rc = mr_sys_fstat(dir, &st);

    if (rc == 0)
        snprintf(out, GET_CLAIM_DIR, "%llx:%llx/",
                 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return rc;
}

/* This run's names are told apart with their directories. Of that of most of
 * them the kernel is asked once. */
static int name_claim(const struct get_download *d, const char *name,
                      char out[CLAIM_SIZE])
{
    char *common = d->e->dir_claim, own[GET_CLAIM_DIR] = "";
    char *dir = d->own_dir ? own : common;
    int rc = dir[0] ? 0 : dir_claim(d->dir, dir);
    size_t n = strlen(dir);

    memcpy(out, dir, n);
    memcpy(out + n, name, strlen(name) + 1);
    return rc;
}

static bool is_taken(int rc)
{
    return rc == -EEXIST || rc == -EBUSY || rc == -ENOTEMPTY;
}

void get_place_explain(struct get_download *d, int rc)
{
    size_t n = strlen(d->why);

    if ((rc == -EACCES || rc == -EROFS) && !d->own_dir)
        snprintf(d->why + n, sizeof d->why - n, " (in the directory %.300s)",
                 d->e->o->dir ? d->e->o->dir : ".");
}

static int open_one(struct get_download *d, const char *name)
{
    const struct get_options *o = d->e->o;
    char claim[CLAIM_SIZE];
    int rc = name_claim(d, name, claim);

    if (rc == 0)
        rc = get_names_claim(d->e->names, mr_str(claim));

    if (rc) {
        snprintf(d->why, sizeof d->why,
                 rc == -EEXIST ? "%s: another URL has this name, so %.400s is "
                                 "not fetched: -o, a name in the list or "
                                 "--auto-number tell them apart"
                               : "%s: out of memory (%.400s)",
                 name, d->item->urls[0]);
        return rc == -EEXIST ? -EBUSY : rc; /* not one that is there */
    }
    rc = get_part_open(&d->part,
                       &(struct get_part_options){
                           .dir = d->dir,
                           .name = name,
                           .resume = o->resume,
                           .overwrite = o->overwrite,
                           .checksum = o->checksum ? &d->e->checksum : NULL,
                       },
                       d->why);
    get_place_explain(d, rc);
    return rc;
}

/* name.1, name.2, ...: the first that nobody has. */
static int open_numbered(struct get_download *d)
{
    char name[GET_NAME_SIZE], claim[CLAIM_SIZE];
    int rc = name_claim(d, d->name, claim);
    unsigned i;

    if (rc)
        return rc;
    do {
        i = get_names_next(d->e->names, mr_str(claim));
        if (i == 0)
            return -EEXIST;
        (void)get_name_number(name, mr_str(d->name), i);
        rc = open_one(d, name);
    } while (is_taken(rc));
    if (rc == 0)
        memcpy(d->name, name, sizeof name);
    return rc;
}

/* 0; 1: the file is there, and is to be left as it is; -Exxx: d->why. */
static int open_part(struct get_download *d)
{
    int rc = open_one(d, d->name);

    if (rc == -EEXIST && d->e->o->resume && !d->e->o->auto_number)
        return 1;
    if (is_taken(rc) && d->e->o->auto_number)
        rc = open_numbered(d);
    if (rc)
        d->outcome = rc == -ENOMEM ? GET_OTHER : GET_FILE;
    else
        d->about.name = d->name;
    return rc;
}

/* May the server give it another name? */
static bool is_open_to_names(const struct get_download *d)
{
    return !d->item->name && d->e->o->server_names;
}

/* There is something of it already. */
static void take_over(struct get_download *d)
{
    const struct get_journal *j = get_part_journal(d->part);
    bool same = d->e->o->checksum != NULL;

    /* A date and a length are one resource's: another may have the same. */
    for (size_t i = 0; i < d->item->n_urls && j; i++)
        same |= mr_str_eq(j->url, mr_str(d->item->urls[i]));
    if (!j || j->done.n == 0)
        return;
    if (!same || j->length < 0 || j->validator.n == 0 ||
        j->validator.n >= sizeof d->validator) {
        get_begins_anew(d, same ? "nothing tells a changed file from this one"
                                : "what is there came from another URL");
        return;
    }
    d->length = j->length;
    d->validator_n = j->validator.n;
    memcpy(d->validator, j->validator.p, j->validator.n);
}

int get_place_prepare(struct get_download *d)
{
    int rc = 0;

    d->dir = d->e->dir;
    if (d->item->name)
        rc = use_given(d, d->item->name);
    else
        (void)get_name_of_url(d->name, mr_str(d->item->urls[0]));
    if (rc)
        return rc;
    d->about.name = d->name;
    if (is_open_to_names(d) && !d->e->o->resume)
        return 0;
    rc = open_part(d);
    if (rc == 0)
        take_over(d);
    if (rc == -EBUSY && is_open_to_names(d)) {
        d->outcome = GET_OK; /* the server may name it */
        return 0;
    }
    return rc;
}

int get_place_settle(struct get_download *d, const struct get_answer *a,
                     bool resumable)
{
    char name[GET_NAME_SIZE];
    int rc;

    if (d->part && (d->writing || resumable || !is_open_to_names(d)))
        return 0;
    if (is_open_to_names(d) && a->name.p &&
        get_name_of_disposition(name, a->name) > 0 &&
        strcmp(name, d->name) != 0) {
        get_part_close(d->part);
        d->part = NULL;
        memcpy(d->name, name, sizeof name);
    }
    if (d->part)
        return 0;
    rc = open_part(d);
    if (rc == 1)
        return -EALREADY;
    if (rc)
        return rc;
    take_over(d);
    return d->length >= 0 ? 1 : 0;
}
