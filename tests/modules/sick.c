/* A handler that misbehaves as the payload says. */
#include <policypool/handler.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static enum ppool_result
error(struct ppool_reply *reply, enum ppool_result result, const char *why)
{
	reply->error = why;
	return result;
}

static enum ppool_result
done(struct ppool_reply *reply, const char *text, size_t n)
{
	reply->payload = (struct ppool_text){text, n};
	return PPOOL_DONE;
}

/* What cannot be answered for is volatile, lest the compiler sees through it. */
static char *volatile nowhere;

static void
make_a_call(const char *what)
{
	if (strcmp(what, "socket") == 0)
		(void)!socket(AF_INET, SOCK_STREAM, 0);
	else if (strcmp(what, "open") == 0)
		(void)!open("/etc/passwd", O_RDONLY);
	else if (strcmp(what, "fork") == 0)
		(void)!fork();
	else if (strcmp(what, "code") == 0)
		(void)!mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int
compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* What any program does. */
static enum ppool_result
work(struct ppool_reply *reply)
{
	static char text[64];
	enum { N = 10000 };
	int *numbers = malloc(N * sizeof *numbers);
	struct timespec pause = {0, 1000}, now;

	if (numbers == NULL)
		return PPOOL_FAILED;
	for (int i = 0; i < N; i++)
		numbers[i] = (i * 7919) % N;
	qsort(numbers, N, sizeof *numbers, compare);
	(void)nanosleep(&pause, NULL);
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	(void)snprintf(text, sizeof text, "%d %d", numbers[0], numbers[N - 1]);
	free(numbers);
	return done(reply, text, strlen(text));
}

static enum ppool_result
lie(const char *what, struct ppool_reply *reply)
{
	if (strcmp(what, "huge") == 0)
		return done(reply, "x", SIZE_MAX);
	if (strcmp(what, "null") == 0)
		return done(reply, NULL, 5);
	if (strcmp(what, "wild") == 0)
		return done(reply, (const char *)8, 5);
	if (strcmp(what, "latin") == 0)
		return done(reply, "caf\xe9", 4);
	if (strcmp(what, "binary") == 0) {
		reply->binary = true;
		return done(reply, "\xff\0\n", 3);
	}
	return (enum ppool_result)42;
}

static enum ppool_result
run(void *state, const struct ppool_job *job, struct ppool_reply *reply)
{
	char what[32];

	(void)state;
	(void)snprintf(what, sizeof what, "%.*s", (int)job->payload.n, job->payload.p);
	make_a_call(what);
	if (strcmp(what, "segfault") == 0)
		*nowhere = 1;
	else if (strcmp(what, "abort") == 0)
		abort();
	else if (strcmp(what, "exit") == 0)
		exit(0);
	else if (strcmp(what, "loop") == 0)
		for (;;)
			(void)sleep(1);
	else if (strcmp(what, "print") == 0) {
		(void)puts("{\"job\":1,\"payload\":\"not an answer\"}");
		(void)fflush(stdout);
		return done(reply, "printed", 7);
	} else if (strcmp(what, "work") == 0)
		return work(reply);
	else if (strcmp(what, "refuse") == 0)
		return error(reply, PPOOL_REFUSED, "it will not \"do\" this");
	else if (strcmp(what, "fail") == 0)
		return error(reply, PPOOL_FAILED, "the disk is gone");
	else if (strcmp(what, "fail silently") == 0)
		return PPOOL_FAILED;
	else if (strcmp(what, "busy") == 0) {
		reply->retry_after_ms = 70;
		return PPOOL_BUSY;
	}
	return lie(what, reply);
}

const struct ppool_handler ppool_handler_1 = {
	PPOOL_ABI, sizeof ppool_handler_1, "sick", "1.0", 0, NULL, run, NULL};
