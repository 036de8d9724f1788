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
    struct mr_static *open;
};

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
};

static int open_root(const struct files *f, const char *mime_types,
                     unsigned *ret_line, struct mr_static **ret)
{
    return mr_static_open(ret, &(struct mr_static_options){
                                   .root = f->root,
                                   .index = f->index,
                                   .listing = f->listing,
                                   .cache_control = f->cache_control,
                                   .mime_types = mime_types,
                                   .ret_line = ret_line,
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

static int configure(void *self, struct mr_config_section *section)
{
    int err = check_root(self, section);

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
