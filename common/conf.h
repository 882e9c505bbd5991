/* conf.h - settings from a file and the command line through one table of keys.
 *
 * A program describes its settings once, as rows; from them come the file's grammar (libconfuse),
 * the long options, the defaults, the checks, the -T listing and the help text.  Order of force:
 * command line, file, default.  Unknown keys are errors. */
#ifndef POLICYPOOL_CONF_H
#define POLICYPOOL_CONF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "attr.h"

enum conf_type {
	CONF_BOOL,     /* bool: yes/no, true/false, on/off */
	CONF_INT,      /* unsigned: decimal, min..max */
	CONF_SIZE,     /* uint64_t bytes: 65536, 64K, 1M, 1G (powers of 1024) */
	CONF_DURATION, /* uint64_t ms: 250ms, 10s, 5m, 1h; a number alone is seconds */
	CONF_MODE,     /* unsigned: octal, 0600 */
	CONF_TEXT,     /* char *, owned by the settings */
	CONF_CHOICE,   /* int: index into choices */
	CONF_LIST      /* struct conf_list: { "a", "b" } in the file, a,b on the command line */
};

struct conf_list {
	char **item; /* owned */
	size_t n;
};

struct conf_key {
	const char *name; /* in the file; as a long option with - for _ */
	const char
		*original; /* single-dash word of the packets' first programs ("port"), or NULL */
	char letter;	   /* short option, or 0 */
	enum conf_type type;
	size_t offset;		    /* of the value in the settings struct */
	const char *fallback;	    /* default, in the file's notation; NULL: empty */
	uint64_t min, max;	    /* INT, SIZE (bytes), DURATION (ms); TEXT: length */
	const char *const *choices; /* CHOICE: NULL-terminated */
	/* Further judgement of a TEXT or of each item of a LIST; a constant sentence, or NULL if
	 * fine. */
	const char *(*judge)(const char *text);
	const char *help; /* what it is, one line, for --help */
};

/* Rows that fill one struct.  A program hands over several: its own and those of daemon.h. */
struct conf_table {
	const struct conf_key *key;
	size_t n;
	void *settings; /* zeroed before conf_defaults() */
};

/* What a command line asks for beside settings. */
struct conf_command {
	const char *file; /* -c / --config, or NULL */
	bool check;	  /* -t / --check */
	bool show;	  /* -T / --show */
	bool help;	  /* -h / --help */
	bool version;	  /* -V / --version */
	int rest;	  /* index of the first argument that is no option */
};

/* Errors go to `err` as one line each: "FILE:LINE: KEY: what is wrong" or "--option: what is
 * wrong". */

/* Defaults, then the file (command line's -c, otherwise `file`, NULL for none; one named by the
 * command line must exist), then the command line.  argv is not changed.  Accepts -port X,
 * --port X, --port=X, -d for letter keys; "--" ends the options.  BOOL options take no value
 * (--daemon, --no-daemon) unless given with "=".  0, or -1 when anything was wrong: everything
 * wrong in a file is told, not just the first. */
MUST_CHECK int conf_load(const struct conf_table *tables, size_t n, int argc, char *const argv[],
			 const char *file, struct conf_command *, FILE *err);

/* Frees TEXT and LIST values and leaves zeros. */
void conf_free(const struct conf_table *tables, size_t n);

/* What is in force, as a file that conf_load() reads back to the same. */
void conf_show(const struct conf_table *tables, size_t n, FILE *out);

/* The options, aligned, with defaults. */
void conf_help(const struct conf_table *tables, size_t n, FILE *out);

/* Every key, one a line: name, type, default, tab-separated.  For the lint. */
void conf_keys(const struct conf_table *tables, size_t n, FILE *out);

/* Where a key's value came from: "FILE:LINE", "--option" or "default"; for errors found later. */
const char *conf_origin(const struct conf_table *tables, size_t n, const char *name);

#endif
