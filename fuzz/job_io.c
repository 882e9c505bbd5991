/* A line to a job process is a job or refused; whatever the answer is, it is a line of JSON, and
 * its payload the same when it is read again. */
#include "job_io.h"
#include "fuzz.h"
#include "job_line.h"
#include "json_text.h"

enum { LARGEST = 100 };

static struct job_io io = {.max_reply = LARGEST};

static void
check_payload(const struct job_answer *a, struct span payload)
{
	struct buf back = BUF_INIT;

	HOLDS(!a->base64 && a->text.n <= LARGEST);
	HOLDS(json_text_decode(a->text, &back) == 0);
	HOLDS(span_eq(buf_span(&back), payload) || payload.n == 0);
	buf_release(&back);
}

/* As text, or where that cannot be said an error. */
static void
answer(uint64_t number, enum job_outcome outcome, const struct job_reply *r)
{
	struct span line;
	struct job_answer a;

	HOLDS(job_io_write(&io, number, outcome, r, &line) == 0);
	HOLDS(line.n > 0 && memchr(line.p, '\n', line.n) == line.p + line.n - 1);
	HOLDS(number > JOB_LINE_NUMBER_MAX ||
	      job_line_read(span_of(line.p, line.n - 1), &a) == NULL);
	if (number > JOB_LINE_NUMBER_MAX)
		return;
	HOLDS(a.number == number);
	HOLDS((a.kind == JOB_ANSWER_BUSY) == (outcome == JOB_BUSY));
	if (a.kind == JOB_ANSWER_PAYLOAD && !r->binary)
		check_payload(&a, r->payload);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = fuzz_span(data, size);
	struct job_request job;
	struct job_reply r = {.payload = text, .retry = 5};
	const char *why;

	(void)snprintf(r.why, sizeof r.why, "%.*s", (int)size, data);
	if (job_io_read(&io, text, &job, &why) == 0) {
		HOLDS(job.payload.n <= size && job.key.n <= size);
		r.payload = job.payload;
		answer(job.number, JOB_DONE, &r);
	} else
		HOLDS(why != NULL);
	answer(1, JOB_DONE, &r);
	answer(2, JOB_REFUSED, &r);
	answer(3, JOB_BUSY, &r);
	r.binary = true;
	answer(4, JOB_DONE, &r);
	return 0;
}
