/* SPDX-License-Identifier: MIT */
/*
 * test_client_login.c - who asks: users, passwords, .netrc, cookies.
 */
#include "http/cookie_jar.h"
#include "http/netrc.h"
#include "tests/http/client_util.h"

/* The theatre's client in place of which one with these options is used. */
static void use_options(struct theatre *t, struct mr_client_options o)
{
    mr_call_close(t->call);
    t->call = NULL;
    mr_client_free(t->client);
    o.max_redirects = 3;
    CHECK_EQ_INT(mr_client_new(&t->client, &o, t->why), 0);
}

/* By the url's user, by the request's, by .netrc. base64 of who it is to be;
 * "": nobody. */
static const struct {
    const char *at; /* "u:p@" */
    const char *user, *password;
    const char *netrc;
    const char *want;
} logins[] = {
    {"", NULL, NULL, "", ""},
    {"u:p@", NULL, NULL, "", "dTpw"},
    {"u@", NULL, NULL, "", "dTo="},
    {"u:p@", "me", "pw", "", "bWU6cHc="},
    {"", "", "", "", "Og=="},
    {"", NULL, NULL, "machine 127.0.0.1 login u password p", "dTpw"},
    {"", NULL, NULL, "machine other login u password p", ""},
    {"u@", NULL, NULL, "machine 127.0.0.1 login u password p", "dTpw"},
    {"v@", NULL, NULL, "machine 127.0.0.1 login u password p", "djo="},
    {"v:q@", NULL, NULL, "machine 127.0.0.1 login u password p", "djpx"},
    {"", "me", "pw", "machine 127.0.0.1 login u password p", "bWU6cHc="},
};

CLIENT(users)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(logins); i++) {
        struct scene one = {.answers = {OK_HELLO}};
        struct mr_client_request r = {.user = mr_str(logins[i].user),
                                      .password = mr_str(logins[i].password)};
        char netrc_why[MR_NETRC_WHY], url[128], want[128];
        struct mr_netrc *n = NULL;
        const char *got;

        CASE("%s %s %s", logins[i].at, logins[i].user, logins[i].netrc);
        CHECK_EQ_INT(mr_netrc_parse(&n, mr_str(logins[i].netrc), netrc_why), 0);
        use_options(t, (struct mr_client_options){.netrc = n});
        play(t, &one, 1);
        snprintf(url, sizeof url, "http://%s127.0.0.1:%u/", logins[i].at,
                 mr_addr_port(&t->at));
        r.url = mr_str(url);
        CHECK_EQ_STR(call(t, &r), "200 hello");
        got = strstr(t->got[i], "\r\nAuthorization: Basic ");
        snprintf(want, sizeof want, "\r\nAuthorization: Basic %s\r\n",
                 logins[i].want);
        CHECK_OK(logins[i].want[0]
                     ? got && strncmp(got, want, strlen(want)) == 0
                     : !got);
        use_options(t, (struct mr_client_options){0});
        mr_netrc_free(n);
    }
    t->n = t->opened;
}

CLIENT(a_password_is_not_shown)
{
    char url[128];

    mr_fd_close(t->fd);
    t->fd = -1;
    snprintf(url, sizeof url, "http://u:secret@127.0.0.1:%u/",
             mr_addr_port(&t->at));
    CHECK_EQ_STR(call(t, &(struct mr_client_request){.url = mr_str(url)}),
                 "!ECONNREFUSED");
    CHECK_OK(!strstr(t->why, "secret"));
}

CLIENT(cookies)
{
    struct mr_cookie_jar *jar = NULL;
    struct mr_field own = {mr_str("cookie"), mr_str("mine=1")};

    CHECK_EQ_INT(mr_cookie_jar_new(&jar), 0);
    use_options(t, (struct mr_client_options){.jar = jar});
    PLAY({.answers = {"HTTP/1.1 302 Go\r\nLocation: /b\r\nSet-Cookie: a=1\r\n"
                      "Set-Cookie: b=2; Path=/b\r\nSet-Cookie: =\r\n"
                      "Content-Length: 0\r\n\r\n",
                      OK_HELLO, OK_HELLO, OK_HELLO}});
    CHECK_EQ_STR(get(t, "/"), "200 hello");
    CHECK_OK(!strstr(t->got[0], "\r\nCookie:"));
    CHECK_OK(strstr(t->got[1], "\r\nCookie: b=2; a=1\r\n"));
    CHECK_EQ_STR(get(t, "/c"), "200 hello");
    CHECK_OK(strstr(t->got[2], "\r\nCookie: a=1\r\n"));
    CHECK_EQ_STR(
        call(t, &(struct mr_client_request){.url = mr_str(url_of(t, "/")),
                                            .fields = &own,
                                            .n_fields = 1}),
        "200 hello");
    CHECK_OK(strstr(t->got[3], "\r\ncookie: mine=1\r\n"));
    CHECK_OK(!strstr(t->got[3], "a=1"));
    use_options(t, (struct mr_client_options){0});
    mr_cookie_jar_free(jar);
}

SUITE("users", users, a_password_is_not_shown)
SUITE("cookies", cookies)
TEST_MAIN()
