/* Whatever a job process writes, an answer is one of its kinds, within its bounds, and borrows from
 * the line alone; whatever a request holds, its line is one JSON object with the same payload. */
#include "job_line.h"
#include "fuzz.h"
#include "json_text.h"
#include "packet.h"

static void
read_answer(struct span line)
{
	struct job_answer a;

	if (job_line_read(line, &a) != NULL)
		return;
	HOLDS(a.number <= JOB_LINE_NUMBER_MAX && a.busy <= JOB_LINE_BUSY_MAX);
	HOLDS(a.kind != JOB_ANSWER_NOTHING || a.number == 0);
	HOLDS(a.text.n == 0 || (a.text.p > line.p && a.text.p + a.text.n < line.p + line.n));
}

static void
write_line(struct span request)
{
	static struct packet p;
	static struct json_text_object o;
	struct packet_fault fault;
	struct buf b = BUF_INIT;
	struct span line, payload;
	size_t at;

	if (packet_parse(&p, request, &fault) < 0 || p.type != PACKET_REQUEST)
		return;
	payload = packet_raw(&p, "payload");
	const struct job_line l = {.policy = p.policy_raw,
				   .srcid = packet_raw(&p, "srcid"),
				   .payload = span_of(payload.p + 1, payload.n - 2),
				   .base64 = request.n % 2 != 0,
				   .timeout = request.n};
	char head[JOB_LINE_HEAD];
	HOLDS(buf_append(&b, head, job_line_head(head, request.n)) == 0);
	HOLDS(job_line_rest(&b, &l) == 0);
	line = buf_span(&b);
	HOLDS(memchr(line.p, '\n', line.n) == line.p + line.n - 1);
	HOLDS(json_text_scan(line, JOB_LINE_DEPTH, &o, &at) == JSON_TEXT_OK);
	HOLDS(span_eq(json_text_find(&o, "payload")->value, payload));
	HOLDS(json_text_find(&o, "srcid")->kind == JSON_TEXT_STRING);
	HOLDS(json_text_find(&o, "policy")->kind == JSON_TEXT_STRING);
	buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = fuzz_span(data, size);

	write_line(rest);
	while (rest.n > 0)
		read_answer(fuzz_line(&rest));
	return 0;
}
