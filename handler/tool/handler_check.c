/* handler_check.c - see handler_check.h.
 *
 * One process does all jobs, one at a time, as in a server.  After a check that failed it is
 * another one, so that each check tells of itself. */
#include "handler_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json_text.h"
#include "printable.h"
#include "process.h"
#include "trial.h"

enum {
	SAID = 400,	 /* bytes of what is said of a check */
	SHOWN = 80,	 /* bytes of a line that is shown */
	IDLE_MS = 300,	 /* without a job */
	END_MS = 1000,	 /* after the end of standard input */
	ENDING_MS = 500, /* of a process whose output has ended, until it has */
	LARGE = 1 << 20,
	JOBS = 1000,	    /* of a round of growth */
	JOBS_ONCE = 100,    /* where each is a process */
	JOB_SIZE = 8 << 10, /* bytes of their payloads */
	ROUND_MS = 5000,    /* after which a round of a slow handler is over */
	ROUNDS = 4,	    /* the first one warms it up */
	GROWTH = 4 << 20    /* bytes in a round that may be chance */
};

struct check_run {
	const struct handler_conf *conf;
	const struct daemon_conf *daemon;
	struct trial trial;
	bool up;
	uint64_t number;       /* of the last job */
	uint64_t took_us;      /* likewise */
	unsigned jobs, errors; /* answered, and of these by an error */
	struct job_answer got; /* likewise; borrows */
	char said[SAID];
	const char *advice; /* of a failure */
};

/* ---- what is said ---- */

static bool PRINTF_LIKE(3, 4) failed(struct check_run *r, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->said, sizeof r->said, fmt, ap);
	va_end(ap);
	r->advice = advice;
	return false;
}

static bool PRINTF_LIKE(2, 3) passed(struct check_run *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(r->said, sizeof r->said, fmt, ap);
	va_end(ap);
	return true;
}

/* The beginning of what it has written. */
static const char *
shown(struct span s, char out[SHOWN])
{
	char text[SHOWN];
	size_t n = s.n < sizeof text ? s.n : sizeof text - 1;

	if (n > 0)
		memcpy(text, s.p, n);
	text[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = '?';
	return printable(text, out, SHOWN);
}

static const char own_error[] =
	"answer {\"job\":N,\"error\":\"why\"} to what cannot be done, and take the next job";
static const char told_why[] =
	"standard error above may tell why; it runs as a server's: with that user, environment and "
	"folder";
#define FLUSH "write one line for each job, with its newline, and flush standard output after it; "
static const char flushed[] = FLUSH "if it needs that long, raise job_timeout";
static const char flushed_at_start[] = FLUSH
	"if it needs that long to start, raise handler_start_timeout";
static const char only_answers[] =
	"standard output is for answers alone: print everything else on standard error";
static const char form_of_answer[] =
	"an answer gives its job's number back, with one of payload, error and busy: "
	"{\"job\":17,\"payload\":\"...\"}";

/* Its output has ended, so it is not up any more. */
static bool
failed_by_end(struct check_run *r, const char *when)
{
	char text[100];
	int status;
	int64_t took = trial_end(&r->trial, ENDING_MS, &status);

	r->up = false;
	if (took < 0)
		return failed(r, only_answers, "closed its standard output %s", when);
	return failed(r, r->number == TRIAL_NUMBER_READY ? told_why : own_error, "%s %s",
		      trial_status_text(status, text, sizeof text), when);
}

static bool
failed_by_silence(struct check_run *r, uint64_t ms)
{
	const char *advice = r->number == TRIAL_NUMBER_READY ? flushed_at_start : flushed;
	struct span half = buf_span(&r->trial.in);
	char text[SHOWN];

	if (half.n > 0)
		return failed(r, advice, "half a line after %" PRIu64 " ms: %s", ms,
			      shown(half, text));
	return failed(r, advice, "no answer after %" PRIu64 " ms", ms);
}

static bool
failed_by_line(struct check_run *r, struct span line, const char *why)
{
	char text[SHOWN];

	return failed(r, line.n > 0 && line.p[0] == '{' ? form_of_answer : only_answers,
		      "no answer: %s: %s", why, shown(line, text));
}

/* ---- one job ---- */

static bool
start(struct check_run *r)
{
	r->number = 0;
	if (trial_start(&r->trial, r->conf, r->daemon, stderr) < 0)
		return failed(r, "", "cannot be started");
	r->up = true;
	return true;
}

/* One job and its answer; when: for a sentence on its end. */
static bool
do_job(struct check_run *r, uint64_t number, struct span payload, bool base64, uint64_t ms,
       const char *when)
{
	uint64_t began = clock_us();
	struct span line;
	const char *why = "out of memory";
	enum trial_result result = TRIAL_BROKEN;

	if (trial_send(&r->trial, number, payload, base64, ms) == 0)
		result = trial_await(&r->trial, ms, &r->got, &line, &why);
	r->took_us = clock_us() - began;
	switch (result) {
	case TRIAL_ENDED: return failed_by_end(r, when);
	case TRIAL_NOTHING: return failed_by_silence(r, ms);
	case TRIAL_BROKEN: return failed_by_line(r, line, why);
	case TRIAL_ANSWERED: break;
	}
	if (r->got.number != number)
		return failed(r, "give \"job\" back as it came, and answer each job once",
			      "job %" PRIu64 " was answered as job %" PRIu64, number,
			      r->got.number);
	r->jobs += number != TRIAL_NUMBER_READY;
	r->errors += number != TRIAL_NUMBER_READY && r->got.kind == JOB_ANSWER_ERROR;
	return true;
}

static bool
get_ready(struct check_run *r)
{
	char text[SHOWN];

	if (!do_job(r, TRIAL_NUMBER_READY, span_of(NULL, 0), false, r->conf->start_timeout,
		    "before it was ready"))
		return false;
	return r->got.kind != JOB_ANSWER_ERROR ||
	       failed(r, told_why, "says that it is not ready: %s", shown(r->got.text, text));
}

/* The next job, of a process that is started where there is none. */
static bool
ask(struct check_run *r, struct span payload, bool base64)
{
	if (!r->up && (!start(r) || !get_ready(r)))
		return false;
	return do_job(r, ++r->number, payload, base64, r->conf->job_timeout, "during the job");
}

/* Another line, which has come with the answer or just after it. */
static bool
is_alone(struct check_run *r, uint64_t ms)
{
	struct job_answer answer;
	struct span line;
	const char *why;
	char text[SHOWN];
	enum trial_result result = trial_await(&r->trial, ms, &answer, &line, &why);

	if (result == TRIAL_ENDED)
		return failed_by_end(r, "without a job");
	if (result == TRIAL_NOTHING && buf_len(&r->trial.in) == 0)
		return true;
	return failed(r, only_answers, "without a job it says: %s", shown(line, text));
}

/* What an answer was, for a line of those that passed. */
static bool
passed_with(struct check_run *r)
{
	static const char *const kinds[] = {[JOB_ANSWER_NOTHING] = "answered",
					    [JOB_ANSWER_PAYLOAD] = "answered",
					    [JOB_ANSWER_ERROR] = "an error",
					    [JOB_ANSWER_BUSY] = "busy"};
	char text[SHOWN];

	if (r->got.kind == JOB_ANSWER_ERROR)
		return passed(r, "an error: %s", shown(r->got.text, text));
	return passed(r, "%s after %.1f ms", kinds[r->got.kind], (double)r->took_us / 1e3);
}

static bool
ask_text(struct check_run *r, const char *text)
{
	return ask(r, span_str(text), false) && passed_with(r);
}

/* ---- the checks ---- */

static bool
check_start(struct check_run *r)
{
	return start(r) && get_ready(r) && passed(r, "after %.0f ms", (double)r->took_us / 1e3);
}

static bool
check_number(struct check_run *r)
{
	static const uint64_t numbers[] = {1, 17, 1000000, UINT64_C(1) << 31, UINT64_C(1) << 40};

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		r->number = numbers[i] - 1;
		if (!ask(r, span_str("hello"), false) || !is_alone(r, 0))
			return false;
	}
	return passed(r, "numbers from 1 to 2^40");
}

static bool
check_empty(struct check_run *r)
{
	return ask_text(r, "");
}

static bool
check_nul(struct check_run *r)
{
	return ask(r, span_of("a\0b", 3), false) && passed_with(r);
}

static bool
check_latin(struct check_run *r)
{
	return ask_text(r, "caf\xc3\xa9");
}

static bool
check_emoji(struct check_run *r)
{
	return ask_text(r, "\xf0\x9f\x98\x80 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x9a\x80");
}

static bool
ask_many(struct check_run *r, char byte, size_t n)
{
	char *text = malloc(n);
	bool fine;

	if (text == NULL)
		return failed(r, "", "out of memory");
	memset(text, byte, n);
	fine = ask(r, span_of(text, n), false) && passed_with(r);
	free(text);
	return fine;
}

static bool
check_large(struct check_run *r)
{
	return ask_many(r, 'x', LARGE);
}

/* Payloads that are text and yet surprise: each has to be answered, be it by an error. */
static bool
check_odd(struct check_run *r)
{
	static const char *const odd[] = {"{\"job\":1,\"payload\":\"\"}",
					  "{\"",
					  "null",
					  "-1e999",
					  "%s%n%d",
					  "\\u0000\\",
					  "'; exit 1; '",
					  "$(exit 1) `exit 1`",
					  "\r\n\t\x7f\x1b[2J",
					  ("a\xe2\x80\xa8"
					   "b\xe2\x80\xa9"
					   "c\xc2\x85"
					   "d"), /* line ends of other alphabets */
					  ("\xef\xbb\xbf"
					   "a\xef\xbf\xbf")};
	unsigned before = r->errors;

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		if (!ask(r, span_str(odd[i]), false))
			return false;
	if (!ask_many(r, '[', 20000) || !ask_many(r, '"', 20000))
		return false;
	return passed(r, "%zu payloads answered, %u of them by errors",
		      sizeof odd / sizeof *odd + 2, r->errors - before);
}

static bool
check_bytes(struct check_run *r)
{
	char bytes[256];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	return ask(r, span_of(bytes, sizeof bytes), true) && passed_with(r);
}

static bool
check_idle(struct check_run *r)
{
	return ask(r, span_str("hello"), false) && is_alone(r, IDLE_MS) &&
	       passed(r, "silent for %d ms", IDLE_MS);
}

/* So many jobs at most, *done is told; how much larger the process is afterwards. */
static bool
grow(struct check_run *r, unsigned jobs, struct span payload, unsigned *done, uint64_t *grown,
     uint64_t *resident)
{
	struct procstat before, after;
	uint64_t began = clock_ms();

	if (procstat_read(r->trial.pid, &before) < 0)
		before.resident = 0;
	for (*done = 0; *done < jobs && clock_ms() - began < ROUND_MS; ++*done)
		if (!ask(r, payload, false))
			return false;
	if (procstat_read(r->trial.pid, &after) < 0)
		after.resident = 0;
	*grown = after.resident > before.resident ? after.resident - before.resident : 0;
	*resident = after.resident;
	return true;
}

/* Memory that a language collects later grows at first, and then no more: one round that adds
 * nothing is enough. */
static bool
check_growth(struct check_run *r)
{
	unsigned jobs = r->conf->kind == HANDLER_EXEC_ONCE ? JOBS_ONCE : JOBS, last = 0, done = 0;
	uint64_t grown = 0, resident = 0;
	char *text = malloc(JOB_SIZE);
	bool fine = text != NULL;

	if (!fine)
		return failed(r, "", "out of memory");
	memset(text, 'a', JOB_SIZE);
	for (int round = 0; fine && round < ROUNDS; round++) {
		fine = grow(r, jobs, span_of(text, JOB_SIZE), &last, &grown, &resident);
		done += last;
		if (round > 0 && grown < GROWTH)
			break;
	}
	free(text);
	if (!fine)
		return false;
	if (grown >= GROWTH)
		return failed(r,
			      "keep nothing of a job after its answer; or set handler_max_memory",
			      "grew by %.1f MiB in the last %u of %u jobs, to %.1f MiB",
			      (double)grown / (1 << 20), last, done, (double)resident / (1 << 20));
	return passed(r, "%u jobs of %d KiB, %.1f MiB resident", done, JOB_SIZE >> 10,
		      (double)resident / (1 << 20));
}

static bool
check_end(struct check_run *r)
{
	int status;
	int64_t took;

	if (!r->up && (!start(r) || !get_ready(r)))
		return false;
	took = trial_end(&r->trial, END_MS, &status);
	r->up = false;
	if (took < 0)
		return failed(r, "end when standard input does, or the server has to kill it",
			      "still runs %d ms after the end of its standard input", END_MS);
	return passed(r, "after %" PRId64 " ms", took);
}

static const struct {
	const char *name, *what;
	bool (*check)(struct check_run *);
} checks[] = {
	{"start", "is ready in time", check_start},
	{"number", "gives the number of a job back", check_number},
	{"empty", "an empty payload", check_empty},
	{"nul", "a NUL in the payload", check_nul},
	{"e-acute", "a character of two bytes", check_latin},
	{"emoji", "characters of four bytes", check_emoji},
	{"1-MiB", "a payload of 1 MiB", check_large},
	{"odd", "payloads that surprise do not end it", check_odd},
	{"bytes", "a payload in base64", check_bytes},
	{"idle", "says nothing without a job", check_idle},
	{"growth", "does not grow", check_growth},
	{"end", "ends when its standard input does", check_end},
};

enum { CHECKS = sizeof checks / sizeof *checks };

static bool
run_check(struct check_run *r, size_t i, FILE *out)
{
	bool fine = checks[i].check(r);

	(void)fprintf(out, "%-4s %-7s  %s: %s\n", fine ? "ok" : "FAIL", checks[i].name,
		      checks[i].what, r->said);
	if (!fine && r->advice[0] != '\0')
		(void)fprintf(out, "              %s\n", r->advice);
	if (!fine && r->up)
		(void)trial_kill(&r->trial);
	if (!fine)
		r->up = false;
	(void)fflush(out);
	return fine;
}

/* Errors are answers, but of a handler that does nothing else nothing is known. */
static bool
did_any(const struct check_run *r, FILE *out)
{
	if (r->jobs == 0 || r->errors < r->jobs)
		return true;
	(void)fprintf(out, "FAIL answers  does a job: each of %u was answered by an error\n",
		      r->jobs);
	(void)fprintf(out,
		      "              what it says of these texts may be right: try one that it "
		      "can do, with ppool-server --once\n");
	return false;
}

int
handler_check(const struct handler_conf *conf, const struct daemon_conf *daemon, FILE *out)
{
	struct check_run r = {.conf = conf, .daemon = daemon};
	size_t ok = 0, done = 0;
	bool goes_on = true, any;

	/* Without a start there is nothing to try. */
	for (; done < CHECKS && goes_on; done++) {
		bool fine = run_check(&r, done, out);

		ok += fine;
		goes_on = fine || done > 0;
	}
	any = did_any(&r, out);
	(void)fprintf(out, "%d checks: %zu ok, %zu failed, %zu not tried\n", CHECKS + !any, ok,
		      done - ok + !any, CHECKS - done);
	return any && ok == CHECKS ? 0 : 1;
}
