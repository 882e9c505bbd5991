/* A handler that does what it is asked to: the payload in capitals. */
#include <policypool/handler.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct state {
	char *text;
	size_t room;
	const char *prefix;
	const struct ppool_host *host;
};

static int
start(const struct ppool_host *host, void **state)
{
	struct state *s = calloc(1, sizeof *s);

	if (s == NULL)
		return 1;
	s->host = host;
	s->prefix = host->setting("prefix");
	if (s->prefix == NULL)
		s->prefix = "";
	if (strcmp(s->prefix, "refuse") == 0) {
		host->log(PPOOL_LOG_ERROR, "the prefix is refused");
		free(s);
		return 7;
	}
	*state = s;
	return 0;
}

static enum ppool_result
run(void *state, const struct ppool_job *job, struct ppool_reply *reply)
{
	struct state *s = state;
	size_t n = strlen(s->prefix);

	if (s->room < n + job->payload.n) {
		free(s->text);
		s->room = n + job->payload.n;
		s->text = malloc(s->room);
		if (s->text == NULL)
			return PPOOL_FAILED;
	}
	memcpy(s->text, s->prefix, n);
	for (size_t i = 0; i < job->payload.n; i++)
		s->text[n + i] = (char)toupper((unsigned char)job->payload.p[i]);
	reply->payload = (struct ppool_text){s->text, n + job->payload.n};
	reply->binary = job->binary;
	return PPOOL_DONE;
}

static void
stop(void *state)
{
	struct state *s = state;

	s->host->log(PPOOL_LOG_INFO, "upper\nstops");
	free(s->text);
	free(s);
}

const struct ppool_handler ppool_handler_1 = {
	PPOOL_ABI, sizeof ppool_handler_1, "upper", "1.0", PPOOL_REPEATABLE, start, run, stop};
