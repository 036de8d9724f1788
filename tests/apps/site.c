/* SPDX-License-Identifier: MIT */

/*
 * site.c - the real server as a child of a test.
 *
 * Nothing here waits for a time: a start is the log line that says so, an end
 * is waitpid's, and everything else is a condition that UNTIL looks at.
 *
 * The server gets at most two minutes of CPU: a handler in an endless loop,
 * which a failing test leaves behind, ends some day.
 */
#include "tests/apps/site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sanitizer.h"

#define CPU_SECONDS 120
#define ARGS_MAX 24

int64_t site_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void site_pause(void)
{
    poll(NULL, 0, 2);
}

bool site_is_instrumented(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#else
    return false;
#endif
}

/* --- its directory --- */

bool site_init(struct site *s)
{
    unsigned id = (unsigned)getpid();

    snprintf(s->dir, sizeof s->dir, "/tmp/site.XXXXXX");
    if (!mkdtemp(s->dir)) {
        perror(s->dir);
        return false;
    }
    snprintf(s->host, sizeof s->host, "127.%u.%u.%u", 1 + (id >> 16) % 254,
             id >> 8 & 255, 1 + (id & 255) % 254);
    return true;
}

void site_remove(struct site *s)
{
    char command[sizeof s->dir + 16];

    snprintf(command, sizeof command, "rm -rf %s", s->dir);
    if (s->dir[0] && system(command))
        perror(s->dir);
    s->dir[0] = '\0';
}

static void path_in(const struct site *s, const char *name, char *out,
                    size_t size)
{
    snprintf(out, size, "%s/%s", s->dir, name);
}

char *site_fill(const struct site *s, const char *text, char *out, size_t size)
{
    static char apps[PATH_MAX];
    const char *build = getenv("MR_BUILD");
    const struct {
        const char *mark, *with;
    } words[] = {{"@HOST@", s->host}, {"@DIR@", s->dir}, {"@APPS@", apps}};
    size_t n = 0;

    if (!apps[0] && build && realpath(build, apps))
        strncat(apps, "/tests/apps/apps", sizeof apps - strlen(apps) - 1);
    while (*text) {
        const char *with = NULL;

        for (size_t i = 0; i < MR_ARRAY_LEN(words) && !with; i++) {
            size_t mark = strlen(words[i].mark);

            if (strncmp(text, words[i].mark, mark) == 0) {
                with = words[i].with;
                text += mark;
            }
        }
        n += (size_t)(with ? snprintf(out + n, size - n, "%s", with)
                           : snprintf(out + n, size - n, "%c", *text++));
        if (n >= size)
            abort();
    }
    out[n] = '\0';
    return out;
}

bool site_write(const struct site *s, const char *name, const char *text)
{
    char path[PATH_MAX], filled[16384];
    FILE *f;

    path_in(s, name, path, sizeof path);
    f = fopen(path, "w");
    if (!f) {
        perror(path);
        return false;
    }
    fputs(site_fill(s, text, filled, sizeof filled), f);
    return fclose(f) == 0;
}

bool site_file_has(const struct site *s, const char *name, const char *words)
{
    char path[PATH_MAX], *line = NULL;
    size_t cap = 0;
    bool found = false;
    FILE *f;

    path_in(s, name, path, sizeof path);
    f = fopen(path, "r");
    if (!f)
        return false;
    while (!found && getline(&line, &cap, f) > 0)
        found = strstr(line, words);
    free(line);
    fclose(f);
    return found;
}

bool site_log_has(const struct site *s, const char *words)
{
    return site_file_has(s, "log", words);
}

void site_show_log(const struct site *s)
{
    char path[PATH_MAX], line[1024];
    FILE *f;

    path_in(s, "log", path, sizeof path);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        printf("    | %s", line);
    if (f)
        fclose(f);
}

/* --- what /proc says --- */

int64_t site_proc_bytes(pid_t pid, const char *file, const char *name)
{
    char path[64], line[256];
    size_t n = strlen(name);
    int64_t kib = -1;
    FILE *f;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    f = fopen(path, "r");
    while (f && kib < 0 && fgets(line, sizeof line, f)) {
        if (strncmp(line, name, n) == 0 && line[n] == ':')
            kib = strtoll(line + n + 1, NULL, 10);
    }
    if (f)
        fclose(f);
    return kib < 0 ? -1 : kib * 1024;
}

int site_proc_count(pid_t pid, const char *dir)
{
    char path[64];
    int n = 0;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, dir);
    d = opendir(path);
    if (!d)
        return -1;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

/* The scoreboard is a memfd of the master's. */
static bool open_board(struct site *s)
{
    char path[320], link[128];
    struct dirent *e;
    ssize_t n;
    int fd;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)s->pid);
    d = opendir(path);
    while (d && !s->board && (e = readdir(d))) {
        snprintf(path, sizeof path, "/proc/%d/fd/%s", (int)s->pid, e->d_name);
        n = readlink(path, link, sizeof link - 1);
        link[n > 0 ? n : 0] = '\0';
        if (!strstr(link, "memfd:millrace-scoreboard"))
            continue;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd == -1 || mr_scoreboard_open(fd, &s->board))
            s->board = NULL;
        if (fd != -1)
            close(fd);
    }
    if (d)
        closedir(d);
    return s->board;
}

const struct mr_score_row *site_row(const struct site *s, unsigned i)
{
    return mr_scoreboard_row(s->board, i);
}

pid_t site_worker(const struct site *s, unsigned i)
{
    return (pid_t)mr_scoreboard_get(&site_row(s, i)->pid);
}

/* --- running it --- */

/* The limit is set by a shell: under Valgrind it is our own process that has
 * it, and not what is executed. */
__attribute__((noreturn)) static void
exec_server(const struct site *s, const char *const *args, int out)
{
    struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS};
    char limited[64], filled[ARGS_MAX][512];
    char *all[ARGS_MAX + 4] = {"sh", "-c", limited}, **argv = all + 3;
    size_t n = 0;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CPU, &cpu);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    argv[n++] = getenv("MILLRACE");
    for (; *args && n < ARGS_MAX; args++, n++)
        argv[n] = site_fill(s, *args, filled[n], sizeof filled[n]);
    snprintf(limited, sizeof limited, "ulimit -n %u; exec \"$0\" \"$@\"",
             s->files);
    if (argv[0] && s->files > 0)
        execv("/bin/sh", all);
    else if (argv[0])
        execv(argv[0], argv);
    fputs("MILLRACE does not name the server's program\n", stderr);
    _exit(127);
}

static pid_t spawn(const struct site *s, const char *const *args, int out)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    if (pid == 0)
        exec_server(s, args, out);
    close(out);
    return pid;
}

static int status_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int site_run(struct site *s, const char *const *argv, char *out, size_t size)
{
    int ends[2], status;
    size_t n = 0;
    ssize_t got;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC))
        return -1000;
    pid = spawn(s, argv, ends[1]);
    while ((got = read(ends[0], out + n, size - 1 - n)) > 0)
        n += (size_t)got;
    out[n] = '\0';
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1000;
    return status_of(status);
}

static bool ready_or_dead(struct site *s)
{
    int status;

    if (site_log_has(s, "listening on "))
        return true;
    if (waitpid(s->pid, &status, WNOHANG) != s->pid)
        return false;
    s->pid = 0;
    return true;
}

bool site_start(struct site *s, const char *conf)
{
    char path[PATH_MAX], text[8192];
    const char *args[ARGS_MAX] = {"-c", "@DIR@/conf"};
    const char **more = s->conf_less ? args : args + 2;
    int log;

    if (!s->dir[0] && !site_init(s))
        return false;
    snprintf(text, sizeof text, "%s%s",
             strstr(conf, "listen") ? "" : "listen '@HOST@:8080' {}\n", conf);
    if (!site_write(s, "conf", text))
        return false;
    for (size_t i = 0; s->arg && s->arg[i] && i < ARGS_MAX - 3; i++)
        more[i] = s->arg[i];
    path_in(s, "log", path, sizeof path);
    log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log == -1)
        return false;
    s->pid = spawn(s, args, log);
    if (s->pid > 0 && UNTIL(ready_or_dead(s)) && s->pid > 0 && open_board(s))
        return true;
    puts("the server did not start");
    site_show_log(s);
    return false;
}

int site_wait(struct site *s)
{
    int status = -1;

    mr_scoreboard_free(s->board);
    s->board = NULL;
    if (s->pid <= 0 || !UNTIL(waitpid(s->pid, &status, WNOHANG) == s->pid)) {
        puts("the server did not end");
        site_show_log(s);
        return -1000;
    }
    s->pid = 0;
    if (!site_log_has(s, "Sanitizer") && !site_log_has(s, "runtime error:"))
        return status_of(status);
    site_show_log(s);
    return -1000;
}

int site_stop(struct site *s)
{
    int status;

    if (s->pid > 0)
        kill(s->pid, SIGTERM);
    status = site_wait(s);
    if (status != 0)
        site_show_log(s);
    site_remove(s);
    return status;
}
