/* conf_file.c - see conf_file.h.
 *
 * What is wrong in a statement costs that statement alone: all that is wrong in the files is told
 * at once. */
#include "conf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf_lex.h"

enum { FILE_MAX = 1 << 20 /* bytes */, DEPTH_MAX = 8 /* of files that include each other */ };

struct reader {
	const struct conf_sink *sink;
	unsigned how;
	FILE *err;
	char **path; /* of every file, owned */
	size_t paths;
	bool failed;
};

struct file {
	struct reader *r;
	const struct file *parent; /* that includes it; NULL: none */
	unsigned depth;
	struct stat st;
	struct conf_lexer l;
	const char **item; /* of the statement in hand */
	size_t items;
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

/* 0, or -1 with errno: ESPIPE where a file that may be waited for is not wanted; /dev/null is a
 * usual name for no settings at all. */
static int
slurp(const char *path, bool at_once, struct stat *st, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (at_once ? O_NONBLOCK : 0));
	int error = ESPIPE;
	ssize_t n;

	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0) {
		error = errno;
	} else if (!at_once || strcmp(path, "/dev/null") == 0 || S_ISREG(st->st_mode) ||
		   S_ISDIR(st->st_mode)) { /* which read(2) refuses */
		n = read_all(fd, buf, size);
		error = n < 0				       ? errno
			: n == (ssize_t)size - 1	       ? EFBIG
			: memchr(buf, '\0', (size_t)n) != NULL ? EILSEQ
							       : 0;
	}
	(void)close(fd);
	errno = error;
	return error == 0 ? 0 : -1;
}

static const char *
reason(int error)
{
	if (error == ESPIPE)
		return "a FIFO or a device can be read at the start alone; a reload or an upgrade "
		       "needs a regular file";
	if (error == EDEADLK)
		return "it would include itself";
	return error == EILSEQ ? "not a text: it holds a NUL byte" : strerror(error);
}

/* ---- what is passed over after an error ---- */

/* To the end of the line, or of what is opened in it, or to a } that closes what was opened
 * before. */
static void
skip_line(struct conf_lexer *l, unsigned line)
{
	unsigned depth = 0;

	while (l->token != CONF_END &&
	       (depth > 0 || (l->token_line == line && l->token != CONF_CLOSE))) {
		if (l->token == CONF_OPEN)
			depth++;
		else if (l->token == CONF_CLOSE)
			depth--;
		conf_lexer_next(l);
	}
}

/* ---- name = value ---- */

static bool
is_text(const struct conf_lexer *l)
{
	return l->token == CONF_WORD || l->token == CONF_QUOTED;
}

/* 0, or -1 with what is wrong told. */
static int
add_item(struct file *f)
{
	const char **more = reallocarray(f->item, f->items + 1, sizeof *more);

	if (more == NULL) {
		conf_lexer_complain(&f->l, f->l.token_line, "out of memory");
		return -1;
	}
	f->item = more;
	more[f->items++] = f->l.text;
	return 0;
}

/* From its { to its }. */
static void
read_list(struct file *f, const char *name)
{
	struct conf_lexer *l = &f->l;
	unsigned opened = l->token_line;

	conf_lexer_next(l);
	while (l->token != CONF_CLOSE && l->token != CONF_END) {
		if (!is_text(l))
			conf_lexer_complain(l, l->token_line, "%s: a value is missing in the list",
					    name);
		else if (add_item(f) < 0)
			return;
		if (is_text(l))
			conf_lexer_next(l);
		if (l->token == CONF_COMMA)
			conf_lexer_next(l);
		else if (is_text(l))
			conf_lexer_complain(l, l->token_line,
					    "%s: a comma is missing before \"%s\"", name, l->text);
		else if (l->token != CONF_CLOSE && l->token != CONF_END)
			conf_lexer_next(l);
	}
	if (l->token == CONF_END)
		conf_lexer_complain(l, opened, "a { that is never closed");
}

/* From the = to behind the value.  wanted: it is handed out if nothing is wrong with it. */
static void
read_assignment(struct file *f, const char *name, bool wanted)
{
	struct conf_lexer *l = &f->l;
	struct conf_assignment a = {.place = {l->path, l->token_line}, .name = name};
	size_t errors = l->errors;

	conf_lexer_next(l);
	a.list = l->token == CONF_OPEN;
	f->items = 0;
	if ((!is_text(l) && !a.list) || l->token_line != a.place.line) {
		conf_lexer_complain(l, a.place.line, "%s: a value is needed", name);
		return;
	}
	if (a.list)
		read_list(f, name);
	else if (add_item(f) < 0)
		return;
	a.item = f->item;
	a.n = f->items;
	if (wanted && errors == l->errors && f->r->sink->assign(&a, f->r->sink->ctx) < 0)
		f->r->failed = true;
	conf_lexer_next(l);
}

/* ---- include ---- */

static void read_included(struct file *, unsigned line, const char *path);

/* path as seen from the folder of the file that names it; *folder is the length of what was put
 * before it.  NULL on ENOMEM. */
static char *
seen_from(const char *from, const char *path, size_t *folder)
{
	const char *slash = strrchr(from, '/');
	char *whole;

	*folder = path[0] != '/' && slash != NULL ? (size_t)(slash + 1 - from) : 0;
	return asprintf(&whole, "%.*s%s", (int)*folder, from, path) < 0 ? NULL : whole;
}

/* For glob(3): the first n bytes of text, taken literally, and a tail.  NULL on ENOMEM. */
static char *
pattern_of(const char *text, size_t n, const char *tail)
{
	char *pattern = malloc(2 * strlen(text) + strlen(tail) + 1), *to = pattern;

	for (const char *p = text; pattern != NULL && *p != '\0'; *to++ = *p++)
		if (p < text + n && strchr("*?[\\", *p) != NULL)
			*to++ = '\\';
	if (pattern != NULL)
		(void)strcpy(to, tail);
	return pattern;
}

static int
keep_error(const char *path, int error)
{
	(void)path;
	errno = error;
	return 1;
}

/* In the order of their names; there may be none. */
static void
include_matches(struct file *f, unsigned line, const char *path, const char *pattern)
{
	glob_t found = {.gl_pathc = 0};
	int r = GLOB_NOSPACE;

	errno = ENOMEM;
	if (pattern != NULL)
		r = glob(pattern, GLOB_ERR, keep_error, &found);
	if (r != 0 && r != GLOB_NOMATCH)
		conf_lexer_complain(&f->l, line, "include: %s: %s", path, strerror(errno));
	for (size_t i = 0; r == 0 && i < found.gl_pathc; i++)
		read_included(f, line, found.gl_pathv[i]);
	globfree(&found);
}

static void
include(struct file *f, unsigned line, const char *path)
{
	size_t folder;
	char *whole = seen_from(f->l.path, path, &folder), *pattern;
	struct stat st;
	bool exists = whole != NULL && stat(whole, &st) == 0;

	if (whole == NULL) {
		conf_lexer_complain(&f->l, line, "include: out of memory");
	} else if (exists ? !S_ISDIR(st.st_mode) : strpbrk(path, "*?[") == NULL) {
		read_included(f, line, whole);
	} else {
		pattern = exists ? pattern_of(whole, strlen(whole), "/*.conf")
				 : pattern_of(whole, folder, "");
		include_matches(f, line, whole, pattern);
		free(pattern);
	}
	free(whole);
}

/* ---- statements ---- */

static void read_statements(struct file *, bool in_section, bool wanted);

/* Behind the word that begins it. */
static void
read_section(struct file *f, const char *word, unsigned line, bool in_section)
{
	struct conf_lexer *l = &f->l;
	const struct conf_sink *sink = f->r->sink;
	const char *title = l->text;
	bool titled = is_text(l), entered;

	if (titled)
		conf_lexer_next(l);
	if (!titled || l->token != CONF_OPEN || in_section) {
		conf_lexer_complain(l, line,
				    in_section ? "%s: a section cannot stand in another"
					       : "%s: a section is %s \"...\" { key = value ... }",
				    word, word);
		skip_line(l, l->token_line);
		return;
	}
	conf_lexer_next(l);
	entered = sink->enter((struct conf_place){l->path, line}, word, title, sink->ctx) == 0;
	f->r->failed |= !entered;
	read_statements(f, true, entered);
	if (entered)
		sink->leave(sink->ctx);
	if (l->token == CONF_END)
		conf_lexer_complain(l, line, "a { that is never closed");
	else
		conf_lexer_next(l);
}

/* Behind the word that begins it. */
static void
read_include(struct file *f, unsigned line, bool in_section)
{
	struct conf_lexer *l = &f->l;

	if (in_section)
		conf_lexer_complain(l, line, "include: it stands outside of sections");
	else
		include(f, line, l->text);
	conf_lexer_next(l);
}

static bool
begins_section(const struct conf_sink *sink, const char *name)
{
	for (const char *const *word = sink->section; *word != NULL; word++)
		if (strcmp(name, *word) == 0)
			return true;
	return false;
}

static void
read_statement(struct file *f, bool in_section, bool wanted)
{
	static const char *const names[] = {[CONF_QUOTED] = "what is quoted",
					    [CONF_EQUALS] = "=",
					    [CONF_OPEN] = "{",
					    [CONF_CLOSE] = "}",
					    [CONF_COMMA] = ","};
	struct conf_lexer *l = &f->l;
	const char *name = l->text;
	enum conf_token first = l->token;
	unsigned line = l->token_line;

	conf_lexer_next(l);
	if (first != CONF_WORD) {
		conf_lexer_complain(l, line, "a key is missing before %s", names[first]);
		skip_line(l, line);
	} else if (l->token == CONF_EQUALS) {
		read_assignment(f, name, wanted);
	} else if (begins_section(f->r->sink, name)) {
		read_section(f, name, line, in_section);
	} else if (strcmp(name, "include") == 0 && is_text(l) && l->token_line == line) {
		read_include(f, line, in_section);
	} else {
		conf_lexer_complain(
			l, line,
			"%s: = and a value are missing (white space in a value needs quotes)",
			name);
		skip_line(l, line);
	}
}

/* Up to the end of the file, or the } of the section. */
static void
read_statements(struct file *f, bool in_section, bool wanted)
{
	while (f->l.token != CONF_END && !(in_section && f->l.token == CONF_CLOSE))
		read_statement(f, in_section, wanted);
}

/* ---- files ---- */

/* The path lives as long as the reader: statements are told apart by where they stand.  NULL on
 * ENOMEM. */
static const char *
keep_path(struct reader *r, const char *path)
{
	char **more = reallocarray(r->path, r->paths + 1, sizeof *more);

	if (more == NULL)
		return NULL;
	r->path = more;
	more[r->paths] = strdup(path);
	return more[r->paths] == NULL ? NULL : more[r->paths++];
}

/* 0, or -1 on ENOMEM. */
static int
read_text(struct file *f, const char *text, const char *path)
{
	const char *kept = keep_path(f->r, path);

	if (kept == NULL || conf_lexer_init(&f->l, text, kept, f->r->err) < 0)
		return -1;
	conf_lexer_next(&f->l);
	read_statements(f, false, true);
	f->r->failed |= f->l.errors > 0;
	conf_lexer_free(&f->l);
	free(f->item);
	return 0;
}

static bool
includes_itself(const struct file *f)
{
	for (const struct file *p = f->parent; p != NULL; p = p->parent)
		if (p->st.st_dev == f->st.st_dev && p->st.st_ino == f->st.st_ino)
			return true;
	return false;
}

/* 0, or -1 with errno; what is wrong in the file is told. */
static int
read_file(struct file *f, const char *path)
{
	char *text = malloc(FILE_MAX + 1);
	int r = -1, error;

	if (text != NULL &&
	    slurp(path, (f->r->how & CONF_FILE_AT_ONCE) != 0, &f->st, text, FILE_MAX + 1) == 0) {
		errno = EDEADLK;
		if (!includes_itself(f))
			r = read_text(f, text, path);
	}
	error = errno;
	free(text);
	errno = error;
	return r;
}

static void
read_included(struct file *f, unsigned line, const char *path)
{
	struct file inner = {.r = f->r, .parent = f, .depth = f->depth + 1};

	if (inner.depth > DEPTH_MAX)
		conf_lexer_complain(&f->l, line, "include: %s: more than %d files deep", path,
				    DEPTH_MAX);
	else if (read_file(&inner, path) < 0)
		conf_lexer_complain(&f->l, line, "include: %s: %s", path, reason(errno));
}

int
conf_file_read(const char *path, unsigned how, const struct conf_sink *sink, bool *read, FILE *err)
{
	struct reader r = {.sink = sink, .how = how, .err = err};
	struct file f = {.r = &r};

	*read = read_file(&f, path) == 0;
	if (!*read && ((how & CONF_FILE_OPTIONAL) == 0 || errno != ENOENT)) {
		(void)fprintf(err, "%s: %s: %s\n", sink->program, path, reason(errno));
		r.failed = true;
	}
	for (size_t i = 0; i < r.paths; i++)
		free(r.path[i]);
	free(r.path);
	return r.failed ? -1 : 0;
}
