/* conf.h - settings from a file and the command line through one table of keys.
 *
 * A program describes its settings once, as rows; from them come the file's grammar (libconfuse),
 * the long options, the defaults, the checks, the -T listing and the help text.  Order of force:
 * command line, file, default.  Unknown keys are errors.
 *
 * The file holds statements `key = value` and `key = { value, ... }`; a value begins on the line of
 * its `=`; a value with blanks or any of  # " ' = { } ( ) + , *  is quoted.  "..." knows \" \\ \n
 * \r \t and \$, '...' knows \' and \\.  Comments: # and // to the end of the line, and those of C.
 * Nothing is expanded, nothing included. */
#ifndef POLICYPOOL_CONF_H
#define POLICYPOOL_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attr.h"

enum conf_type {
	CONF_BOOL,     /* bool: yes/no, true/false, on/off */
	CONF_INT,      /* unsigned: decimal, min..max */
	CONF_SIZE,     /* uint64_t bytes: 65536, 64K, 1M, 1G (powers of 1024) */
	CONF_DURATION, /* uint64_t ms: 250ms, 10s, 5m, 1h, 7d; a number alone is seconds */
	CONF_MODE,     /* unsigned: octal, 0600; at most max or 07777 */
	CONF_TEXT,     /* char *, owned by the settings, never NULL once loaded */
	CONF_CHOICE,   /* int: index into choices */
	CONF_LIST      /* struct conf_list: { "a", "b" } in the file, a,b on the command line */
};

struct conf_list {
	char **item; /* owned; NULL when n is 0 */
	size_t n;
};

struct conf_key {
	const char *name;     /* in the file; as a long option with - for _ */
	const char *original; /* single-dash word of the packets' first programs, or NULL */
	char letter;	      /* short option, or 0 */
	enum conf_type type;
	size_t offset;	      /* of the value in the settings struct */
	const char *fallback; /* default, in the command line's notation; NULL: zero or empty */
	/* INT, SIZE (bytes), DURATION (ms); TEXT and LIST: bytes of a text, max 0 for no bound. */
	uint64_t min, max;
	const char *const *choices; /* CHOICE: NULL-terminated */
	/* Further judgement of a TEXT or of each item of a LIST; a constant sentence, or NULL if
	 * fine. A TEXT without fallback may always be empty, which means not set, and isn't judged
	 * then. */
	const char *(*judge)(const char *text);
	bool fixed;	  /* BOOL, INT, MODE, TEXT: what it was at the start of the process stays */
	const char *help; /* what it is, one line, for --help */
};

/* Rows that fill one struct.  A program hands over several: its own and those of daemon.h. */
struct conf_table {
	const struct conf_key *key;
	size_t n;
	void *settings; /* zeroed before conf_load() */
};

enum { CONF_KEYS_MAX = 192 }; /* of all tables together */

/* What a command line asks for beside settings. */
struct conf_command {
	const char *file;   /* -c / --config, or NULL */
	bool check;	    /* -t / --check */
	bool show;	    /* -T / --show */
	bool help;	    /* -h / --help */
	bool version;	    /* -V / --version */
	int rest;	    /* index of the first argument that is no option */
	const char *loaded; /* the file that was read, or NULL */
	/* For conf_origin(): the line in that file, -1 for the command line, 0 for the default; by
	 * place in the tables taken as one. */
	int origin[CONF_KEYS_MAX];
};

/* Defaults, then the file (command line's -c, otherwise `file`, NULL for none; one named by the
 * command line must exist), then the command line.  argv is not changed, and borrowed by *command.
 * Accepts -port X, --port X, --port=X, -d for letter keys; "--" ends the options; of an option
 * given twice the last one counts.  BOOL options take no value (--daemon, --no-daemon) unless given
 * with
 * "=".  After -h or -V nothing else is looked at and the settings are the defaults.
 *
 * Errors go to `err`, one line each: "FILE:LINE: key: what is wrong" or "--option: what is wrong".
 * 0, or -1 when anything was wrong: everything wrong in a file is told, not just the first, up to
 * where it can't be followed any more.  Both ways conf_free() is due. */
MUST_CHECK int conf_load(const struct conf_table *tables, size_t n, int argc, char *const argv[],
			 const char *file, struct conf_command *, FILE *err);

/* Gives `fixed` keys in `tables` the values that they have in `before`, which are the same tables
 * with other settings, and tells each that was another.  0, or -1 on ENOMEM. */
MUST_CHECK int conf_keep_fixed(const struct conf_table *tables, const struct conf_table *before,
			       size_t n, void (*told)(const char *name, void *ctx), void *ctx);

/* Frees TEXT and LIST values and leaves NULL and zero in their places. */
void conf_free(const struct conf_table *tables, size_t n);

/* What is in force, as a file that conf_load() reads back to the same, with each key's help. */
void conf_show(const struct conf_table *tables, size_t n, FILE *out);

/* The options, aligned, with defaults. */
void conf_help(const struct conf_table *tables, size_t n, FILE *out);

/* Every key, one a line: name, type, default, tab-separated.  For the lint. */
void conf_keys(const struct conf_table *tables, size_t n, FILE *out);

/* Where a key's value came from: "FILE:LINE", "--option" or "default"; for errors found later.
 * Cut at size; returns out. */
const char *conf_origin(const struct conf_table *tables, size_t n, const struct conf_command *,
			const char *name, char *out, size_t size);

#endif
