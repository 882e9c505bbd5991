/* job_reply.c - whether what a handler says is an answer: to job 0, that it is ready; to a job, its
 * reply; see job_internal.h. */
#include "digest.h"
#include "job_internal.h"
#include "json_text.h"

const char *
job_check_ready(struct job_dispatch *d, struct span line, bool more, bool *repeatable,
		enum job_end *end)
{
	struct job_answer a;
	const char *why = job_line_read(line, &a);

	*repeatable = a.repeatable;
	*end = JOB_END_PROTOCOL;
	if (why != NULL)
		return why;
	if (a.number != 0)
		return "it answered another job than 0";
	if (more)
		return "it wrote more than one line";
	if (a.kind != JOB_ANSWER_ERROR)
		return NULL;
	*end = JOB_END_REFUSED;
	job_because_it_says(d, a.text);
	return d->why;
}

static int
decode(struct job_dispatch *d, const struct job_answer *a, struct span *out)
{
	*out = a->text;
	if (!a->escaped)
		return 0;
	buf_clear(&d->text);
	if (json_text_decode(a->text, &d->text) < 0)
		return -1;
	*out = buf_span(&d->text);
	return 0;
}

const char *
job_check_reply(struct job_dispatch *d, const struct job_answer *a, struct span *out)
{
	const struct handler_conf *c = d->conf.handler;

	if (a->text.n > c->max_reply)
		return "the reply is larger than handler_max_reply";
	if (decode(d, a, out) < 0)
		return "no memory for the reply";
	if (a->kind == JOB_ANSWER_ERROR)
		return NULL;
	buf_clear(&d->line);
	if (a->base64 && digest_unbase64(&d->line, *out) < 0)
		return "the reply is not base64";
	return job_fits(c->known, *out) ? NULL : "the reply does not have the job's form";
}
