/* SPDX-License-Identifier: MIT */
/* test_auth.c - basic authentication, and the presets beside it. */
#include "http/auth.h"

#include <crypt.h>
#include <dlfcn.h>

#include "http/preset.h"
#include "http/request.h"
#include "http/response.h"
#include "tests/http/http_util.h"

/* "secret", bcrypt of the lowest cost, and "pass", SHA-512; made here. */
static char passwords[1024];

static const char *make_passwords(void)
{
    static const char *const of[][3] = {
        {"ann", "secret", "$2b$04$abcdefghijklmnopqrstuu"},
        {"bob", "pass", "$6$rounds=1000$salt"},
        {"nil", "", "$5$rounds=1000$salt"},
    };
    struct crypt_data data;
    size_t n = 0;

    for (size_t i = 0; i < MR_ARRAY_LEN(of); i++) {
        memset(&data, 0, sizeof data);
        n += (size_t)snprintf(
            passwords + n, sizeof passwords - n, "# who\n%s:%s%s\n\n", of[i][0],
            crypt_r(of[i][1], of[i][2], &data), i == 1 ? ":more" : "");
    }
    return passwords;
}

#define BC "$2b$04$abcdefghijklmnopqrstuuNcSPp7J.Rhy"

static const struct {
    const char *text;
    const char *why; /* NULL: fine */
    unsigned line;
} files[] = {
    {"", NULL, 0},
    {"# nobody\n\n", NULL, 0},
    {"a:" BC "\r\nb:" BC, NULL, 0},
    {"a:" BC "\nnonsense\n", "write user:hash", 2},
    {":" BC, "write user:hash", 1},
    {"a:" BC "\n\na:" BC, "there already", 3},
    {"a:plain", "no hash that", 1},
    {"a:rl0uE.n7S7KPQ", "no hash that", 1},
    {"a:", "no hash that", 1},
    {"a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "no hash that", 1},
    {"\na:$apr1$x$y", "Apache MD5", 2},
    {"a:$nonsense$x", "no hash that", 1},
};

TEST(auth_files)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(files); i++) {
        struct mr_auth *a;
        const char *why;
        unsigned line;
        int err = mr_auth_parse(&a, mr_str(files[i].text), "r", &line, &why);

        CASE("%s", files[i].text);
        EQ_INT(err, files[i].why ? -EBADMSG : 0);
        if (files[i].why) {
            EQ_INT(line, files[i].line);
            OK(strstr(why, files[i].why) != NULL);
        }
        mr_auth_free(a);
    }
}

TEST(auth_refuses)
{
    struct mr_auth *a;
    const char *why;
    unsigned line;
    int err = -ENOMEM;

    EQ_INT(mr_auth_parse(&a, mr_str(""), "a \"b\"", &line, &why), -EINVAL);
    EQ_INT(mr_auth_parse(&a, mr_str(""), "a\\b", &line, &why), -EINVAL);
    EQ_INT(mr_auth_load(&a, "/nonexistent", "r", &line, &why), -ENOENT);
    EQ_INT(mr_auth_load(&a, "/", "r", &line, &why), -EISDIR);
    for (unsigned n = 1; err == -ENOMEM && n < 20; n++) {
        mr_sys_fault(MR_SYS_ALLOC, n, -ENOMEM);
        err = mr_auth_parse(&a, mr_str("a:" BC), "r", &line, &why);
        mr_sys_fault_clear();
    }
    EQ_INT(err, 0);
    mr_auth_free(a);
    mr_auth_free(NULL);
}

static const struct {
    const char *field;
    const char *user; /* NULL: -EINVAL */
    const char *password;
} fields[] = {
    {"Basic YW5uOnNlY3JldA==", "ann", "secret"},
    {"basic  YW5uOnNlY3JldA", "ann", "secret"},
    {"Basic YTpiOmM=", "a", "b:c"},
    {"Basic Og==", "", ""},
    {"Basic YTo=", "a", ""},
    {"Basic YQ==", NULL, NULL},
    {"Basic ", NULL, NULL},
    {"Basic", NULL, NULL},
    {"", NULL, NULL},
    {"Bearer YTo=", NULL, NULL},
    {"Basic YT*=", NULL, NULL},
    {"Basic YTp", NULL, NULL}, /* bits left over */
    {"Basic YTo=A", NULL, NULL},
    {"Basic YTo6A", NULL, NULL},
};

TEST(auth_fields)
{
    struct mr_arena arena;

    mr_arena_init(&arena, 256);
    for (size_t i = 0; i < MR_ARRAY_LEN(fields); i++) {
        struct mr_str user, password;
        int err =
            mr_auth_basic(&arena, mr_str(fields[i].field), &user, &password);

        CASE("%s", fields[i].field);
        EQ_INT(err, fields[i].user ? 0 : -EINVAL);
        if (err)
            continue;
        OK(mr_str_is(user, fields[i].user));
        OK(mr_str_is(password, fields[i].password));
    }
    mr_arena_fini(&arena);
}

static int who(struct mr_request *req, struct mr_response *res, void *self)
{
    (void)self;
    return mr_reply(res, 200, NULL, mr_request_user(req));
}

static const struct {
    const char *fields;
    const char *who; /* NULL: 401 */
} asks[] = {
    {"Authorization: Basic YW5uOnNlY3JldA==\r\n", "ann"},
    {"Authorization: Basic Ym9iOnBhc3M=\r\n", "bob"},
    {"Authorization: Basic bmlsOg==\r\n", "nil"},
    {"Authorization: Basic YW5uOnBhc3M=\r\n", NULL},     /* ann:pass */
    {"Authorization: Basic YW5uOg==\r\n", NULL},         /* ann: */
    {"Authorization: Basic Y2Vk.nNlY3JldA==\r\n", NULL}, /* no base64 */
    {"Authorization: Basic Y2VkOnNlY3JldA==\r\n", NULL}, /* ced:secret */
    {"Authorization: Basic YW5uOnNlY3JldAB4\r\n", NULL}, /* secret NUL x */
    {"Authorization: Digest x\r\n", NULL},
    {"", NULL},
};

WEB(auth_over_the_wire)
{
    char request[512];
    struct mr_auth *a = NULL;
    struct mr_step steps[] = {{mr_security_step, NULL}, {mr_auth_step, NULL}};
    struct mr_chain chain = {steps, 2, who, NULL};
    const char *why;
    struct client *c;
    unsigned line;

    CHECK_EQ_INT(
        mr_auth_parse(&a, mr_str(make_passwords()), "staff", &line, &why), 0);
    steps[1].self = a;
    web_route(w, "/", mr_chain_run, &chain);
    c = client_new(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(asks); i++) {
        snprintf(request, sizeof request, REQUEST("GET /", "%s"),
                 asks[i].fields);
        CASE("%s", asks[i].fields);
        CHECK_EQ_INT(ask(c, request), asks[i].who ? 200 : 401);
        CHECK_EQ_STR(client_field(c, "X-Content-Type-Options"), "nosniff");
        CHECK_EQ_STR(client_field(c, "WWW-Authenticate"),
                     asks[i].who ? ""
                                 : "Basic realm=\"staff\", charset=\"UTF-8\"");
        if (asks[i].who)
            CHECK_EQ_STR(c->body, asks[i].who);
    }
    client_free(c);
    mr_auth_free(a);
}

/* How many are computed now, and were at most. */
static int computing, most;

/* In the place of libcrypt's, which it calls. */
char *crypt_r(const char *phrase, const char *setting, struct crypt_data *data)
{
    char *(*next)(const char *, const char *, struct crypt_data *);
    int now = __atomic_add_fetch(&computing, 1, __ATOMIC_RELAXED);
    char *got;

    if (now > __atomic_load_n(&most, __ATOMIC_RELAXED))
        __atomic_store_n(&most, now, __ATOMIC_RELAXED);
    *(void **)&next = dlsym(RTLD_NEXT, "crypt_r");
    got = next(phrase, setting, data);
    __atomic_sub_fetch(&computing, 1, __ATOMIC_RELAXED);
    return got;
}

static struct mr_auth *staff;

static intptr_t try_password(void *password)
{
    return mr_auth_check(staff, mr_str("ann"), mr_str(password));
}

/* Who tries many passwords at a time does not get all helpers. */
IN_HUB(auth_leaves_helpers_to_others)
{
    static char secret[] = "secret", wrong[] = "wrong";
    struct mr_coro *co[9];
    intptr_t rc = -1;
    const char *why;
    unsigned line;

    CHECK_EQ_INT(
        mr_auth_parse(&staff, mr_str(make_passwords()), "staff", &line, &why),
        0);
    most = 0;
    for (size_t i = 0; i < MR_ARRAY_LEN(co); i++)
        co[i] = mr_spawn(try_password, i % 3 ? wrong : secret);
    CHECK_EQ_INT(mr_yield(), 0);
    mr_cancel(co[8]); /* before its turn */
    for (size_t i = 0; i < MR_ARRAY_LEN(co); i++) {
        CASE("%zu", i);
        CHECK_EQ_INT(mr_join(co[i], &rc, MR_NEVER), 0);
        CHECK_EQ_INT(rc, i == 8 ? -ECANCELED : i % 3 == 0);
    }
    CHECK_OK(most >= 1 && most <= 2);
    CHECK_EQ_INT(try_password(secret), 1);
    mr_auth_free(staff);
    mr_offload_fini();
    return 0;
}

/* --- other origins --- */

static const char *const list[] = {"https://a.example", "http://b.example:81"};
static const char *const all[] = {"*"};

static const struct {
    const char *method;
    const char *fields;
    int status;
    const char *origin; /* that is allowed; "" none */
    const char *methods;
} cors_asks[] = {
    {"GET", "", 200, "", ""},
    {"GET", "Origin: https://a.example\r\n", 200, "https://a.example", ""},
    {"GET", "Origin: http://b.example:81\r\n", 200, "http://b.example:81", ""},
    {"GET", "Origin: https://evil.example\r\n", 200, "", ""},
    {"GET", "Origin: https://a.example.evil\r\n", 200, "", ""},
    {"GET", "Origin: null\r\n", 200, "", ""},
    {"OPTIONS",
     "Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n"
     "Access-Control-Request-Headers: x-a,x-b\r\n",
     204, "https://a.example", "PUT"},
    {"OPTIONS",
     "Origin: https://evil.example\r\nAccess-Control-Request-Method: PUT\r\n",
     200, "", ""},
    {"OPTIONS", "Origin: https://a.example\r\n", 200, "https://a.example", ""},
    {"GET",
     "Origin: https://a.example\r\nAccess-Control-Request-Method: PUT\r\n", 200,
     "https://a.example", ""},
};

WEB(auth_cors)
{
    struct mr_cors some = {list, 2, true}, any = {all, 1, false};
    struct mr_step one[] = {{mr_cors_step, &some}},
                   two[] = {{mr_cors_step, &any}};
    struct mr_chain first = {one, 1, who, NULL}, second = {two, 1, who, NULL};
    struct client *c;
    char request[512];

    web_route(w, "/", mr_chain_run, &first);
    web_route(w, "/any", mr_chain_run, &second);
    c = client_new(w);
    for (size_t i = 0; i < MR_ARRAY_LEN(cors_asks); i++) {
        bool allowed = *cors_asks[i].origin;

        snprintf(request, sizeof request, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n",
                 cors_asks[i].method, cors_asks[i].fields);
        CASE("%s %s", cors_asks[i].method, cors_asks[i].fields);
        CHECK_EQ_INT(ask(c, request), cors_asks[i].status);
        CHECK_EQ_STR(client_field(c, "Vary"), "Origin");
        CHECK_EQ_STR(client_field(c, "Access-Control-Allow-Origin"),
                     cors_asks[i].origin);
        CHECK_EQ_STR(client_field(c, "Access-Control-Allow-Credentials"),
                     allowed ? "true" : "");
        CHECK_EQ_STR(client_field(c, "Access-Control-Allow-Methods"),
                     cors_asks[i].methods);
        CHECK_EQ_STR(client_field(c, "Access-Control-Allow-Headers"),
                     *cors_asks[i].methods ? "x-a,x-b" : "");
    }
    CHECK_EQ_INT(ask(c, REQUEST("GET /any", "Origin: https://x\r\n")), 200);
    CHECK_EQ_STR(client_field(c, "Access-Control-Allow-Origin"), "*");
    CHECK_EQ_STR(client_field(c, "Vary"), "");
    client_free(c);
}

static const struct {
    const char *origin;
    bool credentials, fine;
} origins[] = {
    {"https://a.example", true, true},
    {"http://[::1]:80", false, true},
    {"*", false, true},
    {"*", true, false},
    {"a.example", false, false},
    {"https://a.example/", false, false},
    {"https://A.example", false, false},
    {"https://*.example", false, false},
    {"https://", false, false},
    {"://a", false, false},
    {"", false, false},
    {"https://a b", false, false},
};

TEST(auth_cors_origins)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(origins); i++) {
        const char *v[] = {origins[i].origin};
        struct mr_cors c = {v, 1, origins[i].credentials};

        CASE("%s", v[0]);
        EQ_INT(mr_cors_check(&c) == NULL, origins[i].fine);
    }
}

SUITE("auth", auth_files, auth_refuses, auth_fields, auth_over_the_wire,
      auth_leaves_helpers_to_others, auth_cors, auth_cors_origins)
TEST_MAIN()
