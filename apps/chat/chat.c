/* SPDX-License-Identifier: MIT */

/*
 * chat - rooms where what one says all others read, over WebSocket.
 *
 *     route "/chat" { app = chat }
 *
 * /chat is a page to try it; /chat/ws?room=lobby&name=ann is the WebSocket. A
 * text that comes is broadcast to the room, its sender included, as JSON:
 *
 *     {"kind":"message","from":"ann","text":"hello","members":2}
 *
 * and so is who comes ("joined") and goes ("left"). Rooms are made and
 * forgotten as needed, in one worker: each has rooms of its own, so a server
 * whose users shall meet has workers = 1.
 *
 *  (1) A line is made once and counted: each member's channel holds a reference
 *      to it, and the last one frees it.
 *  (2) Who broadcasts never waits for a member: one whose channel is full is
 *      told so (1013), or cut where its socket is full too. So a room is as
 *      fast as its speakers, and costs max_waiting lines for a member at most.
 *      After each line the senders have a turn.
 *  (3) A member is in its room from its "joined" to its "left"; its memory is
 *      the request's, and goes after its sender has been joined.
 */
#include <errno.h>
#include <millrace/app.h>

#include "apps/chat/page.h"

#define NAME_MAX_BYTES 32
#define TEXT_MAX_BYTES 4096

struct chat {
    int64_t max_waiting;
    int64_t max_members;
    struct mr_list rooms;
    int64_t members; /* of all rooms */
};

struct room {
    struct mr_list node;
    struct mr_list members;
    size_t n;
    char name[NAME_MAX_BYTES + 1];
};

struct line {
    unsigned refs;
    struct mr_buf text;
};

struct member {
    struct mr_list node;
    struct chat *chat;
    struct room *room;
    struct mr_websocket *ws;
    struct mr_chan *lines; /* struct line * */
    struct mr_coro *sender;
    struct mr_str name;
    char room_name[NAME_MAX_BYTES + 1];
};

static const struct mr_config_option options[] = {
    {.name = "max_waiting",
     .type = MR_CONFIG_INT,
     .def = "64",
     .min = 1,
     .max = 65536,
     .offset = offsetof(struct chat, max_waiting),
     .doc = "lines that may wait for a member; one more, and it is cut"},
    {.name = "max_members",
     .type = MR_CONFIG_INT,
     .def = "1000",
     .min = 1,
     .max = 1000000,
     .offset = offsetof(struct chat, max_members),
     .doc = "members of all rooms together; above: 503"},
};

/* --- lines --- */

static void line_unref(struct line *l)
{
    if (--l->refs > 0)
        return;
    mr_buf_fini(&l->text);
    mr_free(l);
}

/* As a JSON string (RFC 8259 7); s is UTF-8. */
static int put_json(struct mr_buf *b, struct mr_str s)
{
    int err = mr_buf_append(b, "\"", 1);

    for (size_t i = 0; i < s.n && !err; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20)
            err = mr_buf_printf(b, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            err = mr_buf_printf(b, "\\%c", c);
        else
            err = mr_buf_append(b, &s.p[i], 1);
    }
    return err ? err : mr_buf_append(b, "\"", 1);
}

/* With one reference, the caller's. */
static struct line *line_new(const struct member *from, const char *kind,
                             struct mr_str text)
{
    struct line *l = mr_calloc(1, sizeof *l);
    int err;

    if (!l)
        return NULL;
    l->refs = 1;
    err = mr_buf_printf(&l->text, "{\"kind\":\"%s\",\"from\":", kind);
    if (!err)
        err = put_json(&l->text, from->name);
    if (!err)
        err = mr_buf_append_z(&l->text, ",\"text\":");
    if (!err)
        err = put_json(&l->text, text);
    if (!err)
        err = mr_buf_printf(&l->text, ",\"members\":%zu}", from->room->n);
    if (!err)
        return l;
    line_unref(l);
    return NULL;
}

/* Invariant 2: a channel that has a place takes it at once, so nothing parks
 * here, and the list stays as it is. */
static void give(struct member *m, struct line *l)
{
    if (mr_chan_is_closed(m->lines))
        return;
    if (mr_chan_len(m->lines) >= (size_t)m->chat->max_waiting) {
        mr_chan_close(m->lines);
        mr_cancel(m->sender);
        return;
    }
    l->refs++;
    if (mr_chan_send(m->lines, &l, MR_NEVER))
        line_unref(l);
}

static int broadcast(const struct member *from, const char *kind,
                     struct mr_str text)
{
    struct mr_list *members = &from->room->members;
    struct line *l = line_new(from, kind, text);

    if (!l)
        return -ENOMEM;
    for (struct mr_list *at = members->next; at != members; at = at->next)
        give(mr_container_of(at, struct member, node), l);
    line_unref(l);
    return 0;
}

/* --- rooms --- */

/* name: of NAME_MAX_BYTES + 1 bytes. */
static struct room *room_of(struct chat *chat, const char *name)
{
    struct mr_list *at;
    struct room *r;

    for (at = chat->rooms.next; at != &chat->rooms; at = at->next) {
        r = mr_container_of(at, struct room, node);
        if (strcmp(r->name, name) == 0)
            return r;
    }
    r = mr_calloc(1, sizeof *r);
    if (!r)
        return NULL;
    mr_list_init(&r->members);
    memcpy(r->name, name, sizeof r->name);
    mr_list_push_back(&chat->rooms, &r->node);
    return r;
}

static int join(struct member *m)
{
    m->room = room_of(m->chat, m->room_name);
    if (!m->room)
        return -ENOMEM;
    mr_list_push_back(&m->room->members, &m->node);
    m->room->n++;
    return broadcast(m, "joined", mr_str(""));
}

static void leave(struct member *m)
{
    struct room *r = m->room;

    if (!r)
        return;
    mr_list_remove(&m->node);
    if (--r->n > 0) {
        (void)broadcast(m, "left", mr_str(""));
        return;
    }
    mr_list_remove(&r->node);
    mr_free(r);
}

/* --- a member --- */

/* Its channel to its WebSocket. */
static intptr_t send_lines(void *arg)
{
    struct member *m = arg;
    struct line *l;
    int rc;

    do {
        rc = mr_chan_recv(m->lines, &l, MR_NEVER);
        if (rc < 0)
            break;
        rc = mr_websocket_send(m->ws, MR_WS_TEXT, mr_buf_view(&l->text),
                               MR_NEVER);
        line_unref(l);
    } while (rc >= 0);
    if (mr_chan_is_closed(m->lines)) {
        MR_SHIELD(shield, mr_after_s(1));

        return mr_websocket_close(m->ws, MR_WS_TRY_LATER, "too slow");
    }
    return rc;
}

static int talk(struct mr_websocket *ws, void *arg)
{
    struct member *m = arg;
    struct mr_ws_message said;
    int rc;

    m->ws = ws;
    m->sender = mr_spawn(send_lines, m);
    rc = m->sender ? join(m) : -ENOMEM;
    while (rc >= 0) {
        rc = mr_websocket_recv(ws, &said, MR_NEVER);
        if (rc <= 0)
            break;
        rc = said.type == MR_WS_TEXT
                 ? broadcast(m, "message", said.data)
                 : mr_websocket_close(ws, MR_WS_UNSUPPORTED, "text only");
        if (rc >= 0)
            rc = mr_yield();
    }
    leave(m);
    return rc;
}

/* After its sender has ended. */
static void member_fini(void *arg)
{
    struct member *m = arg;
    struct line *l;

    mr_chan_close(m->lines);
    while (mr_chan_len(m->lines) > 0 &&
           mr_chan_recv(m->lines, &l, MR_NEVER) == 0)
        line_unref(l);
    mr_chan_free(m->lines);
    m->chat->members--;
}

static bool is_name(struct mr_str s)
{
    return s.n > 0 && s.n <= NAME_MAX_BYTES && mr_str_is_utf8(s) &&
           !memchr(s.p, 0, s.n);
}

static int open_socket(struct chat *chat, struct mr_request *req,
                       struct mr_response *res)
{
    static const struct mr_websocket_options o = {.max_message =
                                                      TEXT_MAX_BYTES};
    struct mr_str room = mr_request_query(req, "room", "lobby");
    struct mr_str name = mr_request_query(req, "name", "guest");
    struct member *m;

    if (!is_name(room) || !is_name(name))
        return mr_reply_printf(res, 400, "room, name: 1 to %d bytes of text\n",
                               NAME_MAX_BYTES);
    if (chat->members >= chat->max_members)
        return mr_reply_status(res, MR_STATUS_SERVICE_UNAVAILABLE);
    m = mr_arena_calloc(mr_request_arena(req), sizeof *m);
    if (!m)
        return -ENOMEM;
    m->chat = chat;
    m->name = name;
    mr_list_init(&m->node);
    memcpy(m->room_name, room.p, room.n);
    m->lines = mr_chan_new(sizeof(struct line *), (size_t)chat->max_waiting);
    if (!m->lines)
        return -ENOMEM;
    if (mr_arena_on_reset(mr_request_arena(req), member_fini, m)) {
        mr_chan_free(m->lines);
        return -ENOMEM;
    }
    chat->members++;
    return mr_websocket_serve(req, res, &o, talk, m);
}

/* --- the app --- */

static int start(void *self, struct mr_group *group)
{
    struct chat *chat = self;

    (void)group;
    mr_list_init(&chat->rooms);
    return 0;
}

static int handle(struct mr_request *req, struct mr_response *res, void *self)
{
    struct mr_str rest = mr_request_rest(req);

    if (mr_str_is(rest, "/ws"))
        return open_socket(self, req, res);
    if (!mr_str_is(rest, "/"))
        return mr_reply_status(res, MR_STATUS_NOT_FOUND);
    return mr_reply(res, 200, "text/html; charset=utf-8", mr_str(chat_page));
}

MR_APP(chat, .options = options, .option_count = MR_ARRAY_LEN(options),
       .size = sizeof(struct chat), .start = start, .handle = handle)
