/* job_io.c - see job_io.h. */
#include "job_io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "digest.h"
#include "json_fast.h"
#include "json_string.h"
#include "json_text.h"

enum { ANSWER_EXTRA = 256 }; /* bytes of an answer beside its payload */

int
job_io_reserve(struct job_io *io, size_t n)
{
	return buf_reserve(&io->text, n) != NULL && buf_reserve(&io->bytes, n) != NULL &&
			       buf_reserve(&io->out, n + ANSWER_EXTRA) != NULL
		       ? 0
		       : -1;
}

void
job_io_release(struct job_io *io)
{
	buf_release(&io->text);
	buf_release(&io->bytes);
	buf_release(&io->out);
}

enum job_outcome
job_refuse(struct job_reply *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(a->why, sizeof a->why, fmt, ap);
	va_end(ap);
	return JOB_REFUSED;
}

/* ---- reading ---- */

/* A whole number from 0 on. */
static bool
read_number(const struct json_text_object *o, const char *key, uint64_t *out)
{
	const struct json_text_member *m = json_text_find(o, key);
	struct span digits;

	if (m == NULL || m->kind != JSON_TEXT_NUMBER)
		return false;
	digits = json_text_inner(m);
	*out = 0;
	for (size_t i = 0; i < digits.n; i++)
		if (digits.p[i] < '0' || digits.p[i] > '9' ||
		    __builtin_mul_overflow(*out, 10, out) ||
		    __builtin_add_overflow(*out, (uint64_t)(digits.p[i] - '0'), out))
			return false;
	return true;
}

/* A string's bytes, appended to text, which has the room.  A value that is missing is empty. */
static struct span
read_text(struct job_io *io, const struct json_text_object *o, const char *key)
{
	const struct json_text_member *m = json_text_find(o, key);
	size_t before = buf_len(&io->text);

	if (m == NULL || json_text_decode(json_text_inner(m), &io->text) < 0)
		return span_of(NULL, 0);
	return span_of(buf_span(&io->text).p + before, buf_len(&io->text) - before);
}

static const char *
read_payload(struct job_io *io, const struct json_text_object *o, struct job_request *job)
{
	const struct json_text_member *encoding = json_text_find(o, "encoding");

	job->payload = read_text(io, o, "payload");
	job->binary = encoding != NULL;
	if (encoding == NULL)
		return NULL;
	if (!span_eq_str(json_text_inner(encoding), "base64"))
		return "an encoding other than base64";
	if (digest_unbase64(&io->bytes, job->payload) < 0)
		return errno == ENOMEM ? "out of memory" : "a payload that is no base64";
	job->payload = buf_span(&io->bytes);
	return NULL;
}

static const char *
read_job(struct job_io *io, struct span line, struct job_request *job)
{
	struct json_text_object o;
	size_t at;

	if (!glance(line, &o) && json_text_scan(line, 2, &o, &at) != JSON_TEXT_OK)
		return "no JSON object";
	if (!read_number(&o, "job", &job->number))
		return "no number of a job";
	if (!read_number(&o, "timeout", &job->timeout))
		job->timeout = 0;
	if (buf_reserve(&io->text, line.n) == NULL) /* all texts are parts of the line */
		return "out of memory";
	job->policy = read_text(io, &o, "policy");
	job->client = read_text(io, &o, "srcid");
	job->key = read_text(io, &o, "key");
	return read_payload(io, &o, job);
}

int
job_io_read(struct job_io *io, struct span line, struct job_request *job, const char **why)
{
	buf_clear(&io->text);
	buf_clear(&io->bytes);
	*job = (struct job_request){.number = 0};
	*why = read_job(io, line, job);
	return *why == NULL ? 0 : -1;
}

/* ---- writing ---- */

static bool
is_utf8(struct span s)
{
	const char *p = s.p, *end = s.n == 0 ? p : p + s.n;

	while (p < end) {
		size_t n = (unsigned char)*p < 0x80 ? 1 : json_string_utf8(p, end);
		if (n == 0)
			return false;
		p = json_string_skip_plain(p + n, end);
	}
	return true;
}

static int
write_base64(struct buf *out, struct span bytes)
{
	return buf_append(out, "\"", 1) < 0 || digest_base64(out, bytes) < 0 ||
			       buf_append_str(out, "\",\"encoding\":\"base64\"") < 0
		       ? -1
		       : 0;
}

/* As it will be: base64 is four bytes for three. */
static bool
is_too_large(const struct job_io *io, const struct job_reply *a, size_t written)
{
	return (a->binary ? (a->payload.n + 2) / 3 * 4 : written - 2) > io->max_reply;
}

/* 1: written; 0: refused, with the reason in why; -1: ENOMEM. */
static int
write_payload(struct job_io *io, const struct job_reply *a, struct job_reply *why)
{
	size_t before;

	if (!a->binary && !is_utf8(a->payload)) {
		(void)job_refuse(why, "its reply is no UTF-8");
		return 0;
	}
	if (buf_append_str(&io->out, ",\"payload\":") < 0)
		return -1;
	before = buf_len(&io->out);
	if (a->payload.n > io->max_reply ||
	    (a->binary && is_too_large(io, a, 0))) { /* not worth writing */
		(void)job_refuse(why, "its reply has %zu bytes, handler_max_reply is %zu",
				 a->payload.n, io->max_reply);
		return 0;
	}
	if ((a->binary ? write_base64(&io->out, a->payload)
		       : json_text_quote(&io->out, a->payload)) < 0)
		return -1;
	if (!is_too_large(io, a, buf_len(&io->out) - before))
		return 1;
	(void)job_refuse(why, "its reply has %zu bytes once escaped, handler_max_reply is %zu",
			 buf_len(&io->out) - before - 2, io->max_reply);
	return 0;
}

static int
begin(struct job_io *io, uint64_t number)
{
	buf_clear(&io->out);
	return buf_printf(&io->out, "{\"job\":%" PRIu64, number);
}

static int
write_refusal(struct job_io *io, uint64_t number, const char *why)
{
	return begin(io, number) < 0 || buf_append_str(&io->out, ",\"error\":") < 0 ||
			       json_text_quote(&io->out, span_str(why)) < 0
		       ? -1
		       : 0;
}

static int
write_done(struct job_io *io, uint64_t number, const struct job_reply *a)
{
	struct job_reply refusal;
	int rc = write_payload(io, a, &refusal);

	if (rc == 0)
		return write_refusal(io, number, refusal.why);
	return rc > 0 && a->repeatable ? buf_append_str(&io->out, ",\"repeatable\":true")
	       : rc < 0		       ? -1
				       : 0;
}

int
job_io_write(struct job_io *io, uint64_t number, enum job_outcome outcome,
	     const struct job_reply *a, struct span *line)
{
	int rc = begin(io, number);

	if (rc == 0 && outcome == JOB_DONE)
		rc = write_done(io, number, a);
	else if (rc == 0 && outcome == JOB_BUSY)
		rc = buf_printf(&io->out, ",\"busy\":%" PRIu32, a->retry);
	else if (rc == 0)
		rc = write_refusal(io, number, a->why);
	if (rc < 0 || buf_append(&io->out, "}\n", 2) < 0)
		return -1;
	*line = buf_span(&io->out);
	return 0;
}
