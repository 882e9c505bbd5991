/* refit.h - fresh settings for the running proxy: taken, kept, or undone. */
#ifndef POLICYPOOL_PROXY_REFIT_H
#define POLICYPOOL_PROXY_REFIT_H

#include "reload.h"
#include "settings.h"
#include "venue.h"

struct master;

/* What was in force before, while new workers come up: where it listened beside the settings. */
struct refit {
	bool on;
	struct proxy_settings settings;
	struct venue venue;
	int access_fd; /* -1: none */
};

/* Their ctx is a struct master. */
extern const struct reload_ops refit_ops;

/* In a forked worker: closes what belongs to the former settings. */
void refit_after_fork(struct master *);

#endif
