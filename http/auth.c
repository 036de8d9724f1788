/* SPDX-License-Identifier: MIT */

/*
 * auth.c - who may: an htpasswd file, and crypt(3) off the hub.
 *
 *  (1) A hash is computed on a helper thread, shielded: it takes milliseconds
 *      on purpose, and all that it touches is on the waiter's side.
 *  (2) Whether the user is unknown or the password wrong cannot be told: both
 *      cost a hash and give the same answer.
 *  (3) A password is wiped where it was copied for crypt.
 *  (4) HASHES at most are computed at a time, others wait here: who tries
 *      passwords must not have all helpers, which files are opened on too.
 */
#include "http/auth.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/buf.h"
#include "core/offload.h"
#include "core/sync.h"
#include "core/sys.h"
#include "http/conn_priv.h"

/* Half of the helpers that there are at first (core/offload.h). */
#define HASHES 2

struct user {
    const char *name;
    const char *hash;
};

struct mr_auth {
    struct mr_arena arena;
    struct user *users;
    size_t n;
    const char *challenge;
};

/* --- the file --- */

/* NULL, or what is wrong with a hash. */
static const char *check_hash(const char *hash)
{
    static const char unknown[] =
        "no hash that crypt(3) knows: make one with htpasswd -B or mkpasswd";

    if (strncmp(hash, "$apr1$", 6) == 0)
        return "an Apache MD5 hash, which crypt(3) does not know: make one "
               "with htpasswd -B";
    if (hash[0] != '$')
        return unknown;
    switch (crypt_checksalt(hash)) {
    case CRYPT_SALT_INVALID:
    case CRYPT_SALT_METHOD_DISABLED:
        return unknown;
    default:
        return NULL;
    }
}

static const char *add_user(struct mr_auth *a, struct mr_str line)
{
    struct user *u = &a->users[a->n];
    struct mr_str name, hash = line;

    if (!mr_str_split(&hash, ':', &name) || name.n == 0 || !hash.p)
        return "write user:hash, as htpasswd -B does";
    if (mr_str_find(line, '\0') >= 0)
        return "a NUL byte";
    hash.n =
        mr_str_find(hash, ':') >= 0 ? (size_t)mr_str_find(hash, ':') : hash.n;
    u->name = mr_arena_dup(&a->arena, name);
    u->hash = mr_arena_dup(&a->arena, hash);
    if (!u->name || !u->hash)
        return "out of memory";
    for (size_t i = 0; i < a->n; i++) {
        if (strcmp(a->users[i].name, u->name) == 0)
            return "a user who is there already";
    }
    a->n++;
    return check_hash(u->hash);
}

static const char *add_users(struct mr_auth *a, struct mr_str text,
                             unsigned *ret_line)
{
    struct mr_str rest = text, line;
    const char *why = NULL;
    size_t lines = 1;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    a->users = mr_arena_alloc(&a->arena, lines * sizeof *a->users);
    if (!a->users)
        return "out of memory";
    *ret_line = 0;
    while (!why && mr_str_split(&rest, '\n', &line)) {
        ++*ret_line;
        if (mr_str_ends(line, "\r"))
            line.n--;
        if (line.n > 0 && line.p[0] != '#')
            why = add_user(a, line);
    }
    return why;
}

static bool is_realm(struct mr_str s)
{
    return mr_field_value_is_valid(s) && mr_str_find(s, '"') < 0 &&
           mr_str_find(s, '\\') < 0;
}

int mr_auth_parse(struct mr_auth **ret, struct mr_str text, const char *realm,
                  unsigned *ret_line, const char **ret_why)
{
    struct mr_auth *a;
    const char *why;

    *ret = NULL;
    *ret_line = 0;
    *ret_why = "";
    if (!is_realm(mr_str(realm)))
        return -EINVAL;
    a = mr_calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    mr_arena_init(&a->arena, 4096);
    a->challenge = mr_arena_printf(
        &a->arena, "Basic realm=\"%s\", charset=\"UTF-8\"", realm);
    why = a->challenge ? add_users(a, text, ret_line) : "out of memory";
    if (why) {
        mr_auth_free(a);
        *ret_why = why;
        return strcmp(why, "out of memory") == 0 ? -ENOMEM : -EBADMSG;
    }
    *ret = a;
    return 0;
}

int mr_auth_load(struct mr_auth **ret, const char *path, const char *realm,
                 unsigned *ret_line, const char **ret_why)
{
    struct mr_buf b;
    int err,
        fd = mr_sys_openat(AT_FDCWD, path,
                           O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);

    *ret = NULL;
    *ret_line = 0;
    *ret_why = "";
    if (fd < 0)
        return fd;
    mr_buf_init(&b);
    err = mr_buf_read_fd(&b, fd, MR_AUTH_FILE_MAX);
    mr_sys_close(fd);
    if (!err && b.len > MR_AUTH_FILE_MAX)
        err = -EFBIG;
    if (!err)
        err = mr_auth_parse(ret, mr_buf_view(&b), realm, ret_line, ret_why);
    mr_buf_fini(&b);
    return err;
}

void mr_auth_free(struct mr_auth *auth)
{
    if (!auth)
        return;
    mr_arena_fini(&auth->arena);
    mr_free(auth);
}

/* --- a password --- */

struct check {
    const char *hash;
    bool right;
    char password[CRYPT_MAX_PASSPHRASE_SIZE];
    struct crypt_data data; /* 32 KiB: not for a stack */
};

static bool same(const char *a, const char *b)
{
    size_t n = strlen(a);
    unsigned char differ = 0;

    if (n != strlen(b))
        return false;
    for (size_t i = 0; i < n; i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return differ == 0;
}

static intptr_t compute(void *arg)
{
    struct check *c = arg;
    const char *got = crypt_r(c->password, c->hash, &c->data);

    c->right = got && got[0] != '*' && same(got, c->hash);
    return 0;
}

/* The result of compute, in its turn; or -ECANCELED, -ETIMEDOUT. */
static intptr_t compute_in_turn(struct check *c)
{
    static _Thread_local struct mr_sema turns;
    static _Thread_local bool made;
    intptr_t rc;

    if (!made)
        mr_sema_init_bounded(&turns, HASHES);
    made = true;
    rc = mr_sema_acquire(&turns, MR_NEVER);
    if (rc)
        return rc;
    rc = mr_offload(compute, c);
    mr_sema_release(&turns);
    return rc;
}

int mr_auth_check(const struct mr_auth *auth, struct mr_str user,
                  struct mr_str password)
{
    const struct user *u = NULL;
    struct check *c;
    intptr_t rc;

    for (size_t i = 0; i < auth->n && !u; i++) {
        if (mr_str_is(user, auth->users[i].name))
            u = &auth->users[i];
    }
    if (auth->n == 0 || password.n >= CRYPT_MAX_PASSPHRASE_SIZE ||
        mr_str_find(password, '\0') >= 0)
        return 0;
    c = mr_calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    if (password.n > 0)
        memcpy(c->password, password.p, password.n);
    c->hash = u ? u->hash : auth->users[0].hash; /* (2) */
    rc = compute_in_turn(c);
    if (rc == 0)
        rc = u && c->right;
    explicit_bzero(c, sizeof *c);
    mr_free(c);
    return (int)rc;
}

/* --- the field --- */

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* RFC 4648 4, padded or not; what is left over in the last digit is 0. */
static int decode(struct mr_str in, char *out, size_t *ret_n)
{
    unsigned bits = 0, have = 0;
    size_t n = 0;

    while (in.n > 0 && in.p[in.n - 1] == '=')
        in.n--;
    for (size_t i = 0; i < in.n; i++) {
        int d = digit(in.p[i]);

        if (d < 0)
            return -EINVAL;
        bits = (bits << 6 | (unsigned)d) & 0xfff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have);
        }
    }
    if (have >= 6 || (bits & ((1U << have) - 1)))
        return -EINVAL;
    *ret_n = n;
    return 0;
}

int mr_auth_basic(struct mr_arena *arena, struct mr_str field,
                  struct mr_str *ret_user, struct mr_str *ret_password)
{
    struct mr_str scheme, text;
    size_t n;
    char *out;

    if (!field.p || !mr_str_split(&field, ' ', &scheme) || !field.p ||
        !mr_str_is_case(scheme, "basic"))
        return -EINVAL;
    field = mr_str_trim(field);
    out = mr_arena_alloc(arena, field.n);
    if (!out)
        return -ENOMEM;
    if (decode(field, out, &n))
        return -EINVAL;
    text = mr_str_n(out, n);
    if (mr_str_find(text, ':') < 0)
        return -EINVAL;
    (void)mr_str_split(&text, ':', ret_user);
    *ret_password = text.p ? text : mr_str("");
    return 0;
}

int mr_auth_step(struct mr_request *req, struct mr_response *res, void *auth,
                 const struct mr_chain_at *next)
{
    const struct mr_auth *a = auth;
    struct mr_str user, password;
    int rc = mr_auth_basic(mr_request_arena(req),
                           mr_request_header(req, "authorization"), &user,
                           &password);

    if (rc == 0) {
        rc = mr_auth_check(a, user, password);
        if (rc == 1) {
            req->user = user;
            return mr_chain_next(next, req, res);
        }
    }
    if (rc < 0 && rc != -EINVAL)
        return rc;
    rc = mr_response_header(res, "WWW-Authenticate", a->challenge);
    return rc < 0 ? rc : mr_reply_status(res, MR_STATUS_UNAUTHORIZED);
}
