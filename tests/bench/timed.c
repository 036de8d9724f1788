/* SPDX-License-Identifier: MIT */
/*
 * timed.c - timed COMMAND ARGUMENT...: run it, and say what it took, on one
 * line of stderr after all else:
 *
 *     timed CPU-MS WALL-MS PEAK-KIB STATUS
 *
 * CPU time is user and system of the command and of all its children that it
 * waited for; the peak is the largest of any of them (wait4(2)).
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double ms(struct timeval t)
{
    return (double)t.tv_sec * 1e3 + (double)t.tv_usec / 1e3;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    struct rusage used;
    int status;
    double start = now();
    pid_t pid;

    if (argc < 2) {
        fprintf(stderr, "timed COMMAND ARGUMENT...\n");
        return 2;
    }
    pid = fork();
    if (pid == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid) {
        perror("timed");
        return 1;
    }
    fprintf(stderr, "timed %.2f %.2f %ld %d\n",
            ms(used.ru_utime) + ms(used.ru_stime), now() - start,
            used.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
