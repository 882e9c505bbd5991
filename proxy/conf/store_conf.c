/* store_conf.c - see store_conf.h. */
#include "store_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "addr.h"
#include "secret_file.h"
#include "secure_mem.h"
#include "tls.h"

#define HOST_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]"

static const char *
host_of(const char *url)
{
	if (strncmp(url, "http://", 7) == 0)
		return url + 7;
	return strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
}

const char *
store_conf_judge_url(const char *text)
{
	const char *at = host_of(text), *why;
	char host[ADDR_HOST];
	uint16_t port = 0;

	if (at == NULL)
		return "it must begin with http:// or https://";
	if (strchr(at, '@') != NULL)
		return "the user does not belong here: see store_user";
	if (strchr(at, '/') != NULL)
		return "nothing may follow the port: it is http://HOST:PORT or https://HOST:PORT";
	if (at[strspn(at, HOST_BYTES)] != '\0' || strchr(at, ':') == NULL)
		return "it must be http://HOST:PORT or https://HOST:PORT";
	if (addr_split(at, host, &port, &why) < 0)
		return why;
	if (host[0] == '\0')
		return "the host is missing";
	return port == 0 ? "there is no port 0 to connect to" : NULL;
}

const char *
store_conf_judge_urls(const char *const item[], size_t n, size_t *at)
{
	for (*at = 0; *at < n; ++*at) {
		if (*at == STORE_URLS_MAX)
			return "there are more than 16";
		for (size_t i = 0; i < *at; i++)
			if (strcmp(item[i], item[*at]) == 0)
				return "it is there twice";
	}
	return NULL;
}

/* ---- files ---- */

static int
wrong(FILE *err, const char *key, const char *what)
{
	(void)fprintf(err, "ppool-proxy: %s: %s\n", key, what);
	return -1;
}

static int
wrong_file(FILE *err, const char *key, const char *path, const char *what)
{
	(void)fprintf(err, "ppool-proxy: %s: %s: %s\n", key, path, what);
	return -1;
}

/* A regular file; the number of its bytes, or -1 with errno. */
static ssize_t
read_file(const char *path, char *out, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), saved;
	struct stat st;
	ssize_t n = -1, all = 0;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = EINVAL;
	else
		while ((n = read(fd, out + all, room - (size_t)all)) > 0)
			all += n;
	if (n == 0 && (size_t)all == room) {
		errno = EFBIG;
		n = -1;
	}
	saved = errno;
	(void)close(fd);
	errno = saved;
	return n < 0 ? -1 : all;
}

static int
take_file(const char *key, const char *path, char *out, size_t room, size_t *n, FILE *err)
{
	ssize_t got = path[0] == '\0' ? 0 : read_file(path, out, room);

	if (got < 0)
		return wrong_file(err, key, path,
				  errno == EINVAL ? "is no regular file" : strerror(errno));
	if (got == 0 && path[0] != '\0')
		return wrong_file(err, key, path, "is empty");
	*n = (size_t)got;
	return 0;
}

static int
take_password(const struct secret_file_line *l, void *ctx, FILE *err)
{
	struct store_files *f = ctx;

	if (l->n > 1 || f->password[0] != '\0')
		return secret_file_wrong(l, err, "it must hold one word, the password");
	if (strlen(l->word[0]) > STORE_PASSWORD_MAX)
		return secret_file_wrong(l, err, "the password is longer than %d bytes",
					 STORE_PASSWORD_MAX);
	strcpy(f->password, l->word[0]);
	return 0;
}

static int
read_files(const struct store_conf *c, struct store_files *f, FILE *err)
{
	if (take_file("store_ca", c->ca, f->ca, sizeof f->ca, &f->ca_n, err) < 0 ||
	    take_file("store_certificate", c->certificate, f->certificate, sizeof f->certificate,
		      &f->certificate_n, err) < 0 ||
	    take_file("store_key", c->key, f->key, sizeof f->key, &f->key_n, err) < 0)
		return -1;
	if (c->password_file[0] == '\0')
		return 0;
	if (secret_file_read(c->password_file, take_password, f, err) < 0)
		return -1;
	return f->password[0] != '\0'
		       ? 0
		       : wrong_file(err, "store_password_file", c->password_file, "is empty");
}

/* ---- all together ---- */

static bool
has_https(const struct store_conf *c)
{
	for (size_t i = 0; i < c->urls.n; i++)
		if (strncmp(c->urls.item[i], "https:", 6) == 0)
			return true;
	return false;
}

static int
judge_together(const struct store_conf *c, FILE *err)
{
	if (has_https(c) && c->ca[0] == '\0')
		return wrong(err, "store", "https:// needs store_ca to verify it by");
	if ((c->certificate[0] == '\0') != (c->key[0] == '\0'))
		return wrong(err, "store_certificate, store_key", "each needs the other");
	if (c->user[0] != '\0' && c->password_file[0] == '\0')
		return wrong(err, "store_user", "it needs store_password_file");
	if (c->user[0] == '\0' && c->password_file[0] != '\0')
		return wrong(err, "store_password_file", "it needs store_user");
	return 0;
}

/* As the other certificates of the proxy are judged. */
static int
judge_tls(const struct store_conf *c, FILE *err)
{
	const struct tls_files files = {.certificate = c->certificate,
					.key = c->key,
					.ca = c->ca,
					.verify = TLS_VERIFY_REQUIRED};
	struct tls_creds *creds;

	if (c->ca[0] == '\0')
		return 0;
	creds = tls_creds_load(TLS_CLIENT, &files, "ppool-proxy: store_ca, store_certificate", err);
	tls_creds_unref(creds);
	return creds == NULL ? -1 : 0;
}

int
store_conf_check(struct store_conf *c, FILE *err)
{
	if (!store_conf_is_on(c))
		return 0;
	if (judge_together(c, err) < 0 || judge_tls(c, err) < 0)
		return -1;
	if (c->ca[0] == '\0' && c->certificate[0] == '\0' && c->user[0] == '\0')
		return 0;
	c->files = secure_mem_new(sizeof *c->files);
	if (c->files == NULL)
		return wrong(err, "store", strerror(errno));
	return read_files(c, c->files, err);
}

void
store_conf_forget(struct store_conf *c)
{
	secure_mem_free(c->files, sizeof *c->files);
	c->files = NULL;
}

/* ---- is it the same ---- */

static bool
same_bytes(const char *a, size_t an, const char *b, size_t bn)
{
	return an == bn && memcmp(a, b, an) == 0;
}

static bool
same_files(const struct store_files *a, const struct store_files *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a->password, b->password) == 0 &&
	       same_bytes(a->ca, a->ca_n, b->ca, b->ca_n) &&
	       same_bytes(a->certificate, a->certificate_n, b->certificate, b->certificate_n) &&
	       same_bytes(a->key, a->key_n, b->key, b->key_n);
}

bool
store_conf_same(const struct store_conf *a, const struct store_conf *b)
{
	if (a->urls.n != b->urls.n || a->ttl != b->ttl || strcmp(a->user, b->user) != 0)
		return false;
	for (size_t i = 0; i < a->urls.n; i++)
		if (strcmp(a->urls.item[i], b->urls.item[i]) != 0)
			return false;
	return same_files(a->files, b->files);
}
