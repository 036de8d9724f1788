/* SPDX-License-Identifier: MIT */

/*
 * upload - takes files by a form and keeps them in a directory.
 *
 *     route "/upload" { app = upload  dir = "/srv/in"  max_file = 100M }
 *
 *     $ curl -F file=@photo.jpg http://127.0.0.1:8080/upload
 *     photo.jpg 48213
 *
 * GET answers with a page that has the form. A file is kept under the name that
 * it was sent with, less all that is not a letter, a digit or one of "-_.",
 * and with a number behind it when that name is taken. What is not kept whole
 * is not kept: the part file goes with the request.
 */
#include <errno.h>
#include <fcntl.h>
#include <millrace/app.h>

/* One file asks for its name no more often than this. */
#define TRIES 100
#define NAME_MAX_BYTES 128

struct upload {
    const char *dir;
    int64_t max_file;
    int64_t max_total;
};

static const struct mr_config_option options[] = {
    {.name = "dir",
     .type = MR_CONFIG_STRING,
     .required = true,
     .offset = offsetof(struct upload, dir),
     .doc = "directory for the files, which the server can write to"},
    {.name = "max_file",
     .type = MR_CONFIG_SIZE,
     .def = "16M",
     .offset = offsetof(struct upload, max_file),
     .min = 1,
     .max = INT64_MAX,
     .doc = "bytes of one file; else 413"},
    {.name = "max_total",
     .type = MR_CONFIG_SIZE,
     .def = "64M",
     .offset = offsetof(struct upload, max_total),
     .min = 1,
     .max = INT64_MAX,
     .doc = "bytes of one request, all its files together; else 413"},
};

static const char page_top[] =
    "<!doctype html>\n<html lang=en><meta charset=utf-8>\n"
    "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
    "<title>Upload</title>\n<style>\n"
    ":root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif }\n"
    "body { max-width: 32rem; margin: 2rem auto; padding: 0 1rem }\n"
    "input, button { font: inherit; margin: .5rem 0 }\n"
    "button { padding: .4rem 1.2rem }\n"
    "</style>\n<h1>Upload</h1>\n"
    "<form method=post enctype=\"multipart/form-data\">\n"
    "<p><label>Files<br><input type=file name=file multiple required></label>\n"
    "<p><button>Send</button>\n</form>\n";

/* What is left of a client's name is one component and hides nothing. */
static size_t clean(struct mr_str name, char out[NAME_MAX_BYTES])
{
    size_t n = 0;

    for (size_t i = 0; i < name.n && n < NAME_MAX_BYTES; i++) {
        char c = name.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c >= '0' && c <= '9') || c == '-' || c == '_';

        if (plain || (c == '.' && n > 0))
            out[n++] = c;
    }
    return n;
}

/* Under its own name, or with a number. 0 with *ret_name, or -Exxx. */
static int keep(const struct upload *u, struct mr_arena *arena,
                struct mr_upload_part *part, const char **ret_name)
{
    char plain[NAME_MAX_BYTES];
    size_t n = clean(part->file_name, plain);
    int rc = -EEXIST;

    for (int i = 0; i < TRIES && rc == -EEXIST; i++) {
        const char *path, *name;

        name = n == 0 ? "file" : mr_arena_dup(arena, mr_str_n(plain, n));
        if (name && i > 0)
            name = mr_arena_printf(arena, "%s-%d", name, i);
        path = name ? mr_arena_printf(arena, "%s/%s", u->dir, name) : NULL;
        if (!path)
            return -ENOMEM;
        rc = mr_upload_keep(part, path);
        *ret_name = name;
    }
    return rc;
}

static bool wants_page(const struct mr_request *req)
{
    struct mr_str accept = mr_request_header(req, "accept");

    return accept.n > 0 && memmem(accept.p, accept.n, "text/html", 9) != NULL;
}

static int take(struct mr_request *req, struct mr_response *res,
                const struct upload *u)
{
    struct mr_arena *arena = mr_request_arena(req);
    const char *said = wants_page(req) ? page_top : "", *name;
    bool page = *said;
    struct mr_upload form;
    int rc = mr_request_upload(req,
                               &(struct mr_upload_options){
                                   .dir = u->dir,
                                   .max_file = u->max_file,
                                   .max_total = u->max_total,
                               },
                               &form);

    for (struct mr_upload_part *p = form.first; rc == 0 && p; p = p->next) {
        /* A form without a chosen file sends one without name and bytes. */
        if (!p->path || (p->size == 0 && p->file_name.n == 0))
            continue;
        rc = keep(u, arena, p, &name);
        if (rc == 0)
            said = mr_arena_printf(
                arena, page ? "%s<p>%s, %lld bytes\n" : "%s%s %lld\n", said,
                name, (long long)p->size);
        if (!said)
            rc = -ENOMEM;
    }
    if (rc == -EEXIST)
        return mr_reply_status(res, MR_STATUS_CONFLICT);
    if (rc < 0)
        return rc;
    return mr_reply(res, 200,
                    page ? "text/html; charset=utf-8"
                         : "text/plain; charset=utf-8",
                    mr_str(said));
}

static int upload(struct mr_request *req, struct mr_response *res, void *self)
{
    switch (mr_request_method(req)) {
    case MR_METHOD_GET:
    case MR_METHOD_HEAD:
        return mr_reply(res, 200, "text/html; charset=utf-8",
                        mr_str_n(page_top, sizeof page_top - 1));
    case MR_METHOD_POST:
        return take(req, res, self);
    default:
        mr_response_header(res, "Allow", "GET, HEAD, POST");
        return mr_reply_status(res, MR_STATUS_METHOD_NOT_ALLOWED);
    }
}

static int configure(void *self, struct mr_config_section *section)
{
    const struct upload *u = self;
    int fd =
        mr_sys_openat(AT_FDCWD, u->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

    if (fd < 0)
        return mr_config_error(section, "dir",
                               "dir \"%s\": %s: name an existing directory, "
                               "from the working directory or with a /",
                               u->dir, mr_strerror(fd));
    mr_sys_close(fd);
    return 0;
}

MR_APP(upload, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct upload), .configure = configure, .handle = upload)
