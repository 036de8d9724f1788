/* SPDX-License-Identifier: MIT */
/* test_netrc.c - .netrc files, as curl reads them. */
#include "tests/test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys.h"
#include "http/netrc.h"

#define SIMPLE "machine a.com login me password secret\n"

static const struct {
    const char *text;
    const char *host, *user;      /* asked for; user NULL: any */
    const char *login, *password; /* NULL: absent; both: not found */
} finds[] = {
    {SIMPLE, "a.com", NULL, "me", "secret"},
    {SIMPLE, "A.COM", NULL, "me", "secret"},
    {SIMPLE, "b.com", NULL, NULL, NULL},
    {SIMPLE, "x.a.com", NULL, NULL, NULL},
    {SIMPLE, "a.com", "me", "me", "secret"},
    {SIMPLE, "a.com", "Me", NULL, NULL},
    {"machine a.com\n\tlogin\n me\r\n\tpassword secret", "a.com", NULL, "me",
     "secret"},
    {"MACHINE a.com Login me PassWord s", "a.com", NULL, "me", "s"},
    {"machine a.com password s login me", "a.com", NULL, "me", "s"},
    {"machine a.com login me account x password s", "a.com", NULL, "me", "s"},
    {"machine a.com login me account login password s", "a.com", NULL, "me",
     "s"},
    {"machine a.com login login password password", "a.com", NULL, "login",
     "password"},
    {"machine a.com login me", "a.com", NULL, "me", NULL},
    {"machine a.com password s", "a.com", NULL, NULL, "s"},
    {"machine a.com machine b.com login x", "a.com", NULL, NULL, NULL},
    {"machine a.com login x login y password p password q", "a.com", NULL, "x",
     "p"},
    {"machine a.com login me port 8080 password s", "a.com", NULL, "me", "s"},
    {"login x password y " SIMPLE, "a.com", NULL, "me", "secret"},
    {"", "a.com", NULL, NULL, NULL},
    {"\n \t\n", "a.com", NULL, NULL, NULL},
    /* which of several */
    {SIMPLE "machine a.com login you password p2", "a.com", NULL, "me",
     "secret"},
    {SIMPLE "machine a.com login you password p2", "a.com", "you", "you", "p2"},
    {SIMPLE "default login d password q", "b.com", NULL, "d", "q"},
    {SIMPLE "default login d password q", "a.com", NULL, "me", "secret"},
    {SIMPLE "default login d password q", "a.com", "d", "d", "q"},
    {"default login d password q\n" SIMPLE, "a.com", NULL, "d", "q"},
    {"default login d password q\n" SIMPLE, "a.com", "me", "me", "secret"},
    /* remarks */
    {"# machine a.com login x\n" SIMPLE, "a.com", NULL, "me", "secret"},
    {"machine a.com # login x\nlogin me password s #t", "a.com", NULL, "me",
     "s"},
    {"machine a.com login me password s#t", "a.com", NULL, "me", "s#t"},
    /* quotes */
    {"machine \"a.com\" login \"m e\" password \"a \\\"b\\\" #c\"", "a.com",
     NULL, "m e", "a \"b\" #c"},
    {"machine a.com login me password \"\\n\\r\\t\\\\\\x\"", "a.com", NULL,
     "me", "\n\r\t\\x"},
    {"machine a.com login me password \"\"", "a.com", NULL, "me", ""},
    {"machine a.com login me password s\"t\"", "a.com", NULL, "me", "s\"t\""},
    {"machine a.com login me password s\\t", "a.com", NULL, "me", "s\\t"},
    {"machine a.com login \"me\"password s", "a.com", NULL, "me", "s"},
    /* macros */
    {"macdef m\nmachine a.com login x\npassword y\n\n" SIMPLE, "a.com", NULL,
     "me", "secret"},
    {"macdef m\r\nmachine a.com login x\r\n\r\n" SIMPLE, "a.com", NULL, "me",
     "secret"},
    {"machine a.com macdef m\n x\n\nlogin me password s", "a.com", NULL, "me",
     "s"},
    {"macdef m\n\n" SIMPLE, "a.com", NULL, "me", "secret"},
    {"macdef m\nmachine a.com login x", "a.com", NULL, NULL, NULL},
    {"macdef", "a.com", NULL, NULL, NULL},
};

static void check_part(const char *name, struct mr_str got, const char *want)
{
    if (!want || !got.p)
        CHECK_EQ_STR(got.p ? name : "absent", want ? name : "absent");
    else
        CHECK_EQ_MEM(got.p, got.n, want, strlen(want));
}

TEST(netrc_find)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(finds); i++) {
        size_t size = strlen(finds[i].text);
        char *text = test_at_page_end(finds[i].text, size);
        struct mr_str login = {0}, password = {0};
        char why[MR_NETRC_WHY] = "?";
        struct mr_netrc *n;

        CASE("%s: %s %s", finds[i].text, finds[i].host,
             finds[i].user ? finds[i].user : "");
        EQ_INT(mr_netrc_parse(&n, mr_str_n(text, size), why), 0);
        EQ_STR(why, "");
        test_page_free(text, size); /* it need not stay */
        EQ_INT(mr_netrc_find(n, mr_str(finds[i].host), mr_str(finds[i].user),
                             &login, &password),
               finds[i].login || finds[i].password);
        check_part("login", login, finds[i].login);
        check_part("password", password, finds[i].password);
        mr_netrc_free(n);
    }
}

static const struct {
    const char *text, *why;
} bad[] = {
    {"machine", "line 1: nothing follows \"machine\""},
    {"\nmachine a\n login\n\n", "line 5: nothing follows \"login\""},
    {"machine a\nlogin \"x\npassword y\"", "line 2: a '\"' without its end"},
    {"machine a login \"", "line 1: a '\"' without its end"},
    {"machine a login \"\\", "line 1: a '\"' without its end"},
    {"\"machine", "line 1: a '\"' without its end"},
    {"macdef a\nb\n\n\"", "line 4: a '\"' without its end"},
    {"machine a password # x", "line 1: nothing follows \"password\""},
};

TEST(netrc_bad)
{
    for (size_t i = 0; i < MR_ARRAY_LEN(bad); i++) {
        char why[MR_NETRC_WHY] = "?";
        struct mr_netrc *n;

        CASE("%s", bad[i].text);
        EQ_INT(mr_netrc_parse(&n, mr_str(bad[i].text), why), -EINVAL);
        OK(n == NULL);
        EQ_STR(why, bad[i].why);
    }
}

TEST(netrc_none)
{
    struct mr_str user, password;

    OK(!mr_netrc_find(NULL, mr_str("a"), mr_str(NULL), &user, &password));
    mr_netrc_free(NULL);
}

TEST(netrc_load)
{
    char path[] = "/tmp/test_netrc.XXXXXX", why[MR_NETRC_WHY], want[128];
    struct mr_netrc *n;
    struct mr_str user, password;
    int fd = mkstemp(path);

    MR_BUG_ON(fd < 0 || write(fd, SIMPLE, strlen(SIMPLE)) < 0);
    EQ_INT(mr_netrc_load(&n, path, why), 0);
    EQ_STR(why, "");
    OK(mr_netrc_find(n, mr_str("a.com"), mr_str(NULL), &user, &password));
    mr_netrc_free(n);

    EQ_INT(fchmod(fd, 0644), 0);
    EQ_INT(mr_netrc_load(&n, path, why), 0);
    snprintf(want, sizeof want,
             "%s can be read by others (mode 0644): chmod 600 it", path);
    EQ_STR(why, want);
    mr_netrc_free(n);

    MR_BUG_ON(write(fd, "login", 5) != 5);
    EQ_INT(mr_netrc_load(&n, path, why), -EINVAL);
    snprintf(want, sizeof want, "%s: line 2: nothing follows \"login\"", path);
    EQ_STR(why, want);
    OK(n == NULL);

    EQ_INT(ftruncate(fd, (off_t)MR_NETRC_MAX + 1), 0);
    EQ_INT(mr_netrc_load(&n, path, why), -EFBIG);
    OK(strstr(why, "too large"));
    close(fd);
    EQ_INT(unlink(path), 0);
    EQ_INT(mr_netrc_load(&n, path, why), -ENOENT);
    OK(strstr(why, "no such file"));
    EQ_INT(mr_netrc_load(&n, "/tmp", why), -EISDIR);
}

TEST(netrc_no_memory)
{
    for (unsigned nth = 1;; nth++) {
        char why[MR_NETRC_WHY] = "";
        struct mr_netrc *n;
        int rc;

        CASE("allocation %u", nth);
        mr_sys_fault(MR_SYS_ALLOC, nth, -ENOMEM);
        rc = mr_netrc_parse(&n, mr_str(SIMPLE), why);
        mr_sys_fault_clear();
        mr_netrc_free(n);
        if (rc == 0) {
            OK(nth > 3);
            return;
        }
        EQ_INT(rc, -ENOMEM);
        EQ_STR(why, "out of memory");
    }
}

SUITE("netrc", netrc_find, netrc_bad, netrc_none, netrc_load, netrc_no_memory)
TEST_MAIN()
