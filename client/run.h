/* run.h - one run of the client: sends what the settings ask for, tells the outcome. */
#ifndef POLICYPOOL_RUN_H
#define POLICYPOOL_RUN_H

#include "client_conf.h"
#include "proxies.h"
#include "template.h"

enum run_status {
	RUN_CORRECT = 0,    /* every reply was what is expected */
	RUN_INCORRECT = 1,  /* one was not, or could not be had */
	RUN_USAGE = 2,	    /* nothing was tried */
	RUN_UNREACHABLE = 3 /* no connection to any proxy could be made */
};

/* Tells the outcome on stdout and what prevents the work on stderr.  SIGINT and SIGTERM end it
 * early, with the outcome so far.  Plain where the credentials are NULL. */
enum run_status run(const struct client_settings *, const struct proxies *, struct template *,
		    const struct expect *, struct tls_creds *);

#endif
