/* store_confine.c - see store_confine.h. */
#include "store_confine.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "log.h"
#include "sandbox_domain.h"
#include "sandbox_program.h"

int
store_confine_close(int channel)
{
	struct fd_keep kept = {0};
	int log[LOG_DESCRIPTORS], rc;

	log_descriptors(log);
	for (int i = 0; i < LOG_DESCRIPTORS; i++)
		fd_keep_add(&kept, log[i]);
	fd_keep_add(&kept, channel);
	rc = fd_keep_close_others(&kept);
	if (rc < 0)
		log_errno(LOG_ERROR, "the store process cannot close the master's descriptors",
			  NULL);
	fd_keep_release(&kept);
	return rc;
}

/* A name is looked up by files, sockets and a thread, so what it may ask the kernel for can't be as
 * little as a worker's.  It starts no processes, and is in its master's group. */
int
store_confine(const struct privdrop *plan, pid_t master)
{
	const struct sandbox_program filter = {.network = true, .alone = true};

	log_confine();
	if (privdrop_apply(plan) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != master)
		return -1;
	if (plan->level >= ISOLATION_UNFILTERED)
		return 0;
	sandbox_domain_enter();
	return sandbox_program_apply(plan->level, &filter);
}
