/* SPDX-License-Identifier: MIT */
#ifndef MILLRACE_APP_H
#define MILLRACE_APP_H

/*
 * millrace/app.h - all that a handler app needs, in one include.
 *
 * The one umbrella header. Coroutines and time come from core/, streams and
 * files from io/, requests and responses from http/; each header is its own
 * manual.
 */
#include "core/group.h"
#include "core/hub.h"
#include "core/log.h"
#include "core/offload.h"
#include "core/sys.h"
#include "core/timer.h"
#include "http/app.h"
#include "http/auth.h"
#include "http/chain.h"
#include "http/client.h"
#include "http/compress.h"
#include "http/cookie.h"
#include "http/expand.h"
#include "http/form.h"
#include "http/preset.h"
#include "http/request.h"
#include "http/response.h"
#include "http/sse.h"
#include "http/static.h"
#include "http/upload.h"
#include "http/url.h"
#include "http/websocket.h"
#include "io/addr.h"
#include "io/dgram.h"
#include "io/fd.h"
#include "io/file.h"
#include "io/socket.h"
#include "io/stream.h"
#include "io/subprocess.h"

#endif
