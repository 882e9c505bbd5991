/* refit.h - fresh settings for the running proxy: taken, kept, or undone. */
#ifndef POLICYPOOL_PROXY_REFIT_H
#define POLICYPOOL_PROXY_REFIT_H

#include "addr.h"
#include "reload.h"
#include "settings.h"

struct master;

/* What was in force before, while new workers come up: where it listened beside the settings. */
struct refit {
	bool on;
	struct proxy_settings settings;
	struct addr asked, addr;
	int listen_fd; /* the same as the one in force where the place has not changed */
	int access_fd; /* -1: none */
};

/* Their ctx is a struct master. */
extern const struct reload_ops refit_ops;

/* In a forked worker: closes what belongs to the former settings. */
void refit_after_fork(struct master *);

#endif
