/* SPDX-License-Identifier: MIT */
#ifndef HTTP_PROXIES_H
#define HTTP_PROXIES_H

/*
 * proxies.h - which proxy a URI is asked for through, by the environment
 * variables that curl reads.
 *
 *     http_proxy               for http. In lower case only: HTTP_PROXY is what
 *                              a request's field Proxy is called in CGI
 *     https_proxy HTTPS_PROXY  for https
 *     all_proxy ALL_PROXY      for whichever of them is not set
 *     no_proxy NO_PROXY        for whom there is none
 *
 *     rc = mr_proxies_from_env(&p, why);
 *     proxy = mr_proxies_find(p, &uri);      NULL: directly
 *
 * An empty variable is as none; of two spellings the one in lower case counts.
 * A proxy is "http://user:password@host:port"; the scheme may be missing, and
 * the port is 80 unless said.
 *
 * no_proxy is a list, by commas or spaces, of
 *     example.com .example.com   the name, and all below it
 *     192.0.2.1 ::1 [::1]        an address
 *     10.0.0.0/8 fd00::/8        a network's addresses
 *     any of these with :port    (IPv6 in brackets) for that port only
 *     *                          all
 * What is none of these matches nothing. Names are not resolved: an address
 * matches only where the URI has one.
 */
#include "http/uri.h"

struct mr_proxies;

#define MR_PROXIES_WHY 256

/* What the variables say; NULL and "" are unset. */
struct mr_proxies_from {
    const char *http, *https, *all, *no;
};

/*
 * 0 and a new object, which keeps nothing of `from`. With a line in why[]:
 * -EINVAL: a proxy's URL is none; -EPROTONOSUPPORT: it is https://, socks5://
 * or another that is not spoken here. -ENOMEM. Of `all` nothing is asked where
 * the other two are set.
 */
MR_API MR_MUST_USE int mr_proxies_new(struct mr_proxies **ret,
                                      const struct mr_proxies_from *from,
                                      char why[MR_PROXIES_WHY]);
/* The variables of this process's environment, by the rules above. Views. */
MR_API struct mr_proxies_from mr_proxies_env(void);
/* The same, of this process's environment. */
MR_API MR_MUST_USE int mr_proxies_from_env(struct mr_proxies **ret,
                                           char why[MR_PROXIES_WHY]);
/* NULL does nothing. */
MR_API void mr_proxies_free(struct mr_proxies *p);

/* The proxy to ask, which is p's; NULL: none. For https it is asked to CONNECT.
 * p may be NULL. */
MR_API const struct mr_uri *mr_proxies_find(const struct mr_proxies *p,
                                            const struct mr_uri *uri);

MR_DEFINE_AUTO(proxies)

#endif
