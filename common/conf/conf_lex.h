/* conf_lex.h - the tokens of a settings file, with their lines.  Internal to conf. */
#ifndef POLICYPOOL_CONF_LEX_H
#define POLICYPOOL_CONF_LEX_H

#include <stdio.h>

#include "compiler.h"

enum conf_token {
	CONF_END,
	CONF_WORD,   /* bare */
	CONF_QUOTED, /* "..." or '...', its escapes resolved */
	CONF_EQUALS,
	CONF_OPEN,  /* { */
	CONF_CLOSE, /* } */
	CONF_COMMA
};

struct conf_lexer {
	const char *at; /* next byte of the file's text, which is borrowed */
	const char *path;
	FILE *err;
	char *pool; /* texts of all tokens */
	enum conf_token token;
	const char *text;    /* WORD, QUOTED: as long as the lexer */
	unsigned line;	     /* of `at` */
	unsigned token_line; /* where the token begins */
	unsigned last_line;  /* where the token before ended */
	size_t errors;	     /* told on err */
};

/* The first token is that of the first conf_lexer_next().  0, or -1 on ENOMEM. */
MUST_CHECK int conf_lexer_init(struct conf_lexer *, const char *in, const char *path, FILE *err);
void conf_lexer_free(struct conf_lexer *);

/* What no token can be is told and passed over. */
void conf_lexer_next(struct conf_lexer *);

/* "PATH:LINE: message", and counts it. */
PRINTF_LIKE(3, 4)
void conf_lexer_complain(struct conf_lexer *, unsigned line, const char *fmt, ...);

#endif
