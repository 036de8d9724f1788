/* SPDX-License-Identifier: MIT */
#ifndef APPS_CHAT_PAGE_H
#define APPS_CHAT_PAGE_H

/* page.h - the page to try the chat with: no other file is needed. */
extern const char chat_page[];

#endif
