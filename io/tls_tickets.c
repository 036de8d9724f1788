/* SPDX-License-Identifier: MIT */

/*
 * tls_tickets.c - the keys of session tickets (invariants in tls_tickets.h).
 *
 * Keys are numbered; key n is in place n % PLACES. Whoever reads number n, the
 * newest, has hours until its place is written again.
 *
 * A ticket is AES-256-CBC and HMAC-SHA-256 (RFC 5077, 4): what OpenSSL itself
 * would use, and encrypts in that order.
 */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <sys/mman.h>

#include "core/sys.h"
#include "io/tls_priv.h"
#include "io/tls_tickets.h"

#define NS_PER_S INT64_C(1000000000)
#define LIFE_NS (3600 * NS_PER_S)
#define PLACES 8
/* The newest, and those before it whose tickets are taken. */
#define TAKEN 3

struct key {
    int64_t born; /* ns, CLOCK_REALTIME */
    unsigned char name[16];
    unsigned char mac[32];
    unsigned char cipher[32];
};

struct mr_tls_tickets {
    uint64_t newest; /* its number; atomic */
    struct key keys[PLACES];
};

static struct key *key_at(struct mr_tls_tickets *t, uint64_t number)
{
    return &t->keys[number % PLACES];
}

static int make(struct key *k)
{
    if (RAND_bytes(k->name, sizeof k->name) != 1 ||
        RAND_bytes(k->mac, sizeof k->mac) != 1 ||
        RAND_bytes(k->cipher, sizeof k->cipher) != 1) {
        ERR_clear_error();
        return -EIO;
    }
    k->born = mr_sys_realtime();
    return 0;
}

int mr_tls_tickets_new(struct mr_tls_tickets **ret)
{
    int err;
    struct mr_tls_tickets *t =
        mr_sys_mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0, &err);

    *ret = NULL;
    if (!t)
        return err;
    (void)mr_sys_madvise(t, sizeof *t, MADV_DONTDUMP); /* if it can */
    err = make(key_at(t, 0));
    if (err)
        mr_sys_munmap(t, sizeof *t);
    else
        *ret = t;
    return err;
}

void mr_tls_tickets_free(struct mr_tls_tickets *t)
{
    if (t)
        mr_sys_munmap(t, sizeof *t);
}

void mr_tls_tickets_turn(struct mr_tls_tickets *t)
{
    uint64_t n = __atomic_load_n(&t->newest, __ATOMIC_RELAXED);
    int64_t age = mr_sys_realtime() - key_at(t, n)->born;

    /* Below 0: the clock was set back; then a new one is as good. */
    if ((age >= 0 && age < LIFE_NS) || make(key_at(t, n + 1)))
        return;
    __atomic_store_n(&t->newest, n + 1, __ATOMIC_RELEASE);
    /* One more than is taken: somebody may be at the last of those. */
    OPENSSL_cleanse(key_at(t, n + PLACES - TAKEN), sizeof t->keys[0]);
}

/* The key of that name; *ret_old: not the newest. NULL: gone, or not ours. */
static const struct key *find(struct mr_tls_tickets *t,
                              const unsigned char *name, bool *ret_old)
{
    uint64_t newest = __atomic_load_n(&t->newest, __ATOMIC_ACQUIRE);

    for (uint64_t i = 0; i < TAKEN && i <= newest; i++) {
        const struct key *k = key_at(t, newest - i);

        *ret_old = i > 0;
        if (memcmp(k->name, name, sizeof k->name) == 0)
            return k;
    }
    return NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct key *k)
{
    char sha256[] = "SHA256";
    OSSL_PARAM p[] = {
        OSSL_PARAM_construct_octet_string(
            OSSL_MAC_PARAM_KEY, (void *)(uintptr_t)k->mac, sizeof k->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, p) == 1;
}

/* As OpenSSL asks for it: 1; 2: and replace it; 0: no such key; -1. */
int mr_tls_on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int encrypt)
{
    const struct mr_tls *conn = SSL_get_app_data(ssl);
    struct mr_tls_tickets *t = conn->ctx->tickets;
    const struct key *k;
    bool old = false;
    int ok;

    if (encrypt) {
        k = key_at(t, __atomic_load_n(&t->newest, __ATOMIC_ACQUIRE));
        memcpy(name, k->name, sizeof k->name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            return -1;
        ok = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv);
    } else {
        k = find(t, name, &old);
        if (!k)
            return 0;
        ok = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv);
    }
    if (ok != 1 || !set_mac(mac, k))
        return -1;
    /* A client of TLS 1.3 uses a ticket once, and needs another for the next
     * time (RFC 8446, C.4). */
    return old || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}
