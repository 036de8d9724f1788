/* SPDX-License-Identifier: MIT */

/*
 * test_get.c - mrget as a program, against a server that misbehaves
 * (tests/bad/bad.h): what it writes, what it tells, how it ends.
 *
 * The server runs in the test, mrget is its child, in a directory of the test's
 * own.
 *
 * over budget: tables, of one program's behaviour.
 */
#include <sys/stat.h>

#include "io/digest.h"
#include "tests/apps/get_util.h"

/* --- one file, and what may happen to it --- */

static const struct {
    const char *query; /* of /f */
    const char *option;
    int status;
    bool whole; /* the file is there, and right */
    const char *words;
} files[] = {
    {"size=10K", NULL, 0, true, "f: 10.0 KiB"},
    {"size=0", NULL, 0, true, "f: 0 B"},
    {"size=3M", NULL, 0, true, "f: 3.0 MiB"},
    {"size=3M&frame=chunked", NULL, 0, true, "f: "},
    {"size=3M&frame=close&http=1.0", NULL, 0, true, "f: "},
    {"size=3M&do=reset&at=1M&times=2", NULL, 0, true, "again in"},
    {"size=3M&do=cut&at=1M&times=2", NULL, 0, true, "1,048,576 of 3,145,728"},
    {"size=3M&do=cut&at=1M&times=2&etag=none", NULL, 0, true, "again in"},
    {"size=3M&do=cut&at=1M&times=2&etag=weak", NULL, 0, true, "again in"},
    {"size=3M&do=cut&at=1M&times=1&ranges=no", NULL, 0, true, "again in"},
    {"size=3M&do=cut&at=1M", "--retry=0", 4, false, "-c goes on"},
    {"size=3M&length=4194304&then=close", "--retry=1", 4, false, "ended after"},
    {"size=3M&frame=chunked&do=cut&at=1M", "--retry=1", 4, false, "cut"},
    {"size=3M&frame=chunked&chunks=garbage&at=1M", NULL, 7, false, "chunk"},
    {"size=3M&frame=both", NULL, 7, false, "Transfer-Encoding"},
    {"status=404", NULL, 8, false, "404 Not Found"},
    {"status=401", NULL, 6, false, "401"},
    {"status=503&times=2&retry=0", NULL, 0, true, "503"},
    {"status=429&times=1&retry_date=0", NULL, 0, true, "429"},
    {"status=500", "--retry=2", 8, false, "(2 of 2)"},
    {"head=none&do=cut&times=1", NULL, 0, true, "f: "},
    {"head=half&do=cut", "--retry=1", 4, false, "f"},
    {"size=3M", "-x4", 0, true, "f: "},
    {"size=9M&ranges=no", "-x4", 0, true, "f: "},
    {"size=9M&ranges=shifted", "-x4", 0, true, "f: "},
    {"size=9M&ranges=total", "-x4", 0, true, "f: "},
    {"size=9M&ranges=short", "-x4", 0, true, "f: "},
    {"size=9M&ranges=multipart", "-x4", 0, true, "f: "},
    {"size=9M&ranges=refused", "-x4", 0, true, "f: "},
    {"size=9M&ranges=garbage", "-x4", 0, true, "f: "},
    {"size=9M&ranges=unasked", "-x4", 7, false, "206"},
    {"size=9M&do=cut&at=300000&times=20", "-x4", 0, true, "f: "},
    {"size=9M&do=reset&at=300000&times=20", "-x3", 0, true, "f: "},
    {"size=3M&needs=X-Key:%20a", "--header=X-Key: a", 0, true, "f: "},
    {"size=3M&login=dTpwOnc=", "--user=u:p:w", 0, true, "f: "},
    {"size=3M", "--limit-rate=100M", 0, true, "f: "},
    {"size=3M&hops=3", NULL, 0, true, "f: "},
    {"size=3M&hops=30", NULL, 7, false, "redirect"},
    {"size=3M&hops=3", "--max-redirect=2", 7, false, "redirect"},
    {"size=3M&piece=64K&every=10ms&frame=chunked", "--max-time=200ms", 4, false,
     "--max-time"},
    {"do=stall&at=100", "--timeout=100ms", 4, false, "again in"},
};

IN_HUB(files_one_by_one)
{
    if (!begin(NULL))
        return 0;
    for (size_t i = 0; i < MR_ARRAY_LEN(files); i++) {
        char url[512];
        uint64_t size = 64 * 1024;
        struct mr_str rest = mr_str(files[i].query), part;
        int status;

        CASE("%s %s", files[i].query, files[i].option);
        while (mr_str_split(&rest, '&', &part)) {
            if (mr_str_starts(part, "size="))
                CHECK_EQ_INT(
                    mr_str_to_size(mr_str_n(part.p + 5, part.n - 5), &size), 0);
        }
        snprintf(url, sizeof url, "@/%zu/f?%s", i, files[i].query);
        status = files[i].option ? RUN(url, files[i].option) : RUN(url);
        CHECK_EQ_INT(status, files[i].status);
        CHECK_OK(has_file("f", size, files[i].whole ? 1 : 0));
        CHECK_OK(says(&err, files[i].words));
        CHECK_EQ_INT(out.len, 0);
        snprintf(url, sizeof url, "rm -f '%s/'*", dir);
        CHECK_EQ_INT(system(url), 0);
    }
    end();
    return 0;
}

IN_HUB(goes_on_where_it_stopped)
{
    const struct bad_path *p;

    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/f?size=4M&do=cut&at=3M&times=1", "--retry=0"), 4);
    CHECK_OK(has_file("f", 0, 0));
    CHECK_EQ_INT(RUN("@/f?size=4M&do=cut&at=3M&times=1", "-c"), 0);
    CHECK_OK(has_file("f", 4 << 20, 1));
    p = bad_path(bad, "/f");
    CHECK_EQ_INT(p->ranges, 1);
    CHECK_EQ_INT(p->bytes, 4 << 20);
    /* It is there: nothing is asked. */
    CHECK_EQ_INT(RUN("@/f?size=4M", "-c"), 0);
    CHECK_OK(says(&err, "f: it is there already"));
    CHECK_EQ_INT(p->requests, 2);
    /* Without -c that is a mistake, and the file stays. */
    CHECK_EQ_INT(RUN("@/f?size=1M&seed=2"), 3);
    CHECK_OK(has_file("f", 4 << 20, 1));
    CHECK_EQ_INT(RUN("@/f?size=1M&seed=2", "--auto-number"), 0);
    CHECK_OK(has_file("f.1", 1 << 20, 2));
    CHECK_EQ_INT(RUN("@/f?size=1M&seed=2", "--overwrite"), 0);
    CHECK_OK(has_file("f", 1 << 20, 2));
    end();
    return 0;
}

IN_HUB(a_source_that_changed_is_begun_anew)
{
    if (!begin(NULL))
        return 0;
    /* Cut, then another version: within one run, and between two. */
    CHECK_EQ_INT(RUN("@/1/f?size=4M&changes=1&do=cut&at=3M&times=1"), 0);
    CHECK_OK(has_file("f", 4 << 20, 2));
    CHECK_OK(says(&err, "f: it has changed at its source: it begins anew"));
    CHECK_EQ_INT(
        RUN("@/2/g?size=4M&changes=1&do=cut&at=3M&times=1", "--retry=0"), 4);
    CHECK_EQ_INT(RUN("@/2/g?size=4M&changes=1&resize=2M", "-c"), 0);
    CHECK_OK(has_file("g", 2 << 20, 2));
    CHECK_OK(says(&err, "g: what is there came from another URL"));
    /* Shorter than what is there. */
    CHECK_EQ_INT(RUN("@/3/h?size=4M&do=cut&at=3M", "--retry=0"), 4);
    CHECK_EQ_INT(RUN("@/3/h?size=1M&seed=3", "-c"), 0);
    CHECK_OK(has_file("h", 1 << 20, 3));
    end();
    return 0;
}

/* This build has OpenSSL. */
static bool has_digests(void)
{
    struct mr_digest *d;

    if (mr_digest_new(&d, MR_DIGEST_SHA256) != 0)
        return false;
    mr_digest_free(d);
    return true;
}

static bool skip_without_digests(void)
{
    return !has_digests() && !test_skip("OpenSSL is not in this build");
}

static const char empty[] =
    "sha256="
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* Where a sum cannot be computed nothing is asked for: by OpenSSL's policy, or
 * as there is no OpenSSL in this build. */
IN_HUB(no_checksums_here)
{
    char path[128];
    FILE *f;

    if (!begin(NULL))
        return 0;
    snprintf(path, sizeof path, "%s/policy", dir);
    f = fopen(path, "w");
    CHECK_OK(f && fputs("openssl_conf = all\n[all]\nalg_section = evp\n"
                        "[evp]\ndefault_properties = fips=yes\n",
                        f) > 0);
    CHECK_OK(f && fclose(f) == 0);
    setenv("OPENSSL_CONF", path, 1);
    CHECK_EQ_INT(RUN("@/a?size=0", "--checksum", empty), 2);
    CHECK_OK(says(&err, "--checksum: no sha256 here"));
    unsetenv("OPENSSL_CONF");
    CHECK_EQ_PTR(bad_path(bad, "/a"), NULL);
    end();
    return 0;
}

IN_HUB(checksums)
{
    if (skip_without_digests() || !begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/a?size=0", "--checksum", empty), 0);
    CHECK_OK(has_file("a", 0, 1));
    CHECK_EQ_INT(RUN("@/b?size=1M", "--checksum", empty), 9);
    CHECK_OK(has_file("b", 0, 0));
    CHECK_OK(says(&err, "checksum"));
    CHECK_EQ_INT(RUN("@/b?size=1M", "--checksum", "sha256=12"), 2);
    CHECK_EQ_INT(RUN("@/b?size=1M", "--checksum", empty, "-o", "-"), 9);
    end();
    return 0;
}

/* sha256=... of a file of the bad server's. */
static const char *sum_of(const char *name)
{
    static char text[MR_CHECKSUM_TEXT];
    char path[160], buf[4096];
    struct mr_digest *digest;
    struct mr_checksum sum;
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    f = fopen(path, "r");
    if (!f || mr_digest_new(&digest, MR_DIGEST_SHA256) != 0)
        return "";
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        CHECK_EQ_INT(mr_digest_add(digest, buf, n), 0);
    CHECK_EQ_INT(mr_digest_end(digest, &sum), 0);
    mr_digest_free(digest);
    (void)fclose(f);
    mr_checksum_format(text, &sum);
    return text;
}

/* With -c: nothing is asked for it, and it stays as it is. */
IN_HUB(a_file_that_is_there_is_checked)
{
    static const char other[] = "sha1="
                                "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    const char *right;
    char fifo[128];

    if (skip_without_digests() || !begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/f?size=12M"), 0); /* more than one piece */
    right = sum_of("f");
    CHECK_EQ_INT(RUN("@/f?size=12M", "-c", "--checksum", right), 0);
    CHECK_OK(says(&err, "f: it is there already, and its checksum is right"));
    CHECK_EQ_INT(
        RUN("@/f?size=12M", "-c", "--max-time=1ms", "--checksum", right), 4);
    CHECK_OK(says(&err, "--max-time"));
    CHECK_EQ_INT(bad_path(bad, "/f")->requests, 1);
    CHECK_EQ_INT(RUN("@/g?size=12M&seed=2"), 0);
    CHECK_EQ_INT(RUN("@/g?size=12M", "-c", "--checksum", right), 9);
    CHECK_OK(says(&err, "g: is there already, and its checksum is wrong: it "
                        "has sha256="));
    CHECK_EQ_INT(bad_path(bad, "/g")->requests, 1);
    CHECK_OK(has_file("g", 12 << 20, 2));
    CHECK_EQ_INT(RUN("@/g?size=12M", "-c", "--overwrite", "--checksum", right),
                 0);
    CHECK_OK(has_file("g", 12 << 20, 1));
    snprintf(fifo, sizeof fifo, "%s/pipe", dir);
    CHECK_EQ_INT(mkfifo(fifo, 0600), 0);
    CHECK_EQ_INT(RUN("@/pipe?size=1K", "-c", "--checksum", right), 3);
    CHECK_OK(says(&err, "pipe: is there already, and its checksum is not "
                        "known: it is no file"));
    CHECK_EQ_INT(RUN("@/x?size=1M&field=Content-Disposition:%20attachment;%20"
                     "filename=f",
                     "-c", "--checksum", other),
                 9);
    CHECK_OK(says(&err, "f: is there already, and its checksum is wrong: it "
                        "has sha1="));
    CHECK_OK(has_file("f", 12 << 20, 1));
    end();
    return 0;
}

IN_HUB(mirrors)
{
    if (!begin(NULL))
        return 0;
    /* A good one, one that is cut all the time, one that is gone, one that has
     * another file: all of it right. */
    CHECK_EQ_INT(RUN("--mirror", "-x", "4", "@/1/f?size=9M",
                     "@/2/f?size=9M&do=cut&at=100000", "@/3/f?status=404",
                     "@/4/f?size=9M&seed=2"),
                 0);
    CHECK_OK(has_file("f", 9 << 20, 1));
    CHECK_EQ_INT(RUN("--mirror", "@/5/g?status=404", "@/6/g?size=9M"), 0);
    CHECK_OK(has_file("g", 9 << 20, 1));
    CHECK_OK(says(&err, "this mirror is dropped"));
    CHECK_EQ_INT(RUN("--mirror", "@/7/h?status=404", "@/8/h?status=404"), 8);
    CHECK_OK(has_file("h", 0, 0));
    end();
    return 0;
}

/* --- several --- */

/* The lead loses its lane, and its mirror, while a helper asks the other one
 * for the second half of that: no byte is fetched by both. */
IN_HUB(a_lane_cut_while_a_helper_asks)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("--mirror", "-x", "2", "@/1/f?size=9M&do=cut&at=1M",
                     "@/2/f?size=9M&wait=200ms&piece=128K&every=10ms"),
                 0);
    CHECK_OK(has_file("f", 9 << 20, 1));
    CHECK_OK(bad_path(bad, "/2/f")->bytes < 9 << 20);
    end();
    return 0;
}

IN_HUB(many_at_once)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/{a,b}[08-11].x?size=100K", "-j3", "-J2"), 0);
    CHECK_OK(has_file("a08.x", 100 << 10, 1));
    CHECK_OK(has_file("b11.x", 100 << 10, 1));
    CHECK_OK(bad_stat(bad)->most_live <= 2);
    CHECK_OK(says(&err, "8 files, 800.0 KiB; 0 failed"));
    CHECK_EQ_INT(RUN("@/[1-2]/n?size=1K", "-o", "n-#1"), 0);
    CHECK_OK(has_file("n-2", 1024, 1));
    end();
    return 0;
}

IN_HUB(one_that_fails_is_one)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/a?size=1K", "@/b?status=404", "nope://x/",
                     "http://127.0.0.1:1/", "--retry=0", "@/c?size=1K",
                     "@/x/c?size=1K"),
                 2);
    CHECK_OK(has_file("a", 1024, 1));
    CHECK_OK(has_file("c", 1024, 1));
    CHECK_OK(says(&err, "nope://x/: "));
    CHECK_OK(says(&err, "404 Not Found"));
    CHECK_OK(says(&err, "connection refused"));
    CHECK_OK(says(&err, "c: another URL has this name, so http://"));
    /* of the two, whose answer comes later */
    CHECK_OK(says(&err, "c?size=1K is not fetched"));
    end();
    return 0;
}

IN_HUB(lists)
{
    char list[512];

    if (!begin(NULL))
        return 0;
    snprintf(list, sizeof list,
             "# films\n%s/x/a?size=1K\n\n1.mp4 %s/b?size=2K\r\n"
             "%s/c?size=3K second film.mp4\nnonsense\n%s/d?size=4K",
             base, base, base, base);
    CHECK_EQ_INT(RUN_WITH(list, "-i", "-"), 2);
    CHECK_OK(has_file("a", 1024, 1));
    CHECK_OK(has_file("1.mp4", 2048, 1));
    CHECK_OK(has_file("second film.mp4", 3072, 1));
    CHECK_OK(has_file("d", 4096, 1));
    CHECK_OK(says(&err, ":6: "));
    CHECK_EQ_INT(RUN("-i", "/nowhere"), 3);
    end();
    return 0;
}

IN_HUB(names_of_servers)
{
    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/a?size=1K&field=Content-Disposition:%20attachment;%20"
                     "filename=\"../../b.txt\""),
                 0);
    CHECK_OK(has_file("b.txt", 1024, 1));
    CHECK_EQ_INT(RUN("@/a?size=1K&field=Content-Disposition:%20attachment;%20"
                     "filename=\"c.txt\"",
                     "--no-content-disposition"),
                 0);
    CHECK_OK(has_file("a", 1024, 1));
    CHECK_EQ_INT(RUN("@/a?size=1K", "-o", "sub/x"), 3);
    CHECK_EQ_INT(RUN("@/?size=1K"), 0);
    CHECK_OK(has_file("index.html", 1024, 1));
    end();
    return 0;
}

/* --- what is told --- */

IN_HUB(to_standard_output)
{
    static char want[3 << 20];

    if (!begin(NULL))
        return 0;
    bad_fill(want, sizeof want, 0, 1);
    CHECK_EQ_INT(RUN("@/f?size=3M&do=cut&at=1M&times=1", "-o", "-"), 0);
    CHECK_EQ_MEM(mr_buf_head(&out), out.len, want, sizeof want);
    /* What is out cannot be begun anew. */
    CHECK_EQ_INT(RUN("@/g?size=3M&do=cut&at=1M&times=1&etag=none", "-o", "-"),
                 4);
    CHECK_EQ_MEM(mr_buf_head(&out), out.len, want, 1 << 20);
    CHECK_OK(says(&err, "stays short"));
    end();
    return 0;
}

IN_HUB(the_tutorials_words)
{
    char want[512];

    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(RUN("@/a?size=1234", "--tutorial"), 0);
    snprintf(want, sizeof want,
             "GET: %s/a?size=1234\n1234 bytes received from %s/a?size=1234.\n",
             base, base);
    CHECK_EQ_MEM(mr_buf_head(&out), out.len, want, strlen(want));
    CHECK_EQ_INT(err.len, 0);
    CHECK_EQ_INT(RUN("@/b?status=404", "--tutorial"), 8);
    CHECK_OK(says(&err, "404"));
    CHECK_EQ_INT(RUN("@/c?size=1K", "--quiet"), 0);
    CHECK_EQ_INT(out.len + err.len, 0);
    end();
    return 0;
}

IN_HUB(events)
{
    struct mr_str rest, line;
    int lines = 0;

    if (!begin(NULL))
        return 0;
    CHECK_EQ_INT(
        RUN("@/a?size=1K&do=cut&at=500&times=1", "@/b?status=404", "--json"),
        8);
    CHECK_EQ_INT(err.len, 0);
    rest = mr_buf_view(&out);
    while (mr_str_split(&rest, '\n', &line) && line.n > 0) {
        CHECK_OK(mr_str_starts(line, "{\"event\":\""));
        CHECK_OK(mr_str_ends(line, "}"));
        lines++;
    }
    CHECK_EQ_INT(lines, 6);
    CHECK_OK(says(&out, "{\"event\":\"start\",\"id\":1,\"url\":\"http://"));
    CHECK_OK(says(&out, "{\"event\":\"retry\",\"id\":1,"));
    CHECK_OK(says(&out, ",\"retry\":1,\"of\":5}\n"));
    CHECK_OK(says(&out, "\"file\":\"a\",\"bytes\":1024,\"ms\":"));
    CHECK_OK(says(&out, "{\"event\":\"error\",\"id\":2,"));
    CHECK_OK(says(&out, "\"outcome\":\"server\",\"exit\":8,\"error\":\"http"));
    CHECK_OK(says(&out, ",\"kept\":false}\n"));
    CHECK_OK(says(&out, "{\"event\":\"end\",\"done\":1,\"failed\":1,"
                        "\"bytes\":1024,\"exit\":8}\n"));
    end();
    return 0;
}

/* --- the command line --- */

IN_HUB(the_command_line)
{
    const struct {
        const char *a, *b, *c;
        int status;
        const char *words;
    } cases[] = {
        {"--help", NULL, NULL, 0, NULL},
        {"--version", NULL, NULL, 0, NULL},
        {NULL, NULL, NULL, 2, "nothing to get"},
        {"--nope", NULL, NULL, 2, "'--nope': there is none such"},
        {"-qZc", "@/a", NULL, 2, "option '-Z': there is none such"},
        {"-q\303\244", "@/a", NULL, 2, "'-q\303\244': there is none such"},
        {"-\344", "@/a", NULL, 2, "'-\344': there is none such"},
        {"-A", "a\nX: y", "@/a", 2, "a line of text"},
        {"-A", " a", "@/a", 2, "a line of text"},
        {"--json=1", "@/a", NULL, 2, "--json '1': it takes no value"},
        {"--js=1", "@/a", NULL, 2, "--json '1': it takes no value"},
        {"-j", NULL, NULL, 2, "option '-j': it needs a value"},
        {"-qj", NULL, NULL, 2, "option '-j': it needs a value"},
        {"--jobs", NULL, NULL, 2, "option '--jobs': it needs a value"},
        {"-j", "0", "@/a", 2, "a whole number from 1 to 10000"},
        {"-x", "65", "@/a", 2, "a whole number from 1 to 64"},
        {"--limit-rate", "fast", "@/a", 2, "bytes a second"},
        {"--timeout", "0", "@/a", 2, "a time such as"},
        {"--timeout", "never", "@/a", 2, "a time such as"},
        {"--header", "nothing", "@/a", 2, "'Name: value'"},
        {"--header", "a b: c", "@/a", 2, "'Name: value'"},
        {"-H", "range: bytes=0-1", "@/a", 2, "parts are asked for is mrget's"},
        {"-H", "Accept-Encoding: br", "@/a", 2, "--compressed asks for it"},
        {"--user", "name", "@/a", 2, "NAME:PASSWORD"},
        {"-o", "x", "@/a", 0, NULL},
        {"-o", "", "@/a", 2, "a name, or -"},
        {"-co", "-", "@/a", 2, "cannot be resumed"},
        {"-o", "..", "@/a", 2, "no name for a file"},
        {"--cacert", "/nowhere.pem", "@/a", 3,
         has_digests() ? "/nowhere.pem" : "without TLS"},
        {"--proxy", "socks5://h/", "@/a", 2, "socks5"},
        {"--load-cookies", "/nowhere", "@/a", 3, "/nowhere"},
        {"-d", "/nowhere", "@/a", 3, "/nowhere: No such file"},
        {"http://[::1/", NULL, NULL, 2, "http://[::1/"},
        {"@/{a", NULL, NULL, 2, "/{a"},
    };

    if (!begin(NULL))
        return 0;
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        CASE("%s %s %s", cases[i].a, cases[i].b, cases[i].c);
        CHECK_EQ_INT(RUN(cases[i].a, cases[i].b, cases[i].c), cases[i].status);
        if (cases[i].words)
            CHECK_OK(says(&err, cases[i].words));
        if (cases[i].status == 2 && cases[i].words)
            CHECK_EQ_INT(out.len, 0);
    }
    end();
    return 0;
}

/* An option stands for its variable; of the others, an empty one is as none. */
IN_HUB(proxies_by_option_and_variable)
{
    static const struct {
        const char *no, *NO, *option;
        int status;
    } cases[] = {
        {NULL, NULL, NULL, 4},
        {"", "127.0.0.1", NULL, 0},
        {"127.0.0.1", "else", NULL, 0},
        {"else", "127.0.0.1", NULL, 4},
        {"else", "else", "--no-proxy=127.0.0.1", 0},
        {"127.0.0.1", "127.0.0.1", "--no-proxy=", 4},
    };

    if (!begin(NULL))
        return 0;
    for (size_t i = 0; i < MR_ARRAY_LEN(cases); i++) {
        const char *option = cases[i].option ? cases[i].option : "-q";

        CASE("no_proxy=%s NO_PROXY=%s %s", cases[i].no, cases[i].NO, option);
        unsetenv("no_proxy");
        unsetenv("NO_PROXY");
        if (cases[i].no)
            setenv("no_proxy", cases[i].no, 1);
        if (cases[i].NO)
            setenv("NO_PROXY", cases[i].NO, 1);
        /* Nobody listens there. */
        CHECK_EQ_INT(RUN("@/f?size=1K", "--overwrite", "--retry=0",
                         "--proxy=http://127.0.0.1:1", option),
                     cases[i].status);
    }
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    end();
    return 0;
}

/* --- interruptions --- */

static void interrupt(int number)
{
    char url[256], part[128], said[128];
    struct mr_subprocess *p;
    struct stat st;
    ssize_t n;
    int status, fd;

    snprintf(url, sizeof url, "%s/%d/f?size=4M&do=stall&at=3M&times=1", base,
             number);
    snprintf(part, sizeof part, "%s/f.part", dir);
    snprintf(said, sizeof said, "%s/said", dir);
    fd = open(said, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK_EQ_INT(mr_subprocess_spawn(
                     &p,
                     &(struct mr_subprocess_options){
                         .argv = (const char *const[]){program(), "--json",
                                                       "-d", dir, url, NULL},
                         .out = {.kind = MR_SUBPROCESS_FD, .fd = fd}},
                     MR_NEVER),
                 0);
    /* Until some of it is in the file; the server then falls silent. */
    while (stat(part, &st) != 0 || st.st_size == 0)
        CHECK_EQ_INT(mr_sleep_ms(2), 0);
    CHECK_EQ_INT(mr_subprocess_kill(p, number), 0);
    CHECK_EQ_INT(mr_subprocess_wait(p, &status, MR_NEVER), 0);
    CHECK_EQ_INT(mr_process_exit_code(status), 128 + number);
    mr_subprocess_free(p);
    CHECK_EQ_INT(stat(part, &st), 0);
    mr_buf_reset(&out);
    CHECK_EQ_INT(mr_buf_reserve(&out, 65536), 0);
    n = pread(fd, mr_buf_tail(&out), 65536, 0);
    CHECK_OK(n > 0);
    mr_buf_commit(&out, (size_t)MR_MAX(n, 0));
    close(fd);
    unlink(said);
    snprintf(url, sizeof url,
             "\"outcome\":\"interrupted\",\"exit\":%d,\"error\":"
             "\"interrupted\",\"kept\":true}",
             128 + number);
    CHECK_OK(says(&out, url));
    snprintf(url, sizeof url, ",\"exit\":%d}\n", 128 + number);
    CHECK_OK(says(&out, url));
}

IN_HUB(interrupted_it_keeps_what_it_has)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    char url[128];

    if (!begin(NULL))
        return 0;
    for (size_t i = 0; i < MR_ARRAY_LEN(signals); i++) {
        CASE("signal %d", signals[i]);
        interrupt(signals[i]);
        snprintf(url, sizeof url, "@/%d/f?size=4M&do=stall&at=3M&times=1",
                 signals[i]);
        CHECK_EQ_INT(RUN(url, "-c", "--overwrite"), 0);
        CHECK_OK(has_file("f", 4 << 20, 1));
        snprintf(url, sizeof url, "/%d/f", signals[i]);
        CHECK_OK(bad_path(bad, url)->bytes < 8 << 20);
        snprintf(url, sizeof url, "%s/f", dir);
        CHECK_EQ_INT(unlink(url), 0);
    }
    end();
    return 0;
}

/* Killed as soon as there is something: told to go on or not, the next one
 * does its work. But what is not ours stays. */
IN_HUB(killed_it_is_in_nobodys_way)
{
    static const char *const options[] = {"-q", "-c"};
    char url[256], part[128];
    struct stat st;
    int status;

    if (!begin(NULL))
        return 0;
    snprintf(url, sizeof url, "%s/f?size=4M&do=stall&at=3M&times=1", base);
    snprintf(part, sizeof part, "%s/f.part", dir);
    for (size_t i = 0; i < MR_ARRAY_LEN(options); i++) {
        struct mr_subprocess *p;

        CASE("%s", options[i]);
        snprintf(url, sizeof url, "%s/%zu/f?size=4M&do=stall&at=3M&times=1",
                 base, i);
        CHECK_EQ_INT(
            mr_subprocess_spawn(
                &p,
                &(struct mr_subprocess_options){
                    .argv = (const char *const[]){program(), "-q", "-d", dir,
                                                  url, NULL}},
                MR_NEVER),
            0);
        while (stat(part, &st) != 0 || st.st_size == 0)
            CHECK_EQ_INT(mr_sleep_ms(2), 0);
        CHECK_EQ_INT(mr_subprocess_kill(p, SIGKILL), 0);
        CHECK_EQ_INT(mr_subprocess_wait(p, &status, MR_NEVER), 0);
        mr_subprocess_free(p);
        CHECK_EQ_INT(RUN(url, options[i]), 0);
        CHECK_OK(has_file("f", 4 << 20, 1));
        snprintf(url, sizeof url, "rm '%s'/*", dir); /* there is one */
        CHECK_EQ_INT(system(url), 0);
    }
    snprintf(url, sizeof url, "echo a diary >'%s'", part);
    CHECK_EQ_INT(system(url), 0);
    CHECK_EQ_INT(RUN("@/f?size=1K"), 3);
    CHECK_OK(says(&err, "f: f.part is there, and nothing says that it is "
                        "mrget's"));
    CHECK_EQ_INT(stat(part, &st), 0);
    CHECK_EQ_INT(st.st_size, 8);
    CHECK_EQ_INT(RUN("@/f?size=1K", "--auto-number"), 0);
    CHECK_OK(has_file("f.1", 1024, 1));
    CHECK_EQ_INT(RUN("@/f?size=1K", "--overwrite"), 0);
    CHECK_OK(has_file("f", 1024, 1));
    end();
    return 0;
}

SUITE("mrget: files", files_one_by_one, goes_on_where_it_stopped,
      a_source_that_changed_is_begun_anew, no_checksums_here, checksums,
      a_file_that_is_there_is_checked, mirrors, a_lane_cut_while_a_helper_asks)
SUITE("mrget: several", many_at_once, one_that_fails_is_one, lists,
      names_of_servers)
SUITE("mrget: what it tells", to_standard_output, the_tutorials_words, events,
      the_command_line, proxies_by_option_and_variable)
SUITE("mrget: the end", interrupted_it_keeps_what_it_has,
      killed_it_is_in_nobodys_way)
TEST_MAIN()
