/* conf_lex.c - see conf_lex.h. */
#include "conf_lex.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int
conf_lexer_init(struct conf_lexer *l, const char *in, const char *path, FILE *err)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of editors that mark UTF-8 */
	bool marked = strncmp(in, mark, sizeof mark - 1) == 0;

	*l = (struct conf_lexer){.at = in + (marked ? sizeof mark - 1 : 0),
				 .path = path,
				 .err = err,
				 .line = 1,
				 .last_line = 1};
	/* A token of one byte and its NUL are two; two words have something between them. */
	l->pool = malloc(2 * strlen(in) + 2);
	l->text = l->pool;
	if (l->pool == NULL)
		return -1;
	l->pool[0] = '\0';
	return 0;
}

void
conf_lexer_free(struct conf_lexer *l)
{
	free(l->pool);
	l->pool = NULL;
}

void
conf_lexer_complain(struct conf_lexer *l, unsigned line, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(l->err, "%s:%u: ", l->path, line);
	va_start(ap, fmt);
	(void)vfprintf(l->err, fmt, ap);
	va_end(ap);
	(void)putc('\n', l->err);
	l->errors++;
}

/* What can't be followed further: nothing after it is looked at. */
static void
give_up(struct conf_lexer *l, unsigned line, const char *why)
{
	conf_lexer_complain(l, line, "%s", why);
	l->at += strlen(l->at);
}

static void
pass(struct conf_lexer *l, size_t n)
{
	for (; n > 0; n--, l->at++)
		l->line += *l->at == '\n';
}

static void
pass_blanks_and_comments(struct conf_lexer *l)
{
	for (;;) {
		pass(l, strspn(l->at, " \t\r\n"));
		if (l->at[0] == '#' || strncmp(l->at, "//", 2) == 0) {
			pass(l, strcspn(l->at, "\n"));
		} else if (strncmp(l->at, "/*", 2) == 0) {
			const char *end = strstr(l->at + 2, "*/");
			if (end == NULL)
				give_up(l, l->line, "a comment that is never closed");
			else
				pass(l, (size_t)(end + 2 - l->at));
		} else {
			return;
		}
	}
}

/* A backslash inside quotes.  What it stands for, -1: nothing. */
static int
escape(struct conf_lexer *l, char quote)
{
	static const char known[] = "\"'\\$nrt\n", meaning[] = "\"'\\$\n\r\t";
	const char *found = l->at[1] != '\0' ? strchr(known, l->at[1]) : NULL;

	if (l->at[1] == '\n') {
		pass(l, 2);
		return -1;
	}
	if (quote == '\'' && l->at[1] != '\'' && l->at[1] != '\\') {
		pass(l, 1);
		return '\\';
	}
	if (found == NULL) {
		conf_lexer_complain(l, l->line,
				    "a backslash before something other than \" ' \\ n r t $");
		pass(l, 1);
		return -1;
	}
	pass(l, 2);
	return meaning[found - known];
}

static void
quoted(struct conf_lexer *l, char *out)
{
	char quote = *l->at;
	int c;

	pass(l, 1);
	while (*l->at != quote && *l->at != '\0')
		if (*l->at == '\\') {
			c = escape(l, quote);
			if (c >= 0)
				*out++ = (char)c;
		} else {
			*out++ = *l->at;
			pass(l, 1);
		}
	*out = '\0';
	if (*l->at == quote)
		pass(l, 1);
	else
		give_up(l, l->token_line, "a quote that is never closed");
}

/* What no bare word may hold, or end with, is told: it was meant as part of a value. */
static void
word(struct conf_lexer *l, char *out)
{
	size_t n = strcspn(l->at, " \t\r\n#\"'={}()+,*");

	memcpy(out, l->at, n);
	out[n] = '\0';
	pass(l, n);
	if (out[n - 1] == ';') {
		conf_lexer_complain(l, l->line,
				    "no ; is needed at the end: take it away, or quote "
				    "the value that it is part of");
	} else if (out[n - 1] == '$' && *l->at == '{') {
		conf_lexer_complain(l, l->line,
				    "${ has to stand inside quotes; nothing is expanded");
		pass(l, strcspn(l->at, "}\n"));
		pass(l, *l->at == '}');
	}
}

static enum conf_token
mark(struct conf_lexer *l, enum conf_token token)
{
	pass(l, 1);
	return token;
}

void
conf_lexer_next(struct conf_lexer *l)
{
	char *out = l->pool + (l->text - l->pool) + strlen(l->text) + 1;

	l->last_line = l->line;
	for (;;) {
		pass_blanks_and_comments(l);
		if (*l->at == '\0' || strchr("()+*", *l->at) == NULL)
			break;
		conf_lexer_complain(l, l->line, "%c has to stand inside quotes", *l->at);
		pass(l, 1);
	}
	l->token_line = l->line;
	switch (*l->at) {
	case '\0': l->token = CONF_END; return;
	case '=': l->token = mark(l, CONF_EQUALS); return;
	case '{': l->token = mark(l, CONF_OPEN); return;
	case '}': l->token = mark(l, CONF_CLOSE); return;
	case ',': l->token = mark(l, CONF_COMMA); return;
	case '"':
	case '\'':
		l->token = CONF_QUOTED;
		quoted(l, out);
		break;
	default: l->token = CONF_WORD; word(l, out);
	}
	l->text = out;
}
