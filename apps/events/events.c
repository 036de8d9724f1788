/* SPDX-License-Identifier: MIT */

/*
 * events - a clock as Server-Sent Events, with a page that shows it.
 *
 *     route "/events" { app = events  every = 1s }
 *
 * /events is the page, /events/stream the stream: an event each `every`, with
 * its number as id. A client that comes back is told how many it has missed.
 */
#include <errno.h>
#include <millrace/app.h>
#include <stdio.h>
#include <time.h>

struct events {
    int64_t every;
    int64_t began; /* when number 0 was due */
};

static const struct mr_config_option options[] = {
    {.name = "every",
     .type = MR_CONFIG_DURATION,
     .def = "1s",
     .min = 1000000,
     .max = INT64_C(3600000000000),
     .offset = offsetof(struct events, every),
     .doc = "time between two events"},
};

static const char page[] =
    "<!DOCTYPE html>\n"
    "<html lang='en'><head><meta charset='utf-8'><title>Events</title>\n"
    "<meta name='viewport' content='width=device-width,initial-scale=1'>\n"
    "<meta name='color-scheme' content='light dark'>\n"
    "<link rel='icon' href='data:,'>\n"
    "<style>\n"
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;\n"
    "max-width:40rem;padding:0 1rem}\n"
    "output{display:block;font-size:clamp(1rem,6vw,1.75rem);\n"
    "font-variant-numeric:tabular-nums}\n"
    "p{color:#5d666f}\n"
    "@media(prefers-color-scheme:dark){p{color:#9aa5ae}}\n"
    "</style></head><body>\n"
    "<h1>Events</h1><output id='time' aria-live='off'>waiting</output>\n"
    "<p>Event <span id='id'>none</span><br>\n"
    "<span id='state' role='status'>connecting</span></p>\n"
    "<script>\n"
    "const show = (id, text) =>\n"
    "  document.getElementById(id).textContent = text;\n"
    "const events = new EventSource(\n"
    "  location.pathname.replace(/\\/?$/, '/stream'));\n"
    "events.onopen = () => show('state', 'connected');\n"
    "events.onerror = () => show('state',\n"
    "  events.readyState === EventSource.CLOSED ?\n"
    "  'refused: load the page again' : 'reconnecting');\n"
    "events.addEventListener('tick', e => {\n"
    "  show('time', e.data);\n"
    "  show('id', e.lastEventId);\n"
    "});\n"
    "events.addEventListener('missed', e =>\n"
    "  show('state', 'connected again, ' + e.data + ' missed'));\n"
    "</script></body></html>\n";

/* What it has not seen of `number` events. */
static int tell_missed(struct mr_sse *s, const struct mr_request *req,
                       int64_t number)
{
    char text[24];
    uint64_t last;

    if (mr_str_to_u64(mr_sse_last_id(req), INT64_MAX, &last) ||
        last + 1 >= (uint64_t)number)
        return 0;
    snprintf(text, sizeof text, "%lld",
             (long long)(number - 1 - (int64_t)last));
    return mr_sse_send(s, &(struct mr_sse_event){.name = mr_str("missed"),
                                                 .data = mr_str(text)});
}

static int tick(struct mr_sse *s, int64_t number)
{
    time_t now = time(NULL);
    char id[24], text[32];
    struct tm tm;

    snprintf(id, sizeof id, "%lld", (long long)number);
    strftime(text, sizeof text, "%F %T UTC", gmtime_r(&now, &tm));
    return mr_sse_send(s, &(struct mr_sse_event){.id = mr_str(id),
                                                 .name = mr_str("tick"),
                                                 .data = mr_str(text)});
}

static int stream(const struct events *ev, struct mr_request *req,
                  struct mr_response *res)
{
    int64_t number = (mr_now() - ev->began) / ev->every + 1;
    struct mr_sse s;
    int rc = mr_sse_open(&s, req, res, 0);

    if (rc == 0)
        rc = tell_missed(&s, req, number);
    while (rc == 0) {
        rc = mr_sse_wait(&s, NULL, NULL, ev->began + number * ev->every);
        if (rc == -ETIMEDOUT)
            rc = tick(&s, number++);
    }
    return mr_sse_end(rc);
}

static int start(void *self, struct mr_group *group)
{
    struct events *ev = self;

    (void)group;
    ev->began = mr_now();
    return 0;
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str rest = mr_request_rest(req);

    if (mr_str_is(rest, "/stream"))
        return stream(self, req, res);
    if (!mr_str_is(rest, "/"))
        return mr_reply_status(res, MR_STATUS_NOT_FOUND);
    return mr_reply(res, 200, "text/html; charset=utf-8", mr_str(page));
}

MR_APP(events, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct events), .start = start, .handle = handle)
