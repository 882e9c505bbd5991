/* job_task.c - see job_task.h. */
#include "job_task.h"

#include <stdlib.h>

#include "job_line.h"
#include "json_string.h"

/* Copies s to the place at *to, which moves on. */
static struct span
copy(char **to, struct span s)
{
	struct span there = span_of(*to, s.n);

	if (s.n > 0)
		memcpy(*to, s.p, s.n);
	*to += s.n;
	return there;
}

/* The payload is all but the end of the line. */
static struct span
payload_in(struct span rest, size_t n)
{
	return span_of(rest.p + rest.n - strlen("\"}\n") - n, n);
}

struct job_task *
job_task_new(const struct handler_request *r, size_t payload, uint64_t timeout, struct buf *scratch)
{
	const struct job_line line = {.policy = r->policy,
				      .srcid = r->srcid,
				      .payload = r->payload,
				      .key = r->key,
				      .base64 = r->base64,
				      .timeout = timeout};
	struct job_task *t;
	size_t size;
	char *to;

	buf_clear(scratch);
	if (job_line_rest(scratch, &line) < 0)
		return NULL;
	size = sizeof *t + r->policy.n + r->srcid.n + buf_len(scratch);
	t = malloc(size);
	if (t == NULL)
		return NULL;
	*t = (struct job_task){.request = *r, .payload = payload, .process = -1, .size = size};
	to = t->text;
	t->request.policy = copy(&to, r->policy);
	t->request.srcid = copy(&to, r->srcid);
	t->rest = copy(&to, buf_span(scratch));
	t->request.payload = payload_in(t->rest, r->payload.n);
	t->request.key = span_of(NULL, 0);
	return t;
}

struct job_task *
job_task_answered(struct span answer, bool last)
{
	struct job_task *t = malloc(sizeof *t);

	if (t == NULL)
		return NULL;
	*t = (struct job_task){.answered = true, .last = last, .size = sizeof *t + answer.n};
	if (buf_append_span(&t->answer, answer) == 0)
		return t;
	free(t);
	return NULL;
}

void
job_task_free(struct job_task *t)
{
	if (t == NULL)
		return;
	buf_release(&t->answer);
	free(t);
}

struct span
job_task_client(const struct job_task *t)
{
	struct span s = t->request.srcid;

	return s.n >= 2 && s.p[0] == '"' ? span_of(s.p + 1, s.n - 2) : s;
}

char *
job_task_client_text(const struct job_task *t, char out[PACKET_ID_MAX + 1])
{
	struct span s = job_task_client(t);
	const char *p = s.p, *end = s.p + s.n;
	char character[4];
	size_t n = 0;

	while (p < end) {
		size_t bytes = (size_t)(json_string_put(character, json_string_next(&p, end)) -
					character);
		if (n + bytes > PACKET_ID_MAX)
			break;
		memcpy(out + n, character, bytes);
		n += bytes;
	}
	out[n] = '\0';
	return out;
}
