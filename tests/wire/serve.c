/* SPDX-License-Identifier: MIT */
/*
 * serve.c - the runner's server: its configuration, its start, its end.
 *
 * One server at a time, reused while scripts ask for the same configuration.
 * Ready means that it accepts a connection. It is ended by its pid, and its
 * end is part of what is tested: status 0, and no sanitizer in the log.
 */
#include "tests/wire/wire.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_MS = 30 * 1000 /* to listen, under Valgrind too */
};

struct server {
    pid_t pid; /* 0: none */
    int port;
    char *conf; /* as asked for, with @PORT@ still in it */
};

static struct server server;
static const char *server_bin;
static const char *conf_file;
static char tmp_dir[] = "/tmp/wire.XXXXXX";
static char conf_path[64], log_path[64];

void serve_show_log(void)
{
    FILE *f = fopen(log_path, "r");
    char line[1024];

    while (f && fgets(line, sizeof line, f))
        printf("    | %s%s", line, strchr(line, '\n') ? "" : "\n");
    if (f)
        fclose(f);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- the server --- */

/* Put `with` in the place of each `mark`. */
static void fill_in(struct bytes *b, const char *mark, const char *with)
{
    struct bytes out = {0};
    char *from = b->p, *at;

    for (; (at = strstr(from, mark)); from = at + strlen(mark)) {
        bytes_add(&out, from, (size_t)(at - from));
        bytes_text(&out, with);
    }
    bytes_text(&out, from);
    bytes_drop(b);
    *b = out;
}

/* "files root=x" -> a route for it; the words are cut up. */
static void add_route(struct bytes *conf, char *words)
{
    char *word = strsep(&words, " ");

    bytes_text(conf, "route \"/\" {\n    app = ");
    bytes_text(conf, word);
    while ((word = strsep(&words, " "))) {
        char *value = strchr(word, '=');

        if (!value)
            continue;
        *value++ = '\0';
        bytes_text(conf, "\n    ");
        bytes_text(conf, word);
        bytes_text(conf, " = \"");
        if (strcmp(word, "root") == 0 && value[0] != '/')
            bytes_text(conf, "@DIR@/");
        bytes_text(conf, value);
        bytes_text(conf, "\"");
    }
    bytes_text(conf, "\n}\n");
}

/* What `serve` and the `|` lines ask for; @PORT@ stays in it. */
static void wanted_conf(struct bytes *conf, const char *path, FILE *f)
{
    char *line = NULL, *copy = strdup(path), *slash, *dir;
    size_t cap = 0;
    ssize_t n;

    if (!copy)
        abort();
    bytes_text(conf, "");
    while ((n = getline(&line, &cap, f)) > 0) {
        line[n - (line[n - 1] == '\n')] = '\0';
        if (line[0] == '|') {
            bytes_text(conf, wire_rest(line, 1));
            bytes_text(conf, "\n");
        } else if (strncmp(line, "serve ", 6) == 0 &&
                   strcmp(line + 6, "conf") != 0) {
            add_route(conf, line + 6);
        }
    }
    if (!strstr(conf->p, "listen"))
        bytes_text(conf, "listen \"127.0.0.1:@PORT@\" {}\n");
    if (!strstr(conf->p, "workers"))
        bytes_text(conf, "workers = 1\n");
    slash = strrchr(copy, '/');
    if (slash)
        *slash = '\0';
    dir = realpath(slash ? copy : ".", NULL);
    fill_in(conf, "@DIR@", dir ? dir : ".");
    free(dir);
    free(copy);
    free(line);
}

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), port = -1;

    if (fd != -1 && bind(fd, (struct sockaddr *)&at, len) == 0 &&
        getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        port = ntohs(at.sin_port);
    if (fd != -1)
        close(fd);
    return port;
}

static bool write_conf(const char *asked, int port)
{
    struct bytes conf = {0};
    char digits[16];
    FILE *f = fopen(conf_path, "w");
    bool ok;

    if (!f)
        return false;
    bytes_text(&conf, asked);
    snprintf(digits, sizeof digits, "%d", port);
    fill_in(&conf, "@PORT@", digits);
    ok = fputs(conf.p, f) >= 0;
    bytes_drop(&conf);
    return fclose(f) == 0 && ok;
}

__attribute__((noreturn)) static void exec_server(void)
{
    int log = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execlp(server_bin, server_bin, "-c", conf_path, (char *)NULL);
    perror(server_bin);
    _exit(127);
}

/* Whether the server's end by now, or by its own time, was a good one. */
static bool judge_server(int status)
{
    FILE *f = fopen(log_path, "r");
    char line[4096];
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;

    if (!ok)
        printf("%s: ended with %s %d\n", server_bin,
               WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    while (f && fgets(line, sizeof line, f))
        if (strstr(line, "Sanitizer") || strstr(line, "runtime error:"))
            ok = false;
    if (f)
        fclose(f);
    if (!ok)
        serve_show_log();
    return ok;
}

/* SIGTERM, and a bounded wait for the end. True if there is no server. */
bool serve_stop(void)
{
    int64_t deadline = now_ms() + WAIT_MS;
    int status = 0;
    pid_t pid = server.pid;

    free(server.conf);
    server.conf = NULL;
    server.pid = 0;
    if (pid == 0)
        return true;
    kill(pid, SIGTERM);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (now_ms() > deadline) {
            printf("%s: did not end %d s after SIGTERM\n", server_bin,
                   WAIT_MS / 1000);
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            break;
        }
        poll(NULL, 0, 5);
    }
    return judge_server(status);
}

/* Have a server with this configuration; takes the text. */
static bool start(char *conf)
{
    int64_t deadline = now_ms() + START_MS;
    int status, fd;

    server.conf = conf;
    server.port = free_port();
    if (server.port < 0 || !write_conf(conf, server.port)) {
        perror(conf_path);
        return false;
    }
    fflush(NULL);
    server.pid = fork();
    if (server.pid == 0)
        exec_server();
    while (server.pid > 0 && now_ms() < deadline) {
        fd = talk_connect(server.port);
        if (fd >= 0)
            return close(fd) == 0;
        if (waitpid(server.pid, &status, WNOHANG) == server.pid) {
            server.pid = 0;
            printf("%s: ended before it listened\n", server_bin);
            serve_show_log();
            return false;
        }
        poll(NULL, 0, 5);
    }
    printf("%s: does not listen\n", server_bin);
    return false;
}

/* The text of the -c file, or what the script asks for; NULL if it cannot be
 * read. */
static char *conf_of(const char *path)
{
    struct bytes conf = {0};
    char buf[4096];
    FILE *f = fopen(conf_file ? conf_file : path, "r");
    size_t n;

    if (!f)
        return NULL;
    if (!conf_file)
        wanted_conf(&conf, path, f);
    while ((n = fread(buf, 1, sizeof buf, f)) > 0)
        bytes_add(&conf, buf, n);
    fclose(f);
    return conf.p;
}

bool serve_init(const char *program, const char *conf)
{
    server_bin = program;
    conf_file = conf;
    if (!mkdtemp(tmp_dir)) {
        perror(tmp_dir);
        return false;
    }
    snprintf(conf_path, sizeof conf_path, "%s/conf", tmp_dir);
    snprintf(log_path, sizeof log_path, "%s/log", tmp_dir);
    return true;
}

bool serve_have(const char *path, int *ret_port, bool *ret_ended_badly)
{
    char *conf = conf_of(path);
    bool ok = true;

    if (!conf) {
        perror(conf_file ? conf_file : path);
        return false;
    }
    if (server.pid > 0 && strcmp(server.conf, conf) == 0) {
        free(conf);
    } else {
        *ret_ended_badly = !serve_stop();
        ok = start(conf);
    }
    *ret_port = server.port;
    return ok;
}

void serve_fini(void)
{
    unlink(conf_path);
    unlink(log_path);
    rmdir(tmp_dir);
}
