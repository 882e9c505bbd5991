/* conf_file.c - see conf_file.h.
 *
 * Every key is a string or a list of strings to libconfuse, so that the typed parsers of conf_value
 * serve file and command line alike.  conf_scan tells which statements there are and in which
 * lines; libconfuse gives their values.  Keys that nobody knows are lists to it as well: it would
 * stop at the first one otherwise, and the rest of the file would go unchecked. */
#include "conf_file.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf_key.h"
#include "conf_scan.h"

enum { FILE_MAX = 1 << 20 }; /* bytes */

struct reader {
	const char *path;
	const struct conf_table *tables;
	size_t n, keys; /* tables, keys in them */
	struct conf_scan scan;
	cfg_t *cfg;
	conf_assign *assign;
	void *ctx;
	FILE *err;
};

/* ---- the file's bytes ---- */

/* At most size - 1 bytes and a NUL.  How many, or -1 with errno. */
static ssize_t
read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t got;

	do {
		got = read(fd, buf + used, size - 1 - used);
		if (got > 0)
			used += (size_t)got;
	} while ((got > 0 && used < size - 1) || (got < 0 && errno == EINTR));
	buf[used] = '\0';
	return got < 0 ? -1 : (ssize_t)used;
}

/* 1, 0 when there is no such file, -1 with errno. */
static int
slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = read_all(fd, buf, size);
	saved = errno;
	(void)close(fd);
	errno = saved;
	if (n == (ssize_t)size - 1)
		errno = EFBIG;
	else if (n >= 0 && memchr(buf, '\0', (size_t)n) != NULL)
		errno = EILSEQ;
	else
		return n < 0 ? -1 : 1;
	return -1;
}

static const char *
reason(int error)
{
	return error == EILSEQ ? "not a text: it holds a NUL byte" : strerror(error);
}

/* ---- libconfuse ---- */

/* libconfuse has no place for a caller's pointer, so the message waits in the annotation, which
 * nothing else uses here.  It stops at the first error. */
PRINTF_LIKE(2, 0)
static void
keep_message(cfg_t *cfg, const char *fmt, va_list ap)
{
	char *text = NULL;

	if (strncmp(fmt, "no such option", 14) == 0 || strncmp(fmt, "missing equal sign", 18) == 0)
		fmt = "%s: = and a value are missing";
	else if (strncmp(fmt, "premature end", 13) == 0)
		fmt = "the last statement lacks = and a value";
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	free(cfg->comment);
	cfg->comment = text;
}

static bool
first_of_its_name(const struct conf_scan *scan, size_t i, unsigned *line)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(scan->statement[j].name, scan->statement[i].name) == 0) {
			*line = scan->statement[j].line;
			return false;
		}
	return true;
}

static void
fill_grammar(const struct reader *r, cfg_opt_t *opt)
{
	const struct conf_key *key;
	unsigned line;

	for (size_t i = 0; (key = conf_key_at(r->tables, r->n, i, NULL)) != NULL; i++)
		*opt++ = key->type == CONF_LIST
				 ? (cfg_opt_t)CFG_STR_LIST(key->name, NULL, CFGF_NODEFAULT)
				 : (cfg_opt_t)CFG_STR(key->name, NULL, CFGF_NODEFAULT);
	for (size_t i = 0; i < r->scan.n; i++) {
		const char *name = r->scan.statement[i].name;

		if (conf_key_find(r->tables, r->n, name) == r->keys &&
		    first_of_its_name(&r->scan, i, &line))
			*opt++ = (cfg_opt_t)CFG_STR_LIST(name, NULL, CFGF_NODEFAULT);
	}
	*opt = (cfg_opt_t)CFG_END();
}

static cfg_t *
make_grammar(const struct reader *r)
{
	cfg_opt_t *opt = calloc(r->keys + r->scan.n + 1, sizeof *opt);
	cfg_t *cfg;

	if (opt == NULL)
		return NULL;
	fill_grammar(r, opt);
	cfg = cfg_init(opt, CFGF_NONE);
	free(opt);
	if (cfg != NULL)
		(void)cfg_set_error_function(cfg, keep_message);
	return cfg;
}

/* ---- statements ---- */

static int
unknown_key(const struct reader *r, const struct conf_statement *s)
{
	size_t near = conf_key_nearest(r->tables, r->n, s->name);

	(void)fprintf(r->err, "%s:%u: %s: no such key", r->path, s->line, s->name);
	if (near < r->keys)
		(void)fprintf(r->err, " (did you mean %s?)",
			      conf_key_at(r->tables, r->n, near, NULL)->name);
	(void)putc('\n', r->err);
	return -1;
}

static int
assign_values(const struct reader *r, size_t place, unsigned line)
{
	cfg_opt_t *opt = cfg_getnopt(r->cfg, (unsigned)place);
	size_t n = cfg_opt_size(opt);
	const char **item;
	int result;

	if ((opt->flags & CFGF_MODIFIED) == 0 || (n == 0 && (opt->flags & CFGF_LIST) == 0))
		return 0; /* beyond a syntax error */
	item = calloc(n + 1, sizeof *item);
	if (item == NULL) {
		(void)fprintf(r->err, "%s: out of memory\n", r->path);
		return -1;
	}
	for (unsigned i = 0; i < n; i++)
		item[i] = cfg_opt_getnstr(opt, i);
	result = r->assign(&(struct conf_assignment){place, line, item, n}, r->ctx);
	free(item);
	return result;
}

static int
follow_statement(const struct reader *r, size_t i)
{
	const struct conf_statement *s = &r->scan.statement[i];
	size_t place = conf_key_find(r->tables, r->n, s->name);
	unsigned line;

	if (place == r->keys)
		return unknown_key(r, s);
	if (!first_of_its_name(&r->scan, i, &line)) {
		(void)fprintf(r->err, "%s:%u: %s: given in line %u already\n", r->path, s->line,
			      s->name, line);
		return -1;
	}
	return assign_values(r, place, s->line);
}

static int
follow(struct reader *r)
{
	int result = r->scan.errors > 0 ? -1 : 0;

	if (!r->scan.readable)
		return -1;
	r->cfg = make_grammar(r);
	if (r->cfg == NULL) {
		(void)fprintf(r->err, "%s: out of memory\n", r->path);
		return -1;
	}
	if (cfg_parse_buf(r->cfg, r->scan.text) != CFG_SUCCESS) {
		(void)fprintf(r->err, "%s:%d: %s\n", r->path, r->cfg->line,
			      r->cfg->comment != NULL ? r->cfg->comment : "out of memory");
		result = -1;
	}
	for (size_t i = 0; i < r->scan.n; i++)
		if (follow_statement(r, i) < 0)
			result = -1;
	(void)cfg_free(r->cfg);
	return result;
}

int
conf_file_read(const char *path, bool absent_is_fine, const struct conf_table *tables, size_t n,
	       conf_assign *assign, void *ctx, bool *read, FILE *err)
{
	struct reader r = {
		.path = path, .tables = tables, .n = n, .assign = assign, .ctx = ctx, .err = err};
	char *text = malloc(FILE_MAX + 1);
	int got = text != NULL ? slurp(path, text, FILE_MAX + 1) : -1, result = -1;

	*read = got > 0;
	while (conf_key_at(tables, n, r.keys, NULL) != NULL)
		r.keys++;
	if (got == 0 && absent_is_fine) {
		result = 0;
	} else if (got <= 0) {
		(void)fprintf(err, "%s: %s\n", path, reason(got == 0 ? ENOENT : errno));
	} else if (conf_scan(&r.scan, text, path, err) < 0) {
		(void)fprintf(err, "%s: out of memory\n", path);
	} else {
		result = follow(&r);
	}
	conf_scan_free(&r.scan);
	free(text);
	return result;
}
