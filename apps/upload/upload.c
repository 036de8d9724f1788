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
 * it was sent with, with "_" for a space, without what is not seen or means
 * something to a shell, a browser or a file system, and with a number in it
 * when that name is taken: photo-1.jpg. What is not kept whole is not kept: the
 * part file goes with the request.
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
    "<!DOCTYPE html>\n"
    "<html lang='en'><head><meta charset='utf-8'><title>Upload</title>\n"
    "<meta name='viewport' content='width=device-width,initial-scale=1'>\n"
    "<meta name='color-scheme' content='light dark'>\n"
    "<link rel='icon' href='data:,'>\n"
    "<style>\n"
    ":root{--edge:#7b858e;--go:#1c659a;--on:#fff}\n"
    "@media(prefers-color-scheme:dark){:root{--edge:#77828c;--go:#7cbcec;\n"
    "--on:#10151a}}\n"
    "*{box-sizing:border-box}\n"
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;\n"
    "max-width:32rem;padding:0 1rem}\n"
    "input,button,::file-selector-button{font:inherit}\n"
    "input,button{min-height:2.75rem;border-radius:.5rem;\n"
    "border:1px solid var(--edge)}\n"
    "input{display:block;width:100%;margin-top:.25rem;padding:.5rem}\n"
    "button{padding:.4rem 1.5rem;background:var(--go);color:var(--on);\n"
    "border-color:var(--go)}\n"
    "li{overflow-wrap:anywhere}\n"
    "</style></head><body>\n"
    "<h1>Upload</h1>\n"
    "<form method='post' enctype='multipart/form-data'>\n"
    "<p><label>Files<input type='file' name='file' multiple\n"
    "required></label></p>\n"
    "<p><button>Send</button></p></form>\n";

/* In: a character of valid UTF-8. False for controls, and for what is not seen
 * or turns the text around: U+0080 to U+009F, U+2000 to U+200F, U+2028 to
 * U+207F, the byte order mark. */
static bool is_seen(const char *p)
{
    const unsigned char *u = (const void *)p;

    if (u[0] == 0xc2)
        return u[1] >= 0xa0;
    if (u[0] == 0xe2 && u[1] == 0x80)
        return u[2] >= 0x90 && u[2] <= 0xa7;
    return !(u[0] == 0xe2 && u[1] == 0x81) &&
           !(u[0] == 0xef && u[1] == 0xbb && u[2] == 0xbf);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* What is left of a client's name is one component, hides nothing, and is no
 * markup. Browsers send a quote as %22, CR and LF as %0D and %0A (the HTML
 * standard, "multipart/form-data encoding algorithm"). */
static size_t clean(struct mr_str name, char out[NAME_MAX_BYTES])
{
    bool utf8 = mr_str_is_utf8(name);
    size_t n = 0, len;

    for (size_t i = 0; i < name.n; i += len) {
        const char *p = &name.p[i];
        unsigned char c = (unsigned char)*p;
        struct mr_str rest = mr_str_n(p, name.n - i);

        len = c < 0x80 || !utf8 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (n + len > NAME_MAX_BYTES)
            break;
        if (mr_str_starts(rest, "%22") || mr_str_starts(rest, "%0D") ||
            mr_str_starts(rest, "%0A"))
            len = 3;
        else if (is_plain(*p) || (c == '.' && n > 0))
            out[n++] = *p;
        else if (c == ' ' && n > 0)
            out[n++] = '_';
        else if (c >= 0x80 && utf8 && is_seen(p)) {
            memcpy(&out[n], p, len);
            n += len;
        }
    }
    return n;
}

/* The number stands before what tells the type: photo-1.jpg. */
static const char *numbered(struct mr_arena *arena, const char *name, int i)
{
    const char *dot = strrchr(name, '.');
    int stem = (int)(dot ? dot - name : (ptrdiff_t)strlen(name));

    return mr_arena_printf(arena, "%.*s-%d%s", stem, name, i, &name[stem]);
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
            name = numbered(arena, name, i);
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

/* kept: items of a list, "" for none. */
static int reply_page(struct mr_request *req, struct mr_response *res,
                      const char *kept)
{
    const char *text = mr_arena_printf(
        mr_request_arena(req), "%s%s%s%s</body></html>\n", page_top,
        *kept ? "<h2>Kept</h2>\n<ul>\n" : "", kept, *kept ? "</ul>\n" : "");

    if (!text)
        return -ENOMEM;
    return mr_reply(res, 200, "text/html; charset=utf-8", mr_str(text));
}

static int take(struct mr_request *req, struct mr_response *res,
                const struct upload *u)
{
    struct mr_arena *arena = mr_request_arena(req);
    bool page = wants_page(req);
    struct mr_buf said = {0};
    const char *name, *text;
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
            rc = mr_buf_printf(&said,
                               page ? "<li>%s, %lld bytes</li>\n" : "%s %lld\n",
                               name, (long long)p->size);
    }
    text = mr_arena_dup(arena, mr_buf_view(&said));
    mr_buf_fini(&said);
    if (!text && rc == 0)
        rc = -ENOMEM;
    if (rc == -EEXIST)
        return mr_reply_status(res, MR_STATUS_CONFLICT);
    if (rc < 0)
        return rc;
    if (page)
        return reply_page(req, res, text);
    return mr_reply(res, 200, "text/plain; charset=utf-8", mr_str(text));
}

static int upload(struct mr_request *req, struct mr_response *res, void *self)
{
    switch (mr_request_method(req)) {
    case MR_METHOD_GET:
    case MR_METHOD_HEAD:
        return reply_page(req, res, "");
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
