/* SPDX-License-Identifier: MIT */

/*
 * error_pages.c - files in place of error texts: a list, as there are a handful
 * and only errors look them up.
 */
#include "http/error_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/buf.h"
#include "core/sys.h"
#include "http/mime.h"

const struct mr_error_page *
mr_error_pages_find(const struct mr_error_page *pages, int status)
{
    while (pages && pages->status != status)
        pages = pages->next;
    return pages;
}

/* --- adding --- */

static int read_file(const char *path, struct mr_arena *arena,
                     struct mr_str *ret)
{
    int fd = mr_sys_openat(AT_FDCWD, path,
                           O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    struct mr_buf text;
    const char *copy;
    struct stat st;
    int err;

    if (fd < 0)
        return fd;
    mr_buf_init(&text);
    err = mr_sys_fstat(fd, &st);
    if (!err && S_ISFIFO(st.st_mode))
        err = -EINVAL; /* it may have no end */
    if (!err)
        err = mr_buf_read_fd(&text, fd, MR_ERROR_PAGE_MAX);
    mr_sys_close(fd);
    if (!err && text.len > MR_ERROR_PAGE_MAX)
        err = -EFBIG;
    if (!err) {
        copy = mr_arena_dup(arena, mr_buf_view(&text));
        *ret = mr_str_n(copy, text.len);
        err = copy ? 0 : -ENOMEM;
    }
    mr_buf_fini(&text);
    return err;
}

/* How many codes stand before the file, or -1. */
static int count_codes(struct mr_str codes)
{
    struct mr_str word;
    uint64_t status;
    int n = 0;

    while (mr_str_word(&codes, &word)) {
        if (mr_str_to_u64(word, 599, &status) || status < 400)
            return -1;
        n++;
    }
    return n;
}

static int add_codes(const struct mr_error_page **pages, struct mr_arena *arena,
                     struct mr_str codes, const struct mr_error_page *model)
{
    struct mr_error_page *page;
    struct mr_str word;
    uint64_t status;

    while (mr_str_word(&codes, &word)) {
        int err = mr_str_to_u64(word, 599, &status);

        if (err)
            return err;
        if (mr_error_pages_find(*pages, (int)status))
            return -EEXIST;
        page = mr_arena_alloc(arena, sizeof *page);
        if (!page)
            return -ENOMEM;
        *page = *model;
        page->status = (int)status;
        page->next = *pages;
        *pages = page;
    }
    return 0;
}

int mr_error_pages_add(const struct mr_error_page **pages,
                       struct mr_arena *arena, const struct mr_mime *mime,
                       struct mr_str text, const char **ret_why)
{
    struct mr_str codes = mr_str_trim(text), path = codes;
    struct mr_error_page model = {0};
    const char *name;
    int n, err;

    while (mr_str_find(path, ' ') >= 0)
        path = mr_str_n(path.p + 1, path.n - 1);
    codes.n -= path.n;
    n = count_codes(codes);
    if (n <= 0) {
        *ret_why = n < 0 ? "a code is 400 to 599, and the file comes last"
                         : "write codes and a file, as in \"404 err/404.html\"";
        return -EINVAL;
    }
    name = mr_arena_dup(arena, path);
    model.type = mr_arena_dup(arena, mr_mime_find(mime, path));
    if (!name || !model.type)
        return -ENOMEM;
    err = read_file(name, arena, &model.body);
    return err ? err : add_codes(pages, arena, codes, &model);
}
