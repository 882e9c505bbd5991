/* tls_creds.c - credentials: read, judged, counted; see tls.h. */
#include "tls_creds.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "secure_mem.h"

enum { FILE_MAX = 4 << 20, CHUNK = 65536, KEY_ID = 64 };

/* Where complaints go, and what was read, as far as sessions are verified by it. */
struct told {
	const char *prefix;
	FILE *err;
	struct sha256_ctx *read;
};

static int wrong(const struct told *, const char *what, const char *why);

static int
wrong(const struct told *t, const char *what, const char *why)
{
	(void)fprintf(t->err, "%s: %s: %s\n", t->prefix, what, why);
	return -1;
}

static void
note_read(const struct told *t, const void *data, size_t n)
{
	uint64_t size = n;

	sha256_update(t->read, sizeof size, (const uint8_t *)&size);
	sha256_update(t->read, n, data);
}

static bool
given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* ---- files ---- */

/* NULL, or why a key can't be kept so. */
static const char *
judge_key_file(const struct stat *st)
{
	static char of_another[96];

	(void)snprintf(of_another, sizeof of_another,
		       "belongs to another user: its owner must be uid %u, as this daemon, or root",
		       (unsigned)geteuid());
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return of_another;
	if ((st->st_mode & 027) != 0)
		return "others can read it, or its group write it: its mode must be 0600 or 0640";
	return NULL;
}

static const char *
judge_file(const struct stat *st, bool secret)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_size > FILE_MAX)
		return "is larger than 4 MiB";
	return secret ? judge_key_file(st) : NULL;
}

static int
read_on(int fd, struct buf *out)
{
	for (;;) {
		char *room = buf_reserve(out, CHUNK);
		ssize_t n = room == NULL ? -1 : read(fd, room, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return (int)n;
		buf_commit(out, (size_t)n);
	}
}

/* The descriptor is what is judged, so that nobody changes the name in between. */
static int
read_file(const struct told *t, const char *path, bool secret, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		why = strerror(errno);
	else
		why = judge_file(&st, secret);
	if (why == NULL && read_on(fd, out) < 0)
		why = strerror(errno);
	if (fd >= 0)
		(void)close(fd);
	if (why != NULL)
		return wrong(t, path, why);
	if (!secret) /* the certificate stands for its key */
		note_read(t, buf_span(out).p, buf_len(out));
	return 0;
}

/* Borrows from b. */
static gnutls_datum_t
datum(const struct buf *b)
{
	struct span s = buf_span(b);

	return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.p, (unsigned)s.n};
}

/* ---- our certificate and its key ---- */

struct own {
	gnutls_x509_crt_t *chain;
	unsigned n;
	gnutls_x509_privkey_t key;
};

static void
own_release(struct own *o)
{
	for (unsigned i = 0; i < o->n; i++)
		gnutls_x509_crt_deinit(o->chain[i]);
	gnutls_free(o->chain);
	if (o->key != NULL)
		gnutls_x509_privkey_deinit(o->key);
}

static void
tell_dates(const char *path, gnutls_x509_crt_t c)
{
	time_t now = time(NULL);

	if (gnutls_x509_crt_get_expiration_time(c) < now)
		log_event(LOG_WARN, "certificate has expired", "file=%s", log_quoted(path));
	else if (gnutls_x509_crt_get_activation_time(c) > now)
		log_event(LOG_WARN, "certificate is not valid yet", "file=%s", log_quoted(path));
}

/* As strong as RSA with 2048 bits. */
static int
judge_strength(const struct told *t, const char *path, gnutls_x509_crt_t c)
{
	unsigned bits = 0;
	int kind = gnutls_x509_crt_get_pk_algorithm(c, &bits);
	gnutls_pk_algorithm_t pk = (gnutls_pk_algorithm_t)kind;
	char why[128];

	if (kind < 0)
		return wrong(t, path, gnutls_strerror(kind));
	if (gnutls_pk_bits_to_sec_param(pk, bits) >= GNUTLS_SEC_PARAM_MEDIUM)
		return 0;
	(void)snprintf(why, sizeof why, "its %s key of %u bits is too weak: %u at least",
		       gnutls_pk_get_name(pk), bits,
		       gnutls_sec_param_to_pk_bits(pk, GNUTLS_SEC_PARAM_MEDIUM));
	return wrong(t, path, why);
}

static int
take_chain(const struct told *t, const char *path, const struct buf *text, struct own *o)
{
	gnutls_datum_t d = datum(text);
	int rc = gnutls_x509_crt_list_import2(&o->chain, &o->n, &d, GNUTLS_X509_FMT_PEM,
					      GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);

	if (rc == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
		return wrong(t, path, "ours must come first, then each that signed the one before");
	if (rc < 0)
		return wrong(t, path,
			     rc == GNUTLS_E_NO_CERTIFICATE_FOUND ||
					     rc == GNUTLS_E_BASE64_DECODING_ERROR
				     ? "there is no certificate in it"
				     : gnutls_strerror(rc));
	tell_dates(path, o->chain[0]);
	for (unsigned i = 0; i < o->n; i++)
		if (judge_strength(t, path, o->chain[i]) < 0)
			return -1;
	return 0;
}

static int
take_key(const struct told *t, const char *path, const struct buf *text, struct own *o)
{
	gnutls_datum_t d = datum(text);
	int rc = gnutls_x509_privkey_init(&o->key);

	if (rc == 0)
		rc = gnutls_x509_privkey_import2(o->key, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (rc == 0)
		return 0;
	if (rc == GNUTLS_E_DECRYPTION_FAILED)
		return wrong(t, path, "it has a passphrase: a key without one is needed");
	return wrong(t, path,
		     rc == GNUTLS_E_BASE64_DECODING_ERROR ||
				     rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE
			     ? "there is no key in it"
			     : gnutls_strerror(rc));
}

static bool
fits(const struct own *o)
{
	unsigned char a[KEY_ID], b[KEY_ID];
	size_t an = sizeof a, bn = sizeof b;

	return gnutls_x509_crt_get_key_id(o->chain[0], GNUTLS_KEYID_USE_SHA256, a, &an) == 0 &&
	       gnutls_x509_privkey_get_key_id(o->key, GNUTLS_KEYID_USE_SHA256, b, &bn) == 0 &&
	       an == bn && memcmp(a, b, an) == 0;
}

static int
read_own(const struct told *t, const struct tls_files *f, struct own *o)
{
	struct buf certificate = BUF_INIT, key = BUF_INIT;
	int rc = -1;

	if (read_file(t, f->certificate, false, &certificate) == 0 &&
	    take_chain(t, f->certificate, &certificate, o) == 0 &&
	    read_file(t, f->key, true, &key) == 0)
		rc = take_key(t, f->key, &key, o);
	if (key.cap > 0)
		explicit_bzero(key.base, key.cap);
	buf_release(&certificate);
	buf_release(&key);
	return rc;
}

static int
load_own(const struct told *t, const struct tls_files *f, struct tls_creds *c)
{
	struct own o = {.chain = NULL};
	int rc = read_own(t, f, &o);

	if (rc == 0)
		secure_mem_refuse_cores();
	if (rc == 0 && !fits(&o))
		rc = wrong(t, f->key, "is not the key of the certificate");
	if (rc == 0) {
		rc = gnutls_certificate_set_x509_key(c->certificates, o.chain, (int)o.n, o.key);
		if (rc < 0)
			(void)wrong(t, f->certificate, gnutls_strerror(rc));
	}
	own_release(&o);
	return rc < 0 ? -1 : 0;
}

/* ---- certificates that are trusted ---- */

static int
load_list(const struct told *t, const char *path, gnutls_certificate_credentials_t to,
	  int (*set)(gnutls_certificate_credentials_t, const gnutls_datum_t *,
		     gnutls_x509_crt_fmt_t),
	  const char *none)
{
	struct buf text = BUF_INIT;
	gnutls_datum_t d;
	int n;

	if (read_file(t, path, false, &text) < 0) {
		buf_release(&text);
		return -1;
	}
	d = datum(&text);
	n = set(to, &d, GNUTLS_X509_FMT_PEM);
	buf_release(&text);
	return n > 0 ? 0 : wrong(t, path, none);
}

static int
load_trust(const struct told *t, const struct tls_files *f, struct tls_creds *c)
{
	if (given(f->ca) &&
	    load_list(t, f->ca, c->certificates, gnutls_certificate_set_x509_trust_mem,
		      "there is no certificate of a CA in it") < 0)
		return -1;
	if (!given(f->crl))
		return 0;
	return load_list(t, f->crl, c->certificates, gnutls_certificate_set_x509_crl_mem,
			 "there is no list of revoked certificates in it");
}

/* ---- versions and ciphers ---- */

static bool
allows_old(gnutls_priority_t p)
{
	const unsigned *list;
	int n = gnutls_priority_protocol_list(p, &list);

	for (int i = 0; i < n; i++)
		if (list[i] < GNUTLS_TLS1_2) /* those of DTLS are above, and of no account */
			return true;
	return false;
}

static int
load_priorities(const struct told *t, const struct tls_files *f, struct tls_creds *c)
{
	const char *text = given(f->priorities) ? f->priorities : TLS_PRIORITIES, *at = text;
	char why[160];

	if (gnutls_priority_init(&c->priorities, text, &at) < 0) {
		(void)snprintf(why, sizeof why, "not understood from here on: %s", at);
		return wrong(t, text, why);
	}
	if (allows_old(c->priorities))
		return wrong(t, text, "allows what is older than TLS 1.2");
	return 0;
}

/* ---- all of it ---- */

static int
judge(const struct told *t, enum tls_side side, const struct tls_files *f)
{
	if (given(f->certificate) != given(f->key))
		return wrong(t, given(f->key) ? f->key : f->certificate,
			     "a certificate and its key are needed, not one of them");
	if (side == TLS_SERVER && !given(f->certificate))
		return wrong(t, "certificate", "one is needed where TLS is on");
	if (f->verify != TLS_VERIFY_NO && !given(f->ca))
		return wrong(t, "CA",
			     "a file of CAs is needed where certificates are to be verified");
	return 0;
}

/* Where any of it is another, so is the key of tickets: nobody resumes what was verified by what
 * does not hold any more. */
static int
prepare_tickets(const struct told *t, const struct tls_files *f, struct tls_creds *c)
{
	const char *priorities = given(f->priorities) ? f->priorities : TLS_PRIORITIES;
	int verify = f->verify;

	if (c->side != TLS_SERVER || f->resume_for == 0)
		return 0;
	note_read(t, &verify, sizeof verify);
	note_read(t, &f->resume_for, sizeof f->resume_for);
	note_read(t, priorities, strlen(priorities));
	sha256_digest(t->read, sizeof c->tickets, c->tickets);
	c->resume_for = f->resume_for;
	return tls_tickets_begin() == 0 ? 0 : wrong(t, "session tickets", strerror(errno));
}

static int
fill(const struct told *t, const struct tls_files *f, struct tls_creds *c)
{
	if (gnutls_certificate_allocate_credentials(&c->certificates) < 0)
		return wrong(t, "TLS", "out of memory");
	if (given(f->certificate) && load_own(t, f, c) < 0)
		return -1;
	if (load_trust(t, f, c) < 0 || load_priorities(t, f, c) < 0)
		return -1;
	return prepare_tickets(t, f, c);
}

struct tls_creds *
tls_creds_load(enum tls_side side, const struct tls_files *f, const char *prefix, FILE *err)
{
	struct sha256_ctx read;
	struct told t = {prefix, err, &read};
	struct tls_creds *c;

	sha256_init(&read);
	if (judge(&t, side, f) < 0)
		return NULL;
	c = calloc(1, sizeof *c);
	if (c == NULL) {
		(void)wrong(&t, "TLS", strerror(errno));
		return NULL;
	}
	c->references = 1;
	c->side = side;
	c->verify = f->verify;
	tls_sessions_init(&c->sessions);
	if (fill(&t, f, c) == 0)
		return c;
	tls_creds_unref(c);
	return NULL;
}

struct tls_creds *
tls_creds_ref(struct tls_creds *c)
{
	if (c != NULL)
		c->references++;
	return c;
}

void
tls_creds_unref(struct tls_creds *c)
{
	if (c == NULL || --c->references > 0)
		return;
	if (c->certificates != NULL)
		gnutls_certificate_free_credentials(c->certificates);
	if (c->priorities != NULL)
		gnutls_priority_deinit(c->priorities);
	tls_sessions_release(&c->sessions);
	free(c);
}
