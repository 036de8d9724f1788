/* SPDX-License-Identifier: MIT */

/*
 * json - JSON bodies with a library: an example, built where libjansson-dev is
 * installed.
 *
 *     load = "json.so"
 *     route "/json" { app = json }
 *
 *     $ curl -H 'Content-Type: application/json' -d '{"numbers": [1, 2.5]}' \
 *           http://127.0.0.1:8080/json
 *     {"count": 2, "sum": 3.5}
 *
 * Millrace has no JSON of its own: a body is gathered within a limit and handed
 * to the library, and what the library makes goes out as text. What does not
 * parse, or is not what was asked for, is 400, with the library's words.
 *
 * All that the library does runs on a helper thread: it recurses as deep as a
 * body nests, 2048 levels, for which a handler's stack is small; and a megabyte
 * takes it milliseconds that other connections need not wait.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <millrace/app.h>
#include <stdlib.h>

/* A hundred thousand numbers; the library takes some 50 bytes for each. */
#define BODY_MAX ((size_t)1024 * 1024)

struct job {
    struct mr_str body;
    int status;
    char *text; /* the library's; NULL: out of memory */
};

/* Takes the value. */
static void say(struct job *job, int status, json_t *answer)
{
    job->status = status;
    job->text = answer ? json_dumps(answer, 0) : NULL;
    json_decref(answer);
}

static void refuse(struct job *job, const char *why)
{
    say(job, 400, json_pack("{s:s}", "error", why));
}

static void add_up(struct job *job, const json_t *numbers)
{
    double sum = 0;
    json_t *number;
    size_t i;

    json_array_foreach(numbers, i, number)
    {
        if (!json_is_number(number)) {
            refuse(job, "numbers are numbers");
            return;
        }
        sum += json_number_value(number);
    }
    if (!isfinite(sum))
        refuse(job, "the sum is too large");
    else
        say(job, 200,
            json_pack("{s:I, s:f}", "count",
                      (json_int_t)json_array_size(numbers), "sum", sum));
}

/* On the helper. */
static intptr_t work(void *arg)
{
    struct job *job = arg;
    json_error_t why;
    json_t *in =
        json_loadb(job->body.p, job->body.n, JSON_REJECT_DUPLICATES, &why);

    if (!in)
        refuse(job, why.text);
    else if (!json_is_array(json_object_get(in, "numbers")))
        refuse(job, "send {\"numbers\": [...]}");
    else
        add_up(job, json_object_get(in, "numbers"));
    json_decref(in);
    return 0;
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    struct job job = {0};
    intptr_t rc;

    (void)self;
    if (!mr_request_is_type(req, "application/json"))
        return -EMEDIUMTYPE;
    rc = mr_request_gather(req, BODY_MAX, &job.body);
    if (rc == 0)
        rc = mr_offload(work, &job);
    if (rc == 0 && !job.text)
        rc = -ENOMEM;
    if (rc == 0)
        rc = mr_reply(res, job.status, "application/json", mr_str(job.text));
    free(job.text);
    return (int)rc;
}

MR_APP(json, .handle = handle)
