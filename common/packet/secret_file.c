/* secret_file.c - see secret_file.h. */
#include "secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "signature.h"

int
secret_file_wrong(const struct secret_file_line *l, FILE *err, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(err, "%s:%u: ", l->file, l->number);
	va_start(ap, fmt);
	(void)vfprintf(err, fmt, ap);
	va_end(ap);
	(void)fputc('\n', err);
	return -1;
}

int
secret_file_secret(const struct secret_file_line *l, const char *word, uint8_t *out, FILE *err)
{
	int n = digest_decode(span_str(word), out, SIGNATURE_SECRET_MAX);

	if (n < 0)
		return secret_file_wrong(l, err,
					 "the secret is neither hex nor base64 of at most %d bytes",
					 SIGNATURE_SECRET_MAX);
	if (n < SIGNATURE_SECRET_MIN)
		return secret_file_wrong(l, err,
					 "the secret has %d bytes: it must have at least %d", n,
					 SIGNATURE_SECRET_MIN);
	return n;
}

/* ---- lines ---- */

static int
take_line(struct secret_file_line *l, char *text, secret_file_take *take, void *ctx, FILE *err)
{
	char *comment = strchr(text, '#'), *rest;

	if (comment != NULL)
		*comment = '\0';
	l->n = 0;
	for (char *w = strtok_r(text, " \t\r", &rest); w != NULL;
	     w = strtok_r(NULL, " \t\r", &rest)) {
		if (l->n == SECRET_FILE_WORDS)
			return secret_file_wrong(l, err, "more than %d words", SECRET_FILE_WORDS);
		l->word[l->n++] = w;
	}
	return l->n == 0 ? 0 : take(l, ctx, err);
}

/* Cuts text, which ends with a NUL, into lines. */
static int
take_lines(const char *name, char *text, size_t n, secret_file_take *take, void *ctx, FILE *err)
{
	struct secret_file_line l = {.file = name};
	char *first = text + (n - span_without_mark(span_of(text, n)).n);
	int rc = 0;

	for (char *end, *at = first; at < text + n; at = end + 1) {
		l.number++;
		end = memchr(at, '\n', (size_t)(text + n - at));
		if (end == NULL)
			end = text + n;
		*end = '\0';
		if (memchr(at, '\0', (size_t)(end - at)) != NULL)
			rc = secret_file_wrong(&l, err, "a NUL byte");
		else if (take_line(&l, at, take, ctx, err) < 0)
			rc = -1;
	}
	return rc;
}

int
secret_file_parse(const char *name, struct span text, secret_file_take *take, void *ctx, FILE *err)
{
	char *copy = malloc(text.n + 1);
	int rc;

	if (copy == NULL) {
		(void)fprintf(err, "%s: out of memory\n", name);
		return -1;
	}
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	rc = take_lines(name, copy, text.n, take, ctx, err);
	explicit_bzero(copy, text.n);
	free(copy);
	return rc;
}

/* ---- files ---- */

/* NULL, or why the file is not to be trusted. */
static const char *
judge(const struct stat *st)
{
	static char of_another[96];

	(void)snprintf(of_another, sizeof of_another,
		       "belongs to another user: its owner must be uid %u, as this daemon, or root",
		       (unsigned)geteuid());
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return of_another;
	if ((st->st_mode & 077) != 0)
		return "can be read or written by others: its mode must be 0600";
	if (st->st_size > SECRET_FILE_MAX)
		return "is larger than 1 MiB";
	return NULL;
}

static int
cannot(const char *path, const char *why, FILE *err)
{
	(void)fprintf(err, "%s: %s\n", path, why);
	return -1;
}

/* The descriptor is what is judged, so that nobody changes the name in between.  A FIFO would keep
 * us waiting without O_NONBLOCK. */
static int
open_judged(const char *path, FILE *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	const char *why;

	if (fd < 0)
		return cannot(path, strerror(errno), err);
	why = fstat(fd, &st) < 0 ? strerror(errno) : judge(&st);
	if (why == NULL)
		return fd;
	(void)close(fd);
	return cannot(path, why, err);
}

static ssize_t
read_all(int fd, char *to, size_t room)
{
	size_t n = 0;

	while (n < room) {
		ssize_t got = read(fd, to + n, room - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	return (ssize_t)n;
}

int
secret_file_read(const char *path, secret_file_take *take, void *ctx, FILE *err)
{
	int fd = open_judged(path, err), rc = -1;
	char *text;
	ssize_t n;

	if (fd < 0)
		return -1;
	text = malloc(SECRET_FILE_MAX + 1);
	n = text == NULL ? -1 : read_all(fd, text, SECRET_FILE_MAX);
	if (n < 0)
		(void)cannot(path, strerror(errno), err);
	else {
		text[n] = '\0';
		rc = take_lines(path, text, (size_t)n, take, ctx, err);
		explicit_bzero(text, (size_t)n);
	}
	free(text);
	(void)close(fd);
	return rc;
}
