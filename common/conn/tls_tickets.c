/* tls_tickets.c - see tls_tickets.h. */
#include "tls_tickets.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "secure_mem.h"

struct secret {
	uint64_t period; /* since the machine's start: the one that key is for */
	unsigned char key[TLS_TICKETS_KEY];
};

static struct secret *secret; /* NULL: none */

static int
derive(const void *text, size_t n, unsigned char out[TLS_TICKETS_KEY])
{
	return gnutls_hmac_fast(GNUTLS_MAC_SHA512, secret->key, sizeof secret->key, text, n, out) <
			       0
		       ? -1
		       : 0;
}

void
tls_tickets_forget(void)
{
	secure_mem_free(secret, sizeof *secret);
	secret = NULL;
}

static int
make_room(void)
{
	if (secret == NULL)
		secret = secure_mem_new(sizeof *secret);
	return secret == NULL ? -1 : 0;
}

int
tls_tickets_begin(void)
{
	if (secret != NULL)
		return 0;
	if (make_room() < 0)
		return -1;
	secret->period = clock_ms() / TLS_TICKETS_PERIOD;
	if (gnutls_rnd(GNUTLS_RND_KEY, secret->key, sizeof secret->key) == 0)
		return 0;
	tls_tickets_forget();
	errno = EIO;
	return -1;
}

void
tls_tickets_advance(uint64_t now)
{
	static const char next[] = "the next period";
	unsigned char key[TLS_TICKETS_KEY];

	while (secret != NULL && secret->period < now / TLS_TICKETS_PERIOD) {
		if (derive(next, sizeof next, key) < 0) {
			tls_tickets_forget(); /* rather no tickets than those of before */
			break;
		}
		memcpy(secret->key, key, sizeof key);
		secret->period++;
	}
	explicit_bzero(key, sizeof key);
}

uint64_t
tls_tickets_left(uint64_t now)
{
	return TLS_TICKETS_PERIOD - now % TLS_TICKETS_PERIOD;
}

int
tls_tickets_key(const unsigned char of[TLS_TICKETS_OF], unsigned char key[TLS_TICKETS_KEY])
{
	return secret == NULL ? -1 : derive(of, TLS_TICKETS_OF, key);
}

/* ---- from one process to its successor ---- */

int
tls_tickets_give(void)
{
	int ends[2], saved;
	ssize_t n;

	tls_tickets_advance(clock_ms());
	if (secret == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	n = write(ends[1], secret, sizeof *secret); /* at once, or not at all */
	saved = errno;
	(void)close(ends[1]);
	if (n == (ssize_t)sizeof *secret)
		return ends[0];
	(void)close(ends[0]);
	errno = saved;
	return -1;
}

int
tls_tickets_take(int fd)
{
	ssize_t n;
	int saved;

	if (make_room() < 0)
		return -1;
	n = read(fd, secret, sizeof *secret);
	saved = n < 0 ? errno : EINVAL;
	if (n == (ssize_t)sizeof *secret && secret->period <= clock_ms() / TLS_TICKETS_PERIOD) {
		tls_tickets_advance(clock_ms());
		return 0;
	}
	tls_tickets_forget();
	errno = saved;
	return -1;
}
