/* SPDX-License-Identifier: MIT */
/* test_chat.c - who is in a room reads what is said there, and who is too slow
 * is cut while the others go on; the stream of events beside it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/apps/client.h"
#include "tests/http/ws_util.h"
#include "tests/test.h"

struct member {
    int fd;
    size_t n;
    char in[16384];
};

static bool enter(struct member *m, const struct site *s, const char *query)
{
    char text[512];
    struct client_answer a;

    *m = (struct member){.fd = client_dial(s)};
    snprintf(text, sizeof text,
             "GET /chat/ws?%s HTTP/1.1\r\nHost: t\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
             query);
    return client_send(m->fd, text) && client_answer(m->fd, &a) &&
           a.status == 101;
}

static bool say(const struct member *m, const char *text)
{
    static char frame[8192];
    char *end = put_frame(frame, FIN | TEXT, text, strlen(text));

    return client_write(m->fd, frame, (size_t)(end - frame));
}

/* The next frame in words; "end". */
static const char *hear(struct member *m)
{
    static char words[8192];
    size_t n;

    while ((n = frame_words(mr_str_n(m->in, m->n), words, sizeof words)) == 0) {
        ssize_t got = read(m->fd, m->in + m->n, sizeof m->in - m->n);

        if (got <= 0)
            return "end";
        m->n += (size_t)got;
    }
    memmove(m->in, m->in + n, m->n - n);
    m->n -= n;
    return words;
}

#define JSON(kind, from, text, n)                                        \
    "text:{\"kind\":\"" kind "\",\"from\":\"" from "\",\"text\":\"" text \
    "\",\"members\":" #n "}"

static const char route[] = "workers = 1\nroute '/chat' { app = chat "
                            "max_waiting = 4 max_members = 3 }\n"
                            "route '/events' { app = events every = 20ms }\n";

TEST(chat_rooms)
{
    struct client_answer a;
    struct member ann, bob, eve, more;
    struct site s = {0};

    OK(site_start(&s, route));
    OK(enter(&ann, &s, "name=ann"));
    EQ_STR(hear(&ann), JSON("joined", "ann", "", 1));
    OK(enter(&bob, &s, "name=bob&room=lobby"));
    EQ_STR(hear(&bob), JSON("joined", "bob", "", 2));
    EQ_STR(hear(&ann), JSON("joined", "bob", "", 2));
    OK(enter(&eve, &s, "name=eve&room=other"));
    EQ_STR(hear(&eve), JSON("joined", "eve", "", 1));
    OK(!enter(&more, &s, "name=more"));
    close(more.fd);
    OK(client_get(&s, "/chat/ws?name=", &a));
    EQ_INT(a.status, 400);
    OK(client_get(&s, "/chat/ws?name=%ff", &a));
    EQ_INT(a.status, 400);
    OK(say(&ann, "hello \"all\"\n<b>"));
    EQ_STR(hear(&ann),
           JSON("message", "ann", "hello \\\"all\\\"\\u000a<b>", 2));
    EQ_STR(hear(&bob),
           JSON("message", "ann", "hello \\\"all\\\"\\u000a<b>", 2));
    close(ann.fd);
    EQ_STR(hear(&bob), JSON("left", "ann", "", 1));
    OK(say(&eve, "alone"));
    EQ_STR(hear(&eve), JSON("message", "eve", "alone", 1));
    OK(client_get(&s, "/chat", &a));
    EQ_INT(a.status, 200);
    OK(client_get(&s, "/chat/nothing", &a));
    EQ_INT(a.status, 404);
    EQ_INT(client_shut(eve.fd), 0);
    EQ_STR(hear(&eve), "end");
    close(bob.fd);
    close(eve.fd);
    EQ_INT(site_stop(&s), 0);
}

/* Bob reads nothing: Ann goes on, until he has left. */
TEST(chat_slow_member)
{
    static char text[4001];
    struct member ann, bob;
    struct site s = {0};
    const char *words;

    memset(text, 'x', sizeof text - 1);
    OK(site_start(&s, route));
    OK(enter(&ann, &s, "name=ann"));
    EQ_STR(hear(&ann), JSON("joined", "ann", "", 1));
    OK(enter(&bob, &s, "name=bob"));
    EQ_STR(hear(&ann), JSON("joined", "bob", "", 2));
    for (;;) {
        OK(say(&ann, text));
        words = hear(&ann);
        if (strcmp(words, JSON("left", "bob", "", 1)) == 0)
            break;
        OK(strncmp(words, "text:", 5) == 0);
    }
    EQ_STR(words, JSON("left", "bob", "", 1));
    EQ_STR(hear(&ann), "text:4053");
    OK(say(&ann, "still here"));
    EQ_STR(hear(&ann), JSON("message", "ann", "still here", 1));
    close(ann.fd);
    EQ_INT(site_stop(&s), 0);
}

/* A server that is told to leave says 1001, and ends its event streams. */
TEST(chat_and_events_end_with_the_server)
{
    struct member ann;
    struct site s = {0};
    int fd;

    OK(site_start(&s, route));
    OK(enter(&ann, &s, "name=ann"));
    EQ_STR(hear(&ann), JSON("joined", "ann", "", 1));
    fd = client_dial(&s);
    OK(client_send(fd, "GET /events/stream HTTP/1.1\r\nHost: t\r\n\r\n"));
    EQ_INT(client_shut(ann.fd), 0);
    EQ_STR(hear(&ann), "end");
    EQ_INT(site_stop(&s), 0);
    OK(client_ended(fd));
    close(fd);
    close(ann.fd);
}

/* The largest number that is an id: nothing is missed, nothing overflows. */
TEST(events_last_id_of_the_future)
{
    struct site s = {0};
    char in[4096];
    size_t n = 0;
    ssize_t got;
    int fd;

    OK(site_start(&s, route));
    fd = client_dial(&s);
    OK(client_send(fd, "GET /events/stream HTTP/1.1\r\nHost: t\r\n"
                       "Last-Event-ID: 9223372036854775807\r\n\r\n"));
    do {
        got = read(fd, in + n, sizeof in - 1 - n);
        OK(got > 0);
        n += (size_t)got;
        in[n] = '\0';
    } while (!strstr(in, "event: tick"));
    OK(!strstr(in, "event: missed"));
    close(fd);
    EQ_INT(site_stop(&s), 0);
}

SUITE("chat", chat_rooms, chat_slow_member, chat_and_events_end_with_the_server,
      events_last_id_of_the_future);
TEST_MAIN()
