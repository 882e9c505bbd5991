/* refit.h - fresh settings for the running server: taken, kept, or undone. */
#ifndef POLICYPOOL_SERVER_REFIT_H
#define POLICYPOOL_SERVER_REFIT_H

#include "reload.h"
#include "settings.h"
#include "venue.h"

struct master;

/* What was in force before, while new workers come up: where it listened beside the settings. */
struct refit {
	bool on;
	bool same_place;     /* the new workers accept where the old ones do */
	bool announce_later; /* once the workers of the former policy have gone */
	struct server_settings settings;
	struct venue venue;
};

/* Their ctx is a struct master. */
extern const struct reload_ops refit_ops;

/* A worker has ended: on with what waits for that. */
void refit_look(struct master *);

/* In a forked worker: closes what belongs to the former settings. */
void refit_after_fork(struct master *);

#endif
