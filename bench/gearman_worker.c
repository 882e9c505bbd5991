/* gearman_worker.c - gearman_worker PORT PROCESSES TIMEOUT: workers of gearmand, with its own
 * library, that know one function, sha1.  TIMEOUT: seconds after which gearmand is to take a job
 * for failed; 0: none. */
#include <libgearman/gearman.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "prefork.h"

static in_port_t port;
static uint32_t timeout;

/* The result is the library's to free. */
static void *
sha1(gearman_job_st *job, void *ctx, size_t *size, gearman_return_t *ret)
{
	char *hex = malloc(DIGEST_HEX + 1);

	(void)ctx;
	*ret = hex == NULL ? GEARMAN_WORK_FAIL : GEARMAN_SUCCESS;
	*size = hex == NULL ? 0 : DIGEST_HEX;
	if (hex != NULL)
		digest_sha1_hex(span_of(gearman_job_workload(job), gearman_job_workload_size(job)),
				hex);
	return hex;
}

static int
work(void *ctx)
{
	gearman_worker_st *w = gearman_worker_create(NULL);

	(void)ctx;
	if (w == NULL || gearman_failed(gearman_worker_add_server(w, "127.0.0.1", port)) ||
	    gearman_failed(gearman_worker_add_function(w, "sha1", timeout, sha1, NULL)))
		return 1;
	while (!gearman_failed(gearman_worker_work(w)))
		;
	(void)fprintf(stderr, "gearman_worker: %s\n", gearman_worker_error(w));
	return 1;
}

int
main(int argc, char *argv[])
{
	if (argc != 4) {
		(void)fprintf(stderr, "usage: gearman_worker PORT PROCESSES TIMEOUT\n");
		return 2;
	}
	port = (in_port_t)strtoul(argv[1], NULL, 10);
	timeout = (uint32_t)strtoul(argv[3], NULL, 10);
	return prefork((unsigned)strtoul(argv[2], NULL, 10), work, NULL);
}
