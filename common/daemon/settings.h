/* settings.h - a daemon's settings as a snapshot with a reference count.
 *
 * A snapshot is read and judged whole, and does not change afterwards; a reload makes another one.
 * Texts, lists, keys and credentials live as long as the snapshot: code that keeps one of them
 * beyond the call that it came with holds the snapshot, or has a copy.  The settings in force at
 * some later time are asked of the master at that time. */
#ifndef POLICYPOOL_SETTINGS_H
#define POLICYPOOL_SETTINGS_H

#include <stdio.h>

#include "compiler.h"
#include "conf.h"
#include "daemon.h"
#include "host_names.h"
#include "listen_socket.h"
#include "tls.h"

struct settings;

/* What a program adds to them; its struct begins with a struct settings. */
struct settings_kind {
	size_t size;
	/* Fills the tables of the program's own keys, tied to its struct, from table[0] on; how
	 * many.  The daemons' follow them. */
	size_t (*tie)(struct settings *);
	/* Judges what no single key can, finds out where to listen, and loads keys and credentials.
	 * 0, or -1 with what is wrong on err. */
	int (*check)(struct settings *, struct listen_socket *asked, FILE *err);
	/* Wipes and frees keys: for workers, which judge and sign nothing, and at the end. */
	void (*forget_keys)(struct settings *);
	/* Frees what else check() has loaded, credentials of the listener excepted. */
	void (*forget)(struct settings *);
};

enum { SETTINGS_TABLES = 4 }; /* at most */

struct settings {
	unsigned refs;
	const struct settings_kind *kind;
	struct conf_table table[SETTINGS_TABLES];
	size_t tables;
	struct daemon_conf daemon;
	struct host_names names;      /* that these have asked for */
	struct tls_creds *tls_listen; /* NULL: plain */
};

/* Not loaded yet, the caller's: see settings_release().  NULL on ENOMEM. */
struct settings *settings_new(const struct settings_kind *);

/* Another holder, which has to call settings_release().  Returns it. */
struct settings *settings_hold(struct settings *);
/* Frees it when this was the last holder.  NULL is fine. */
void settings_release(struct settings *);

/* For the program's check(): what both daemons have judged, once it is known where to listen.
 * forwards: see daemon_fit_files().  0, or -1 with a line on err. */
MUST_CHECK int settings_check_daemon(struct settings *, bool forwards,
				     const struct listen_socket *asked, const char *program,
				     FILE *err);

/* In a forked worker. */
void settings_forget_keys(struct settings *);

#endif
