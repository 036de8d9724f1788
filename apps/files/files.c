/* SPDX-License-Identifier: MIT */

/*
 * files - serves files below a root (http/static.h).
 *
 *     route "/" { app = files  root = "/srv/www"  listing = on }
 */
#include <errno.h>
#include <millrace/app.h>

struct files {
    const char *root;
    const char *index;
    bool listing;
    const char *cache_control;
    const char *mime_types;
    int links; /* as in the choices below */
    bool hidden;
    bool precompressed;
    int64_t cache_files;
    int64_t cache_time;
    struct mr_config_list fallback;
    const char *charset;
    struct mr_config_list headers;
    struct mr_static *open;
};

static const char *const link_choices[] = {"inside", "off", "follow", NULL};
static const enum mr_links links[] = {MR_LINKS_INSIDE, MR_LINKS_OFF,
                                      MR_LINKS_FOLLOW};

static const struct mr_config_option options[] = {
    {.name = "root",
     .type = MR_CONFIG_STRING,
     .required = true,
     .offset = offsetof(struct files, root),
     .doc = "directory whose files are served"},
    {.name = "index",
     .type = MR_CONFIG_STRING,
     .def = "index.html",
     .offset = offsetof(struct files, index),
     .doc = "file that answers for its directory; empty: none"},
    {.name = "listing",
     .type = MR_CONFIG_BOOL,
     .def = "off",
     .offset = offsetof(struct files, listing),
     .doc = "list directories that have no index; else 403"},
    {.name = "cache_control",
     .type = MR_CONFIG_STRING,
     .def = "",
     .offset = offsetof(struct files, cache_control),
     .doc = "the Cache-Control field; empty: none"},
    {.name = "mime_types",
     .type = MR_CONFIG_STRING,
     .def = "",
     .offset = offsetof(struct files, mime_types),
     .doc = "file of content types (conf/mime.types) that come before the "
            "built-in ones; empty: none"},
    {.name = "symlinks",
     .type = MR_CONFIG_ENUM,
     .def = "inside",
     .choices = link_choices,
     .offset = offsetof(struct files, links),
     .doc = "symbolic links: off (not there), inside (those that stay below "
            "the root), follow (wherever they lead)"},
    {.name = "hidden",
     .type = MR_CONFIG_BOOL,
     .def = "off",
     .offset = offsetof(struct files, hidden),
     .doc = "serve names that begin with a dot; off: 404, but for "
            "/.well-known"},
    {.name = "precompressed",
     .type = MR_CONFIG_BOOL,
     .def = "off",
     .offset = offsetof(struct files, precompressed),
     .doc = "send x.br, x.zst or x.gz for x to who takes it"},
    {.name = "fallback",
     .type = MR_CONFIG_LIST,
     .offset = offsetof(struct files, fallback),
     .doc =
         "paths below the root, tried in turn in place of 404; {path} is the "
         "request's; \"=404\" ends the list with a status"},
    {.name = "charset",
     .type = MR_CONFIG_STRING,
     .def = "utf-8",
     .offset = offsetof(struct files, charset),
     .max = 40,
     .doc = "charset of types text/... that name none; off: none"},
    {.name = "cache_files",
     .type = MR_CONFIG_INT,
     .def = "256",
     .offset = offsetof(struct files, cache_files),
     .min = 0,
     .max = 65536,
     .doc = "files that are kept open in each worker; 0: none"},
    {.name = "cache_time",
     .type = MR_CONFIG_DURATION,
     .def = "1s",
     .offset = offsetof(struct files, cache_time),
     .min = 0,
     .max = INT64_C(3600000000000),
     .doc = "how long they are believed without a look at their names"},
    {.name = "header",
     .type = MR_CONFIG_LIST,
     .repeat = true,
     .offset = offsetof(struct files, headers),
     .doc = "a field, \"Name: value\", that goes with files and listings; may "
            "be repeated"},
};

static int open_root(const struct files *f, const char *mime_types,
                     unsigned *ret_line, struct mr_static **ret)
{
    return mr_static_open(
        ret, &(struct mr_static_options){
                 .root = f->root,
                 .index = f->index,
                 .listing = f->listing,
                 .cache_control = f->cache_control,
                 .mime_types = mime_types,
                 .ret_line = ret_line,
                 .links = links[f->links],
                 .hidden = f->hidden,
                 .precompressed = f->precompressed,
                 .fallback = f->fallback.v,
                 .fallback_n = f->fallback.n,
                 .charset = strcmp(f->charset, "off") == 0 ? "" : f->charset,
                 .cache_files = (size_t)f->cache_files,
                 .cache_time = f->cache_time,
                 .headers = f->headers.v,
                 .header_n = f->headers.n,
             });
}

static int check_root(const struct files *f, struct mr_config_section *section)
{
    struct mr_static *s;
    int err = open_root(f, NULL, NULL, &s);

    if (err == -ENOTDIR)
        return mr_config_error(
            section, "root",
            "root \"%s\" is not a directory: name one, from the "
            "working directory or with a /",
            f->root);
    if (err)
        return mr_config_error(
            section, "root",
            "root \"%s\": %s: name an existing directory, from "
            "the working directory or with a /",
            f->root, mr_strerror(err));
    mr_static_close(s);
    return 0;
}

/* The root is fine: what goes wrong now is the types' doing. */
static int check_types(const struct files *f, struct mr_config_section *section)
{
    struct mr_static *s;
    unsigned line = 0;
    int err = open_root(f, f->mime_types, &line, &s);

    if (err == -EBADMSG)
        return mr_config_error(section, "mime_types",
                               "%s:%u: write a type and its extensions, as in "
                               "text/html html htm",
                               f->mime_types, line);
    if (err)
        return mr_config_error(section, "mime_types",
                               "mime_types \"%s\": %s: name a file as "
                               "conf/mime.types",
                               f->mime_types, mr_strerror(err));
    mr_static_close(s);
    return 0;
}

static int check_headers(const struct files *f,
                         struct mr_config_section *section)
{
    if (f->headers.n > MR_STATIC_HEADERS_MAX)
        return mr_config_error(section, "header", "at most %d headers",
                               MR_STATIC_HEADERS_MAX);
    for (size_t i = 0; i < f->headers.n; i++) {
        if (!mr_static_header_is_valid(f->headers.v[i]))
            return mr_config_error(section, "header",
                                   "header \"%s\": write \"Name: value\"; what "
                                   "a file says by itself cannot be set",
                                   f->headers.v[i]);
    }
    return 0;
}

static int check_fallback(const struct files *f,
                          struct mr_config_section *section)
{
    for (size_t i = 0; i < f->fallback.n; i++) {
        const char *text = f->fallback.v[i];

        if (!mr_static_fallback_is_valid(text))
            return mr_config_error(section, "fallback",
                                   "fallback \"%s\": write a path with {path} "
                                   "for the request's, or \"=404\"",
                                   text);
        if (*text == '=' && i + 1 < f->fallback.n)
            return mr_config_error(section, "fallback",
                                   "fallback \"%s\" ends the list: nothing can "
                                   "follow it",
                                   text);
    }
    return 0;
}

static int check_charset(const struct files *f,
                         struct mr_config_section *section)
{
    if (mr_token_is_valid(mr_str(f->charset)))
        return 0;
    return mr_config_error(section, "charset",
                           "charset \"%s\": write its name, as in utf-8, or "
                           "off",
                           f->charset);
}

static int configure(void *self, struct mr_config_section *section)
{
    int err = check_headers(self, section);

    if (!err)
        err = check_fallback(self, section);
    if (!err)
        err = check_charset(self, section);
    if (!err)
        err = check_root(self, section);
    return err ? err : check_types(self, section);
}

static int start(void *self, struct mr_group *group)
{
    struct files *f = self;

    (void)group;
    return open_root(f, f->mime_types, NULL, &f->open);
}

static void stop(void *self)
{
    struct files *f = self;

    mr_static_close(f->open);
    f->open = NULL;
}

static int serve(struct mr_request *req, struct mr_response *res, void *self)
{
    struct files *f = self;

    return mr_static_serve(f->open, req, res);
}

MR_APP(files, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct files), .configure = configure, .start = start,
       .stop = stop, .handle = serve)
