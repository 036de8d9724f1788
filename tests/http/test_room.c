/* SPDX-License-Identifier: MIT */
/* test_room.c - all places are taken: who waits, and who goes. */
#include "tests/http/http_util.h"

static struct mr_waitq gate;

static void routes(struct web *w)
{
    mr_waitq_init(&gate);
    web_route(w, "/", web_hello, NULL);
    web_route(w, "/gate", web_gate, &gate);
}

/* --- nobody can be spared --- */

/* A request under way keeps its place; its answer says that the place is
 * wanted, so that the next request is not lost with it. */
WEB(room_waits_for_an_answer, .max_connections = 1)
{
    struct client *c = client_new(w), *late;

    routes(w);
    client_send(c, GET("/gate"));
    UNTIL(!mr_waitq_is_empty(&gate));
    late = client_new(w);
    client_send(late, GET("/"));
    UNTIL(w->http->quota->wanting == 1);
    CHECK_EQ_INT(w->row.connections, 1);
    CHECK_OK(mr_waitq_wake_one(&gate, 0));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_STR(client_field(c, "Connection"), "close");
    CHECK_OK(client_sees_end(c));
    CHECK_EQ_INT(client_answer(late), 200);
    CHECK_EQ_STR(client_field(late, "Connection"), "");
    client_free(late);
    client_free(c);
}

/* An answer that was begun before somebody wanted the place says nothing; its
 * connection goes when it comes to rest. */
static int begins(struct mr_request *req, struct mr_response *res, void *self)
{
    int rc = mr_response_start(res, 200, NULL, 4);

    if (rc == 0)
        rc = mr_response_flush(res);
    if (rc == 0)
        rc = (int)mr_wait(&gate, MR_NEVER, "gate");
    (void)req;
    (void)self;
    return rc ? rc : mr_response_write(res, "done", 4);
}

WEB(room_when_one_comes_to_rest, .max_connections = 1)
{
    struct client *c = client_new(w), *late;

    routes(w);
    web_route(w, "/begins", begins, NULL);
    client_send(c, GET("/begins"));
    CHECK_EQ_INT(client_head(c), 200);
    late = client_new(w);
    client_send(late, GET("/"));
    UNTIL(w->http->quota->wanting == 1);
    CHECK_OK(mr_waitq_wake_one(&gate, 0));
    CHECK_EQ_INT(client_answer(late), 200);
    CHECK_EQ_INT(client_take(c, 4), 0);
    CHECK_EQ_STR(c->body, "done");
    CHECK_OK(client_sees_end(c));
    client_free(late);
    client_free(c);
}

/* The limit is the worker's, not each listener's. */
WEB(room_of_two_listeners, .max_connections = 1)
{
    struct client *c, *late;
    struct mr_addr at;
    int fd;

    routes(w);
    CHECK_EQ_INT(mr_addr_parse(&at, mr_str("127.0.0.1:0")), 0);
    fd = mr_socket_listen(&at, NULL);
    CHECK_OK(fd >= 0);
    CHECK_EQ_INT(mr_http_listen(w->http, fd, false, false), 0);
    c = client_new(w);
    client_send(c, GET("/gate"));
    UNTIL(!mr_waitq_is_empty(&gate));
    CHECK_EQ_INT(mr_socket_local(fd, &w->at), 0);
    late = client_new(w);
    client_send(late, GET("/"));
    UNTIL(w->http->quota->wanting == 1);
    CHECK_EQ_INT(w->row.connections, 1);
    CHECK_OK(mr_waitq_wake_one(&gate, 0));
    CHECK_EQ_INT(client_answer(c), 200);
    CHECK_EQ_INT(client_answer(late), 200);
    client_free(c);
    client_free(late);
    mr_http_free(w->http);
    w->http = NULL;
    mr_fd_close(fd);
}

/* --- somebody can --- */

WEB(room_of_who_rested_longest, .max_connections = 3)
{
    struct client *c[3], *late;

    routes(w);
    for (int i = 0; i < 3; i++) {
        c[i] = client_new(w);
        CHECK_EQ_INT(ask(c[i], GET("/")), 200);
        CHECK_EQ_INT(mr_sleep_ms(1), 0); /* they differ */
    }
    CHECK_EQ_INT(ask(c[0], GET("/")), 200); /* now the second is the oldest */
    late = client_new(w);
    CHECK_EQ_INT(ask(late, GET("/")), 200);
    CHECK_OK(client_sees_end(c[1]));
    CHECK_EQ_INT(ask(c[0], GET("/")), 200);
    CHECK_EQ_INT(ask(c[2], GET("/")), 200);
    CHECK_EQ_INT(w->row.connections, 3);
    for (int i = 0; i < 3; i++)
        client_free(c[i]);
    client_free(late);
}

/* What lies in the socket is a request, though nobody has seen it yet. */
WEB(room_not_of_who_has_asked, .max_connections = 2)
{
    struct client *c[2];

    routes(w);
    for (int i = 0; i < 2; i++) {
        c[i] = client_new(w);
        CHECK_EQ_INT(ask(c[i], GET("/")), 200);
    }
    client_send(c[0], GET("/"));
    CHECK_OK(mr_quota_make_room(w->http->quota));
    CHECK_OK(client_sees_end(c[1]));
    CHECK_EQ_INT(client_answer(c[0]), 200);
    client_send(c[0], GET("/"));
    CHECK_OK(!mr_quota_make_room(w->http->quota));
    CHECK_EQ_INT(client_answer(c[0]), 200);
    for (int i = 0; i < 2; i++)
        client_free(c[i]);
}

/* All places are held by silent connections: each has a tenth of the time-out,
 * then it makes room. One that has begun a head keeps its place. */
WEB(room_in_a_flood_of_silence, .max_connections = 4,
    .header_timeout = mr_ms(1000))
{
    struct client *begun = client_new(w), *silent[3], *c;

    routes(w);
    client_send(begun, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < 3; i++)
        silent[i] = client_new(w);
    UNTIL(w->row.connections == 4);
    CHECK_OK(!mr_quota_make_room(w->http->quota)); /* too young */
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_EQ_INT(w->row.connections, 4);
    CHECK_OK(client_sees_end(silent[0]));
    CHECK_EQ_INT(ask(begun, "Host: a\r\n\r\n"), 200);
    for (int i = 0; i < 3; i++)
        client_free(silent[i]);
    client_free(begun);
    client_free(c);
}

/* A server that shares its quota with one that is full of idle clients. */
WEB(room_of_another_server, .keepalive_timeout = mr_ms(60000))
{
    struct web other;
    struct client *c, *late;

    routes(w);
    w->http->quota->options.max = 1;
    web_open(&other, &(struct mr_http_options){.quota = w->http->quota});
    web_route(&other, "/", web_hello, NULL);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    late = client_new(&other);
    CHECK_EQ_INT(ask(late, GET("/")), 200);
    CHECK_OK(client_sees_end(c));
    client_free(c);
    c = client_new(w);
    CHECK_EQ_INT(ask(c, GET("/")), 200);
    CHECK_OK(client_sees_end(late));
    client_free(late);
    client_free(c);
    web_close(&other);
}

SUITE("no room", room_waits_for_an_answer, room_when_one_comes_to_rest,
      room_of_two_listeners)
SUITE("room", room_of_who_rested_longest, room_not_of_who_has_asked,
      room_in_a_flood_of_silence, room_of_another_server)
TEST_MAIN()
