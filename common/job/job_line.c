/* job_line.c - see job_line.h. */
#include "job_line.h"

#include "json_fast.h"
#include "json_text.h"

/* ---- to the process ---- */

/* n in decimal digits; returns their end. */
static char *
put_decimal(char *to, uint64_t n)
{
	char digits[20];
	size_t i = sizeof digits;

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	memcpy(to, digits + i, sizeof digits - i);
	return to + sizeof digits - i;
}

static char *
put(char *to, struct span s)
{
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	return to + s.n;
}

/* As a string, whichever it is. */
static char *
put_scalar(char *to, struct span raw)
{
	bool quoted = raw.n > 0 && raw.p[0] == '"';

	if (!quoted)
		*to++ = '"';
	to = put(to, raw);
	if (!quoted)
		*to++ = '"';
	return to;
}

#define PUT(to, literal) put(to, span_of(literal, sizeof(literal) - 1))

size_t
job_line_head(char head[JOB_LINE_HEAD], uint64_t number)
{
	return (size_t)(put_decimal(PUT(head, "{\"job\":"), number) - head);
}

int
job_line_rest(struct buf *out, const struct job_line *l)
{
	enum { KEYS = 128 }; /* keys, quotes and a number of at most 20 digits */
	size_t values = l->policy.n + l->srcid.n + l->key.n + l->payload.n;
	char *start = buf_reserve(out, KEYS + values), *p = start;

	if (start == NULL)
		return -1;
	p = put_scalar(PUT(p, ",\"policy\":"), l->policy);
	p = put_scalar(PUT(p, ",\"srcid\":"), l->srcid);
	p = put_decimal(PUT(p, ",\"timeout\":"), l->timeout);
	if (l->base64)
		p = PUT(p, ",\"encoding\":\"base64\"");
	if (l->key.n > 0)
		p = put_scalar(PUT(p, ",\"key\":"), l->key);
	p = put(PUT(p, ",\"payload\":\""), l->payload);
	p = PUT(p, "\"}\n");
	buf_commit(out, (size_t)(p - start));
	return 0;
}

/* ---- from the process ---- */

/* A plain integer from 0 to max.  As a string too: what once was printed becomes one in Perl. */
static bool
is_integer(const struct json_text_member *m, uint64_t max, uint64_t *out)
{
	struct span text = json_text_inner(m);
	uint64_t value = 0;

	if ((m->kind != JSON_TEXT_NUMBER && m->kind != JSON_TEXT_STRING) || text.n == 0 ||
	    text.n > 16)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		unsigned digit = (unsigned char)text.p[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		value = value * 10 + digit;
	}
	*out = value;
	return value <= max;
}

/* The one of the three keys that there is.  NULL, or what is wrong. */
static const char *
read_kind(const struct json_text_object *o, struct job_answer *out)
{
	const struct json_text_member *payload = json_text_find(o, "payload");
	const struct json_text_member *error = json_text_find(o, "error");
	const struct json_text_member *busy = json_text_find(o, "busy");
	const struct json_text_member *text = payload != NULL ? payload : error;

	if ((payload != NULL) + (error != NULL) + (busy != NULL) > 1)
		return "more than one of payload, error and busy";
	if (busy != NULL) {
		out->kind = JOB_ANSWER_BUSY;
		return is_integer(busy, JOB_LINE_BUSY_MAX, &out->busy)
			       ? NULL
			       : "busy is no number of milliseconds up to an hour";
	}
	if (text == NULL)
		return out->number == 0 ? NULL : "none of payload, error and busy";
	if (text->kind != JSON_TEXT_STRING)
		return payload != NULL ? "payload is no string" : "error is no string";
	out->kind = payload != NULL ? JOB_ANSWER_PAYLOAD : JOB_ANSWER_ERROR;
	out->text = json_text_inner(text);
	out->escaped = text->value_escaped;
	return NULL;
}

static const char *
read_members(const struct json_text_object *o, struct job_answer *out)
{
	const struct json_text_member *job = json_text_find(o, "job");
	const struct json_text_member *encoding = json_text_find(o, "encoding");
	const struct json_text_member *repeatable = json_text_find(o, "repeatable");

	*out = (struct job_answer){.number = JOB_LINE_NO_NUMBER};
	if (job == NULL)
		return "no job number";
	if (!is_integer(job, JOB_LINE_NUMBER_MAX, &out->number)) {
		out->number = JOB_LINE_NO_NUMBER;
		return "job is no number of a job";
	}
	if (encoding != NULL && !span_eq_str(encoding->value, "\"base64\""))
		return "encoding is not base64";
	if (repeatable != NULL && repeatable->kind != JSON_TEXT_BOOL)
		return "repeatable is neither true nor false";
	out->base64 = encoding != NULL;
	out->repeatable = repeatable != NULL && repeatable->value.p[0] == 't';
	return read_kind(o, out);
}

const char *
job_line_read(struct span line, struct job_answer *out)
{
	struct json_text_object o;
	enum json_text_status status;
	const char *why;
	size_t at;

	*out = (struct job_answer){.number = JOB_LINE_NO_NUMBER};
	if (line.n == 0)
		return "an empty line";
	if (glance(line, &o))
		return read_members(&o, out);
	status = json_text_scan(line, JOB_LINE_DEPTH, &o, &at);
	if (status == JSON_TEXT_SYNTAX || status == JSON_TEXT_NOT_OBJECT)
		return json_text_describe(status);
	why = read_members(&o, out);
	return status != JSON_TEXT_OK ? json_text_describe(status) : why;
}
