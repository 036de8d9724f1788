/* SPDX-License-Identifier: MIT */

/*
 * app.c - find apps: built in, or loaded from shared objects.
 *
 * One copy of the runtime in a process: an app leaves mr_ names undefined and
 * gets the server's. An app that brought libmillrace along would run another
 * hub's code on this hub's data; so what it sees is compared before it is let
 * in. Loaded code is never unloaded.
 */
#include "http/app.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/hub.h"
#include "core/sys.h"

#define NAME_MAX_BYTES 64

int mr_apps_init(struct mr_apps *a, const struct mr_app *const *built_in,
                 size_t n)
{
    *a = (struct mr_apps){0};
    a->v = mr_calloc(n + 1, sizeof *a->v);
    a->handles = mr_calloc(n + 1, sizeof *a->handles);
    if (!a->v || !a->handles) {
        mr_apps_fini(a);
        return -ENOMEM;
    }
    if (n > 0)
        memcpy(a->v, built_in, n * sizeof *a->v);
    a->n = n;
    return 0;
}

void mr_apps_fini(struct mr_apps *a)
{
    mr_free(a->v);
    mr_free(a->handles);
    *a = (struct mr_apps){0};
}

/* "dir/libhello.so" and "hello.so" give "hello". */
static int name_of(const char *path, char name[NAME_MAX_BYTES])
{
    const char *base = strrchr(path, '/');
    struct mr_str s = mr_str(base ? base + 1 : path);

    if (!mr_str_ends(s, ".so") || s.n - 3 >= NAME_MAX_BYTES || s.n == 3)
        return -EINVAL;
    s.n -= 3;
    if (mr_str_starts(s, "lib")) {
        s.p += 3;
        s.n -= 3;
    }
    memcpy(name, s.p, s.n);
    name[s.n] = '\0';
    return 0;
}

static int check(const struct mr_app *app, void *handle, const char *path,
                 char *why, size_t size)
{
    void *own;

    if (app->abi != MR_APP_ABI) {
        snprintf(why, size,
                 "%s was built for app ABI %u, this server has %d: rebuild it "
                 "against this version's headers",
                 path, app->abi, MR_APP_ABI);
        return -EINVAL;
    }
    if (app->struct_size != sizeof *app || !app->name ||
        (!app->handle && !app->serve && !app->datagram)) {
        snprintf(why, size,
                 "%s does not define a usable app: define it with MR_APP and a "
                 "handle, serve or datagram function",
                 path);
        return -EINVAL;
    }
    /* Searches the object and what it was linked with, not the server. */
    own = dlsym(handle, "mr_spawn_with");
    if (own && own != (void *)mr_spawn_with) {
        snprintf(why, size,
                 "%s brings a second copy of the runtime: link it without "
                 "libmillrace, the server's is used",
                 path);
        return -EINVAL;
    }
    return 0;
}

static int add(struct mr_apps *a, const struct mr_app *app, void *handle)
{
    const struct mr_app **v;
    void **handles;

    v = mr_realloc(a->v, (a->n + 1) * sizeof *v);
    if (!v)
        return -ENOMEM;
    a->v = v;
    handles = mr_realloc(a->handles, (a->n + 1) * sizeof *handles);
    if (!handles)
        return -ENOMEM;
    a->handles = handles;
    /* In front: before a built-in one of the same name. */
    memmove(v + 1, v, a->n * sizeof *v);
    memmove(handles + 1, handles, a->n * sizeof *handles);
    v[0] = app;
    handles[0] = handle;
    a->n++;
    return 0;
}

int mr_apps_load(struct mr_apps *a, const char *path, char *why, size_t size)
{
    char name[NAME_MAX_BYTES], symbol[NAME_MAX_BYTES + 8], local[4096];
    const struct mr_app *app;
    const char *file = path;
    void *handle;
    int err;

    if (name_of(path, name)) {
        snprintf(why, size, "%s: an app is a file NAME.so", path);
        return -EINVAL;
    }
    /* dlopen searches the system's libraries for a name without a slash. */
    if (!strchr(path, '/')) {
        snprintf(local, sizeof local, "./%s", path);
        file = local;
    }
    handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(why, size, "cannot load %s", dlerror());
        return -EINVAL;
    }
    snprintf(symbol, sizeof symbol, "mr_app_%s", name);
    app = dlsym(handle, symbol);
    if (!app) {
        snprintf(why, size, "%s defines no app named %s: MR_APP(%s, ...)", path,
                 name, name);
        err = -EINVAL;
    } else {
        err = check(app, handle, path, why, size);
    }
    if (!err) {
        err = add(a, app, handle);
        if (err)
            snprintf(why, size, "%s: out of memory", path);
    }
    if (err)
        dlclose(handle);
    return err;
}

const struct mr_app *mr_apps_find(const struct mr_apps *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->v[i]->name, name) == 0)
            return a->v[i];
    }
    return NULL;
}
