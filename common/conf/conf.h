/* conf.h - settings from a file and the command line through one table of keys.
 *
 * A program describes its settings once, as rows; from them come the file's grammar (libconfuse),
 * the long options, the defaults, the checks, the -T listing and the help text.  Order of force:
 * command line, file, default.  Unknown keys are errors.
 *
 * The file holds statements, in any number on a line:
 *
 *   key = value
 *   key = { value, ... }
 *   policy "title" { key = value ... }     a section, of those that the program has
 *   include "path"                         outside of sections
 *
 * A value begins on the line of its `=`; one with blanks or any of  # " ' = { } ( ) + , *  is
 * quoted. "..." knows \" \' \\ \n \r \t and \$, '...' knows \' and \\.  Comments: # and // to the
 * end of the line, and those of C.  A byte order mark at the beginning is passed over.  Nothing is
 * expanded.
 *
 * include names a file, a folder (its *.conf in the order of their names, of which there may be
 * none) or a pattern of glob(7), as seen from the folder of the file that it stands in. */
#ifndef POLICYPOOL_CONF_H
#define POLICYPOOL_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "compiler.h"

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

/* A key that there was once: what to write instead. */
struct conf_former {
	const char *name, *now;
};

/* A key of another program. */
struct conf_elsewhere {
	const char *name, *program;
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
	/* LIST, of all of its items: a constant sentence about item[*at], or NULL if fine. */
	const char *(*judge_all)(const char *const item[], size_t n, size_t *at);
	/* LIST: an option that is given again adds its items; one empty text is the empty list. */
	bool adds;
	const char *in_section;		  /* its name in sections, NULL: the same */
	const struct conf_former *former; /* that this one replaces, up to name NULL; or NULL */
	bool fixed;	  /* BOOL, INT, MODE, TEXT: what it was at the start of the process stays */
	const char *help; /* what it is, one line, for --help */
};

/* `word "title" { ... }`: what keys of a table are for that title. */
struct conf_section {
	char *title;
	char *origin;	/* "FILE:LINE" */
	size_t nth;	/* of all with its word, in the order of the file */
	void *settings; /* like the table's, and as those where nothing is given */
	uint64_t given; /* bit i: by the table's i-th key */
};

struct conf_sections {
	const char *word;
	/* Its keys stand in sections alone: outside they mean nothing, are no options, and may have
	 * the names of others. */
	bool alone;
	size_t size; /* of the settings */
	const char *(*judge)(const char *title);
	const struct conf_key *key;   /* the table's */
	struct conf_section *section; /* owned; in the order of their titles once loaded */
	size_t n;
};

enum { CONF_SECTION_KEYS_MAX = 64 };

/* Rows that fill one struct.  A program hands over several: its own and those of daemon.h. */
struct conf_table {
	const struct conf_key *key;
	size_t n;
	void *settings;			/* zeroed before conf_load(); defaults, of sections alone */
	const char *title;		/* of its part of the whole help; NULL: none */
	struct conf_sections *sections; /* where its keys may stand in some; NULL: outside alone */
	/* n texts, NULL to begin with: where each key was given, "FILE:LINE: KEY" or
	 * "PROGRAM: --OPTION", for checks across keys; owned by the settings.  NULL: not wanted. */
	char **origin;
	/* For what is said of a key that is not in the tables; up to name NULL, or NULL. */
	const struct conf_elsewhere *elsewhere;
};

enum { CONF_KEYS_MAX = 192 }; /* of all tables together */

/* What a command line asks for beside settings. */
struct conf_command {
	const char *file;	   /* -c / --config, or NULL */
	bool check;		   /* -t / --check */
	bool show;		   /* -T / --show */
	bool help;		   /* -h / --help */
	bool help_all;		   /* --help-all */
	bool version;		   /* -V / --version */
	int rest;		   /* index of the first argument that is no option */
	const char *loaded;	   /* the file that was read, or NULL */
	bool given[CONF_KEYS_MAX]; /* by file or command line; by place in the tables taken as one
				    */
};

/* Defaults, then the file (command line's -c, otherwise `file`, NULL for none; one named by the
 * command line must exist), then the command line.  argv is not changed, and borrowed by *command.
 * Accepts -port X, --port X, --port=X, -d for letter keys; "--" ends the options; of an option
 * given twice the last one counts, unless its key adds.  BOOL options take no value (--daemon,
 * --no-daemon) unless given with
 * "=".  After -h, --help-all or -V nothing else is looked at and the settings are the defaults.
 *
 * Errors go to `err`, one line each: "FILE:LINE: key: what is wrong" or "PROGRAM: --option: what is
 * wrong", PROGRAM being the last part of argv[0]; after those of the command line, where the
 * options are listed. 0, or -1 when anything was wrong: everything wrong in a file is told, not
 * just the first, up to where it can't be followed any more.  Both ways conf_free() is due. */
MUST_CHECK int conf_load(const struct conf_table *tables, size_t n, int argc, char *const argv[],
			 const char *file, struct conf_command *, FILE *err);

/* The same for a daemon that serves, or for its successor: no file is waited for, so that one that
 * is a FIFO or a device is refused. */
MUST_CHECK int conf_load_again(const struct conf_table *tables, size_t n, int argc,
			       char *const argv[], struct conf_command *, FILE *err);

/* Gives `fixed` keys in `tables` the values that they have in `before`, which are the same tables
 * with other settings, and tells each that was another.  0, or -1 on ENOMEM. */
MUST_CHECK int conf_keep_fixed(const struct conf_table *tables, const struct conf_table *before,
			       size_t n, void (*told)(const char *name, void *ctx), void *ctx);

/* Frees TEXT and LIST values and leaves NULL and zero in their places; frees sections and origins.
 */
void conf_free(const struct conf_table *tables, size_t n);

/* What is in force, as a file that conf_load() reads back to the same, with each key's help. */
void conf_show(const struct conf_table *tables, size_t n, FILE *out);

/* The options, aligned, with defaults: those of the keys in `usual`, ended by NULL, in that
 * order, or where it is NULL all, a part a table.  Then the options that every program has. */
void conf_help(const struct conf_table *tables, size_t n, const char *const *usual, FILE *out);

/* How many there are, those that every program has among them. */
size_t conf_options(const struct conf_table *tables, size_t n);

/* By file or command line, be it the default. */
bool conf_is_given(const struct conf_table *tables, size_t n, const struct conf_command *,
		   const char *name);

/* Is the key's value in these settings its default?  False on ENOMEM. */
bool conf_is_default(const struct conf_key *, const void *settings);

/* The section of that title; NULL: none. */
const struct conf_section *conf_section_find(const struct conf_sections *, const char *title,
					     size_t title_n);

/* Is the value at that offset given in the section itself? */
bool conf_section_gives(const struct conf_sections *, const struct conf_section *, size_t offset);

#endif
