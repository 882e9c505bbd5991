/* conf_scan.c - see conf_scan.h. */
#include "conf_scan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct scanner {
	const char *at; /* next byte */
	unsigned line;
	const char *word; /* the bare word before, not used up by a = */
	size_t word_n;
	unsigned open_brace; /* its line, 0 when none is open */
	FILE *out;
	const char *path;
	FILE *err;
	struct conf_scan *result;
};

PRINTF_LIKE(3, 4)
static void
complain(struct scanner *s, unsigned line, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(s->err, "%s:%u: ", s->path, line);
	va_start(ap, fmt);
	(void)vfprintf(s->err, fmt, ap);
	va_end(ap);
	(void)putc('\n', s->err);
	s->result->errors++;
}

/* What can't be followed further: nothing after it is looked at. */
static void
give_up(struct scanner *s)
{
	s->result->readable = false;
	s->at += strlen(s->at);
}

static void
copy(struct scanner *s, size_t n)
{
	(void)fwrite(s->at, 1, n, s->out);
	s->at += n;
}

/* Drops n bytes but for their line ends, so that lines stay what they are. */
static void
blank(struct scanner *s, size_t n)
{
	for (; n > 0; n--, s->at++)
		if (*s->at == '\n') {
			(void)putc('\n', s->out);
			s->line++;
		}
	(void)putc(' ', s->out);
}

static void
block_comment(struct scanner *s)
{
	const char *end = strstr(s->at + 2, "*/");

	if (end == NULL) {
		complain(s, s->line, "a comment that is never closed");
		give_up(s);
		return;
	}
	blank(s, (size_t)(end + 2 - s->at));
}

/* A backslash inside "...". */
static void
escape(struct scanner *s)
{
	if (s->at[1] == '\n') {
		s->line++;
	} else if (s->at[1] == '\0' || strchr("\"'\\nrt$", s->at[1]) == NULL) {
		complain(s, s->line, "a backslash before something other than \" ' \\ n r t $");
		blank(s, 1);
		return;
	}
	copy(s, 2);
}

static void
quoted(struct scanner *s)
{
	unsigned opened = s->line;
	char quote = *s->at;

	s->word_n = 0;
	copy(s, 1);
	while (*s->at != quote && *s->at != '\0') {
		if (*s->at == '\n')
			s->line++;
		if (quote == '"' && *s->at == '\\') {
			escape(s);
		} else if (quote == '\'' && *s->at == '\\' && s->at[1] != '\0' &&
			   s->at[1] != '\n') {
			copy(s, 2);
		} else {
			if (quote == '"' && strncmp(s->at, "${", 2) == 0)
				(void)putc('\\', s->out);
			copy(s, 1);
		}
	}
	if (*s->at == quote) {
		copy(s, 1);
	} else {
		complain(s, opened, "a quote that is never closed");
		give_up(s);
	}
}

static int
add_statement(struct scanner *s)
{
	struct conf_scan *r = s->result;
	struct conf_statement *more = reallocarray(r->statement, r->n + 1, sizeof *more);

	if (more == NULL)
		return -1;
	r->statement = more;
	more[r->n].line = s->line;
	more[r->n].name = strndup(s->word, s->word_n);
	if (more[r->n].name == NULL)
		return -1;
	r->n++;
	return 0;
}

static bool
value_follows(const char *p)
{
	p += strspn(p, " \t\r");
	return *p != '\0' && *p != '\n' && *p != '#' && strncmp(p, "//", 2) != 0;
}

static int
equals(struct scanner *s)
{
	if (s->word_n == 0) {
		complain(s, s->line, "a key is missing before =");
		give_up(s);
		return 0;
	}
	if (!value_follows(s->at + 1))
		complain(s, s->line, "%.*s: a value is needed", (int)s->word_n, s->word);
	else if (add_statement(s) < 0)
		return -1;
	copy(s, 1);
	if (!value_follows(s->at))
		(void)fputs("\"\"", s->out);
	s->word_n = 0;
	return 0;
}

static void
brace(struct scanner *s)
{
	s->open_brace = *s->at == '{' ? s->line : 0;
	copy(s, 1);
}

/* What libconfuse takes for a word; only what it does not know in one is told. */
static void
word(struct scanner *s)
{
	size_t n = strcspn(s->at, " \t\r\n#\"'={}()+,*");

	if (n == 0) {
		complain(s, s->line, "%c has to stand inside quotes", *s->at);
		blank(s, 1);
	} else if (s->at[n] == '{' && s->at[n - 1] == '$') {
		complain(s, s->line, "${ has to stand inside quotes; nothing is expanded");
		blank(s, n + strcspn(s->at + n, "}\n"));
		if (*s->at == '}')
			blank(s, 1);
		(void)fputs("\"\"", s->out);
	} else {
		s->word = s->at;
		s->word_n = n;
		copy(s, n);
	}
}

static int
step(struct scanner *s)
{
	switch (*s->at) {
	case ' ':
	case '\t':
	case '\r':
	case ',': copy(s, 1); return 0;
	case '\n': blank(s, 1); return 0;
	case '#': blank(s, strcspn(s->at, "\n")); return 0;
	case '"':
	case '\'': quoted(s); return 0;
	case '=': return equals(s);
	case '{':
	case '}': brace(s); return 0;
	case '/':
		if (s->at[1] == '/')
			blank(s, strcspn(s->at, "\n"));
		else if (s->at[1] == '*')
			block_comment(s);
		else
			word(s);
		return 0;
	default: word(s); return 0;
	}
}

int
conf_scan(struct conf_scan *result, const char *in, const char *path, FILE *err)
{
	size_t size;
	struct scanner s = {.at = in, .line = 1, .path = path, .err = err, .result = result};
	int r = 0;

	*result = (struct conf_scan){.readable = true};
	s.out = open_memstream(&result->text, &size);
	if (s.out == NULL)
		return -1;
	while (r == 0 && *s.at != '\0')
		r = step(&s);
	if (s.open_brace != 0 && result->readable) {
		complain(&s, s.open_brace, "a { that is never closed");
		give_up(&s);
	}
	if (fclose(s.out) != 0) /* ENOMEM */
		r = -1;
	return r;
}

void
conf_scan_free(struct conf_scan *result)
{
	for (size_t i = 0; i < result->n; i++)
		free(result->statement[i].name);
	free(result->statement);
	free(result->text);
	*result = (struct conf_scan){.text = NULL};
}
